import { describe, expect, test } from "vitest";

import { OutputDelay, PlayoutClock, rtpDifference } from "../../src/core/playoutClock";

/** A receiver that plays 20 ms packets, one after the other. */
class Playing {
  origin = 5_000;
  silentFrom = Number.POSITIVE_INFINITY;
  shiftMs = 0;
  nowMs = 0;
  getSynchronizationSources(): { rtpTimestamp: number; timestamp: number }[] {
    const playedMs = Math.floor(Math.min(this.nowMs, this.silentFrom) / 20) * 20;
    const rtp = this.origin + (playedMs + this.shiftMs) * 48;
    return [{ rtpTimestamp: rtp % 2 ** 32, timestamp: 1_000_000 + playedMs }];
  }
}

function clockOf(playing: Playing): (nowMs: number) => number | null {
  const clock = new PlayoutClock(playing, { timeOrigin: 1_000_000, outputDelayMs: 0 });
  return (nowMs) => {
    playing.nowMs = nowMs;
    return clock.at(nowMs);
  };
}

describe("the playout clock", () => {
  test("says nothing before the first sound", () => {
    const clock = new PlayoutClock({ getSynchronizationSources: () => [] });
    expect(clock.at(10)).toBeNull();
  });

  test("runs on between two packets", () => {
    const at = clockOf(new Playing());
    expect(at(100)).toBe(5_000 + 100 * 48);
    expect(at(113)).toBeCloseTo(5_000 + 113 * 48, 0);
  });

  test("takes off what the audio device adds", () => {
    const playing = new Playing();
    playing.nowMs = 100;
    const clock = new PlayoutClock(playing, { timeOrigin: 1_000_000, outputDelayMs: 30 });
    expect(clock.at(100)).toBe(5_000 + 70 * 48);
  });

  test("works small errors off over a few frames, so that lips do not jerk", () => {
    const playing = new Playing();
    const at = clockOf(playing);
    at(1_000);
    playing.shiftMs = 36;
    const after = at(1_016)! - (5_000 + 1_016 * 48);
    expect(after / 48).toBeCloseTo(0.2 * 16, 3);
    for (let now = 1_032; now < 1_200; now += 16) at(now);
    expect((at(1_200)! - (5_000 + 1_200 * 48)) / 48).toBeCloseTo(36, 1);
  });

  test.each([-75, -45, 45, 75])("is beside the words for no longer than a frame after a step of %d ms", (step) => {
    const playing = new Playing();
    const at = clockOf(playing);
    at(1_000);
    playing.shiftMs = step;
    expect(at(1_016)).toBeCloseTo(5_000 + (1_016 + step) * 48, 0);
  });

  test("jumps over large errors at once", () => {
    const playing = new Playing();
    const at = clockOf(playing);
    at(1_000);
    playing.shiftMs = -300;
    expect(at(1_016)).toBeCloseTo(5_000 + (1_016 - 300) * 48, 0);
  });

  test("stands still when nothing is played any more", () => {
    const playing = new Playing();
    const at = clockOf(playing);
    at(980);
    playing.silentFrom = 1_000;
    at(1_000);
    const last = at(1_199);
    expect(at(1_300)).toBe(last);
    expect(at(5_000)).toBe(last);
  });

  test("goes on where RTP times begin again", () => {
    const playing = new Playing();
    playing.origin = 2 ** 32 - 48 * 1_010;
    const at = clockOf(playing);
    at(1_000);
    expect(at(1_020)).toBeCloseTo(480, 0);
  });
});

test("RTP times are compared across their seam", () => {
  expect(rtpDifference(5, 2 ** 32 - 5)).toBe(10);
  expect(rtpDifference(2 ** 32 - 5, 5)).toBe(-10);
});

test("the delay of the audio device is a mean between two looks", () => {
  const delay = new OutputDelay();
  const report = (totalPlayoutDelay: number, totalSamplesCount: number): [string, unknown][] => [
    ["x", { type: "inbound-rtp" }],
    ["y", { type: "media-playout", totalPlayoutDelay, totalSamplesCount }],
  ];
  expect(delay.measure(report(30, 1_000))).toBeCloseTo(30);
  expect(delay.measure(report(30 + 0.05 * 500, 1_500))).toBeCloseTo(50);
  expect(delay.measure(report(55, 1_500))).toBeNull();
  expect(delay.measure([])).toBeNull();
});
