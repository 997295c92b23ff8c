"""Subtitles come on time, can be read, and have each word once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.media._cues import LINE, LONGEST, cues
from nodes.media.srt import MediaSrt
from nodes.media.vtt import MediaVtt
from nodes.packets import Transcript, Word
from pipeline.cause import Causes
from pipeline.errors import ResourceError, UserInputError
from pipeline.packet import MILLISECOND, SECOND, Packet, Stamp
from pipeline.testing import root_stamp, run_node

LONG = (
    "Whenever the wind blows from the north, the traveller wraps himself in his cloak, and when the sun shines again "
    "he takes it off. Then he goes on."
)


def said(text: str, start: float = 0.0, seconds: float = 2.0, *, timed: bool = True, **more: Any) -> Transcript:
    """A transcript whose words are equally long, apart from the spaces."""
    spoken = text.split()
    step = round(seconds * SECOND) // max(1, len(spoken))
    words = tuple(Word(word, n * step, (n + 1) * step) for n, word in enumerate(spoken)) if timed else ()
    at = root_stamp(round(start * SECOND), round(seconds * SECOND))
    return Transcript(at, text, **{"whole": True, "words": words, **more})


def srt(path: Path, packets: list[Packet]) -> str:
    """The file after the run."""
    assert not run_node(MediaSrt(path=str(path)), packets).errors
    return path.read_text(encoding="utf-8")


def test_srt_has_numbers_times_and_lines(tmp_path: Path) -> None:
    """As players read it: numbered from 1, with a comma in the times."""
    packets: list[Packet] = [said("Hello there.", 1.5), said("How are you?", 3725.25, 1.0)]
    assert srt(tmp_path / "a.srt", packets) == (
        "1\n00:00:01,500 --> 00:00:03,500\nHello there.\n\n2\n01:02:05,250 --> 01:02:06,250\nHow are you?\n\n"
    )


def test_vtt_has_its_header_and_escapes_markup(tmp_path: Path) -> None:
    """A browser would take `<b>` for markup and refuse a file without the header."""
    run_node(MediaVtt(path=str(tmp_path / "a.vtt")), [said("a <b> & c --> d.", 1.5, 1.0)])
    text = (tmp_path / "a.vtt").read_text(encoding="utf-8")
    assert text == "WEBVTT\n\n00:00:01.500 --> 00:00:02.500\na &lt;b&gt; &amp; c --&gt; d.\n\n"


def test_subtitles_without_transcripts_are_a_valid_file(tmp_path: Path) -> None:
    run_node(MediaVtt(path=str(tmp_path / "a.vtt")), [])
    assert (tmp_path / "a.vtt").read_text() == "WEBVTT\n\n"
    assert srt(tmp_path / "a.srt", []) == ""


def test_subtitles_leave_out_partials_silence_and_revoked_turns(tmp_path: Path) -> None:
    causes = Causes()
    revoked = causes.begin("turn")
    causes.revoke(revoked, "turn")
    packets: list[Packet] = [
        said("Hel", whole=False),
        said(""),
        Transcript(Stamp(0, SECOND, revoked), "Hello, I", whole=True),
        said("Hello."),
    ]
    assert re.findall(r"[A-Z].*", srt(tmp_path / "a.srt", packets)) == ["Hello."]


def test_growing_transcript_replaces_its_earlier_version(tmp_path: Path) -> None:
    """A sentence with a pause is there once, however often it was transcribed."""
    packets: list[Packet] = [
        said("Before that."),
        said("And so my fellow Americans.", 5.0, 2.0),
        said("And so, my fellow Americans, ask not.", 5.0, 4.0),
        said("And so, my fellow Americans, ask not what it can do for you.", 5.0, 6.0),
        said("After that.", 12.0),
    ]
    text = srt(tmp_path / "a.srt", packets)
    assert re.findall(r"(?m)^\d+$", text) == ["1", "2", "3"]
    assert text.count("fellow") == 1 and text.count("ask not what") == 1
    assert text.index("Before") < text.index("fellow") < text.index("After")


def test_subtitles_to_a_pipe_are_written_in_order(tmp_path: Path) -> None:
    """What has no positions, such as /dev/stdout, cannot be changed afterwards, but must work."""
    assert not run_node(MediaSrt(path="/dev/null"), [said("One."), said("One, two.", 0.0, 3.0)]).errors


@pytest.mark.parametrize("timed", [True, False])
def test_long_sentence_is_cut_into_readable_subtitles(timed: bool) -> None:
    """Two lines of 42 columns and seven seconds, without a single word left over."""
    made = cues(said(LONG, 10.0, 14.0, timed=timed))
    assert len(made) >= 3
    for cue in made:
        assert 1 <= len(cue.lines) <= 2 and all(0 < len(line) <= LINE for line in cue.lines)
        assert 0 < cue.end - cue.start <= LONGEST
        assert len(" ".join(cue.lines).split()) > 2
    assert " ".join(line for cue in made for line in cue.lines) == LONG
    assert made[-1].lines == ("Then he goes on.",)  # a sentence begins a subtitle


def test_subtitle_begins_when_its_first_word_is_spoken() -> None:
    """After a pause in a turn the second half comes when it is spoken, not before."""
    words = (Word("Wait", SECOND // 2, SECOND), Word("for", 4 * SECOND, 5 * SECOND), Word("it", 5 * SECOND, 6 * SECOND))
    first, second = cues(Transcript(root_stamp(10 * SECOND, 6 * SECOND), "Wait for it", whole=True, words=words))
    assert (first.start, first.lines) == (10_500 * MILLISECOND, ("Wait",))
    assert (second.start, second.lines) == (14 * SECOND, ("for it",))


def test_chinese_subtitles_have_no_spaces_and_shorter_lines() -> None:
    """Letters of Chinese are twice as wide, and its words are not separated."""
    text = "北风和太阳正在争论谁更强大。" + "这时来了一位裹着温暖斗篷的旅行者他走得很慢因为路上有很多很多的雪" * 2
    made = cues(Transcript(root_stamp(0, 20 * SECOND), text, whole=True, language="zh"))
    assert "".join(line for cue in made for line in cue.lines) == text
    assert max(len(line) for cue in made for line in cue.lines) <= LINE // 2
    assert made[0].lines == ("北风和太阳正在争论谁更强大。",)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30), st.integers(0, 3000)),
        max_size=40,
    ),
    st.integers(0, 60_000),
)
def test_subtitles_of_any_words_are_in_order_and_complete(spoken: list[tuple[str, int]], length: int) -> None:
    """Whatever the speech recognition gives: no word is lost, and no time goes back."""
    words, end = [], 0
    for text, gap in spoken:
        start, end = end + gap * MILLISECOND, end + 2 * gap * MILLISECOND
        words += [Word(text.strip(), start, end)] if text.strip() else []
    text = " ".join(word.text for word in words)
    heard = Transcript(root_stamp(SECOND, length * MILLISECOND), text, whole=True, words=tuple(words))
    made = cues(heard)
    assert "".join("".join(line.split()) for cue in made for line in cue.lines) == "".join(text.split())
    starts = np.array([cue.start for cue in made])
    assert (np.diff(starts) >= 0).all()
    assert all(cue.end >= cue.start >= SECOND for cue in made)


@pytest.mark.parametrize("node", [MediaSrt, MediaVtt])
def test_subtitles_that_cannot_be_written_are_an_error_with_a_hint(node: Any, tmp_path: Path) -> None:
    with pytest.raises(UserInputError) as refused:
        run_node(node(path=str(tmp_path)), [])
    assert refused.value.hint == f"name the file to write, such as transcript{node.suffix}"
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match="cannot write"):
        run_node(node(path=str(tmp_path / "file" / "a")), [])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
def test_subtitles_report_a_full_disk() -> None:
    error = run_node(MediaSrt(path="/dev/full"), [said("Hello.")]).errors[0]
    assert "No space left" in str(error)
