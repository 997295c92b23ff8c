import { describe, expect, test, vi } from "vitest";

import { AnimationCache, AnimationTrack } from "../../src/core/animationCache";
import { channel } from "../../src/core/channels";
import { DigitalHumanAnimator } from "../../src/core/digitalHumanAnimator";
import { MOTIONS, type MotionKind } from "../../src/core/motions";
import { AVATAR_VALUES } from "../../src/core/protocol";
import { QualityMeter, askedQuality, pixelRatio } from "../../src/core/quality";

describe("the animation cache", () => {
  test("computes a motion once for a kind and a length", () => {
    const cache = new AnimationCache();
    expect(cache.track("blink", 220)).toBe(cache.track("blink", 220));
    expect(cache.track("blink", 300)).not.toBe(cache.track("blink", 220));
    expect(cache.track("nod", 220)).not.toBe(cache.track("blink", 220));
  });

  test("is bounded, and forgets the one unused for longest", () => {
    const cache = new AnimationCache(3);
    const first = cache.track("blink", 1_000);
    const second = cache.track("blink", 2_000);
    cache.track("blink", 3_000);
    cache.track("blink", 1_000);
    cache.track("blink", 4_000);
    expect(cache.size).toBe(3);
    expect(cache.track("blink", 1_000)).toBe(first);
    expect(cache.track("blink", 2_000)).not.toBe(second);
  });

  test("has 60 frames a second", () => {
    expect(new AnimationTrack("sway", 2_000).frames).toBe(121);
  });

  test.each(Object.keys(MOTIONS) as MotionKind[])("%s ends as it began", (kind) => {
    const track = new AnimationTrack(kind, 1_000);
    const begin = new Float32Array(AVATAR_VALUES);
    const end = new Float32Array(AVATAR_VALUES);
    track.addTo(begin, 0);
    track.addTo(end, 1);
    for (const [index, value] of begin.entries()) expect(end[index]).toBeCloseTo(value, 5);
  });

  test("a blink closes both lids", () => {
    const frame = new Float32Array(AVATAR_VALUES);
    new AnimationTrack("blink", 200).addTo(frame, 0.35);
    expect(frame[channel("eyeBlinkLeft")]).toBeGreaterThan(0.95);
    expect(frame[channel("eyeBlinkRight")]).toBeGreaterThan(0.95);
  });
});

describe("the animator", () => {
  test("applies the last value of each target, once", () => {
    const apply = vi.fn();
    const animator = new DigitalHumanAnimator<number>(apply);
    animator.scheduleUpdate("jaw", 1);
    animator.scheduleUpdate("jaw", 2);
    animator.scheduleUpdate("head", 3);
    expect(animator.flush(1_000)).toBe(true);
    expect(apply.mock.calls).toEqual([
      ["jaw", 2],
      ["head", 3],
    ]);
    expect(animator.flush(2_000)).toBe(false);
  });

  test("applies at most once every 16 milliseconds", () => {
    const apply = vi.fn();
    const animator = new DigitalHumanAnimator<number>(apply);
    let applied = 0;
    for (let nowMs = 0; nowMs < 1_000; nowMs += 4) {
      animator.scheduleUpdate("jaw", nowMs);
      if (animator.flush(nowMs)) applied++;
    }
    expect(applied).toBe(63);
    expect(apply).toHaveBeenCalledTimes(63);
  });

  test("keeps what came too soon for the next time", () => {
    const apply = vi.fn();
    const animator = new DigitalHumanAnimator<number>(apply);
    animator.scheduleUpdate("jaw", 1);
    animator.flush(0);
    animator.scheduleUpdate("jaw", 2);
    expect(animator.flush(10)).toBe(false);
    expect(animator.flush(16)).toBe(true);
    expect(apply).toHaveBeenLastCalledWith("jaw", 2);
  });
});

describe("quality", () => {
  test.each([
    ["?quality=low", "low"],
    ["?quality=high", "high"],
    ["?quality=best", null],
    ["", null],
  ])("asked for in the address: %s", (search, quality) => expect(askedQuality(search)).toBe(quality));

  function measured(frameMs: number, frames = 100): (string | null)[] {
    const meter = new QualityMeter();
    return Array.from({ length: frames }, (_, index) => meter.frame(1_000 + index * frameMs)).filter(Boolean);
  }

  test("is lowered once where frames are slow", () => expect(measured(50)).toEqual(["low"]));
  test("stays where frames are quick", () => expect(measured(16.7)).toEqual([]));
  test("is not judged by a tab in the background", () => expect(measured(1_500)).toEqual([]));

  test("is fine where it is high, though not finer than can be seen", () => {
    expect([pixelRatio("high", 800, 800, 1), pixelRatio("high", 800, 800, 3)]).toEqual([1, 2]);
  });

  test("has a bounded number of pixels where it is low: a large face must not hold up the page", () => {
    const ratio = pixelRatio("low", 1_200, 900, 2);
    expect(ratio * 1_200 * ratio * 900).toBeCloseTo(120_000);
    expect(pixelRatio("low", 300, 300, 3)).toBe(1);
  });
});
