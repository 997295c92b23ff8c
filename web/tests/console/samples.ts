import type { Console, Timeline, TurnEntry } from "../../src/console/documents";

/** A turn that was answered after 900 ms. */
export function turn(change: Partial<TurnEntry> = {}): TurnEntry {
  return {
    number: 1,
    cause: 1,
    start: 1_000,
    voice_end: 3_000,
    typed: false,
    outcome: "answered",
    why: "",
    heard: "Is it open?",
    language: "en",
    confidence: 0.9,
    said: "Yes.",
    silence: 900,
    parts: { decided: 300, text: 500, speech: 100 },
    reached: {},
    firsts: { chat: 3_800 },
    budget: 1_500,
    over_budget: "",
    network: {},
    rating: 0,
    trace: "",
    ...change,
  };
}

/** A session of ten seconds with one turn. */
export function timeline(change: Partial<Timeline> = {}): Timeline {
  return {
    id: "rtc_1",
    graph: "assistant",
    began: 1_780_000_000,
    duration: 10_000,
    version: 1,
    kind: "call",
    outcome: "completed",
    reason: "",
    caller: { step: 50, peaks: [] },
    assistant: { step: 50, peaks: [] },
    sound: {},
    speech: [{ start: 1_000, end: 3_000 }],
    turns: [turn()],
    causes: [{ at: 3_300, cause: 1, what: "committed", reason: "" }],
    playbacks: [{ cause: 1, start: 3_900, end: 5_000, text: "Yes.", cut: true }],
    troubles: [],
    queues: [{ at: 3_000, link: "asr → chat", depth: 2, age: 400 }],
    face: [],
    left_out: 0,
    ...change,
  };
}

/** A host on which nothing happens. */
export function state(change: Partial<Console> = {}): Console {
  return {
    at: 1_780_000_100,
    host: {
      version: "1.0",
      began: 1_780_000_000,
      ready: true,
      reason: "",
      sessions: 0,
      seats_free: 4,
      cpu: 0.1,
      memory: 0.2,
      lag: 0.001,
      memory_step: "none",
    },
    graphs: [],
    calls: [],
    turns: [],
    alerts: [],
    quality: [],
    version: 1,
    ...change,
  };
}

/** A WAV file, with a chunk before the sound that no reader needs. */
export function wavFile(samples: readonly number[], { rate = 4, channels = 1, bits = 16, claimed = samples.length * 2 } = {}): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(56 + samples.length * 2));
  const tag = (at: number, text: string): void => {
    Array.from(text, (each, n) => view.setUint8(at + n, each.charCodeAt(0)));
  };
  tag(0, "RIFF");
  tag(8, "WAVE");
  tag(12, "fmt ");
  view.setUint32(16, 16, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rate, true);
  view.setUint16(34, bits, true);
  tag(36, "LIST");
  view.setUint32(40, 3, true); // padded to 4
  tag(48, "data");
  view.setUint32(52, claimed, true);
  samples.forEach((sample, n) => view.setInt16(56 + 2 * n, sample, true));
  return view.buffer;
}
