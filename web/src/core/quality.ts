/** How much the face may cost to draw: asked for in the address, or measured. */

export type Quality = "low" | "high";

/** What `?quality=` asks for; null leaves it to the measurement. */
export function askedQuality(search: string): Quality | null {
  const asked = new URLSearchParams(search).get("quality");
  return asked === "low" || asked === "high" ? asked : null;
}

/** What the simpler face is drawn with at most: more would hold up the whole page where the processor draws it. */
const LOW_PIXELS = 120_000;

/** How many pixels are drawn for each of the page's, on a canvas of that size. */
export function pixelRatio(quality: Quality, width: number, height: number, ofDevice: number): number {
  if (quality === "high") return Math.min(2, ofDevice);
  return Math.min(1, Math.sqrt(LOW_PIXELS / (width * height)));
}

/** Frames of the first moments are not counted: shaders are still being compiled. */
const WARM_UP = 4;
/** It is judged after so many frames, or so much time, whatever comes first. */
const FRAMES = 45;
const JUDGED_MS = 2_000;
/** Below 36 frames a second a simpler face is the better one. */
const SLOW_MS = 28;
/** A pause this long is a tab in the background, not a slow frame. */
const PAUSE_MS = 1_000;

/** Measures how long frames take; decides once, and only for the lower quality. */
export class QualityMeter {
  private readonly lengths: number[] = [];
  private lastMs: number | null = null;
  private skipped = 0;
  private totalMs = 0;
  private judged = false;

  /** Counts a frame; "low" as soon as it is clear that frames are slow. */
  frame(nowMs: number): Quality | null {
    const length = this.lastMs === null ? 0 : nowMs - this.lastMs;
    this.lastMs = nowMs;
    if (this.judged || length <= 0 || length > PAUSE_MS || this.skipped++ < WARM_UP) return null;
    this.lengths.push(length);
    this.totalMs += length;
    this.judged = this.lengths.length === FRAMES || this.totalMs >= JUDGED_MS;
    return this.judged && median(this.lengths) > SLOW_MS ? "low" : null;
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
