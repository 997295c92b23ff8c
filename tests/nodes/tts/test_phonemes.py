"""Phoneme times: the face must neither lead nor lag behind its voice."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from nodes.packets import Phoneme, duration_of
from nodes.tts._phonemes import SILENCE, moved, timed

RATE = 22_050
symbols = st.lists(st.tuples(st.sampled_from("əˈˌlːoʊ ʲ̃.p1↓"), st.integers(0, 4000)), max_size=30)


def names(phonemes: tuple[Phoneme, ...]) -> list[str]:
    return [phoneme.symbol for phoneme in phonemes]


def test_phonemes_merge_marks_into_their_sound() -> None:
    """A stress mark has its own time in the model; the lips must not pause for it."""
    phonemes = timed([("h", 10), ("ə", 20), ("l", 30), ("ˈ", 40), ("o", 50), ("ː", 60), (" ", 70)], 1000)
    assert names(phonemes) == ["h", "ə", "l", "ˈoː", " "]
    assert (phonemes[3].start, phonemes[3].end) == (60_000_000, 210_000_000)


def test_phonemes_keep_the_time_of_a_lone_mark() -> None:
    """No sample may be lost, or everything after it would be early."""
    assert timed([("a", 10), ("ˈ", 20)], 1000)[-1].end == 30_000_000
    assert names(timed([("ː", 10), ("a", 10)], 1000)) == ["ː", "a"]


@given(symbols)
def test_phonemes_are_contiguous_and_sum_to_the_sound(given_symbols: list[tuple[str, int]]) -> None:
    """The sum of the phonemes is the length of the sound, to the sample."""
    phonemes = timed(given_symbols, RATE)
    total = sum(samples for _, samples in given_symbols)
    assert (phonemes[-1].end if phonemes else 0) == duration_of(total, RATE)
    assert all(a.end == b.start for a, b in pairwise(phonemes))
    assert all(phoneme.start < phoneme.end for phoneme in phonemes)


@given(symbols, st.integers(-(10**9), 10**9), st.integers(1, 10**9), st.integers(0, 10**9))
def test_phonemes_cover_the_speech_after_trimming(
    given_symbols: list[tuple[str, int]], offset: int, last: int, silence: int
) -> None:
    """After trimming, the phonemes cover the speech without a gap."""
    phonemes = timed(given_symbols, RATE)
    after = moved(phonemes, offset, last, last + silence)
    if not phonemes:
        assert after == ()
        return
    assert (after[0].start, after[-1].end) == (0, last + silence)
    assert all(a.end == b.start for a, b in pairwise(after))


def test_phonemes_after_the_end_of_the_sound_become_silence() -> None:
    """A long last phoneme is cut where the sound ends."""
    after = moved((Phoneme("a", 0, 100), Phoneme("ɹ", 100, 900)), 0, 300, 500)
    assert [(p.symbol, p.start, p.end) for p in after] == [("a", 0, 100), ("ɹ", 100, 300), (SILENCE, 300, 500)]
