/** Names for the values of a frame, so that motions can be written down by name. */

import { ARKIT_NAMES, AVATAR_VALUES, type ArkitName } from "./protocol";

export const POSE_NAMES = [
  "headPitch",
  "headYaw",
  "headRoll",
  "leftEyePitch",
  "leftEyeYaw",
  "rightEyePitch",
  "rightEyeYaw",
] as const;

export type PoseName = (typeof POSE_NAMES)[number];
export type ChannelName = ArkitName | PoseName;

const INDEX = new Map<string, number>([...ARKIT_NAMES, ...POSE_NAMES].map((name, index) => [name, index]));

/** The place of a channel in a frame. */
export function channel(name: ChannelName): number {
  return INDEX.get(name) ?? 0;
}

/** A frame with these values, all others 0. */
export function frameOf(values: Partial<Record<ChannelName, number>>): Float32Array {
  const frame = new Float32Array(AVATAR_VALUES);
  for (const [name, value] of Object.entries(values)) frame[channel(name as ChannelName)] = value;
  return frame;
}
