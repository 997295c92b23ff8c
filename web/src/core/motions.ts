/** The motions that the page makes by itself, as functions of their progress from 0 to 1. */

import type { ChannelName } from "./channels";

export type MotionKind = "blink" | "nod" | "sway" | "breath";

/** How far each channel is moved at that progress; loops end where they began. */
export type Motion = Readonly<Partial<Record<ChannelName, (progress: number) => number>>>;

const TURN = 2 * Math.PI;

/** Lids fall in the first 30 %, rest, and open slower. */
function lid(progress: number): number {
  if (progress < 0.3) return smooth(progress / 0.3);
  if (progress < 0.4) return 1;
  return 1 - smooth((progress - 0.4) / 0.6);
}

function smooth(share: number): number {
  return share * share * (3 - 2 * share);
}

/** Whole numbers of waves, so that the loop has no seam; no two of them move together. */
const wave =
  (...parts: [size: number, waves: number, phase: number][]) =>
  (progress: number): number =>
    parts.reduce((sum, [size, waves, phase]) => sum + size * Math.sin(TURN * (waves * progress + phase)), 0);

export const MOTIONS: Readonly<Record<MotionKind, Motion>> = {
  blink: {
    eyeBlinkLeft: lid,
    eyeBlinkRight: lid,
    eyeSquintLeft: (progress) => 0.15 * lid(progress),
    eyeSquintRight: (progress) => 0.15 * lid(progress),
    browDownLeft: (progress) => 0.06 * lid(progress),
    browDownRight: (progress) => 0.06 * lid(progress),
  },
  nod: {
    headPitch: (progress) => 0.07 * Math.sin(TURN * progress) * (1 - progress) + 0.02 * Math.sin(Math.PI * progress),
  },
  sway: {
    headYaw: wave([0.028, 1, 0.1], [0.014, 3, 0.6]),
    headRoll: wave([0.016, 2, 0.3], [0.007, 5, 0.8]),
    headPitch: wave([0.014, 2, 0.7], [0.006, 3, 0.2]),
    browInnerUp: (progress) => 0.03 + wave([0.03, 2, 0.4])(progress),
  },
  breath: {
    headPitch: wave([0.006, 1, 0]),
    noseSneerLeft: (progress) => 0.02 * (1 + Math.sin(TURN * progress)),
    noseSneerRight: (progress) => 0.02 * (1 + Math.sin(TURN * progress)),
  },
};
