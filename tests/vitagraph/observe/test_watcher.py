"""Watchers of a session: each sees what it wants, and none hurts the others or the call."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pytest

from nodes.packets import Audio, SpeechStart
from pipeline.cause import Causes
from pipeline.packet import Packet, Stamp
from vitagraph.observe.watcher import BLOCK, CallEnd, SessionWatcher, Watchers
from vitagraph.waterfall import TurnRecord

ROOT = Causes().root
SOUND = Audio(Stamp(0, 0, ROOT), np.zeros(320, np.int16), 16_000)
VOICE = SpeechStart(Stamp(0, 0, ROOT))


class Sees(SessionWatcher):
    """Remembers what it sees."""

    def __init__(self, *kinds: type[Packet]) -> None:
        self.kinds = kinds
        self.asked = 0
        self.seen: list[object] = []

    def wants(self, node: str, kind: type[Packet]) -> bool:
        self.asked += 1
        return kind in self.kinds

    def observe(self, node: str, packet: Packet) -> None:
        self.seen.append((node, packet))

    def turn_over(self, turn: TurnRecord, *, abandoned: bool = False) -> None:
        self.seen.append((turn.cause, abandoned))

    def ended(self, end: CallEnd) -> None:
        self.seen.append(end.outcome)


class Fails(SessionWatcher):
    """Raises."""

    def turn_over(self, turn: TurnRecord, *, abandoned: bool = False) -> None:
        raise ZeroDivisionError

    def ended(self, end: CallEnd) -> None:
        raise ZeroDivisionError


def test_watchers_get_only_what_they_want() -> None:
    """A call has 50 packets of sound a second from several nodes: a watcher of turns costs them nothing."""
    sound, voice, nothing = Sees(Audio), Sees(SpeechStart), SessionWatcher()
    watchers = Watchers([sound, voice, nothing])
    for _ in range(3):
        watchers.observe("caller", SOUND)
    watchers.observe("vad", VOICE)
    assert sound.seen == [("caller", SOUND)] * 3 and voice.seen == [("vad", VOICE)]
    assert sound.asked == 2, "once for each node and kind"


def test_watchers_hear_sources_in_blocks_and_before_what_was_made_of_them() -> None:
    """Ten packets of sound are one call; a mark of the voice detector never comes before the sound that it marks."""

    class Hears(SessionWatcher):
        def __init__(self) -> None:
            self.seen: list[object] = []

        def wants(self, node: str, kind: type[Packet]) -> bool:
            return kind is SpeechStart

        def hear(self, source: str, sound: Sequence[Audio]) -> None:
            self.seen.append((source, len(sound)))

        def observe(self, node: str, packet: Packet) -> None:
            self.seen.append(node)

        def turn_over(self, turn: TurnRecord, *, abandoned: bool = False) -> None:
            self.seen.append("turn")

    hears = Hears()
    watchers = Watchers([hears], ["caller"])
    for _ in range(BLOCK + 3):
        watchers.observe("caller", SOUND)
    watchers.observe("clean", SOUND)
    watchers.observe("vad", VOICE)
    watchers.observe("caller", SOUND)
    watchers.turn_over(TurnRecord(7, 0))
    watchers.ended(CallEnd("completed", ""))
    assert hears.seen == [("caller", BLOCK), ("caller", 3), "vad", ("caller", 1), "turn"]


def test_watcher_that_fails_hurts_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """A fault in a metric must not keep a recording from being completed."""
    caplog.set_level(logging.ERROR)
    before, after = Sees(), Sees()
    watchers = Watchers([before, Fails(), after])
    watchers.turn_over(TurnRecord(7, 0), abandoned=True)
    watchers.ended(CallEnd("completed", ""))
    assert before.seen == after.seen == [(7, True), "completed"]
    assert [record.message for record in caplog.records] == ["Fails.turn_over failed", "Fails.ended failed"]
