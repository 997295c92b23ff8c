/**
 * Which RTP time is being heard right now.
 *
 * The receiver tells the RTP time of the packet last played and when that was; between two
 * packets the clock runs on by itself. It works small errors off over a moment, so that lips do not
 * jerk, and follows large ones (a gap, a stretched jitter buffer) at once: a face that skips two
 * frames is not noticed, lips that run beside the words for a second are.
 */

import { RTP_RATE } from "./protocol";

/** The part of RTCRtpReceiver that is asked. */
export interface SynchronizationSources {
  getSynchronizationSources(): { rtpTimestamp: number; timestamp: number }[];
}

export interface PlayoutClockOptions {
  /** From the mixer to the ear: what the audio device adds. */
  outputDelayMs?: number;
  /** Since when `timestamp` counts: `performance.timeOrigin`. */
  timeOrigin?: number;
}

const TICKS_PER_MS = RTP_RATE / 1_000;
/** An error above this is jumped over: sound that is early by 45 ms is detected (ITU-R BT.1359-1). */
const JUMP_MS = 40;
/** Errors below it are worked off at most this fast, in seconds a second: gone after 0.2 s. */
const SLEW = 0.2;
/** A time stamp older than this says nothing: the sound stands still. */
const STALE_MS = 200;

export class PlayoutClock {
  outputDelayMs: number;
  private readonly timeOrigin: number;
  private position: number | null = null;
  private lastMs = 0;

  constructor(
    private readonly receiver: SynchronizationSources,
    { outputDelayMs = 30, timeOrigin = performance.timeOrigin }: PlayoutClockOptions = {},
  ) {
    this.outputDelayMs = outputDelayMs;
    this.timeOrigin = timeOrigin;
  }

  /** The RTP time heard at `nowMs` (as of `performance.now()`); null before the first sound. */
  at(nowMs: number): number | null {
    const measured = this.measure(nowMs);
    const elapsed = Math.max(0, nowMs - this.lastMs) * TICKS_PER_MS;
    this.lastMs = nowMs;
    if (measured === null) return this.position === null ? null : wrap(this.position);
    this.position = this.position === null ? measured : follow(this.position + elapsed, measured, elapsed);
    return wrap(this.position);
  }

  private measure(nowMs: number): number | null {
    const source = this.receiver.getSynchronizationSources()[0];
    if (!source) return null;
    const age = this.timeOrigin + nowMs - source.timestamp;
    if (age > STALE_MS) return null;
    return source.rtpTimestamp + (age - this.outputDelayMs) * TICKS_PER_MS;
  }
}

function follow(predicted: number, measured: number, elapsed: number): number {
  const error = rtpDifference(measured, predicted);
  if (Math.abs(error) > JUMP_MS * TICKS_PER_MS) return measured;
  const most = SLEW * elapsed;
  return predicted + Math.min(most, Math.max(-most, error));
}

/** a - b of two RTP times, which begin again at 2^32. */
export function rtpDifference(a: number, b: number): number {
  const difference = (a - b) % 2 ** 32;
  if (difference >= 2 ** 31) return difference - 2 ** 32;
  return difference < -(2 ** 31) ? difference + 2 ** 32 : difference;
}

function wrap(position: number): number {
  const wrapped = position % 2 ** 32;
  return wrapped < 0 ? wrapped + 2 ** 32 : wrapped;
}

/** What the audio device adds, as the browser measured it between two looks; null if it tells nothing. */
export class OutputDelay {
  private delaySeconds = 0;
  private samples = 0;

  measure(report: Iterable<[string, unknown]>): number | null {
    for (const [, entry] of report) {
      const stats = entry as { type?: string; totalPlayoutDelay?: number; totalSamplesCount?: number };
      if (stats.type !== "media-playout" || !stats.totalSamplesCount) continue;
      const delay = (stats.totalPlayoutDelay ?? 0) - this.delaySeconds;
      const samples = stats.totalSamplesCount - this.samples;
      this.delaySeconds = stats.totalPlayoutDelay ?? 0;
      this.samples = stats.totalSamplesCount;
      return samples > 0 ? (delay / samples) * 1_000 : null;
    }
    return null;
  }
}
