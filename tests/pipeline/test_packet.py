"""Packets: immutable, compared by identity, cheap to print, and fenced by their cause."""

from __future__ import annotations

import copy
import pickle

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.cause import Causes
from pipeline.packet import Event, Packet, Queue, Stamp
from pipeline.params import ms
from pipeline.testing import root_stamp
from tests.pipeline.kit import Item, Lasting, News


class Sound(Packet, frozen=True):
    """With an array."""

    samples: NDArray[np.int16]


def test_packet_is_immutable() -> None:
    """What one branch of a graph does to it, another cannot see."""
    packet = Item(root_stamp(), 1)
    with pytest.raises(AttributeError):
        packet.number = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        packet.other = 2  # type: ignore[attr-defined]


def test_packets_with_arrays_can_be_compared_and_kept_in_sets() -> None:
    """Comparing arrays would raise in the middle of a queue."""
    first, second = (Sound(root_stamp(), np.zeros(3, np.int16)) for _ in range(2))
    assert first != second
    assert first in {first}


def test_packet_repr_hides_the_payload() -> None:
    """No words and no sound in a log."""
    packet = Sound(root_stamp(ms(1500), ms(20)), np.zeros(320, np.int16))
    assert repr(packet) == "<Sound 1.500s+20ms #0>"


def test_stamp_later_keeps_its_cause() -> None:
    """A part of a packet belongs to the same turn."""
    cause = Causes().begin("turn")
    later = Stamp(ms(100), ms(50), cause).later(ms(20), ms(30))
    assert (later.pts, later.duration, later.cause) == (ms(120), ms(30), cause)


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("kind", [Item, Lasting])
def test_packet_is_stale_after_revocation_unless_committed_and_surviving(kind: type[Item], committed: bool) -> None:
    """Only the words of a turn that really was one outlive it."""
    causes = Causes()
    cause = causes.begin("turn")
    if committed:
        causes.commit(cause)
    packet = kind(Stamp(0, 0, cause), 1)
    assert not packet.is_stale
    causes.revoke(cause, "turn")
    assert packet.is_stale == (not (committed and kind is Lasting))


def test_packet_kind_inherits_its_queue_policy() -> None:
    """A kind that says nothing blocks and is not dropped."""
    assert Item.queue == Queue()
    assert Item.queue.full == "block"
    assert (Item.droppable, Item.survives_flush) == (False, False)


def test_events_are_copied_with_changes() -> None:
    """News that is passed on a little different."""
    assert News(1).copy(number=2).number == 2
    assert isinstance(News(1), Event)


def test_events_can_be_copied_and_pickled() -> None:
    """A recorder keeps them as they were."""
    event = News(7)
    assert copy.copy(event).number == 7
    assert pickle.loads(pickle.dumps(event)).number == 7
    assert msgspec.structs.asdict(event) == {"number": 7}
