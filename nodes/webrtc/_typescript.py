"""Writes the TypeScript side of the protocol: `python -m nodes.webrtc._typescript > web/src/core/protocol.ts`."""

from __future__ import annotations

import sys
from typing import Any, get_args

from nodes.face.arkit import NAMES
from nodes.typescript import interface, literal, union
from nodes.webrtc import protocol

_HEADER = """\
// Generated from nodes/webrtc/protocol.py. Do not edit: python -m nodes.webrtc._typescript
"""

_BATCH = """
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
"""


def typescript() -> str:
    """The whole file."""
    from_server, from_client = get_args(protocol.FromServer), get_args(protocol.FromClient)
    return "\n".join(
        [
            _HEADER,
            *_constants(),
            "",
            *(line for each in (*from_server, *from_client) for line in interface(each)),
            "/** What the host sends on the events channel, besides the events of the Realtime API. */",
            f"export type FromServer = {union(from_server)};",
            "",
            "/** What the page sends on it. */",
            f"export type FromClient = {union(from_client)};",
            _BATCH,
        ]
    )


def _constants() -> list[str]:
    values: dict[str, Any] = {
        "EVENTS_CHANNEL": protocol.EVENTS,
        "AVATAR_CHANNEL": protocol.AVATAR,
        "RTP_RATE": protocol.CLOCK,
        "AVATAR_VERSION": protocol.VERSION,
        "AVATAR_HEADER_BYTES": protocol.HEADER.size,
        "AVATAR_FRAME_BYTES": protocol.FRAME.itemsize,
        "AVATAR_MOST_FRAMES": protocol.MOST_FRAMES,
        "AVATAR_WEIGHTS": protocol.WEIGHTS,
        "AVATAR_POSES": protocol.POSE,
        "AVATAR_VALUES": protocol.WEIGHTS + protocol.POSE,
        "AVATAR_WEIGHT_SCALE": protocol.WEIGHT_SCALE,
        "AVATAR_POSE_SCALE": protocol.POSE_SCALE,
        "AVATAR_END": protocol.END,
    }
    return [
        *(f"export const {name} = {literal(value)};" for name, value in values.items()),
        "",
        "/** The options with which to open the avatar channel. */",
        "export const AVATAR_CHANNEL_OPTIONS = { ordered: false, maxRetransmits: 0 } as const;",
        "",
        "/** The blendshapes of ARKit in the order of the weights of a frame. */",
        "export const ARKIT_NAMES = [",
        *(f"  {literal(name)}," for name in NAMES),
        "] as const;",
        "",
        "export type ArkitName = (typeof ARKIT_NAMES)[number];",
    ]


if __name__ == "__main__":
    sys.stdout.write(typescript())
