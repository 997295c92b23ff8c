import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { VoiceConversation, callState } from "../../src/core/voiceConversation";
import { FakeAudioContext, FakePeer, batchBytes, fakeMicrophone, settle } from "../fakes";

let microphone: ReturnType<typeof fakeMicrophone>;
let voice: VoiceConversation;
const state = (): string =>
  callState(voice.starting.get(), voice.connection.state.get().phase, voice.conversation.get().activity);

beforeEach(() => {
  microphone = fakeMicrophone();
  FakePeer.made = [];
  vi.stubGlobal("RTCPeerConnection", FakePeer);
  vi.stubGlobal("fetch", vi.fn(async () => new Response("answer", { status: 201, headers: { Location: "/c/1" } })));
  vi.spyOn(HTMLMediaElement.prototype, "play").mockResolvedValue();
  voice = new VoiceConversation(undefined, { backoffMs: [1] });
});
afterEach(() => {
  voice.end();
  vi.unstubAllGlobals();
});

async function started(): Promise<void> {
  const start = voice.start({ graph: "assistant" });
  await vi.waitFor(() => expect(FakePeer.last.remote).not.toBeNull());
  FakePeer.last.openEvents();
  await start;
}

function receive(event: object): void {
  FakePeer.last.channels["oai-events"]!.onmessage!({ data: JSON.stringify(event) });
}

const allFreed = (): boolean =>
  microphone.streams.every(({ tracks }) => tracks.every(({ stopped }) => stopped)) && FakeAudioContext.open === 0;

describe("a call", () => {
  test("is calling, then listening, then over, and gives all back", async () => {
    expect(state()).toBe("idle");
    const start = voice.start({ graph: "assistant" });
    expect(state()).toBe("calling");
    await vi.waitFor(() => expect(FakePeer.last.remote).not.toBeNull());
    FakePeer.last.openEvents();
    await start;
    expect(state()).toBe("listening");
    voice.end();
    expect(state()).toBe("idle");
    expect(allFreed()).toBe(true);
    expect(FakePeer.last.closed).toBe(true);
    expect(voice.failure.get()).toBeNull();
  });

  test.each([
    ["NotAllowedError", "microphone_refused"],
    ["NotFoundError", "microphone_missing"],
    ["NotReadableError", "microphone_busy"],
  ])("without a microphone (%s) is not made, and the person is told why", async (name, code) => {
    microphone.refuse(name);
    await voice.start({ graph: "assistant" });
    expect(state()).toBe("idle");
    expect(voice.failure.get()?.code).toBe(code);
    expect(FakePeer.made).toHaveLength(0);
  });

  test("that is refused frees the microphone", async () => {
    vi.stubGlobal("fetch", vi.fn(async () => new Response("", { status: 503, headers: { "Retry-After": "5" } })));
    await voice.start({ graph: "assistant" });
    expect(voice.failure.get()).toMatchObject({ code: "full", retryAfterSeconds: 5 });
    expect(allFreed()).toBe(true);
  });

  test("that is given up while the browser asks for the microphone leaves nothing open", async () => {
    const start = voice.start({ graph: "assistant" });
    voice.end();
    await start;
    expect(state()).toBe("idle");
    expect(voice.failure.get()).toBeNull();
    expect(allFreed()).toBe(true);
    expect(FakePeer.made).toHaveLength(0);
  });

  test("that is given up while the host answers is no failure", async () => {
    const start = voice.start({ graph: "assistant" });
    await vi.waitFor(() => expect(FakePeer.made).toHaveLength(1));
    voice.end();
    await start;
    expect(voice.failure.get()).toBeNull();
    expect(allFreed()).toBe(true);
  });

  test("that the other end hangs up says so and keeps what was said", async () => {
    await started();
    receive({ type: "response.output_audio_transcript.delta", item_id: "a1", response_id: "r1", delta: "Bye." });
    FakePeer.last.channels["oai-events"]!.onclose!();
    expect(state()).toBe("failed");
    expect(voice.failure.get()?.code).toBe("ended");
    expect(voice.conversation.get().messages).toHaveLength(1);
    expect(allFreed()).toBe(true);
  });

  test("that is lost is made again with the same microphone", async () => {
    await started();
    FakePeer.last.become("failed");
    expect(state()).toBe("reconnecting");
    await vi.waitFor(() => expect(FakePeer.made).toHaveLength(2));
    await vi.waitFor(() => expect(FakePeer.last.remote).not.toBeNull());
    FakePeer.last.openEvents();
    await vi.waitFor(() => expect(state()).toBe("listening"));
    expect(microphone.streams).toHaveLength(1);
    expect(allFreed()).toBe(false);
  });
});

describe("during a call", () => {
  test("typed text is sent and asks for an answer", async () => {
    await started();
    expect(voice.sendText("  hello ")).toBe(true);
    expect(voice.sendText("   ")).toBe(false);
    expect(FakePeer.last.channels["oai-events"]!.sent.map((text) => JSON.parse(text) as unknown)).toEqual([
      {
        type: "conversation.item.create",
        item: { type: "message", role: "user", content: [{ type: "input_text", text: "hello" }] },
      },
      { type: "response.create" },
    ]);
    expect(voice.conversation.get().messages.map(({ text }) => text)).toEqual(["hello"]);
  });

  test("a rating is sent, and shown", async () => {
    await started();
    receive({ type: "response.output_audio_transcript.delta", item_id: "a1", response_id: "r1", delta: "Paris." });
    voice.rate("r1", 1);
    expect(FakePeer.last.channels["oai-events"]!.sent).toEqual(['{"type":"vitagraph.rating","response":"r1","value":1}']);
    expect(voice.conversation.get().messages[0]?.rating).toBe(1);
  });

  test("a flush takes the frames of its cause off the face", async () => {
    await started();
    FakePeer.last.channels["vitagraph-avatar"]!.onmessage!({ data: batchBytes({ cause: 4, frames: [{}, {}] }) });
    expect(voice.face.track.length).toBe(2);
    receive({ type: "vitagraph.flush", cause: 4 });
    expect(voice.face.track.length).toBe(0);
  });

  test("frames that cannot be read are counted, and the call goes on", async () => {
    await started();
    FakePeer.last.channels["vitagraph-avatar"]!.onmessage!({ data: new ArrayBuffer(3) });
    expect(voice.face.refused).toBe(1);
    expect(state()).toBe("listening");
  });

  test("another microphone takes over at once", async () => {
    await started();
    await voice.chooseMicrophone("desk");
    expect(microphone.getUserMedia).toHaveBeenLastCalledWith({
      audio: expect.objectContaining({ deviceId: { exact: "desk" } }) as unknown,
    });
    expect(FakePeer.last.senders[0]!.replaceTrack).toHaveBeenCalledTimes(1);
    expect(microphone.streams[0]!.tracks[0]!.stopped).toBe(true);
    expect(state()).toBe("listening");
  });

  test("a microphone that is unplugged is replaced by the system's own choice", async () => {
    await started();
    microphone.streams[0]!.tracks[0]!.dispatchEvent(new Event("ended"));
    await settle();
    await vi.waitFor(() => expect(FakePeer.last.senders[0]!.replaceTrack).toHaveBeenCalledTimes(1));
    expect(voice.audio.state.get()).toMatchObject({ recording: true, device: "" });
  });

  test("muting silences the track and the meter, also on the next microphone", async () => {
    await started();
    expect(voice.audio.level()).toBeGreaterThan(0.5);
    voice.audio.setMuted(true);
    expect(voice.audio.level()).toBe(0);
    await voice.chooseMicrophone("desk");
    expect(microphone.streams[1]!.tracks[0]!.enabled).toBe(false);
  });

  test("sound that the browser holds back can be started by a click", async () => {
    const play = vi.spyOn(HTMLMediaElement.prototype, "play").mockRejectedValue(new DOMException("no", "NotAllowedError"));
    await started();
    FakePeer.last.ontrack!({ streams: [new MediaStream()], receiver: { getSynchronizationSources: () => [] } });
    await vi.waitFor(() => expect(voice.audio.state.get()).toMatchObject({ blocked: true, playing: false }));
    play.mockResolvedValue();
    await voice.audio.resume();
    expect(voice.audio.state.get()).toMatchObject({ blocked: false, playing: true });
  });
});
