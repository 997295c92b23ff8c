"""Packets in a cache: without the stamp of the session that made them, and as bytes.

A cached packet is *bare*: its stamp has its start relative to the first packet and its duration,
but no session's cause. It is stamped again when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_
from typing import Any, get_args

import msgspec
import numpy as np

from pipeline.cause import Causes
from pipeline.packet import Packet, Stamp

NOBODY = Causes().root
"""The cause of bare packets."""

_ARRAYS = frozenset({np.dtype(np.int16), np.dtype(np.float32)})
_OBJECT = 64
"""Bytes of a small object, about."""


def bare(packets: Sequence[Packet]) -> list[Packet]:
    """The same packets as a cache may keep them: without cause, and with times relative to the first packet."""
    first = packets[0].at.pts if packets else 0
    return [
        msgspec.structs.replace(packet, at=Stamp(packet.at.pts - first, packet.at.duration, NOBODY))
        for packet in packets
    ]


def stamped(packets: Iterable[Packet], at: Stamp) -> list[Packet]:
    """Bare packets as the output for `at`: with its cause, and times relative to its pts."""
    return [msgspec.structs.replace(packet, at=at.later(packet.at.pts, packet.at.duration)) for packet in packets]


def size_of(packets: Iterable[Packet]) -> int:
    """The approximate bytes that packets take in memory."""
    return sum(_OBJECT + sum(map(_size, _fields(packet))) for packet in packets)


def _fields(struct: msgspec.Struct) -> list[Any]:
    return [getattr(struct, name) for name in struct.__struct_fields__]


def _size(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return _OBJECT + value.nbytes
    if isinstance(value, str | bytes):
        return _OBJECT + len(value)
    if isinstance(value, tuple | list):
        return _OBJECT + sum(map(_size, value))
    if isinstance(value, msgspec.Struct):
        return _OBJECT + sum(map(_size, _fields(value)))
    return _OBJECT // 2


class PacketPacking:
    """Packets of some kinds as msgpack, each field with its name, so that another version is recognised.

    A field may be a number, a text, an array of int16 or float32, a msgspec struct, or a
    tuple of these.
    """

    def __init__(self, kinds: Iterable[type[Packet]]) -> None:
        self._forms = {kind: _form(kind) for kind in kinds}
        self._kinds = {form: kind for kind, form in self._forms.items()}
        self._encoder = msgspec.msgpack.Encoder(enc_hook=_pack_array)
        union = reduce(or_, self._kinds)
        self._decoder: msgspec.msgpack.Decoder[list[Any]] = msgspec.msgpack.Decoder(
            list[union],  # type: ignore[valid-type]
            dec_hook=_unpack_array,
        )

    def pack(self, packets: Sequence[Packet], /) -> bytes:
        """The packets as bytes, bare."""
        first = packets[0].at.pts if packets else 0
        return self._encoder.encode(
            [
                self._forms[type(packet)](packet.at.pts - first, packet.at.duration, *_fields(packet)[1:])
                for packet in packets
            ]
        )

    def unpack(self, data: bytes, /) -> list[Packet]:
        """The packets again, bare; raises ValueError where these bytes are not packets of these kinds."""
        try:
            forms = self._decoder.decode(data)
        except msgspec.DecodeError as error:
            raise ValueError(f"not packets: {error}") from error
        return [self._packet(*_fields(form), kind=self._kinds[type(form)]) for form in forms]

    @staticmethod
    def _packet(offset: int, duration: int, *fields: Any, kind: type[Packet]) -> Packet:
        return kind(Stamp(offset, duration, NOBODY), *fields)


def _form(kind: type[Packet]) -> type[msgspec.Struct]:
    """A struct with the fields of a packet, and two numbers in place of its stamp."""
    fields = [(field.name, field.type) for field in msgspec.structs.fields(kind)[1:]]
    return msgspec.defstruct(
        kind.__name__, [("offset", int), ("span", int), *fields], tag=kind.__name__, forbid_unknown_fields=True
    )


def _pack_array(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype in _ARRAYS:
        return value.dtype.str, value.shape, value.tobytes()
    what = f"ndarray of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
    raise TypeError(f"{what} cannot be packed")


def _unpack_array(kind: Any, value: Any) -> Any:
    code, shape, data = value
    expected = np.dtype(get_args(get_args(kind)[1])[0])  # of NDArray[np.int16]
    if np.dtype(code) != expected or expected not in _ARRAYS:
        raise ValueError(f"an array of {code} was not expected")
    return np.frombuffer(data, expected).reshape(shape)
