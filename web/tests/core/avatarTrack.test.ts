import { describe, expect, test } from "vitest";

import { AvatarTrack } from "../../src/core/avatarTrack";
import { channel } from "../../src/core/channels";
import { AVATAR_VALUES, decodeAvatarBatch } from "../../src/core/protocol";
import { batchBytes } from "../fakes";

const FRAME = 800; // of 60 a second, in RTP time
const target = new Float32Array(AVATAR_VALUES);
const jaw = channel("jawOpen");

function push(track: AvatarTrack, rtp: number, jaws: number[], cause = 1, nowMs = 0): void {
  track.push(decodeAvatarBatch(batchBytes({ rtp, cause, frames: jaws.map((jawOpen) => ({ jawOpen })) })), nowMs);
}

/** The jaw at that time; null where there is no frame. */
function at(track: AvatarTrack, rtp: number): number | null {
  return track.sample(rtp, target) ? (target[jaw] ?? null) : null;
}

describe("the avatar track", () => {
  test("shows each frame at its time, and blends between two", () => {
    const track = new AvatarTrack();
    push(track, 1_000, [0, 1, 0]);
    expect(at(track, 999)).toBeNull();
    expect(at(track, 1_000)).toBe(0);
    expect(at(track, 1_000 + FRAME / 2)).toBeCloseTo(0.5);
    expect(at(track, 1_000 + FRAME)).toBe(1);
    expect(at(track, 1_000 + 1.75 * FRAME)).toBeCloseTo(0.25);
  });

  test("ends with the last frame", () => {
    const track = new AvatarTrack();
    push(track, 0, [1]);
    expect(at(track, FRAME - 1)).toBe(1);
    expect(at(track, FRAME)).toBeNull();
    expect(track.length).toBe(0);
  });

  test("goes on from batch to batch without a seam, also where RTP times begin again", () => {
    const track = new AvatarTrack();
    const start = 2 ** 32 - FRAME;
    push(track, start, [0, 0.4]);
    push(track, FRAME, [0.8]);
    expect(at(track, FRAME / 2)).toBeCloseTo(0.6, 2);
  });

  test("does not blend over a pause", () => {
    const track = new AvatarTrack();
    push(track, 0, [1]);
    push(track, 48_000, [0]);
    expect(at(track, 24_000)).toBeNull();
    expect(at(track, 48_000)).toBe(0);
  });

  test("puts batches in order that arrive out of order, and takes none twice", () => {
    const track = new AvatarTrack();
    push(track, 0, [0, 0.2]);
    push(track, 4 * FRAME, [0.8, 1]);
    push(track, 2 * FRAME, [0.4, 0.6]);
    push(track, 2 * FRAME, [0.4, 0.6]);
    expect(track.length).toBe(6);
    for (const frame of [0, 1, 2, 3, 4, 5]) expect(at(track, frame * FRAME)).toBeCloseTo(frame / 5, 2);
  });

  test("lets no late frame of an older answer into a newer one", () => {
    const track = new AvatarTrack();
    push(track, 2 * FRAME, [0, 0], 2);
    push(track, 0, [1, 1, 1, 1], 1);
    expect(track.length).toBe(4);
    expect(at(track, 2 * FRAME)).toBe(0);
  });

  test("goes on with an answer that was only held", () => {
    const track = new AvatarTrack();
    push(track, 0, [1, 1], 1, 1_000);
    track.flush(1, 1_000);
    push(track, 30 * FRAME, [1, 1], 1, 1_400);
    expect(track.length).toBe(2);
  });

  test("drops the frames of a flushed cause, and those that the flush has overtaken", () => {
    const track = new AvatarTrack();
    push(track, 0, [1, 1, 1], 1);
    push(track, 3 * FRAME, [0.4, 0.4], 2);
    track.flush(1, 1_000);
    expect(track.length).toBe(2);
    push(track, 10 * FRAME, [1], 1, 1_100);
    expect(track.length).toBe(2);
    expect(at(track, 0)).toBeNull();
    expect(at(track, 3 * FRAME)).toBeCloseTo(0.4, 2);
  });

  test("a newer answer takes the place of what an older one had left at the same time", () => {
    const track = new AvatarTrack();
    push(track, 0, [1, 1, 1, 1], 1);
    push(track, 2 * FRAME, [0, 0], 2);
    expect(track.length).toBe(4);
    expect(at(track, 2 * FRAME)).toBe(0);
  });

  test("never grows", () => {
    const track = new AvatarTrack(10);
    for (let batch = 0; batch < 20; batch++) push(track, batch * 6 * FRAME, [0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(track.length).toBe(10);
    expect(at(track, (20 * 6 - 1) * FRAME)).toBe(1);
  });
});
