"""Packets in a cache: without the stamp of the session that made them, and as bytes.

A cached packet is *bare*: its stamp has its start relative to the first packet and its duration,
but no session's cause. It is stamped again when it is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Annotated, Any, get_args, get_origin

import msgspec
import numpy as np

from pipeline.cause import Causes
from pipeline.packet import Packet, Stamp

NOBODY = Causes().root
"""The cause of bare packets."""

LONGEST = 1 << 50
"""Nanoseconds: a later or longer packet (13 days) is no output of a node."""
MAX_ITEMS = 4_000
"""Items of the tuples of a value; a packet counts as some. While they are decoded, for up to 20 ms, others wait."""
_PACKET = 4  # items that take as long as a packet without any
MAX_TEXT = 100_000
"""Characters of one text."""
_ARRAYS = frozenset({np.dtype(np.int16), np.dtype(np.float32)})
_OBJECT = 64  # bytes of a small object, about


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
    tuple of these. Others can write to the store, so all that is unpacked is checked: forms,
    arrays, lengths, times, that numbers are finite, and what the kind says in `check`.
    """

    def __init__(self, kinds: Mapping[type[Packet], Mapping[str, object]]) -> None:
        """`kinds` are the kinds of packet, each with the caps of its port, such as the rate."""
        self._caps = kinds
        self._forms = {kind: _form(kind) for kind in kinds}
        self._kinds = {form: kind for kind, form in self._forms.items()}
        self._encoder = msgspec.msgpack.Encoder(enc_hook=_pack_array)
        self._decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(
            reduce(or_, self._kinds), dec_hook=_unpack_array
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
        packets: list[Packet] = []
        left = MAX_ITEMS
        try:
            for form in map(self._decoder.decode, _OUTER.decode(data)):
                left -= _PACKET + sum(len(value) for value in _fields(form) if isinstance(value, tuple))
                if left < 0:
                    raise ValueError("it has too many items")
                packets.append(self._packet(*_fields(form), kind=self._kinds[type(form)]))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"not packets: {error}") from error
        return packets

    def _packet(self, offset: int, duration: int, *fields: Any, kind: type[Packet]) -> Packet:
        if not all(map(_is_finite, fields)):
            raise ValueError("a number is not finite")
        packet = kind(Stamp(offset, duration, NOBODY), *fields)
        packet.check()
        for name, agreed in self._caps[kind].items():
            if getattr(packet, name, agreed) != agreed:
                raise ValueError(f"its {name} is not that of the port")
        return packet


_OUTER = msgspec.msgpack.Decoder(Annotated[list[msgspec.Raw], msgspec.Meta(max_length=MAX_ITEMS // _PACKET)])
_Time = Annotated[int, msgspec.Meta(ge=0, le=LONGEST)]


def _form(kind: type[Packet]) -> type[msgspec.Struct]:
    """A struct with the fields of a packet, and two numbers in place of its stamp."""
    fields = [(field.name, _bounded(field.type)) for field in msgspec.structs.fields(kind)[1:]]
    return msgspec.defstruct(
        kind.__name__, [("offset", _Time), ("span", _Time), *fields], tag=kind.__name__, forbid_unknown_fields=True
    )


def _bounded(kind: Any) -> Any:
    """The type of a field with a bound on its length."""
    if kind is str:
        return Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
    return Annotated[kind, msgspec.Meta(max_length=MAX_ITEMS)] if get_origin(kind) is tuple else kind


def _is_finite(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_finite, value))
    if isinstance(value, msgspec.Struct):
        return all(map(_is_finite, _fields(value)))
    return bool(np.isfinite(value).all()) if isinstance(value, np.ndarray | float) else True


def _pack_array(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype in _ARRAYS:
        return value.dtype.str, value.shape, value.tobytes()
    what = f"ndarray of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
    raise TypeError(f"{what} cannot be packed")


def _unpack_array(kind: Any, value: Any) -> Any:
    code, shape, data = value
    expected = np.dtype(get_args(get_args(kind)[1])[0])  # of NDArray[np.int16]
    if code != expected.str or expected not in _ARRAYS:
        raise ValueError("an array of another type was expected")
    if not (isinstance(data, bytes) and len(shape) <= 2 and all(type(size) is int for size in shape)):
        raise ValueError("this is no array")
    if min(shape, default=0) < 0 or math.prod(shape) * expected.itemsize != len(data):
        raise ValueError("the shape of an array does not fit its size")
    return np.ndarray(tuple(shape), expected, data)
