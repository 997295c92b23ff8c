"""Turn taking: people are not cut off, not kept waiting, and can interrupt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.packets import (
    Audio,
    CancelResponse,
    PlaybackProgress,
    SpeechEnd,
    SpeechStart,
    TextInput,
    TranscriptUpdate,
    TurnChanged,
    Utterance,
)
from nodes.turn.endpoint import Endpoint
from pipeline.cause import Cause, Causes
from pipeline.node import Context
from pipeline.packet import MILLISECOND, Event, Stamp

RATE = 16_000
FRAME = 20


class Talk:
    """A person with exactly known voice activity."""

    def __init__(self, **settings: Any) -> None:
        self.node = Endpoint(**{"pause": "0s", **settings})
        self.causes = Causes()
        self.now_ms = 0
        self.out: list[Utterance] = []
        self.told: list[TurnChanged] = []
        clock: Any = self
        self.node.start(Context("turn", clock, self.causes, self._post, lambda _: None))

    def now(self) -> int:
        return self.now_ms * MILLISECOND

    def _post(self, event: Event) -> None:
        assert isinstance(event, TurnChanged)
        self.told.append(event)

    def _stamp(self, duration: int = 0) -> Stamp:
        return Stamp(self.now(), duration, self.causes.root)

    def silence(self, ms: int, value: int = 0) -> Talk:
        for _ in range(ms // FRAME):
            samples = np.full(RATE * FRAME // 1000, value, np.int16)
            at = self._stamp(FRAME * MILLISECOND)
            self.now_ms += FRAME
            self.out += self.node.listen(Audio(at, samples, RATE))
        return self

    def voice(self, ms: int, value: int = 1000) -> Talk:
        self.out += self.node.begin(SpeechStart(self._stamp()))
        self.silence(ms, value)
        self.out += self.node.pause(SpeechEnd(self._stamp()))
        return self

    def hear(self, text: str, *, whole: bool = True) -> Talk:
        guess = self.node.state.guess
        assert guess is not None
        self.out += self.node.words(TranscriptUpdate(guess, text, whole))
        return self

    def play(self, cause: Cause, *, last: bool = False) -> Talk:
        self.out += self.node.hearing(PlaybackProgress(cause, "words", 0, last, last))
        return self

    def what(self) -> list[str]:
        return [told.what for told in self.told]

    @property
    def whole(self) -> Utterance:
        return [utterance for utterance in self.out if utterance.whole][-1]


def answered() -> tuple[Talk, Cause]:
    """A talk whose first turn is committed and whose answer is playing."""
    talk = Talk().silence(400).voice(1000).hear("How are you?").silence(300)
    cause = talk.whole.at.cause
    assert cause.open
    return talk.play(cause), cause


def test_endpoint_commits_whole_sentence_after_the_minimum_silence() -> None:
    talk = Talk().silence(400).voice(1000).hear("What time is it?")
    assert talk.silence(180).what() == ["tentative"]
    assert talk.silence(40).what() == ["tentative", "committed"]
    assert talk.whole.at.cause.open


def test_endpoint_commits_unfinished_sentence_only_at_the_maximum_silence() -> None:
    talk = Talk().silence(400).voice(1000).hear("I would like to go to the")
    assert talk.silence(880).what() == ["tentative"]
    assert talk.silence(40).what()[-1] == "committed"


def test_endpoint_commits_unknown_words_at_the_maximum_silence() -> None:
    assert Talk().voice(1000).silence(880).what() == ["tentative"]
    assert Talk().voice(1000).silence(920).what() == ["tentative", "committed"]


def test_endpoint_resumed_speech_revokes_tentative_turn_and_keeps_every_word() -> None:
    talk = Talk().silence(400).voice(1000, 7)
    guess = talk.whole.at.cause
    talk.silence(160).voice(500, 9)
    assert not guess.live
    assert talk.what() == ["tentative", "resumed", "tentative"]
    said = talk.whole.samples
    assert np.count_nonzero(said == 7) == RATE and np.count_nonzero(said == 9) == RATE // 2


def test_endpoint_short_pause_makes_no_tentative_turn() -> None:
    """People pause for 150 ms between words; generating an answer each time would be wasted."""
    talk = Talk(pause="200ms", partials="0s").voice(600).silence(140).voice(600)
    assert talk.out == [] and talk.what() == []
    assert [utterance.whole for utterance in talk.silence(220).out] == [True]


def test_endpoint_utterance_begins_with_the_lead_in() -> None:
    talk = Talk(lead="200ms").silence(2000, 3).voice(500, 7)
    first = int(np.argmax(talk.whole.samples == 7))
    assert 200 <= first * 1000 // RATE <= 220
    assert talk.whole.at.pts == (2000 - 200) * MILLISECOND


def test_endpoint_click_is_not_a_turn() -> None:
    talk = Talk().silence(400).voice(40).silence(2000)
    assert talk.out == [] and talk.what() == ["revoked"]


def test_endpoint_noise_without_words_is_not_a_turn() -> None:
    talk = Talk().silence(400).voice(600).hear("  ").silence(2000)
    assert talk.what() == ["tentative", "revoked"]


def test_endpoint_sends_partials_during_speech() -> None:
    talk = Talk(partials="400ms").voice(1000)
    assert [utterance.whole for utterance in talk.out] == [False, False, True]


def test_endpoint_partials_can_be_turned_off() -> None:
    assert [utterance.whole for utterance in Talk(partials="0s").voice(5000).out] == [True]


def test_endpoint_speech_over_the_answer_holds_it_at_once() -> None:
    talk, answer = answered()
    talk.silence(100)
    talk.node.begin(SpeechStart(talk._stamp()))
    assert answer.live and not answer.open


def test_endpoint_continued_speech_cancels_the_answer_and_keeps_the_words() -> None:
    talk, answer = answered()
    talk.silence(100).voice(900, 9).hear("Stop it please.")
    assert not answer.live
    assert "interrupted" in talk.what()
    assert np.count_nonzero(talk.whole.samples == 9) == RATE * 9 // 10
    assert talk.silence(300).whole.at.cause.open


@pytest.mark.parametrize("words", ["Mm-hm.", "Yeah.", "okay", "Yeah, yeah."])
def test_endpoint_backchannel_releases_the_answer(words: str) -> None:
    talk, answer = answered()
    talk.voice(300).hear(words)
    assert answer.live and answer.open
    assert talk.what()[-1] == "released"


def test_endpoint_short_meaningful_words_interrupt() -> None:
    talk, answer = answered()
    talk.voice(300).hear("No!")
    assert not answer.live


def test_endpoint_cough_releases_the_answer() -> None:
    talk, answer = answered()
    talk.voice(60)
    assert answer.live and answer.open


def test_endpoint_held_answer_is_released_when_no_transcript_comes() -> None:
    talk, answer = answered()
    talk.voice(300).silence(2100)
    assert answer.live and answer.open


def test_endpoint_speech_before_the_answer_is_heard_extends_the_turn() -> None:
    talk = Talk().silence(400).voice(1000, 7).hear("What is").silence(920)
    early = talk.whole.at.cause
    assert early.open
    talk.voice(800, 9).hear("What is the weather?")
    assert not early.live
    samples = talk.whole.samples
    assert np.any(samples == 7) and np.any(samples == 9)


def test_endpoint_speech_after_the_answer_was_heard_starts_a_new_turn() -> None:
    talk, _ = answered()
    talk.silence(1000).voice(800, 9)
    assert not np.any(talk.whole.samples == 1000)


def test_endpoint_second_speech_start_does_not_begin_another_turn() -> None:
    """A fallback detector may take over in mid-speech."""
    talk = Talk(partials="0s")
    talk.node.begin(SpeechStart(talk._stamp()))
    talk.silence(400, 7)
    first = talk.node.state.guess
    talk.voice(400, 9)
    assert first is talk.whole.at.cause
    assert np.any(talk.whole.samples == 7) and np.any(talk.whole.samples == 9)


def test_endpoint_long_turn_is_cut_and_goes_on() -> None:
    talk = Talk(longest="2s", partials="0s").voice(3000)
    assert [utterance.whole for utterance in talk.out] == [True, True]
    assert "committed" in talk.what()


def test_endpoint_end_of_stream_commits_the_turn() -> None:
    talk = Talk(partials="0s").silence(400)
    talk.node.begin(SpeechStart(talk._stamp()))
    talk.silence(500, 5)
    talk.out += talk.node.finish()
    assert talk.whole.at.cause.open and talk.whole.at.cause.committed


def test_endpoint_slow_talker_gets_a_longer_hangover() -> None:
    """A person who pauses for 700 ms within sentences is not cut off."""
    talk = Talk(adapt=1.0).silence(400).voice(600).silence(700).voice(600).hear("so I was thinking")
    assert talk.silence(700).what()[-1] == "tentative"
    assert talk.silence(240).what()[-1] == "committed"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["voice", "silence", "hear", "play"]),
            st.integers(1, 60),
            st.sampled_from(["", "Mm-hm.", "Hello there.", "and the"]),
        ),
        max_size=30,
    )
)
def test_endpoint_leaves_one_active_turn_for_any_input(script: list[tuple[str, int, str]]) -> None:
    """At most one answer is audible, and every committed turn sent words."""
    talk = Talk()
    for what, amount, text in script:
        if what == "voice":
            talk.voice(amount * FRAME)
        elif what == "silence":
            talk.silence(amount * FRAME)
        elif what == "hear" and talk.node.state.guess is not None:
            talk.hear(text)
        elif what == "play" and talk.node.state.answer is not None:
            talk.play(talk.node.state.answer)
        causes = {utterance.at.cause for utterance in talk.out}
        assert sum(cause.open for cause in causes) <= 1
    talk.out += talk.node.finish()
    committed = [told.cause for told in talk.told if told.what == "committed"]
    assert all(any(u.whole and u.at.cause is cause for u in talk.out) for cause in committed)


def test_endpoint_typed_turn_is_committed_at_once_and_interrupts() -> None:
    """Typed text does not wait for the end of the previous answer."""
    talk, answer = answered()
    [words] = talk.node.read(TextInput(" What time is it? "))
    assert (words.text, words.whole, words.at.cause.open) == ("What time is it?", True, True)
    assert not answer.live
    assert [(told.what, told.reason) for told in talk.told[-2:]] == [("interrupted", "typed"), ("committed", "typed")]


def test_endpoint_answer_to_a_typed_turn_can_be_interrupted() -> None:
    talk = Talk()
    [words] = talk.node.read(TextInput("Tell me a story."))
    talk.play(words.at.cause).silence(400).voice(1000)
    assert not words.at.cause.live


def test_endpoint_empty_text_is_not_a_turn() -> None:
    talk, answer = answered()
    assert list(talk.node.read(TextInput("  \n"))) == [] and answer.live


def test_endpoint_cancel_response_cancels_only_the_answer() -> None:
    """A second press of a stop button has no effect."""
    talk, answer = answered()
    talk.node.cancel(CancelResponse())
    told = len(talk.told)
    talk.node.cancel(CancelResponse())
    assert not answer.live and len(talk.told) == told
    assert talk.silence(400).voice(1000).hear("How are you?").silence(300).whole.at.cause.open
