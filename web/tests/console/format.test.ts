import { describe, expect, test } from "vitest";

import { duration, figure, median, moment, percent, roughly } from "../../src/console/format";

describe("a duration", () => {
  test.each([
    [0, "0 ms"],
    [999.4, "999 ms"],
    [999.6, "1.00 s"],
    [1_780, "1.78 s"],
    [12_440, "12.4 s"],
    [59_990, "1 min"],
    [200_000, "3 min 20 s"],
    [7_500_000, "2 h 5 min"],
    [93_600_000, "1 d 2 h"],
  ])("of %d ms is %s", (ms, text) => expect(duration(ms)).toBe(text));

  test("that changes each second has no fraction, and is not negative", () => {
    expect([roughly(1_780), roughly(59_600), roughly(-300)]).toEqual(["2 s", "1 min", "0 s"]);
  });
});

describe("a moment", () => {
  test.each([
    [4_000, 0, "0:04"],
    [59_999, 0, "1:00"],
    [59_999, 2, "1:00.00"],
    [727_350, 2, "12:07.35"],
    [3_729_000, 0, "1:02:09"],
  ])("%d ms into a session with %d digits is %s", (ms, digits, text) => expect(moment(ms, digits)).toBe(text));
});

test("shares and figures keep the digits that count", () => {
  expect([percent(0), percent(0.004), percent(0.62), percent(1)]).toEqual(["0 %", "0.4 %", "62 %", "100 %"]);
  expect([figure(2.1234), figure(1_240), figure(0)]).toEqual(["2.12", "1240", "0"]);
});

test("the median of an even count lies between the middle two, and there is none of nothing", () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, null]);
});
