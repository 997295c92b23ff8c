"""The messages of a call's data channels, for server and client.

Two channels, both opened by the client:

- `oai-events`: JSON text, each with a `type`. Types that begin with `vitagraph.` are defined
  here; all others are those of the Realtime API.
- `vitagraph-avatar`: binary, unordered and without retransmission (`{ordered: false,
  maxRetransmits: 0}`): face frames, sent ahead of the sound that they belong to. A client
  without a face does not open it.

A batch of frames, little endian:

    offset  size  header, 16 bytes
    0       u8    version: 1
    1       u8    rate: frames a second
    2       u16   count: frames that follow, 0 to 512
    4       u32   cause: the turn that they belong to
    8       u32   timestamp: RTP time (48 kHz, wraps) at which the first frame is shown
    12      u32   flags: bit 0, these are the last frames of this cause
            count times 66 bytes
    16      52 u8   weights of ARKit's blendshapes, 0 to 255 for 0 to 1
    68      7 i16   head pitch, yaw, roll; left eye pitch, yaw; right eye pitch, yaw; radians * 10,000

`web/src/core/protocol.ts` is generated from here: `python -m nodes.webrtc._typescript`.
"""

from __future__ import annotations

import struct
from typing import Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserInputError

EVENTS = "oai-events"
AVATAR = "vitagraph-avatar"

VERSION = 1
HEADER = struct.Struct("<BBHIII")
WEIGHTS, POSE = 52, 7
WEIGHT_SCALE, POSE_SCALE = 255, 10_000
FRAME = np.dtype([("weights", "u1", (WEIGHTS,)), ("pose", "<i2", (POSE,))])
END = 1
"""The flag of the last frames of a cause."""
MOST_FRAMES = 512
CLOCK = 48_000
"""Hz of the timestamps."""


class Message(msgspec.Struct, frozen=True, tag_field="type"):
    """A JSON message that is not part of the Realtime API."""


class Turn(Message, frozen=True, tag="vitagraph.turn"):
    """What the silence before an answer consisted of; all times in milliseconds."""

    cause: int
    outcome: Literal["answered", "interrupted", "unanswered"]
    silence: float | None
    """From the last voiced sample in to the first audible one out; null if there was no answer."""
    parts: dict[str, float]
    """What each stage added to the silence, in order; the sum is `silence`."""
    response: str | None = None
    """The `response.id` of the answer in the Realtime API."""


class Degraded(Message, frozen=True, tag="vitagraph.degraded"):
    """A node works with reduced quality; the conversation continues."""

    node: str
    member: str
    """The member that does the work instead; empty if none does."""
    message: str = ""
    """For the person, in words."""
    rung: int = 0
    """How far down the chain that member is, from 1; 0 if none does the work."""


class Recovered(Message, frozen=True, tag="vitagraph.recovered"):
    """The node works normally again."""

    node: str


class Flush(Message, frozen=True, tag="vitagraph.flush"):
    """Face frames of this cause are void: it was interrupted, or is held. Its sound has stopped already."""

    cause: int


class Rating(Message, frozen=True, tag="vitagraph.rating"):
    """The person's rating of an answer."""

    response: str
    """The `response.id` of the Realtime API."""
    value: Literal[1, -1]


class Network(Message, frozen=True, tag="vitagraph.network"):
    """What network and client added to the silence before an answer, after W3C's statistics; in ms, null if unknown."""

    cause: int
    """That of the turn."""
    rtt: Annotated[float, msgspec.Meta(ge=0, le=60_000)] | None = None
    """`currentRoundTripTime` of the candidate pair in use."""
    jitter_buffer: Annotated[float, msgspec.Meta(ge=0, le=60_000)] | None = None
    """How long sound waited in the client: growth of `jitterBufferDelay` over that of `jitterBufferEmittedCount`."""
    playout: Annotated[float, msgspec.Meta(ge=0, le=60_000)] | None = None
    """The delay of the sound card: growth of `totalPlayoutDelay` over that of `totalSamplesCount`."""


FromServer = Turn | Degraded | Recovered | Flush
FromClient = Rating | Network

_encode = msgspec.json.Encoder().encode
_decode_client = msgspec.json.Decoder(FromClient).decode
_decode_server = msgspec.json.Decoder(FromServer).decode


def encode(message: Message) -> str:
    """The JSON text of a message."""
    return _encode(message).decode()


def decode_from_client(text: str) -> FromClient:
    """A message from a client; raises UserInputError if it is malformed."""
    try:
        message: FromClient = _decode_client(text)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise UserInputError(f"the client sent a message that cannot be read: {error}", hint=_READ) from error
    return message


def decode_from_server(text: str) -> FromServer:
    """A message from a server, for clients in Python; raises UserInputError if it is malformed."""
    try:
        message: FromServer = _decode_server(text)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise UserInputError(f"the server sent a message that cannot be read: {error}", hint=_READ) from error
    return message


_READ = "nodes/webrtc/protocol.py defines the messages; the client may be older or newer than the server"


class AvatarBatch(msgspec.Struct, frozen=True, eq=False):
    """Consecutive face frames, as they are sent."""

    rate: int
    """Frames a second, 1 to 255."""
    cause: int
    timestamp: int
    """RTP time at which the first frame is shown."""
    weights: NDArray[np.float32]
    """Shape (n, 52), 0 to 1."""
    pose: NDArray[np.float32]
    """Shape (n, 7), radians."""
    end: bool = False
    """Whether these are the last frames of the cause."""


def encode_batch(batch: AvatarBatch) -> bytes:
    """The bytes of a batch; values out of range are clipped. Raises ValueError for too many frames."""
    count = len(batch.weights)
    if count > MOST_FRAMES:
        raise ValueError(f"{count} frames are too many for one batch: at most {MOST_FRAMES}")
    rows = np.empty(count, FRAME)
    rows["weights"] = np.rint(np.clip(batch.weights, 0, 1) * WEIGHT_SCALE)
    rows["pose"] = np.rint(np.clip(batch.pose * POSE_SCALE, -0x8000, 0x7FFF))
    flags = END if batch.end else 0
    cause, timestamp = batch.cause & 0xFFFF_FFFF, batch.timestamp & 0xFFFF_FFFF
    return HEADER.pack(VERSION, batch.rate, count, cause, timestamp, flags) + rows.tobytes()


def decode_batch(data: bytes) -> AvatarBatch:
    """The frames of a batch; raises UserInputError if it is malformed."""
    if len(data) < HEADER.size:
        raise _malformed(f"{len(data)} bytes are less than a header of {HEADER.size}")
    version, rate, count, cause, timestamp, flags = HEADER.unpack_from(data)
    if version != VERSION:
        raise _malformed(f"version {version} is not {VERSION}")
    if rate == 0:
        raise _malformed("a rate of 0 frames a second")
    if count > MOST_FRAMES:
        raise _malformed(f"{count} frames are more than {MOST_FRAMES}")
    size = HEADER.size + count * FRAME.itemsize
    if len(data) != size:
        raise _malformed(f"{len(data)} bytes where {count} frames need {size}")
    rows = np.frombuffer(data, FRAME, offset=HEADER.size)
    weights = rows["weights"].astype(np.float32) / np.float32(WEIGHT_SCALE)
    pose = rows["pose"].astype(np.float32) / np.float32(POSE_SCALE)
    return AvatarBatch(rate, cause, timestamp, weights, pose, bool(flags & END))


def _malformed(what: str) -> UserInputError:
    return UserInputError(f"avatar batch: {what}", hint="client and server must be of the same version")
