/** When a number calls for attention, and when for action. The thresholds are those of the alerts. */

export type Grade = "good" | "fair" | "poor";

function rising(value: number | null, fair: number, poor: number): Grade {
  if (value === null || value < fair) return "good";
  return value < poor ? "fair" : "poor";
}

/** Of a silence in ms, where the graph names no budget. */
export const gradeSilence = (ms: number | null): Grade => rising(ms, 1_500, 2_500);
/** Of the time that a packet waits in a queue, in ms. */
export const gradeAge = (ms: number): Grade => rising(ms, 200, 1_000);
/** Of the share of packets that were lost. */
export const gradeLost = (share: number | null): Grade => rising(share, 0.02, 0.05);
/** Of a share of processor or memory. */
export const gradeLoad = (share: number): Grade => rising(share, 0.8, 0.9);
/** Of the lateness of the event loop, in seconds. */
export const gradeLag = (seconds: number): Grade => rising(seconds, 0.02, 0.04);
/** Of an estimated opinion of the sound, 1 to 4.5. */
export const gradeMos = (mos: number | null): Grade => rising(mos === null ? null : -mos, -3.6, -3.1);
/** Of the share of turns that were answered. */
export const gradeSuccess = (share: number | null): Grade => rising(share === null ? null : 1 - share, 0.02, 0.05);
