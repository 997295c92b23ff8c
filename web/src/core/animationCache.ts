/** Motions computed once into tracks of 60 frames a second; the least used ones are forgotten. */

import { type ChannelName, channel } from "./channels";
import { MOTIONS, type MotionKind } from "./motions";

export const TRACK_RATE = 60;

/** One motion at one length: what it adds to each of its channels, frame by frame. */
export class AnimationTrack {
  readonly frames: number;
  private readonly channels: Uint8Array;
  private readonly values: Float32Array;

  constructor(kind: MotionKind, durationMs: number) {
    const motion = Object.entries(MOTIONS[kind]);
    this.frames = Math.max(2, Math.round((durationMs / 1_000) * TRACK_RATE) + 1);
    this.channels = Uint8Array.from(motion, ([name]) => channel(name as ChannelName));
    this.values = new Float32Array(this.frames * motion.length);
    for (let frame = 0; frame < this.frames; frame++) {
      motion.forEach(([, value], column) => {
        this.values[frame * motion.length + column] = value(frame / (this.frames - 1));
      });
    }
  }

  /** Adds the motion at that progress (0 to 1), times `share`, to a frame. */
  addTo(target: Float32Array, progress: number, share = 1): void {
    const place = Math.min(1, Math.max(0, progress)) * (this.frames - 1);
    const before = Math.min(this.frames - 2, Math.floor(place));
    const width = this.channels.length;
    for (let column = 0; column < width; column++) {
      const from = this.values[before * width + column] ?? 0;
      const to = this.values[(before + 1) * width + column] ?? 0;
      const index = this.channels[column] ?? 0;
      target[index] = (target[index] ?? 0) + (from + (to - from) * (place - before)) * share;
    }
  }
}

export class AnimationCache {
  private readonly tracks = new Map<string, AnimationTrack>();

  constructor(private readonly capacity = 32) {}

  get size(): number {
    return this.tracks.size;
  }

  /** The track of that kind and length; lengths are rounded to whole frames. */
  track(kind: MotionKind, durationMs: number): AnimationTrack {
    const key = `${kind}/${Math.round((durationMs / 1_000) * TRACK_RATE)}`;
    const track = this.tracks.get(key) ?? new AnimationTrack(kind, durationMs);
    this.tracks.delete(key);
    this.tracks.set(key, track); // A Map keeps its order: the first key is the one unused for longest.
    if (this.tracks.size > this.capacity) {
      for (const oldest of this.tracks.keys()) {
        this.tracks.delete(oldest);
        break;
      }
    }
    return track;
  }
}
