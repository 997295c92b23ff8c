import { describe, expect, test } from "vitest";

import { type Conversation, EMPTY, ended, rated, reduce, typed } from "../../src/core/messages";
import type { ServerEvent } from "../../src/core/realtime";

const after = (events: ServerEvent[], from: Conversation = EMPTY): Conversation => events.reduce(reduce, from);
const spoken = (delta: string, item = "a1", response = "r1"): ServerEvent => ({
  type: "response.output_audio_transcript.delta",
  item_id: item,
  response_id: response,
  delta,
});
const question: ServerEvent[] = [
  { type: "input_audio_buffer.speech_started", item_id: "u1" },
  { type: "input_audio_buffer.speech_stopped", item_id: "u1" },
  { type: "input_audio_buffer.committed", item_id: "u1" },
];
const answer: ServerEvent[] = [
  { type: "response.created", response: { id: "r1" } },
  spoken("Paris. "),
  { type: "output_audio_buffer.started", response_id: "r1" },
  spoken("A city on the Seine."),
];
const texts = (state: Conversation): string[] => state.messages.map(({ speaker, text }) => `${speaker}: ${text}`);

describe("what was said", () => {
  test("is shown in the order in which it was said, though a transcript may come late", () => {
    const state = after([
      ...question,
      ...answer,
      { type: "conversation.item.input_audio_transcription.completed", item_id: "u1", transcript: "Capital of France?" },
    ]);
    expect(texts(state)).toEqual(["person: Capital of France?", "assistant: Paris. A city on the Seine."]);
  });

  test("grows while it is said", () => {
    const state = after([
      { type: "conversation.item.input_audio_transcription.delta", item_id: "u1", delta: "Capital " },
      { type: "conversation.item.input_audio_transcription.delta", item_id: "u1", delta: "of" },
    ]);
    expect(state.messages[0]).toMatchObject({ text: "Capital of", done: false });
  });

  test("of an interrupted answer is parted into what was heard and what was cut off", () => {
    const heard = { id: "a1", type: "message", role: "assistant" as const, content: [{ type: "output_audio", transcript: "Paris. " }] };
    const state = after([
      ...answer,
      { type: "response.done", response: { id: "r1", status: "cancelled", output: [heard] } },
      spoken(" And more."),
    ]);
    expect(state.messages[0]).toMatchObject({
      text: "Paris. ",
      cut: "A city on the Seine.",
      interrupted: true,
      done: true,
    });
  });

  test("of an interrupted answer stays whole where nobody knows what was heard", () => {
    const state = after([...answer, { type: "response.done", response: { id: "r1", status: "cancelled" } }]);
    expect(state.messages[0]).toMatchObject({ text: "Paris. A city on the Seine.", cut: "", interrupted: true });
  });

  test("by typing appears at once, and only once when the host repeats it", () => {
    const state = typed(EMPTY, 1, "hello");
    expect(texts(state)).toEqual(["person: hello"]);
    const item = { id: "u9", type: "message", role: "user" as const, content: [{ type: "input_text", text: "hello" }] };
    expect(texts(reduce(state, { type: "conversation.item.added", item }))).toEqual(["person: hello"]);
  });

  test("is kept for 200 messages and no more", () => {
    let state = EMPTY;
    for (let index = 0; index < 250; index++) state = reduce(state, spoken("x", `a${index}`));
    expect(state.messages).toHaveLength(200);
    expect(state.messages.at(-1)?.id).toBe("a249");
  });

  test("stays when the call is over, but for what had no words", () => {
    const state = ended(after([...answer, { type: "input_audio_buffer.committed", item_id: "u2" }]));
    expect(texts(state)).toEqual(["assistant: Paris. A city on the Seine."]);
    expect(state).toMatchObject({ activity: "listening", degraded: {} });
  });
});

describe("what is going on", () => {
  test("follows the conversation", () => {
    const seen: string[] = [];
    const events: ServerEvent[] = [
      ...question,
      ...answer,
      { type: "response.done", response: { id: "r1", status: "completed" } },
      { type: "output_audio_buffer.stopped", response_id: "r1" },
    ];
    let state = EMPTY;
    for (const event of events) {
      state = reduce(state, event);
      if (seen.at(-1) !== state.activity) seen.push(state.activity);
    }
    expect(seen).toEqual(["hearing", "thinking", "speaking", "listening"]);
  });

  test("while somebody interrupts is hearing, not listening", () => {
    const state = after([
      ...answer,
      { type: "input_audio_buffer.speech_started", item_id: "u2" },
      { type: "output_audio_buffer.cleared", response_id: "r1" },
    ]);
    expect(state.activity).toBe("hearing");
  });

  test("includes what is served by a stand-in, until it is back", () => {
    const away = reduce(EMPTY, { type: "vitagraph.degraded", node: "asr", member: "asr.sorry" });
    expect(away.degraded).toEqual({ asr: "asr.sorry" });
    expect(reduce(away, { type: "vitagraph.recovered", node: "asr" }).degraded).toEqual({});
  });

  test("includes what the host complains about", () => {
    const state = reduce(EMPTY, { type: "error", error: { type: "invalid_request_error", message: "no" } });
    expect(state.complaint).toBe("no");
  });
});

test("a turn's latency and a rating go to the answer they are about", () => {
  const turn = { type: "vitagraph.turn", cause: 1, response: "r1", outcome: "answered", silence: 812, parts: {} } as const;
  const state = rated(after([...answer, spoken("Two.", "a2", "r2"), turn]), "r2", -1);
  expect(state.messages.map((message) => [message.turn?.silence, message.rating])).toEqual([
    [812, null],
    [undefined, -1],
  ]);
});

test("an event that is not known changes nothing", () => {
  const unknown = { type: "rate_limits.updated" } as unknown as ServerEvent;
  expect(reduce(EMPTY, unknown)).toBe(EMPTY);
});
