import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { ENGLISH } from "../../src/core/english";
import { Failure } from "../../src/core/failures";
import { PeerTransport, whyNoCalls } from "../../src/core/peerTransport";
import { SocketTransport, socketUrl } from "../../src/core/socketTransport";
import { FakePeer, FakeReceiver, FakeSocket, FakeStream, batchBytes, settle } from "../fakes";

const BASE = "https://host.example/talk/";
const listeners = { event: vi.fn(), batch: vi.fn(), voice: vi.fn(), lost: vi.fn<(failure: Failure) => void>() };
let fetched: ReturnType<typeof vi.fn>;

beforeEach(() => {
  vi.clearAllMocks();
  FakePeer.made = [];
  FakeSocket.made = [];
  vi.stubGlobal("RTCPeerConnection", FakePeer);
  vi.stubGlobal("WebSocket", FakeSocket);
  fetched = vi.fn(async () => new Response("answer", { status: 201, headers: { Location: "/talk/v1/realtime/calls/rtc_1" } }));
  vi.stubGlobal("fetch", fetched);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function transport(): PeerTransport {
  const microphone = new FakeStream() as unknown as MediaStream;
  return new PeerTransport({ graph: "echo", microphone, base: BASE }, listeners);
}

async function opened(): Promise<PeerTransport> {
  const peer = transport();
  const open = peer.open(new AbortController().signal);
  await vi.waitFor(() => expect(FakePeer.last.remote).not.toBeNull());
  FakePeer.last.openEvents();
  await open;
  return peer;
}

describe("a call by WebRTC", () => {
  test("is made by posting the offer with the graph's name", async () => {
    await opened();
    const [url, request] = fetched.mock.calls[0] as [URL, RequestInit];
    expect(url.href).toBe(`${BASE}v1/realtime/calls?graph=echo`);
    expect(request).toMatchObject({ method: "POST", body: "offer", headers: { "Content-Type": "application/sdp" } });
    expect(FakePeer.last.remote).toEqual({ type: "answer", sdp: "answer" });
  });

  test("tells the host after each answer what the network added, since the answer before", async () => {
    await opened();
    const peer = FakePeer.last;
    const events = peer.channels["oai-events"]!;
    const turn = (cause: number) => JSON.stringify({ type: "vitagraph.turn", cause, outcome: "answered", silence: 700, parts: {} });
    const told = () => events.sent.map((text) => JSON.parse(text) as unknown).filter((one) => (one as { type: string }).type === "vitagraph.network");
    peer.stats = {
      pair: { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.048 },
      sound: { type: "inbound-rtp", kind: "audio", jitterBufferDelay: 30, jitterBufferEmittedCount: 1_000 },
      card: { type: "media-playout", totalPlayoutDelay: 20, totalSamplesCount: 1_000 },
    };
    events.onmessage?.({ data: turn(3) });
    await vi.waitFor(() => expect(told()).toEqual([{ type: "vitagraph.network", cause: 3, rtt: 48, jitter_buffer: 30, playout: 20 }]));
    peer.stats = { sound: { type: "inbound-rtp", kind: "audio", jitterBufferDelay: 36, jitterBufferEmittedCount: 1_100 } };
    events.onmessage?.({ data: turn(4) });
    await vi.waitFor(() => expect(told()).toHaveLength(2));
    expect(told()[1]).toEqual({ type: "vitagraph.network", cause: 4, rtt: null, jitter_buffer: 60, playout: null });
  });

  test("is hung up at the host too, even while the tab closes", async () => {
    const peer = await opened();
    peer.close();
    peer.close();
    expect(FakePeer.last.closed).toBe(true);
    expect(fetched).toHaveBeenCalledTimes(2);
    expect(fetched).toHaveBeenLastCalledWith("https://host.example/talk/v1/realtime/calls/rtc_1", {
      method: "DELETE",
      keepalive: true,
    });
  });

  test.each([
    [503, { "Retry-After": "20" }, "", "full", "Try again in 20 seconds."],
    [503, {}, '{"error":{"message":"Closing for tonight."}}', "full", "Closing for tonight."],
    [404, {}, "", "unknown_graph", "Choose another one and call again."],
    [429, {}, "", "too_many", "Wait a little, then call again."],
    [401, {}, "", "not_allowed", "Open it by the address that the host prints."],
    [500, {}, "<html>", "server_error", "Try again in a moment."],
  ])("that the host refuses with %i says why in plain words", async (status, headers, body, code, hint) => {
    fetched.mockResolvedValueOnce(new Response(body, { status, headers: headers as HeadersInit }));
    const error = await transport().open(new AbortController().signal).catch((refused: unknown) => refused);
    expect(error).toMatchObject({ code });
    expect((error as Failure).hint(ENGLISH)).toBe(hint);
  });

  test("to a host that is away fails as unreachable", async () => {
    fetched.mockRejectedValueOnce(new TypeError("failed to fetch"));
    await expect(transport().open(new AbortController().signal)).rejects.toMatchObject({ code: "unreachable" });
  });

  test("whose sound is not let through fails as blocked", async () => {
    const open = transport().open(new AbortController().signal);
    await vi.waitFor(() => expect(FakePeer.last.remote).not.toBeNull());
    FakePeer.last.become("failed");
    await expect(open).rejects.toMatchObject({ code: "blocked" });
  });

  test("passes on events, batches and the voice, and nothing that cannot be read", async () => {
    await opened();
    const { channels, ontrack } = FakePeer.last;
    channels["oai-events"]!.onmessage!({ data: '{"type":"response.created","response":{"id":"r1"}}' });
    channels["oai-events"]!.onmessage!({ data: "rubbish" });
    channels["vitagraph-avatar"]!.onmessage!({ data: batchBytes({ frames: [] }) });
    channels["vitagraph-avatar"]!.onmessage!({ data: "rubbish" });
    const receiver = new FakeReceiver();
    ontrack!({ streams: ["stream"], receiver });
    expect(listeners.event).toHaveBeenCalledExactlyOnceWith({ type: "response.created", response: { id: "r1" } });
    expect(listeners.batch).toHaveBeenCalledTimes(1);
    expect(listeners.voice).toHaveBeenCalledExactlyOnceWith("stream", receiver);
  });

  test("that stutters for a moment is not lost", async () => {
    await opened();
    vi.useFakeTimers();
    FakePeer.last.become("disconnected");
    await vi.advanceTimersByTimeAsync(2_000);
    FakePeer.last.become("connected");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(listeners.lost).not.toHaveBeenCalled();
    FakePeer.last.become("disconnected");
    await vi.advanceTimersByTimeAsync(3_000);
    expect(listeners.lost.mock.calls[0]?.[0].code).toBe("lost");
  });

  describe("whose packets stop", () => {
    let peer: PeerTransport;
    let receiver: FakeReceiver;
    const silence = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
    const answers = (answer: () => Response): void => {
      fetched = vi.fn(async () => answer());
      vi.stubGlobal("fetch", fetched);
    };

    beforeEach(async () => {
      peer = await opened();
      vi.useFakeTimers();
      receiver = new FakeReceiver();
      FakePeer.last.ontrack!({ streams: ["stream"], receiver });
    });

    test("is lost as soon as the host says that it knows no such call", async () => {
      receiver.heard();
      answers(() => new Response("", { status: 404 }));
      await silence(1_000);
      expect(fetched).not.toHaveBeenCalled();
      await silence(800);
      expect(fetched.mock.calls[0]?.[0]).toBe("https://host.example/talk/v1/realtime/calls/rtc_1");
      expect(listeners.lost.mock.calls[0]?.[0].code).toBe("lost");
    });

    test("is not lost while the host has it", async () => {
      receiver.heard();
      answers(() => new Response("{}"));
      await silence(10_000);
      expect(fetched.mock.calls.length).toBeGreaterThan(1);
      expect(listeners.lost).not.toHaveBeenCalled();
    });

    test("is not lost while the network is away, and is once a restarted host is back", async () => {
      receiver.heard();
      answers(() => {
        throw new TypeError("failed to fetch");
      });
      await silence(5_000);
      expect(listeners.lost).not.toHaveBeenCalled();
      answers(() => new Response("", { status: 404 }));
      await silence(300);
      expect(listeners.lost).toHaveBeenCalledTimes(1);
    });

    test("is not asked for while packets come, or before any has come", async () => {
      answers(() => new Response("", { status: 404 }));
      await silence(5_000);
      for (let time = 0; time < 5_000; time += 400) {
        receiver.heard();
        await silence(400);
      }
      expect(fetched).not.toHaveBeenCalled();
    });

    test("is not asked for after it was hung up", async () => {
      receiver.heard();
      await silence(400);
      peer.close();
      fetched.mockClear();
      await silence(5_000);
      expect(fetched).not.toHaveBeenCalled();
    });
  });

  test("knows a host that hangs up from a network that breaks", async () => {
    await opened();
    FakePeer.last.channels["oai-events"]!.onclose!();
    expect(listeners.lost.mock.calls[0]?.[0].code).toBe("ended");
    FakePeer.last.connectionState = "disconnected";
    FakePeer.last.channels["oai-events"]!.onclose!();
    expect(listeners.lost.mock.calls[1]?.[0].code).toBe("lost");
  });

  test("takes over another microphone without a new call", async () => {
    const peer = await opened();
    const track = new FakeStream().getAudioTracks()[0] as unknown as MediaStreamTrack;
    peer.replaceTrack(track);
    expect(FakePeer.last.senders[0]!.replaceTrack).toHaveBeenCalledWith(track);
    expect(fetched).toHaveBeenCalledTimes(1);
  });
});

describe("the same by a WebSocket", () => {
  test("goes to the page's own host", () => {
    expect(socketUrl("echo", BASE)).toBe("wss://host.example/talk/v1/realtime?graph=echo");
  });

  test("carries events and batches, and tells when it breaks", async () => {
    const socket = new SocketTransport("wss://host.example/", listeners);
    const open = socket.open(new AbortController().signal);
    FakeSocket.last.open();
    await open;
    socket.send({ type: "response.cancel" });
    FakeSocket.last.onmessage!({ data: '{"type":"vitagraph.flush","cause":1}' });
    FakeSocket.last.onmessage!({ data: batchBytes({ frames: [] }) });
    FakeSocket.last.onclose!({ code: 1006 });
    expect(FakeSocket.last.sent).toEqual(['{"type":"response.cancel"}']);
    expect(listeners.event).toHaveBeenCalledTimes(1);
    expect(listeners.batch).toHaveBeenCalledTimes(1);
    expect(listeners.lost.mock.calls[0]?.[0].code).toBe("lost");
  });

  test("says nothing any more once it is closed", async () => {
    const socket = new SocketTransport("wss://host.example/", listeners);
    const open = socket.open(new AbortController().signal).catch((error: unknown) => error);
    socket.close();
    FakeSocket.last.onclose!({ code: 1006 });
    await settle();
    expect(await open).toBeInstanceOf(Failure);
    expect(listeners.lost).not.toHaveBeenCalled();
  });
});

describe("a browser that cannot call", () => {
  test("is told so", () => {
    vi.stubGlobal("RTCPeerConnection", undefined);
    expect(whyNoCalls()?.code).toBe("unsupported");
  });

  test("on a page without https is told what would help", () => {
    vi.stubGlobal("isSecureContext", false);
    expect(whyNoCalls()?.code).toBe("insecure");
  });
});
