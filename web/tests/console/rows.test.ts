import { describe, expect, test } from "vitest";

import { rowsOf } from "../../src/console/timeline/rows";
import { stretchOf } from "../../src/console/timeline/draw";
import { fallbackSpans } from "../../src/console/timeline/drawEvents";
import { lanesOf } from "../../src/console/timeline/lanes";
import { markAt } from "../../src/console/timeline/pen";
import { ENGLISH } from "../../src/console/words";
import { timeline, turn } from "./samples";

const WHOLE = { from: 0, to: 10_000 };
const trouble = { node: "chat", member: "dialogue.endpoint", message: "", answered_by: "", reason: "" };

describe("the table of a session", () => {
  test("has all that the tracks show, in order", () => {
    const rows = rowsOf(timeline(), WHOLE, ENGLISH);
    expect(rows.map(({ what }) => what)).toEqual(["Turn 1", "voice", "queue", "turn decided", "answer played"]);
    expect(rows[0]?.detail).toBe("answered · Is it open? · 900 ms of silence: Turn decided 300 ms, First text 500 ms, First sound 100 ms");
    expect(rows[4]?.detail).toBe("Yes. · – 0:05.00 (1.10 s) · cut");
  });

  test("has only what lies in the view", () => {
    expect(rowsOf(timeline(), { from: 3_200, to: 3_400 }, ENGLISH).map(({ at }) => at)).toEqual([3_300]);
  });

  test("says why a turn has no answer", () => {
    const lost = turn({ outcome: "unanswered", silence: null, why: "chat failed", parts: {} });
    expect(rowsOf(timeline({ turns: [lost] }), WHOLE, ENGLISH)[0]?.detail).toBe("no answer · Is it open? · chat failed");
  });
});

test("a turn lasts until its answer has been heard, but not into the next one", () => {
  const session = timeline();
  expect(stretchOf(session, turn())).toEqual({ from: 1_000, to: 5_000 });
  const turns = [turn(), turn({ number: 2, start: 4_500 })];
  expect(stretchOf(timeline({ turns }), turn()).to).toBe(4_500);
});

test("a fallback works from the failure that it answers until its node works again", () => {
  const troubles = [
    { ...trouble, at: 1_000, kind: "failed" as const, answered_by: "dialogue.llama" },
    { ...trouble, at: 2_000, kind: "failed" as const },
    { ...trouble, at: 3_000, kind: "recovered" as const, node: "tts" },
    { ...trouble, at: 4_000, kind: "recovered" as const },
  ];
  const text = "chat: answered by dialogue.llama";
  expect(fallbackSpans(troubles, 9_000, ENGLISH)).toEqual([{ from: 1_000, to: 4_000, text }]);
  expect(fallbackSpans(troubles.slice(0, 2), 9_000, ENGLISH)).toEqual([{ from: 1_000, to: 9_000, text }]);
});

test("tracks that a session has nothing for are left out, and none overlap", () => {
  const { lanes, height } = lanesOf(timeline(), 1_000);
  expect(lanes.map(({ name }) => name)).toEqual(["caller", "turns", "causes", "assistant", "queues"]);
  lanes.forEach(({ top }, n) => expect(top).toBeGreaterThan(n ? lanes[n - 1]!.top + lanes[n - 1]!.height : 0));
  expect(lanes.at(-1)!.top + lanes.at(-1)!.height).toBeLessThan(height);
});

test("what is drawn last is what one points at", () => {
  const under = { left: 0, top: 0, width: 100, height: 10, text: "turn" };
  const over = { left: 40, top: 0, width: 20, height: 10, text: "part" };
  expect([markAt([under, over], 50, 5), markAt([under, over], 10, 5), markAt([under, over], 50, 11)]).toEqual([over, under, null]);
});
