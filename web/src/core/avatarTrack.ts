/**
 * The face frames that were sent ahead, found by the RTP time at which they are due.
 *
 * A ring of fixed size: it never grows and reading allocates nothing. Batches may arrive in
 * any order. Where a newer cause overlaps an older one, the newer one counts. A flush drops the
 * frames of its cause, also those that were overtaken by it; a cause that was only held goes on
 * with new frames.
 */

import { rtpDifference } from "./playoutClock";
import { AVATAR_VALUES, type AvatarBatch, RTP_RATE } from "./protocol";

/** How long after a flush frames that were sent before it may still arrive. */
const OVERTAKEN_MS = 150;
/** Frames further apart than this many frame lengths are not blended. */
const GAP = 2.5;

interface Frame {
  rtp: number;
  cause: number;
  values: Float32Array;
}

export class AvatarTrack {
  private readonly values: Float32Array;
  private readonly times: Float64Array;
  private readonly causes: Float64Array;
  /** Until when frames of a flushed cause are taken for older than the flush. */
  private readonly flushed = new Map<number, number>();
  private head = 0;
  private count = 0;
  private ticks = RTP_RATE / 60;

  /** The capacity in frames: 20 s at 60 frames a second by default. */
  constructor(private readonly capacity = 1_200) {
    this.values = new Float32Array(capacity * AVATAR_VALUES);
    this.times = new Float64Array(capacity);
    this.causes = new Float64Array(capacity);
  }

  /** Frames that are kept. */
  get length(): number {
    return this.count;
  }

  push(batch: AvatarBatch, nowMs: number): void {
    if (nowMs < (this.flushed.get(batch.cause) ?? 0)) return;
    this.ticks = RTP_RATE / batch.rate;
    const later = this.takeFrom(batch);
    const [next] = later;
    const frames = batch.values.length / AVATAR_VALUES;
    for (let frame = 0; frame < frames; frame++) {
      const rtp = batch.rtp + frame * this.ticks;
      if (next && rtpDifference(rtp, next.rtp) >= 0) break;
      this.append(rtp, batch.cause, batch.values.subarray(frame * AVATAR_VALUES, (frame + 1) * AVATAR_VALUES));
    }
    for (const { rtp, cause, values } of later) this.append(rtp, cause, values);
  }

  /** Drops the frames of a cause, and those that are still on their way. */
  flush(cause: number, nowMs: number): void {
    for (const [other, untilMs] of this.flushed) if (untilMs <= nowMs) this.flushed.delete(other);
    this.flushed.set(cause, nowMs + OVERTAKEN_MS);
    let kept = 0;
    for (let index = 0; index < this.count; index++) {
      if (this.causes[this.slot(index)] !== cause) this.move(index, kept++);
    }
    this.count = kept;
  }

  clear(): void {
    this.count = 0;
    this.flushed.clear();
  }

  /** Writes the frame due at that RTP time into `target`; false if there is none. */
  sample(rtp: number, target: Float32Array): boolean {
    while (this.count > 1 && this.since(1, rtp) >= 0) this.shift();
    if (this.count === 0) return false;
    const since = this.since(0, rtp);
    if (since < 0) return false;
    const span = this.spanToNext();
    // The last frame of an answer is shown for its own length, and that is all.
    if (span === null && since >= this.ticks) {
      this.shift();
      return false;
    }
    this.blend(target, span === null ? 0 : since / span);
    return true;
  }

  private since(index: number, rtp: number): number {
    return rtpDifference(rtp, this.times[this.slot(index)] ?? 0);
  }

  private spanToNext(): number | null {
    if (this.count < 2) return null;
    const span = rtpDifference(this.times[this.slot(1)] ?? 0, this.times[this.slot(0)] ?? 0);
    return span > this.ticks * GAP ? null : span;
  }

  private blend(target: Float32Array, share: number): void {
    const from = this.slot(0) * AVATAR_VALUES;
    const to = this.slot(share > 0 ? 1 : 0) * AVATAR_VALUES;
    for (let value = 0; value < AVATAR_VALUES; value++) {
      const before = this.values[from + value] ?? 0;
      target[value] = before + ((this.values[to + value] ?? 0) - before) * share;
    }
  }

  private slot(index: number): number {
    return (this.head + index) % this.capacity;
  }

  private shift(): void {
    this.head = this.slot(1);
    this.count--;
  }

  /** Takes off what lies at or after the batch; gives back what is to come after it again. */
  private takeFrom(batch: AvatarBatch): Frame[] {
    const later: Frame[] = [];
    while (this.count > 0) {
      const slot = this.slot(this.count - 1);
      const rtp = this.times[slot] ?? 0;
      if (rtpDifference(batch.rtp, rtp) > 0) break;
      this.count--;
      const cause = this.causes[slot] ?? 0;
      if (cause < batch.cause) continue; // An older answer gives way.
      later.push({ rtp, cause, values: this.values.slice(slot * AVATAR_VALUES, (slot + 1) * AVATAR_VALUES) });
    }
    return later.reverse();
  }

  private append(rtp: number, cause: number, values: Float32Array): void {
    if (this.count === this.capacity) this.shift();
    const slot = this.slot(this.count++);
    this.times[slot] = rtp;
    this.causes[slot] = cause;
    this.values.set(values, slot * AVATAR_VALUES);
  }

  private move(from: number, to: number): void {
    if (from === to) return;
    const source = this.slot(from);
    const target = this.slot(to);
    this.times[target] = this.times[source] ?? 0;
    this.causes[target] = this.causes[source] ?? 0;
    this.values.copyWithin(target * AVATAR_VALUES, source * AVATAR_VALUES, (source + 1) * AVATAR_VALUES);
  }
}
