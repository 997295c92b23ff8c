/**
 * Gathers what is to be changed and applies it all at once, at most once every 16 ms.
 *
 * Of several updates of one target only the last counts. All times are milliseconds.
 */

export const FRAME_MS = 16;

export class DigitalHumanAnimator<Data> {
  private readonly pending = new Map<string, Data>();
  private lastFlush = Number.NEGATIVE_INFINITY;

  constructor(private readonly apply: (target: string, data: Data) => void) {}

  scheduleUpdate(target: string, data: Data): void {
    this.pending.set(target, data);
  }

  /** Applies what is pending; says whether it did. Sooner than 16 ms after the last time it waits. */
  flush(nowMs: number): boolean {
    if (this.pending.size === 0 || nowMs - this.lastFlush < FRAME_MS) return false;
    this.lastFlush = nowMs;
    this.pending.forEach(this.applyOne);
    this.pending.clear();
    return true;
  }

  // Kept, so that a flush makes no function.
  private readonly applyOne = (data: Data, target: string): void => this.apply(target, data);
}
