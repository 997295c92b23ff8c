// What a call looks like on the page. The events are those that the host really sends: its own
// tests hold these files to what it does.

import { readFileSync, readdirSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { type Conversation, EMPTY, reduce, typed } from "../../src/core/messages";
import { type ServerEvent, parseServerEvent } from "../../src/core/realtime";

const SCENES = `${import.meta.dirname}/../../../tests/data/wire/realtime`;

function events(scene: string): ServerEvent[] {
  const lines = readFileSync(`${SCENES}/${scene}.jsonl`, "utf8").trimEnd().split("\n");
  return lines.map((line) => {
    const event = parseServerEvent(line);
    if (!event) throw new Error(`${scene} has a line that is no event: ${line}`);
    return event;
  });
}

const play = (scene: string, from: Conversation = EMPTY): Conversation => events(scene).reduce(reduce, from);

/** What was said, one line a message; what was cut off in brackets. */
const captions = (state: Conversation): string[] =>
  state.messages.map(({ speaker, text, cut }) => `${speaker}: ${text}${cut && `[${cut}]`}`);

/** What is going on, each time that it changes. */
function activities(scene: string): string[] {
  const seen: string[] = [];
  events(scene).reduce((state, event) => {
    const next = reduce(state, event);
    if (next.activity !== seen.at(-1)) seen.push(next.activity);
    return next;
  }, EMPTY);
  return seen;
}

const QUESTION = ["listening", "hearing", "thinking"];

describe("a call as the host tells it", () => {
  test("is a question and its answer", () => {
    const state = play("answered");
    expect(captions(state)).toEqual([
      "person: What is the capital of France?",
      "assistant: Paris. It lies on the Seine.",
    ]);
    expect(state.messages.every(({ done, interrupted }) => done && !interrupted)).toBe(true);
    expect(state.messages[1]?.response).toMatch(/^resp_/);
    expect(activities("answered")).toEqual([...QUESTION, "speaking", "listening"]);
  });

  test("may begin with a greeting, which speech interrupts", () => {
    const state = play("greeted");
    expect(captions(state)).toEqual([
      "assistant: Hello! What is[ your name?]",
      "person: It is Ada.",
      "assistant: Hello, Ada.",
    ]);
    expect(activities("greeted").slice(0, 4)).toEqual(["listening", "thinking", "speaking", "hearing"]);
  });

  test("shows nothing of a guess that was too early", () => {
    expect(captions(play("resumed"))).toEqual(["person: What is the capital of France?", "assistant: Paris."]);
  });

  test("strikes out what an interruption cut off", () => {
    const state = play("interrupted");
    expect(captions(state)).toEqual([
      "person: Tell me of Paris.",
      "assistant: Paris is old. It lies[ on the Seine. It has many bridges.]",
      "person: And Rome?",
      "assistant: Older still.",
    ]);
    expect(state.messages.map(({ interrupted }) => interrupted)).toEqual([false, true, false, false]);
    expect(activities("interrupted")).toEqual([...QUESTION, "speaking", "hearing", "thinking", "speaking", "listening"]);
  });

  test("strikes out the whole of an answer that nobody heard", () => {
    expect(captions(play("went_on"))).toEqual([
      "person: Tell me of Paris.",
      "assistant: [Paris is old.]",
      "person: Tell me of Paris and Rome.",
      "assistant: Both are old.",
    ]);
  });

  test("has what was typed once, though the page showed it first", () => {
    const all = events("typed");
    const told = all.findIndex((event) => "item" in event && event.item.content?.[0]?.type === "input_text");
    const before = all.slice(0, told).reduce(reduce, EMPTY);
    const state = all.slice(told).reduce(reduce, typed(before, 1, "And Rome?"));
    expect(captions(state)).toEqual([
      "person: Tell me of Paris.",
      "assistant: Paris is[ old. It lies on the Seine.]",
      "person: And Rome?",
      "assistant: Older still.",
    ]);
    expect(state.activity).toBe("listening");
  });

  test("listens again when an answer was stopped by the page", () => {
    const state = play("cancelled");
    expect(captions(state).at(-1)).toBe("assistant: Paris is old.[ It lies on the Seine.]");
    expect(state.activity).toBe("listening");
  });

  test("goes on speaking after a murmur, which is no message", () => {
    expect(captions(play("backchannel"))).toEqual([
      "person: Tell me of Paris.",
      "assistant: Paris is old. It lies on the Seine.",
    ]);
    expect(activities("backchannel")).toEqual([
      ...QUESTION,
      "speaking",
      "hearing",
      "thinking",
      "speaking",
      "listening",
    ]);
  });

  test("says in words what does not work, and that an answer failed", () => {
    const state = play("failed");
    expect(Object.keys(state.degraded)).toEqual(["asr", "tts"]);
    for (const words of Object.values(state.degraded)) expect(words).toMatch(/^[A-Z].*\.$/);
    expect(state.complaint).toMatch(/say it again/);
    expect(captions(state)).toEqual(["person: Tell me of Paris.", "person: Hello?", "assistant: Hello!"]);
  });

  test("has every message done at its end, in every scene", () => {
    const scenes = readdirSync(SCENES).map((file) => file.replace(".jsonl", ""));
    expect(scenes).toHaveLength(9);
    for (const scene of scenes) {
      const state = play(scene);
      expect(state.messages.filter(({ done }) => !done), scene).toEqual([]);
      expect(state.activity, scene).toBe("listening");
    }
  });
});
