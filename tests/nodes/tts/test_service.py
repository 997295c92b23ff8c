"""The base class of voices: one speech for every sentence, one after the other."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from nodes.packets import Sentence, Speech
from nodes.tts._service import TtsService, VoiceParams
from nodes.tts._sound import SynthesizedSpeech
from pipeline.cause import Cause
from pipeline.packet import Stamp
from pipeline.params import ms
from pipeline.testing import root_stamp, run_node


class Beeper(TtsService[VoiceParams]):
    """Gives 10 ms of sound for every letter."""

    async def speak(self, text: str) -> SynthesizedSpeech:
        return SynthesizedSpeech(np.full(80 * len(text), 1000, np.int16), 8000)


def sentence(text: str, cause: Cause, pts: int = 0, **more: object) -> Sentence:
    return Sentence(Stamp(pts, 0, cause), text, **more)  # type: ignore[arg-type]


def test_voice_sentences_of_an_answer_follow_each_other() -> None:
    """Otherwise the second sentence is spoken over the first."""
    cause = Cause(1, "turn", committed=True)
    first, second = run_node(Beeper(), [sentence("aaaa", cause), sentence("bb", cause)]).of(Speech)
    assert (first.at.pts, first.at.duration) == (0, ms(40))
    assert (second.at.pts, second.at.duration) == (ms(40), ms(20))


def test_voice_of_another_answer_is_heard_at_once() -> None:
    """After an interruption the new answer does not wait for the end of the old one."""
    old, new = Cause(1, "turn", committed=True), Cause(2, "turn", committed=True)
    speeches = run_node(Beeper(), [sentence("a" * 500, old), sentence("b", new, ms(30))]).of(Speech)
    assert speeches[1].at.pts == ms(30)


def test_voice_late_sentence_is_stamped_now() -> None:
    """A gap in the text becomes a gap in the speech."""
    cause = Cause(1, "turn", committed=True)
    speeches = run_node(Beeper(), [sentence("a", cause), sentence("b", cause, ms(500))]).of(Speech)
    assert speeches[1].at.pts == ms(500)


@pytest.mark.parametrize("text", ["", "  ", "...", "!?", "🙂", "[[ ]]", "—"])
def test_voice_empty_sentence_gives_empty_last_speech(text: str) -> None:
    """The end of the answer must arrive, and no voice says "exclamation mark"."""
    (speech,) = run_node(Beeper(), [Sentence(root_stamp(), text, last=True)]).of(Speech)
    assert (len(speech.samples), speech.at.duration, speech.phonemes, speech.last) == (0, 0, (), True)


def test_voice_captions_show_the_written_text() -> None:
    """People read 5 € although the voice says five euros."""
    shown = Sentence(root_stamp(), "five euros", shown="5 €")
    bare = Sentence(root_stamp(), "five euros")
    assert [speech.text for speech in run_node(Beeper(), [shown, bare]).of(Speech)] == ["5 €", "five euros"]


def test_voice_pause_is_shorter_after_a_piece_of_a_sentence() -> None:
    """Otherwise a comma at a cut sounds like a full stop."""
    voice = Beeper(pause=ms(200))
    assert voice.tail('He said "no."') == ms(200)
    assert voice.tail("and then,") == ms(100)


def test_voice_last_resort_shows_the_text_and_ends_the_answer() -> None:
    """The text is shown, and the turn does not stay open."""
    node = Beeper()
    run_node(node, [])
    said = Sentence(root_stamp(), "five euros", shown="5 €", last=True)
    assert node.requires_output(said) and not node.requires_output(Sentence(root_stamp(), "..."))
    (shown,) = node.last_resort(said, ())
    assert isinstance(shown, Speech)
    assert (shown.text, shown.last, len(shown.samples), node.counts_as_output(shown)) == ("5 €", True, 0, False)


def test_voice_silent_output_does_not_count_as_output() -> None:
    """The fallback must speak instead."""
    node = Beeper()
    (speech,) = run_node(node, [Sentence(root_stamp(), "five euros")]).of(Speech)
    assert node.counts_as_output(speech)
    assert not node.counts_as_output(msgspec.structs.replace(speech, samples=np.zeros_like(speech.samples)))


def test_voice_cached_sentence_follows_the_one_before_it() -> None:
    """Cached sentences must not be spoken over each other either."""
    cause = Cause(1, "turn", committed=True)
    node = Beeper()
    first, second = run_node(node, [sentence("aaaa", cause), sentence("bb", cause)]).of(Speech)
    here = sentence("aaaa", cause, shown="4 a", last=True)
    assert node.cache_key(here) == node.cache_key(sentence("aaaa", cause)) != node.cache_key(sentence("bb", cause))
    again = node.from_cache(here, first)
    assert isinstance(again, Speech)
    assert (again.at.pts, again.at.duration, again.at.cause) == (second.at.pts + ms(20), ms(40), cause)
    assert (again.text, again.last) == ("4 a", True), "as it is said here"


def test_voice_speech_has_the_language_of_its_sentence() -> None:
    """The face and the captions know which language they show."""
    said = Sentence(root_stamp(), "Guten Tag", language="de")
    (spoken,) = run_node(Beeper(), [said]).of(Speech)
    assert spoken.language == "de"
    node = Beeper()
    run_node(node, [])
    assert [shown.language for shown in node.last_resort(said, ()) if isinstance(shown, Speech)] == ["de"]
