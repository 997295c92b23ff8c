"""Turns the symbols of a voice and their lengths into timed phonemes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from nodes.packets import Phoneme, duration_of

SILENCE = " "
"""The symbol of a silent gap."""
IPA = {
    "A": "eɪ",
    "I": "aɪ",
    "O": "oʊ",
    "Q": "əʊ",
    "W": "aʊ",
    "Y": "ɔɪ",
    "T": "ɾ",
    "S": "s",
    "ᵊ": "ə",
    "ʤ": "dʒ",
    "ʧ": "tʃ",
    "ꭧ": "ʈʂ",
}
"""Letters in the alphabets of Hibari and Kokoro that are not IPA."""
STRESS = frozenset("ˈˌ")
_TRAILING = frozenset("↓↑→↗↘")


def timed(symbols: Iterable[tuple[str, int]], rate: int) -> tuple[Phoneme, ...]:
    """Phonemes from consecutive (symbol, samples) pairs.

    A stress mark is merged, with its time, into the phoneme after it; a length mark, accent or
    tone into the phoneme before it.
    """
    merged: list[tuple[str, int]] = []
    stress, held = "", 0
    for symbol, samples in symbols:
        if symbol in STRESS:
            stress, held = symbol, held + samples
        elif merged and not stress and _follows(symbol):
            before, length = merged[-1]
            merged[-1] = (before + symbol, length + samples)
        else:
            merged.append((stress + symbol, held + samples))
            stress, held = "", 0
    if held:
        merged.append((SILENCE, held))
    return _placed(merged, rate)


def _follows(symbol: str) -> bool:
    return symbol in _TRAILING or all(unicodedata.category(letter) in ("Lm", "Mn", "Sk", "Nd") for letter in symbol)


def _placed(symbols: list[tuple[str, int]], rate: int) -> tuple[Phoneme, ...]:
    phonemes, at = [], 0
    for symbol, samples in symbols:
        start, at = at, at + samples
        if samples:
            phonemes.append(Phoneme(symbol, duration_of(start, rate), duration_of(at, rate)))
    return tuple(phonemes)


def moved(phonemes: tuple[Phoneme, ...], offset: int, last: int, duration: int) -> tuple[Phoneme, ...]:
    """Shifts phonemes by `offset` ns, clips them to 0 … `last` and adds silence up to `duration`."""
    if not phonemes:
        return ()
    placed = [Phoneme(p.symbol, max(0, p.start + offset), min(last, p.end + offset)) for p in phonemes]
    kept = [phoneme for phoneme in placed if phoneme.start < phoneme.end]
    begin, end = (kept[0].start, kept[-1].end) if kept else (duration, duration)
    before = [Phoneme(SILENCE, 0, begin)] if begin > 0 else []
    after = [Phoneme(SILENCE, end, duration)] if end < duration else []
    return (*before, *kept, *after)
