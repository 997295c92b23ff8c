"""Where no answer is played, as in a transcription, every word belongs to exactly one turn."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.packets import Audio, Pause, Samples, SpeechEnd, SpeechStart, Transcript, Utterance, duration_of
from nodes.turn._buffer import TurnBuffer
from nodes.turn.endpoint import Endpoint
from pipeline.cause import Causes
from pipeline.node import Context
from pipeline.packet import MILLISECOND, SECOND, Event, Stamp
from pipeline.testing import root_stamp

RATE = 8_000
FRAME = RATE // 50


class Recording:
    """Spoken pieces, each with sample values of its own, and pauses; heard by a turn node that nobody answers."""

    def __init__(self, **params: Any) -> None:
        self.node = Endpoint(**params)
        self.causes = Causes()
        self.frames = 0
        self.out: list[Utterance] = []
        clock: Any = self
        pools = {"opinion": SimpleNamespace(member=None)}
        self.node.start(Context("turn", clock, self.causes, self._post, lambda _: None, pools=pools, connected=()))

    def now(self) -> int:
        return self.frames * 20 * MILLISECOND

    def _post(self, event: Event) -> None:
        """Nobody looks at the decisions here."""

    def _at(self) -> Stamp:
        return Stamp(self.now(), 0, self.causes.root)

    def take(self, given: Iterable[Utterance | Pause | Transcript]) -> None:
        self.out += [packet for packet in given if isinstance(packet, Utterance)]

    def hear(self, samples: Samples) -> None:
        for begin in range(0, len(samples), FRAME):
            at = Stamp(self.now(), 20 * MILLISECOND, self.causes.root)
            self.frames += 1
            self.take(self.node.listen(Audio(at, samples[begin : begin + FRAME], RATE)))

    def speak(self, samples: Samples) -> None:
        self.take(self.node.begin(SpeechStart(self._at())))
        self.hear(samples)
        self.take(self.node.pause(SpeechEnd(self._at())))

    def pause(self, ms: int) -> None:
        self.hear(np.zeros(ms // 20 * FRAME, np.int16))

    @property
    def turns(self) -> list[Utterance]:
        """The committed ones."""
        self.take(self.node.finish())
        return [each for each in self.out if each.whole and each.at.cause.committed]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(10, 150), st.integers(0, 150)), min_size=1, max_size=8),
    st.sampled_from(["100ms", "200ms", "600ms"]),
)
def test_endpoint_without_answers_puts_every_sample_into_one_turn(pieces: list[tuple[int, int]], floor: str) -> None:
    """A long sentence with pauses must not come as its own beginning, then again and again, a little longer."""
    talk, spoken = Recording(floor=floor, pause="100ms", partials="0s"), 0
    for voice, pause in pieces:
        talk.speak(np.arange(1 + spoken, 1 + spoken + voice * FRAME).astype(np.int16))
        spoken += voice * FRAME
        talk.pause(pause * 20)
    heard = np.concatenate([each.samples[each.samples != 0] for each in talk.turns])
    np.testing.assert_array_equal(
        heard, np.arange(1, 1 + spoken).astype(np.int16)[np.arange(spoken) % 65_536 != 65_535]
    )


def test_endpoint_with_answers_continues_a_turn_that_was_not_answered_yet() -> None:
    """In a conversation the answer is to all that was said: the answer to its first half is not heard."""
    talk = Recording(pause="100ms", partials="0s")
    talk.node.context.connected = ("played",)
    talk.speak(np.full(50 * FRAME, 7, np.int16))
    talk.pause(1000)
    talk.speak(np.full(50 * FRAME, 9, np.int16))
    talk.pause(1000)
    assert [{7, 9} & set(each.samples.tolist()) for each in talk.turns] == [{7}, {7, 9}]


def test_endpoint_cuts_a_long_turn_at_a_quiet_moment() -> None:
    """A turn of the greatest length must not end in the middle of a word, half of it in each turn."""
    talk = Recording(longest="10s", partials="0s")
    speech = np.full(12 * RATE, 5_000, np.int16)
    speech[9 * RATE : 9 * RATE + RATE // 5] = 10  # the only breath
    talk.speak(speech)
    talk.pause(2000)
    first, second = talk.turns
    assert first.at.duration == pytest.approx(9.1 * SECOND, abs=60 * MILLISECOND)
    assert second.at.pts == first.at.pts + first.at.duration
    voice = np.concatenate([first.samples, second.samples])
    np.testing.assert_array_equal(voice[: len(speech)], speech)


@settings(deadline=None)
@given(st.lists(st.integers(-30_000, 30_000), min_size=1, max_size=3000), st.integers(0, 500))
def test_turn_buffer_split_loses_no_sample(values: list[int], last_ms: int) -> None:
    whole = np.array(values, np.int16)
    buffer = TurnBuffer()
    buffer.add(Audio(root_stamp(SECOND, duration_of(len(whole), RATE)), whole, RATE))
    rest = buffer.split_quietly(last_ms * MILLISECOND)
    assert np.array_equal(np.concatenate([buffer.snapshot(), rest.snapshot()]), whole)
    assert rest.pts in (0, SECOND + buffer.duration)
    assert rest.duration <= last_ms * MILLISECOND
