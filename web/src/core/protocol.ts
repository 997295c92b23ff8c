// Generated from nodes/webrtc/protocol.py. Do not edit: python -m nodes.webrtc._typescript

export const EVENTS_CHANNEL = "oai-events";
export const AVATAR_CHANNEL = "vitagraph-avatar";
export const RTP_RATE = 48_000;
export const AVATAR_VERSION = 1;
export const AVATAR_HEADER_BYTES = 16;
export const AVATAR_FRAME_BYTES = 66;
export const AVATAR_MOST_FRAMES = 512;
export const AVATAR_WEIGHTS = 52;
export const AVATAR_POSES = 7;
export const AVATAR_VALUES = 59;
export const AVATAR_WEIGHT_SCALE = 255;
export const AVATAR_POSE_SCALE = 10_000;
export const AVATAR_END = 1;

/** The options with which to open the avatar channel. */
export const AVATAR_CHANNEL_OPTIONS = { ordered: false, maxRetransmits: 0 } as const;

/** The blendshapes of ARKit in the order of the weights of a frame. */
export const ARKIT_NAMES = [
  "eyeBlinkLeft",
  "eyeLookDownLeft",
  "eyeLookInLeft",
  "eyeLookOutLeft",
  "eyeLookUpLeft",
  "eyeSquintLeft",
  "eyeWideLeft",
  "eyeBlinkRight",
  "eyeLookDownRight",
  "eyeLookInRight",
  "eyeLookOutRight",
  "eyeLookUpRight",
  "eyeSquintRight",
  "eyeWideRight",
  "jawForward",
  "jawLeft",
  "jawRight",
  "jawOpen",
  "mouthClose",
  "mouthFunnel",
  "mouthPucker",
  "mouthLeft",
  "mouthRight",
  "mouthSmileLeft",
  "mouthSmileRight",
  "mouthFrownLeft",
  "mouthFrownRight",
  "mouthDimpleLeft",
  "mouthDimpleRight",
  "mouthStretchLeft",
  "mouthStretchRight",
  "mouthRollLower",
  "mouthRollUpper",
  "mouthShrugLower",
  "mouthShrugUpper",
  "mouthPressLeft",
  "mouthPressRight",
  "mouthLowerDownLeft",
  "mouthLowerDownRight",
  "mouthUpperUpLeft",
  "mouthUpperUpRight",
  "browDownLeft",
  "browDownRight",
  "browInnerUp",
  "browOuterUpLeft",
  "browOuterUpRight",
  "cheekPuff",
  "cheekSquintLeft",
  "cheekSquintRight",
  "noseSneerLeft",
  "noseSneerRight",
  "tongueOut",
] as const;

export type ArkitName = (typeof ARKIT_NAMES)[number];

/** What the silence before an answer consisted of; all times in milliseconds. */
export interface Turn {
  type: "vitagraph.turn";
  cause: number;
  outcome: "answered" | "interrupted" | "unanswered";
  /** From the last voiced sample in to the first audible one out; null if there was no answer. */
  silence: number | null;
  /** What each stage added to the silence, in order; the sum is `silence`. */
  parts: Record<string, number>;
  /** The `response.id` of the answer in the Realtime API. */
  response?: string | null;
}

/** A node works with reduced quality; the conversation continues. */
export interface Degraded {
  type: "vitagraph.degraded";
  node: string;
  /** The member that does the work instead; empty if none does. */
  member: string;
  /** For the person, in words. */
  message?: string;
  /** How far down the chain that member is, from 1; 0 if none does the work. */
  rung?: number;
}

/** The node works normally again. */
export interface Recovered {
  type: "vitagraph.recovered";
  node: string;
}

/** Face frames of this cause are void: it was interrupted, or is held. Its sound has stopped already. */
export interface Flush {
  type: "vitagraph.flush";
  cause: number;
}

/** The person's rating of an answer. */
export interface Rating {
  type: "vitagraph.rating";
  /** The `response.id` of the Realtime API. */
  response: string;
  value: -1 | 1;
}

/** What network and client added to the silence before an answer, after W3C's statistics; in ms, null if unknown. */
export interface Network {
  type: "vitagraph.network";
  /** That of the turn. */
  cause: number;
  /** `currentRoundTripTime` of the candidate pair in use. */
  rtt?: number | null;
  /** How long sound waited in the client: growth of `jitterBufferDelay` over that of `jitterBufferEmittedCount`. */
  jitter_buffer?: number | null;
  /** The delay of the sound card: growth of `totalPlayoutDelay` over that of `totalSamplesCount`. */
  playout?: number | null;
}

/** What the host sends on the events channel, besides the events of the Realtime API. */
export type FromServer = Turn | Degraded | Recovered | Flush;

/** What the page sends on it. */
export type FromClient = Rating | Network;

/** Consecutive frames of one cause. */
export interface AvatarBatch {
  /** Frames a second. */
  rate: number;
  /** The cause whose answer the frames belong to; a flush names it. */
  cause: number;
  /** The RTP time (wraps at 2^32) at which the first frame is shown. */
  rtp: number;
  /** No frame of this cause follows. */
  end: boolean;
  /** `AVATAR_VALUES` values a frame: weights 0 to 1, poses in radians. */
  values: Float32Array;
}

/** Raised for bytes that are not an avatar batch of this version. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

/** Reads a message of the avatar's channel; little endian throughout. */
export function decodeAvatarBatch(buffer: ArrayBuffer): AvatarBatch {
  const view = new DataView(buffer);
  const count = checkedCount(view);
  const values = new Float32Array(count * AVATAR_VALUES);
  for (let frame = 0; frame < count; frame++) {
    readFrame(view, AVATAR_HEADER_BYTES + frame * AVATAR_FRAME_BYTES, values, frame * AVATAR_VALUES);
  }
  return {
    rate: view.getUint8(1),
    cause: view.getUint32(4, true),
    rtp: view.getUint32(8, true),
    end: (view.getUint32(12, true) & AVATAR_END) !== 0,
    values,
  };
}

function checkedCount(view: DataView): number {
  const bytes = view.byteLength;
  if (bytes < AVATAR_HEADER_BYTES) {
    throw new ProtocolError(`avatar batch: ${bytes} bytes are less than a header of ${AVATAR_HEADER_BYTES}`);
  }
  const version = view.getUint8(0);
  if (version !== AVATAR_VERSION) {
    throw new ProtocolError(`avatar batch: version ${version} is not ${AVATAR_VERSION}`);
  }
  if (view.getUint8(1) === 0) {
    throw new ProtocolError("avatar batch: a rate of 0 frames a second");
  }
  const count = view.getUint16(2, true);
  if (count > AVATAR_MOST_FRAMES) {
    throw new ProtocolError(`avatar batch: ${count} frames are more than ${AVATAR_MOST_FRAMES}`);
  }
  const size = AVATAR_HEADER_BYTES + count * AVATAR_FRAME_BYTES;
  if (bytes !== size) {
    throw new ProtocolError(`avatar batch: ${bytes} bytes where ${count} frames need ${size}`);
  }
  return count;
}

function readFrame(view: DataView, from: number, values: Float32Array, to: number): void {
  for (let weight = 0; weight < AVATAR_WEIGHTS; weight++) {
    values[to + weight] = view.getUint8(from + weight) / AVATAR_WEIGHT_SCALE;
  }
  for (let pose = 0; pose < AVATAR_POSES; pose++) {
    const raw = view.getInt16(from + AVATAR_WEIGHTS + 2 * pose, true);
    values[to + AVATAR_WEIGHTS + pose] = raw / AVATAR_POSE_SCALE;
  }
}
