import { describe, expect, test } from "vitest";

import { SHORTEST, Scale, clamped, columns, moved, span, ticks, zoomed } from "../../src/console/timeline/scale";

const HOUR = 3_600_000;

describe("a view", () => {
  test("zooms around a moment, which stays where it is", () => {
    const before = { from: 10_000, to: 20_000 };
    const after = zoomed(before, 0.5, 12_000, HOUR);
    expect(span(after)).toBe(5_000);
    expect(new Scale(after, 800).x(12_000)).toBeCloseTo(new Scale(before, 800).x(12_000));
  });

  test("stays within the session, however far one moves or zooms", () => {
    expect(moved({ from: 0, to: 1_000 }, -5, HOUR)).toEqual({ from: 0, to: 1_000 });
    expect(moved({ from: 0, to: 1_000 }, 1e6, HOUR)).toEqual({ from: HOUR - 1_000, to: HOUR });
    expect(zoomed({ from: 0, to: HOUR }, 9, 0, HOUR)).toEqual({ from: 0, to: HOUR });
    expect(span(zoomed({ from: 0, to: HOUR }, 1e-9, 5_000, HOUR))).toBeCloseTo(SHORTEST);
    expect(clamped({ from: 0, to: 5 }, 0)).toEqual({ from: 0, to: SHORTEST });
  });

  test("maps moments to pixels and back", () => {
    const scale = new Scale({ from: 1_000, to: 3_000 }, 500);
    expect([scale.x(1_000), scale.x(2_000), scale.at(250)]).toEqual([0, 250, 2_000]);
    expect([scale.shows(0, 999), scale.shows(0, 1_000), scale.shows(3_001, 9_000)]).toEqual([false, true, false]);
  });
});

test.each([SHORTEST, 1_000, 77_000, HOUR, 30 * HOUR])("the ticks of %d ms are round, few, and apart", (length) => {
  const scale = new Scale({ from: 123, to: 123 + length }, 900);
  const { step, at } = ticks(scale, 90);
  expect(at.length).toBeLessThanOrEqual(11);
  expect(at.every((each) => each % step === 0 && each >= 123)).toBe(true);
  expect(scale.x(step) - scale.x(0)).toBeGreaterThanOrEqual(90);
});

describe("the columns of an envelope", () => {
  test("keep its highest value, however much a pixel stands for", () => {
    const peaks = Array.from({ length: 72_000 }, (_, n) => (n === 40_000 ? 255 : 10));
    const heights = columns(peaks, 50, new Scale({ from: 0, to: HOUR }, 1_000));
    expect(Math.max(...heights)).toBe(1);
    expect(heights.indexOf(1)).toBe(555);
  });

  test("show each value where one takes several pixels, and nothing after its end", () => {
    const heights = columns([255, 0, 51], 50, new Scale({ from: 0, to: 200 }, 8));
    expect([...heights].map((height) => Math.round(height * 10) / 10)).toEqual([1, 1, 0, 0, 0.2, 0.2, 0, 0]);
  });
});
