/** The part of a session that is shown, and where each moment is drawn. Times are in milliseconds. */

export interface View {
  from: number;
  to: number;
}

/** The shortest stretch that can be shown. */
export const SHORTEST = 200;

export const span = ({ from, to }: View): number => to - from;

/** Keeps a view within a session, and at least `SHORTEST` long. */
export function clamped({ from, to }: View, duration: number): View {
  const whole = Math.max(duration, SHORTEST);
  const length = Math.min(Math.max(to - from, SHORTEST), whole);
  const start = Math.min(Math.max(0, from), whole - length);
  return { from: start, to: start + length };
}

/** Shows `factor` times as much, so that `around` stays where it is. */
export function zoomed(view: View, factor: number, around: number, duration: number): View {
  const length = Math.min(Math.max(span(view) * factor, SHORTEST), Math.max(duration, SHORTEST));
  const share = (around - view.from) / span(view);
  return clamped({ from: around - share * length, to: around + (1 - share) * length }, duration);
}

/** Moves by a share of what is shown. */
export function moved(view: View, share: number, duration: number): View {
  const by = span(view) * share;
  return clamped({ from: view.from + by, to: view.to + by }, duration);
}

/** From moments to pixels and back. */
export class Scale {
  constructor(
    readonly view: View,
    readonly width: number,
  ) {}

  x(at: number): number {
    return ((at - this.view.from) / span(this.view)) * this.width;
  }

  at(x: number): number {
    return this.view.from + (x / this.width) * span(this.view);
  }

  /** Whether any of a stretch is shown. */
  shows(start: number, end: number): boolean {
    return end >= this.view.from && start <= this.view.to;
  }
}

const STEPS = [50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000];
const MINUTES = [60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000];

/** Round moments that are at least `apart` pixels from each other, and the step between them. */
export function ticks({ view, width }: Scale, apart: number): { step: number; at: number[] } {
  const least = (span(view) / Math.max(1, width)) * apart;
  const step = [...STEPS, ...MINUTES].find((each) => each >= least) ?? Math.ceil(least / 3_600_000) * 3_600_000;
  const first = Math.ceil(view.from / step);
  const count = Math.max(0, Math.floor(view.to / step) - first + 1);
  return { step, at: Array.from({ length: count }, (_, n) => (first + n) * step) };
}

/** The highest value of an envelope in each pixel column, 0 to 1; 0 where it has none. */
export function columns(peaks: readonly number[], step: number, scale: Scale): Float32Array {
  const heights = new Float32Array(Math.max(0, Math.ceil(scale.width)));
  for (let x = 0; x < heights.length; x++) {
    const first = Math.max(0, Math.floor(scale.at(x) / step));
    const last = Math.min(peaks.length - 1, Math.max(first, Math.ceil(scale.at(x + 1) / step) - 1));
    let high = 0;
    for (let n = first; n <= last; n++) high = Math.max(high, peaks[n] ?? 0);
    heights[x] = high / 255;
  }
  return heights;
}
