"""A block of sound as a `foxglove.RawAudio` message in protobuf, which public viewers can play.

The message has five fields: timestamp = 1 {seconds = 1, nanos = 2}, data = 2 (little endian),
format = 3 (`pcm-s16`), sample_rate = 4 and number_of_channels = 5.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

import numpy as np

from nodes.packets import RATES, Samples
from pipeline.packet import SECOND

NAME = "foxglove.RawAudio"
SCHEMA = base64.b64decode(
    b"CncKH2dvb2dsZS9wcm90b2J1Zi90aW1lc3RhbXAucHJvdG8SD2dvb2dsZS5wcm90b2J1ZiI7CglUaW1lc3RhbXASGAoHc2Vjb25k"
    b"cxgBIAEoA1IHc2Vjb25kcxIUCgVuYW5vcxgCIAEoBVIFbmFub3NiBnByb3RvMwrXAQoXZm94Z2xvdmUvUmF3QXVkaW8ucHJvdG8S"
    b"CGZveGdsb3ZlGh9nb29nbGUvcHJvdG9idWYvdGltZXN0YW1wLnByb3RvIogBCghSYXdBdWRpbxItCgl0aW1lc3RhbXAYASABKAsy"
    b"Gi5nb29nbGUucHJvdG9idWYuVGltZXN0YW1wEgwKBGRhdGEYAiABKAwSDgoGZm9ybWF0GAMgASgJEhMKC3NhbXBsZV9yYXRlGAQg"
    b"ASgNEhoKEm51bWJlcl9vZl9jaGFubmVscxgFIAEoDWIGcHJvdG8z"
)
"""A FileDescriptorSet of the message and of the timestamp that it imports."""
FORMAT = b"pcm-s16"
_MOST_VARINT = 10
"""Bytes of the longest varint."""


def encode(time: int, samples: Samples, rate: int) -> bytes:
    """The message of mono samples, shape (n,), that begin at `time`, nanoseconds since 1970, at a rate in Hz."""
    seconds, nanos = divmod(time, SECOND)
    stamp = b"\x08" + _varint(seconds) + b"\x10" + _varint(nanos)
    data = samples.astype("<i2", copy=False).tobytes()
    return b"".join(
        (b"\x0a", _varint(len(stamp)), stamp, b"\x12", _varint(len(data)), data, _FORMAT_FIELD, _varint(rate), _MONO)
    )


def decode(message: bytes) -> tuple[Samples, int]:
    """The samples, shape (n,), and the rate in Hz; raises ValueError if they are not mono 16-bit samples."""
    fields = dict(_fields(message))
    data, rate = fields.get(2, b""), fields.get(4)
    if fields.get(3) != FORMAT or fields.get(5) != 1 or not isinstance(data, bytes) or len(data) % 2:
        raise ValueError("the sound is not mono with 16 bits a sample")
    if not isinstance(rate, int) or not RATES[0] <= rate <= RATES[1]:
        raise ValueError("the rate of the sound is out of range")
    return np.frombuffer(data, "<i2").astype(np.int16, copy=False), rate


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


_FORMAT_FIELD = b"\x1a" + _varint(len(FORMAT)) + FORMAT + b"\x20"
_MONO = b"\x28\x01"


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message by number: those that are numbers, and those that have a length."""
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        value, at = _read_varint(message, at)
        if tag & 7 == 0:
            yield tag >> 3, value
        elif tag & 7 == 2 and at + value <= len(message):
            yield tag >> 3, message[at : at + value]
            at += value
        else:
            raise ValueError("the message of a sound is damaged")


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(message[at : at + _MOST_VARINT]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("the message of a sound is damaged")
