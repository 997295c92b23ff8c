import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { ENGLISH } from "../../src/core/english";
import { PeerTransport } from "../../src/core/peerTransport";
import { SocketTransport } from "../../src/core/socketTransport";
import { type AddressBar, Token } from "../../src/core/token";
import { VoiceConversation } from "../../src/core/voiceConversation";
import { FakePeer, FakeSocket, FakeStream, fakeMicrophone } from "../fakes";

const listeners = { event: vi.fn(), batch: vi.fn(), voice: vi.fn(), lost: vi.fn() };
let fetched: ReturnType<typeof vi.fn>;
let protocols: unknown[] = [];

beforeEach(() => {
  FakePeer.made = [];
  FakeSocket.made = [];
  protocols = [];
  class Socket extends FakeSocket {
    constructor(url: string, offered: unknown) {
      super(url);
      protocols.push(offered);
    }
  }
  vi.stubGlobal("RTCPeerConnection", FakePeer);
  vi.stubGlobal("WebSocket", Socket);
  fetched = vi.fn(async () => new Response("answer", { status: 201, headers: { Location: "/c/1" } }));
  vi.stubGlobal("fetch", fetched);
});
afterEach(() => vi.unstubAllGlobals());

/** An address bar, and what it shows in the end. */
function bar(address: string): AddressBar & { shown: string } {
  const url = new URL(address);
  const self = {
    shown: address,
    location: url as unknown as Location,
    history: {
      state: "kept",
      replaceState: (_state: unknown, _title: string, to: string) => (self.shown = new URL(to, url).href),
    } as unknown as History,
  };
  return self;
}

function taken(address: string): [value: string | null, shown: string] {
  const token = new Token();
  const address_ = bar(address);
  token.takeFrom(address_);
  return [token.value, address_.shown];
}

const headers = (call = 0): Record<string, string> =>
  (fetched.mock.calls[call] as [URL, RequestInit])[1].headers as Record<string, string>;

describe("a token", () => {
  test.each([
    ["https://host/talk/?graph=echo#token=ek_1", "ek_1", "https://host/talk/?graph=echo"],
    ["https://host/#a=b&token=ek_1", "ek_1", "https://host/#a=b"],
    ["https://host/#token=", null, "https://host/"],
    ["https://host/#elsewhere", null, "https://host/#elsewhere"],
    ["https://host/", null, "https://host/"],
  ])("in %s is taken out of it", (address, value, shown) => {
    expect(taken(address)).toEqual([value, shown]);
  });

  test("is shown as header by WebRTC, as subprotocol by WebSocket, and not at all where there is none", async () => {
    const token = new Token();
    const microphone = new FakeStream() as unknown as MediaStream;
    const call = (): void => {
      const peer = new PeerTransport({ graph: "echo", microphone, base: "https://host/", token }, listeners);
      peer.open(new AbortController().signal).catch(() => undefined);
    };
    call();
    await vi.waitFor(() => expect(fetched).toHaveBeenCalledTimes(1));
    token.takeFrom(bar("https://host/#token=ek_1"));
    call();
    await vi.waitFor(() => expect(fetched).toHaveBeenCalledTimes(2));
    expect(headers(0)).toEqual({ "Content-Type": "application/sdp" });
    expect(headers(1)).toEqual({ "Content-Type": "application/sdp", Authorization: "Bearer ek_1" });
    new SocketTransport("wss://host/", listeners, new Token());
    new SocketTransport("wss://host/", listeners, token);
    expect(protocols).toEqual([[], ["realtime", "openai-insecure-api-key.ek_1"]]);
  });

  test.each([{}, { client_secret: null }, { client_secret: "ek_2" }, { client_secret: { value: 2 } }])(
    "stays what it is where the host gives none: %o",
    (session) => {
      const token = new Token();
      token.takeFrom(bar("https://host/#token=ek_1"));
      token.renew(session);
      expect(token.value).toBe("ek_1");
    },
  );
});

describe("a call to a host with a key", () => {
  test("that is lost is made again with the secret that the host gave for it", async () => {
    fakeMicrophone();
    const token = new Token();
    token.takeFrom(bar("https://host/#token=ek_1"));
    const voice = new VoiceConversation(undefined, { backoffMs: [1] }, token);
    const start = voice.start({ graph: "assistant" });
    await vi.waitFor(() => expect(FakePeer.last.remote).not.toBeNull());
    FakePeer.last.openEvents();
    await start;
    const session = { client_secret: { value: "ek_2", expires_at: 1 } };
    FakePeer.last.channels["oai-events"]!.onmessage!({ data: JSON.stringify({ type: "session.created", session }) });
    FakePeer.last.become("failed");
    await vi.waitFor(() => expect(FakePeer.made).toHaveLength(2));
    await vi.waitFor(() => expect(FakePeer.last.remote).not.toBeNull());
    const posted = fetched.mock.calls.flatMap(([, request], call) =>
      (request as RequestInit).method === "POST" ? [headers(call).Authorization] : [],
    );
    expect(posted).toEqual(["Bearer ek_1", "Bearer ek_2"]);
    voice.end();
  });

  test("without one says what the host says", async () => {
    fakeMicrophone();
    const message = "This host takes calls only from those who have its key.";
    fetched.mockResolvedValue(new Response(JSON.stringify({ error: { message } }), { status: 401 }));
    const voice = new VoiceConversation(undefined, {}, new Token());
    await voice.start({ graph: "assistant" });
    expect(voice.failure.get()?.code).toBe("not_allowed");
    expect(voice.failure.get()?.hint(ENGLISH)).toBe(message);
  });
});
