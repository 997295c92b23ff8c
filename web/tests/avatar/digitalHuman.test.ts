import { describe, expect, test } from "vitest";

import { DigitalHuman } from "../../src/avatar/digitalHuman";
import { IdleLife } from "../../src/avatar/idle";
import { AvatarTrack } from "../../src/core/avatarTrack";
import { channel } from "../../src/core/channels";
import { AVATAR_VALUES, decodeAvatarBatch } from "../../src/core/protocol";
import { batchBytes } from "../fakes";

const jaw = channel("jawOpen");
const blink = channel("eyeBlinkLeft");
const yaw = channel("headYaw");

/** An answer of one second with an open mouth, heard from 1,000 ms on. */
function speaking(): { human: DigitalHuman; track: AvatarTrack } {
  const track = new AvatarTrack();
  const frames = Array.from({ length: 60 }, () => ({ jawOpen: 0.6 }));
  track.push(decodeAvatarBatch(batchBytes({ rtp: 48_000, cause: 5, frames })), 0);
  const source = { track, heardAt: (nowMs: number) => nowMs * 48 };
  return { human: new DigitalHuman(source, new IdleLife(undefined, () => 0.5)), track };
}

function run(human: DigitalHuman, fromMs: number, toMs: number): number {
  let value = 0;
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += 16) value = human.at(nowMs)[jaw] ?? 0;
  return value;
}

describe("the digital human", () => {
  test("opens the mouth when the sound is heard, within a tenth of a second", () => {
    const { human } = speaking();
    expect(run(human, 800, 990)).toBe(0);
    expect(run(human, 1_000, 1_100)).toBeCloseTo(0.6, 2);
  });

  test("closes it gently at the end", () => {
    const { human } = speaking();
    run(human, 900, 1_984);
    const half = run(human, 2_000, 2_048);
    expect(half).toBeGreaterThan(0.1);
    expect(half).toBeLessThan(0.5);
    expect(run(human, 2_064, 2_200)).toBe(0);
  });

  test("falls silent within 150 ms of being interrupted", () => {
    const { human, track } = speaking();
    run(human, 900, 1_400);
    track.flush(5, 1_400);
    expect(run(human, 1_416, 1_550)).toBe(0);
  });

  test("gives out the same memory each time", () => {
    const { human } = speaking();
    expect(human.at(1)).toBe(human.at(20));
  });

  test("idles while nothing is heard", () => {
    const human = new DigitalHuman({ track: new AvatarTrack(), heardAt: () => null });
    expect(human.at(10)[channel("mouthSmileLeft")]).toBeGreaterThan(0);
  });
});

describe("idle life", () => {
  function watched(change: (idle: IdleLife) => void, seconds = 30): Float32Array[] {
    const idle = new IdleLife();
    change(idle);
    return Array.from({ length: seconds * 60 }, (_, index) => {
      const frame = new Float32Array(AVATAR_VALUES);
      idle.write(frame, 1_000 + index * 16.7);
      return frame;
    });
  }
  const spread = (frames: Float32Array[], index: number): number => {
    const values = frames.map((frame) => frame[index] ?? 0);
    return Math.max(...values) - Math.min(...values);
  };

  test("blinks every few seconds", () => {
    const shut = watched(() => undefined).map((frame) => (frame[blink] ?? 0) > 0.8);
    const blinks = shut.filter((closed, index) => closed && !shut[index - 1]).length;
    expect(blinks).toBeGreaterThanOrEqual(4);
    expect(blinks).toBeLessThanOrEqual(15);
  });

  test("never leaves the bounds of a face", () => {
    let [least, most, turned] = [0, 0, 0];
    for (const mood of ["idle", "listening", "hearing", "thinking", "speaking"] as const) {
      for (const frame of watched((idle) => (idle.mood = mood))) {
        const weights = frame.subarray(0, 52);
        least = Math.min(least, ...weights);
        most = Math.max(most, ...weights);
        turned = Math.max(turned, Math.abs(frame[yaw] ?? 0));
      }
    }
    expect(least).toBeGreaterThanOrEqual(-1e-6);
    expect(most).toBeLessThanOrEqual(1);
    expect(turned).toBeLessThan(0.2);
  });

  test("sways, but not for those who asked for less motion; they still see it blink", () => {
    expect(spread(watched(() => undefined), yaw)).toBeGreaterThan(0.02);
    const calm = watched((idle) => (idle.calm = true));
    expect(spread(calm, yaw)).toBe(0);
    expect(spread(calm, blink)).toBeGreaterThan(0.8);
  });

  test("raises the brows when spoken to, and looks away to think", () => {
    const brow = channel("browInnerUp");
    const hearing = watched((idle) => (idle.mood = "hearing"), 3).at(-1)!;
    const waiting = watched((idle) => (idle.mood = "idle"), 3).at(-1)!;
    expect(hearing[brow]).toBeGreaterThan((waiting[brow] ?? 0) + 0.03);
    const thinking = watched((idle) => (idle.mood = "thinking"), 3).at(-1)!;
    expect(thinking[channel("leftEyePitch")]).toBeLessThan(-0.02);
  });
});
