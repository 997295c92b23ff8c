import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { keepKey } from "../../src/console/access";
import { Player } from "../../src/console/timeline/player";
import { wavFile } from "./samples";

/** A minute of silence. */
const minute = (): ArrayBuffer => wavFile(Array<number>(6_000).fill(0), { rate: 100 });

class FakeContext {
  static last: FakeContext;
  private readonly began = Date.now();
  /** When each piece begins, and its seconds. */
  readonly started: [when: number, seconds: number][] = [];
  stopped = 0;
  readonly destination = {};

  constructor() {
    FakeContext.last = this;
  }

  get currentTime(): number {
    return (Date.now() - this.began) / 1_000;
  }

  resume = async (): Promise<void> => undefined;
  close = async (): Promise<void> => undefined;
  createBuffer = (_: number, length: number, rate: number): object => ({ seconds: length / rate, copyToChannel: () => undefined });
  createBufferSource = (): object => {
    const source = {
      buffer: { seconds: 0 },
      connect: () => undefined,
      start: (when: number) => this.started.push([when, source.buffer.seconds]),
      stop: () => (this.stopped += 1),
    };
    return source;
  };
}

let asked: ReturnType<typeof vi.fn>;
beforeEach(() => {
  vi.useFakeTimers();
  asked = vi.fn(async () => new Response(minute()));
  vi.stubGlobal("fetch", asked);
  vi.stubGlobal("AudioContext", FakeContext);
  keepKey("the-key");
});
afterEach(() => {
  keepKey("");
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const ADDRESSES = ["/console/sessions/rtc_1/caller.wav", "/console/sessions/rtc_1/assistant.wav"];

describe("the player", () => {
  test("plays both sides together, piece after piece, to the end", async () => {
    const player = new Player(ADDRESSES);
    await player.play(10_000);
    expect(player.state.get()).toBe("playing");
    await pass(60_000);
    const pieces = FakeContext.last.started;
    expect(pieces.map(([, seconds]) => seconds)).toEqual([20, 20, 20, 20, 10, 10]);
    expect(pieces.map(([when]) => Math.round(when * 100) / 100)).toEqual([0.05, 0.05, 20.05, 20.05, 40.05, 40.05]);
    expect(player.state.get()).toBe("silent");
  });

  test("knows the moment that is heard, and keeps it in a pause", async () => {
    const player = new Player(ADDRESSES);
    await player.play(10_000);
    await pass(2_050);
    expect(player.position).toBeCloseTo(12_000, 0);
    player.pause();
    await pass(5_000);
    expect(player.position).toBeCloseTo(12_000, 0);
    expect(FakeContext.last.stopped).toBe(2);
    await player.play(player.position);
    expect(asked).toHaveBeenCalledTimes(2);
  });

  test("shows its key to the host, and to nobody else", async () => {
    await new Player([...ADDRESSES, "https://elsewhere.example/a.wav"]).play(0);
    const shown = asked.mock.calls.map(([, request]) => (request as RequestInit).headers);
    expect(shown).toEqual([{ Authorization: "Bearer the-key" }, { Authorization: "Bearer the-key" }, {}]);
  });

  test("reads sound that is in the page itself without a request", async () => {
    const text = btoa(String.fromCharCode(...new Uint8Array(minute())));
    const player = new Player([`data:audio/wav;base64,${text}`]);
    await player.play(0);
    expect([player.state.get(), asked.mock.calls.length]).toEqual(["playing", 0]);
    player.close();
  });

  test("says that it failed, for sound that is not there", async () => {
    asked.mockResolvedValue(new Response("", { status: 404 }));
    const player = new Player(ADDRESSES);
    await player.play(0);
    expect(player.state.get()).toBe("failed");
  });

  test("stays silent when it is stopped while it loads", async () => {
    const player = new Player(ADDRESSES);
    const played = player.play(0);
    player.pause();
    await played;
    expect([player.state.get(), FakeContext.last.started.length]).toEqual(["silent", 0]);
  });
});
