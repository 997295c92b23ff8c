"""Packets in a cache: nothing of the session that made them, and the same after a journey as bytes."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.cause import Causes
from pipeline.packet import Packet, Stamp
from pipeline.params import ms
from pipeline.policies.cache_packets import NOBODY, PacketPacking, bare, size_of, stamped


class Mark(msgspec.Struct, frozen=True):
    """A struct within a packet."""

    symbol: str
    start: int


class Sound(Packet, frozen=True):
    """A packet with all that may be packed."""

    samples: NDArray[np.int16]
    text: str
    gain: float = 1.0
    last: bool = False
    marks: tuple[Mark, ...] = ()


class Frames(Packet, frozen=True):
    """Another kind."""

    weights: NDArray[np.float32]


PACKING = PacketPacking({Sound: {}, Frames: {}})
TIMES = st.integers(0, 1 << 50)
SOUNDS = st.builds(
    Sound,
    st.builds(Stamp, TIMES, TIMES, st.just(Causes().begin("turn"))),
    st.lists(st.integers(-32768, 32767)).map(lambda samples: np.array(samples, np.int16)),
    st.text(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.lists(st.builds(Mark, st.text(), st.integers(0, 1 << 60))).map(tuple),
)
FRAMES = st.builds(
    Frames,
    st.builds(Stamp, TIMES, TIMES, st.just(Causes().begin("turn"))),
    st.tuples(st.integers(0, 3), st.integers(0, 5)).map(lambda shape: np.ones(shape, np.float32)),
)


def told(packets: list[Packet]) -> list[Any]:
    """All that a packet says, as it can be compared."""
    return [
        [type(packet).__name__, packet.at.pts, packet.at.duration, packet.at.cause.id]
        + [
            (value.dtype, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value
            for value in msgspec.structs.astuple(packet)[1:]
        ]
        for packet in packets
    ]


@given(st.lists(SOUNDS | FRAMES, max_size=4).map(lambda packets: sorted(packets, key=lambda packet: packet.at.pts)))
def test_packed_packets_round_trip_through_bytes(packets: list[Packet]) -> None:
    """What Redis gives back must sound, and move the lips, as when it was made."""
    assert told(PACKING.unpack(PACKING.pack(packets))) == told(bare(packets))


def test_cached_packets_keep_no_cause_of_the_session() -> None:
    """The cause of a turn that is over would fence the answer off, and keep its session in memory."""
    packets: list[Packet] = [
        Sound(Stamp(start, ms(20), Causes().begin("turn")), np.zeros(4, np.int16), "hello")
        for start in (ms(70), ms(90))
    ]
    kept = bare(packets)
    assert [each.at.cause for each in kept] == [NOBODY, NOBODY]
    now = Causes().begin("another turn")
    given = stamped(kept, Stamp(ms(5), 0, now))
    assert [(each.at.pts, each.at.duration, each.at.cause) for each in given] == [
        (ms(5), ms(20), now),
        (ms(25), ms(20), now),
    ]


def raw(**changes: Any) -> bytes:
    """A packed sound with some fields changed."""
    fields = {"type": "Sound", "offset": 0, "span": 0, "samples": ["<i2", [1], b"12"], "text": "", "gain": 1.0}
    return msgspec.msgpack.encode([{**fields, "last": False, "marks": [], **changes}])


def test_packed_packets_of_valid_form_unpack() -> None:
    """The faults below are faults, and not all bytes are refused."""
    assert len(PACKING.unpack(raw())) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        raw()[:-1],
        raw(type="Unknown"),
        raw(volume=3),
        raw(text=None),
        raw(samples=["|O", [1], b"12345678"]),
        raw(samples=["<f8", [1], b"12345678"]),
        raw(samples=["<f4", [1], b"1234"]),
        raw(samples=["<i2", [5], b"12"]),
        raw(samples=["<i2", [1 << 63], b"12"]),
        raw(samples=["<i2", [(1 << 64) - 1], b"12"]),
        raw(samples=["<i2", [1 << 62, 4], b""]),
        raw(samples=[["<i2"], [1], b"12"]),
        raw(samples=7),
    ],
)
def test_unpacking_foreign_bytes_is_refused(data: bytes) -> None:
    """A value of another version, or of somebody else, must become a miss: no noise, and no crash."""
    with pytest.raises(ValueError, match="not packets"):
        PACKING.unpack(data)


def test_packing_an_unsupported_array_type_is_an_error() -> None:
    """Who writes a node learns which of its fields is wrong."""
    sound = Sound(Stamp(0, 0, NOBODY), np.zeros(1, np.int16).astype(np.float64), "")
    with pytest.raises(TypeError, match="ndarray of float64 cannot be packed"):
        PACKING.pack([sound])


def test_packet_size_is_close_to_memory_used() -> None:
    """Counted too small, many of them fill the memory unseen."""
    samples = np.zeros(24_000, np.int16)
    marks = tuple(Mark("a", index) for index in range(20))
    assert 48_000 < size_of([Sound(Stamp(0, 0, NOBODY), samples, "hello", marks=marks)]) < 56_000
