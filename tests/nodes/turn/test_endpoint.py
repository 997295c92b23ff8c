"""Turn taking: people are not cut off, not kept waiting, and can interrupt."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.packets import (
    Audio,
    CancelResponse,
    Pause,
    PlaybackProgress,
    SpeechEnd,
    SpeechStart,
    TextInput,
    Transcript,
    TranscriptUpdate,
    TurnChanged,
    TurnCompletion,
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

    def __init__(self, *, transcribes: bool = True, model: bool = False, **settings: Any) -> None:
        self.node = Endpoint(**{"pause": "0s", "reprompt_after": "8s", **settings})
        self.causes = Causes()
        self.now_ms = 0
        self.out: list[Utterance] = []
        self.asked: list[Pause] = []
        self.prompts: list[Transcript] = []
        self.told: list[TurnChanged] = []
        clock: Any = self
        pools = {"opinion": SimpleNamespace(member=None)}
        connected = [
            port
            for port, linked in (("played", True), ("typed", transcribes), ("heard", transcribes), ("sounds", model))
            if linked
        ]
        self.node.start(
            Context("turn", clock, self.causes, self._post, lambda _: None, pools=pools, connected=connected)
        )

    def now(self) -> int:
        return self.now_ms * MILLISECOND

    def _post(self, event: Event) -> None:
        assert isinstance(event, TurnChanged)
        self.told.append(event)

    def take(self, given: Iterable[Utterance | Pause | Transcript]) -> None:
        for packet in given:
            if isinstance(packet, Utterance):
                self.out.append(packet)
            elif isinstance(packet, Pause):
                self.asked.append(packet)
            else:
                self.prompts.append(packet)

    def _stamp(self, duration: int = 0) -> Stamp:
        return Stamp(self.now(), duration, self.causes.root)

    def silence(self, ms: int, value: int = 0) -> Talk:
        for _ in range(ms // FRAME):
            samples = np.full(RATE * FRAME // 1000, value, np.int16)
            at = self._stamp(FRAME * MILLISECOND)
            self.now_ms += FRAME
            self.take(self.node.listen(Audio(at, samples, RATE)))
        return self

    def voice(self, ms: int, value: int = 1000) -> Talk:
        self.take(self.node.begin(SpeechStart(self._stamp())))
        self.silence(ms, value)
        self.take(self.node.pause(SpeechEnd(self._stamp())))
        return self

    def hear(self, text: str, *, whole: bool = True, language: str = "") -> Talk:
        guess = self.node.state.guess
        assert guess is not None
        self.take(self.node.words(TranscriptUpdate(guess, text, whole, language)))
        return self

    def sound(self, *probabilities: float) -> Talk:
        guess = self.node.state.guess
        assert guess is not None
        for probability in probabilities:
            self.take(self.node.sound(TurnCompletion(guess, probability)))
        return self

    def play(self, cause: Cause, *, last: bool = False) -> Talk:
        self.take(self.node.hearing(PlaybackProgress(cause, "words", 0, last, last)))
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
    assert talk.what()[-1] == "revoked" and "released" in talk.what()


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
    talk.take(talk.node.finish())
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
    talk.take(talk.node.finish())
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
    talk.play(words.at.cause).silence(400).voice(1000).hear("No, a short one.")
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


def test_endpoint_client_that_stops_to_send_has_finished() -> None:
    """Push-to-talk: who lets go of the button does not wait for the longest hangover."""
    talk = Talk(ceiling="1500ms").silence(400).voice(1000).hear("I would like to go to the")
    samples = np.zeros(RATE * FRAME // 1000, np.int16)
    for _ in range(31):
        at = talk._stamp(FRAME * MILLISECOND)
        talk.now_ms += FRAME
        talk.take(talk.node.listen(Audio(at, samples, RATE, absent=True)))
    assert talk.what()[-1] == "committed"


def test_endpoint_answer_does_not_wait_longer_for_a_sound_of_which_nothing_is_known() -> None:
    """A long pause in every answer over which somebody coughs or laughs."""
    talk, answer = answered()
    talk.node.begin(SpeechStart(talk._stamp()))
    assert not answer.open
    talk.silence(300, 1000)
    assert answer.open
    talk.silence(200, 1000)
    assert not answer.open, "a voice that goes on is probably an interruption"
    talk.silence(300, 1000)
    assert answer.open


@pytest.mark.parametrize("words", ["", "Yes.", "Okay, I see."])
def test_endpoint_partial_backchannel_releases_the_answer_at_once(words: str) -> None:
    talk, answer = answered()
    talk.node.begin(SpeechStart(talk._stamp()))
    talk.silence(260, 1000).hear(words, whole=False)
    assert answer.open == bool(words)


def test_endpoint_two_partial_texts_with_words_end_the_answer() -> None:
    """Long before the person pauses; one text alone may be a mistake."""
    talk, answer = answered()
    talk.node.begin(SpeechStart(talk._stamp()))
    talk.silence(260, 1000).hear("Tell me", whole=False)
    assert answer.live and not answer.open
    talk.silence(140, 1000).hear("Tell me about", whole=False)
    assert not answer.live


def test_endpoint_stop_ends_the_answer_by_one_partial_text() -> None:
    talk, answer = answered()
    talk.node.begin(SpeechStart(talk._stamp()))
    talk.silence(260, 1000).hear("Stop.", whole=False)
    assert not answer.live


def speaks(talk: Talk, cause: Cause, text: str, duration_ms: int, *, final: bool) -> None:
    """The sink begins to play a sentence."""
    event = PlaybackProgress(cause, "", 0, False, False, text, duration_ms * MILLISECOND, final)
    talk.take(talk.node.hearing(event))


def test_endpoint_yes_over_the_end_of_our_question_is_a_turn() -> None:
    """People answer before a question has quite ended."""
    talk, answer = answered()
    speaks(talk, answer, "Shall I go on?", 1200, final=True)
    talk.silence(800).voice(300).hear("Yes.").silence(300)
    assert talk.whole.at.cause.open and not answer.live


def test_endpoint_yes_over_the_middle_of_our_story_is_no_turn() -> None:
    talk, answer = answered()
    speaks(talk, answer, "The fishermen went out to sea every morning.", 3000, final=False)
    talk.silence(800).voice(300).hear("Yes.").silence(1000)
    assert answer.live and answer.open


@pytest.mark.parametrize("heard", ["The fishermen went out.", "fishermen went to see"])
def test_endpoint_echo_of_our_words_is_no_turn(heard: str) -> None:
    """Over a loudspeaker, without echo cancellation, the answer would interrupt itself."""
    talk, answer = answered()
    speaks(talk, answer, "The fishermen went out to sea every morning.", 3000, final=True)
    talk.silence(1000)
    talk.node.begin(SpeechStart(talk._stamp()))
    talk.silence(800, 1000).hear(heard, whole=False)
    assert answer.live and answer.open
    talk.take(talk.node.pause(SpeechEnd(talk._stamp())))
    talk.hear(heard).silence(1000)
    assert answer.open
    assert talk.what()[-1] == "revoked"


def test_endpoint_question_of_common_words_is_no_echo() -> None:
    """Any answer has "is" and "that" in it."""
    talk, answer = answered()
    speaks(talk, answer, "Well, that is a long story about the sea.", 3000, final=True)
    talk.silence(2000).voice(500).hear("Why is that?").silence(300)
    assert not answer.live


def test_endpoint_echo_after_the_answer_is_no_turn() -> None:
    """The echo of a telephone line comes more than a second later."""
    talk, answer = answered()
    speaks(talk, answer, "The fishermen went out to sea.", 1500, final=True)
    talk.silence(1500)
    end = PlaybackProgress(answer, "The fishermen went out to sea.", 0, True, True, "", 1500 * MILLISECOND, True)
    talk.take(talk.node.hearing(end))
    talk.silence(300).voice(900).hear("The fishermen went out to sea.").silence(1000)
    assert "committed" not in talk.what()[3:]


def test_endpoint_noise_after_the_question_does_not_lose_the_answer() -> None:
    """A sneeze half a second after the question: its text is that of the question again."""
    talk = Talk().silence(400).voice(1000).hear("How are you?").silence(300)
    answer = talk.whole.at.cause
    talk.silence(200).voice(600).hear("How are you?")
    assert answer.live and answer.open


def test_endpoint_without_speech_recognition_the_duration_of_the_voice_decides() -> None:
    talk = Talk(transcribes=False).silence(400).voice(1000).silence(920)
    answer = talk.whole.at.cause
    talk.play(answer).silence(1000).voice(400)
    assert answer.live
    talk.silence(1000)
    assert not answer.live


def test_endpoint_asks_the_end_of_turn_model_twice_in_a_pause() -> None:
    """The more silence the model hears, the more it says that the turn is over."""
    talk = Talk(model=True, pause="200ms").silence(400).voice(1000).silence(180)
    assert len(talk.asked) == 1
    talk.silence(1000)
    assert len(talk.asked) == 2 and talk.asked[-1].at.duration <= 8_000 * MILLISECOND


def test_endpoint_without_an_end_of_turn_model_asks_none() -> None:
    assert Talk().silence(400).voice(1000).silence(2000).asked == []


@pytest.mark.parametrize(
    ("words", "probabilities", "wait_ms"),
    [
        ("What time is it?", (0.9, 0.4), 300),
        ("What time is it?", (0.9, 0.1), 1500),
        ("I would like a table for four people.", (0.99, 0.98), 300),
        ("I would like a table for four people.", (0.99, 0.6), 1000),
        ("I would like a table for four people.", (0.2, 0.9), 1500),
        ("describe it again", (0.99, 0.98), 600),
        ("My number is 555.", (0.99, 0.99), 1500),
        ("I want to go to the", (0.99, 0.99), 1500),
        ("Yes.", (0.5, 0.4), 300),
        ("Yes.", (0.2, 0.1), 1000),
        ("What time is it?", (), 300),
        ("I would like a table for four people.", (), 1000),
    ],
)
def test_endpoint_joins_words_and_sound(words: str, probabilities: tuple[float, ...], wait_ms: int) -> None:
    talk = Talk(model=True, floor="300ms", ceiling="1500ms").silence(400).voice(1000).hear(words)
    talk.sound(*probabilities).silence(wait_ms - 20)
    assert "committed" not in talk.what()
    assert talk.silence(40).what()[-1] == "committed"


def test_endpoint_dictated_number_is_one_turn_also_without_a_model() -> None:
    """Whisper writes a full stop after every group of digits."""
    talk = Talk().silence(400).voice(1000).hear("My number is 555.").silence(1200)
    talk.voice(900).hear("My number is 555, 0123.")
    assert "committed" not in talk.what()


def test_endpoint_silent_caller_is_asked_once_and_told_goodbye_later() -> None:
    """A silent line is confusing for both, and a machine that asks every 8 s is a nuisance."""
    talk, answer = answered()
    talk.play(answer, last=True).silence(7900)
    assert talk.prompts == []
    talk.silence(200)
    assert [prompt.answer for prompt in talk.prompts] == ["Are you still there?"]
    assert talk.prompts[0].at.cause.open and not talk.prompts[0].text
    talk.silence(30_000)
    assert len(talk.prompts) == 1, "counted from the end of the question"
    talk.play(talk.prompts[0].at.cause, last=True).silence(20_100)
    assert len(talk.prompts) == 2 and "Goodbye" in talk.prompts[1].answer
    talk.play(talk.prompts[1].at.cause, last=True).silence(100_000)
    assert len(talk.prompts) == 2


def test_endpoint_caller_who_speaks_again_is_asked_again_after_the_next_answer() -> None:
    talk, answer = answered()
    talk.play(answer, last=True).silence(8100)
    talk.play(talk.prompts[0].at.cause, last=True).silence(1000).voice(1000).hear("Yes, I am here.").silence(300)
    talk.silence(10_000)
    assert len(talk.prompts) == 1, "the answer is not played yet"
    talk.play(talk.whole.at.cause, last=True).silence(8100)
    assert len(talk.prompts) == 2 and talk.prompts[1].answer == talk.prompts[0].answer


def test_endpoint_silence_before_the_first_answer_and_without_a_link_is_not_broken() -> None:
    assert Talk().silence(20_000).prompts == []
    talk = Talk(transcribes=False).silence(400).voice(1000).silence(920)
    talk.play(talk.whole.at.cause, last=True).silence(20_000)
    assert talk.prompts == []


@pytest.mark.parametrize(
    ("language", "asked"), [("zh", "您还在吗？"), ("de-AT", "Bist du noch da?"), ("xx", "Are you still there?")]
)
def test_endpoint_silent_caller_is_asked_in_their_language(language: str, asked: str) -> None:
    talk = Talk().silence(400).voice(1000).hear("好的。", language=language).silence(920)
    talk.play(talk.whole.at.cause, last=True).silence(8100)
    assert [(prompt.answer, prompt.language) for prompt in talk.prompts] == [(asked, language)]


def test_endpoint_graph_may_set_what_a_silent_caller_is_asked() -> None:
    talk = Talk(reprompt="Hello?", reprompt_after="3s").silence(400).voice(1000).hear("How are you?").silence(300)
    talk.play(talk.whole.at.cause, last=True).silence(3100)
    assert [prompt.answer for prompt in talk.prompts] == ["Hello?"]
