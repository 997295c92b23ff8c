"""What kind of ending the words of a turn have so far.

Transcripts mislead: Whisper writes a full stop after half a sentence and after every group of a dictated
number, so a full stop counts for little after some words.
"""

from __future__ import annotations

import re
from typing import Literal

from nodes.words import is_backchannel, is_stop, words_of

Ending = Literal["answer", "question", "complete", "unclear", "list", "open"]
"""`list`: digits, letters or the parts of an address, after which more may come. `open`: cannot end there."""

_CLOSED = re.compile(r"[.!?。！？]['\")\]]*$")
_ASKED = re.compile(r"[?？]['\")\]]*$")
_BROKEN_OFF = re.compile(r"(\.\.\.|…|[,;:，；：–—-])['\")\]]*$")

_NUMBERS = """
zero oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million double triple
null eins zwei drei vier fünf sechs sieben acht neun zehn un deux trois quatre cinq six sept huit neuf dix
uno dos tres cuatro cinco seis siete ocho nueve diez
"""
_PARTS = "at dot dash hyphen slash underscore plus comma point www com capital"
_LISTED = frozenset(_NUMBERS.split()) | frozenset(_PARTS.split())
_ITEM = re.compile(r"\d[\d\w-]*|\w*\d|[b-hj-z]|m+|([a-z0-9]-)+[a-z0-9]?|[\w]*[零〇一二三四五六七八九十百千万亿两]")
_SPELLED = re.compile(r"\b[A-Z]{2,}['\")\].!?,]*$")

_FUNCTION_WORDS = """
and but or so because if when while that which who where than then as like the a an my your his her our their its this
these those some any no every each very really um uh er well also i we they he she you're i'm we're they're it's im its
is are was were be been am do does did have has had will would can could should shall may might must let lets find want
wants need needs just only what how why whose gonna going please und oder aber weil dass der die das ein eine ich wir
et ou mais parce que le la les un une je nous y o pero porque el los una yo
"""
_PREPOSITIONS = """
to of in on at for with from by about into over under between through during before after without near
von mit zu für de à pour avec en con por para
"""
_OPEN = frozenset(_FUNCTION_WORDS.split())
_PREPOSITION = frozenset(_PREPOSITIONS.split())
_ASKING = frozenset("what who whom whose which where when why how".split())
_VERBS = frozenset(
    "is are was were am do does did have has had will would can could should shall may might must".split()
)
_BEGINNINGS = ("could you please", "can you please", "would you please", "how do i", "i would like to", "tell me")
_LEAST_QUESTION = 3
"""A question that ends with a preposition has more words."""
_END = 300
"""Characters at the end of a text that are looked at."""


def ending_of(text: str) -> Ending:
    """The kind of ending of a transcript."""
    text = text.strip()[-_END:]
    words = words_of(text)
    if not words or _BROKEN_OFF.search(text):
        return "open"
    if is_backchannel(text) or (len(words) <= 2 and is_stop(text)):
        return "answer"
    last, asked = words[-1], bool(_ASKED.search(text))
    asks = asked and len(words) > _LEAST_QUESTION and (words[0] in _ASKING or words[0] in _VERBS)
    if not asks and (last in _LISTED or _ITEM.fullmatch(last) or _SPELLED.search(text)):
        return "list"
    if (last in _OPEN and not (asks and last not in _ASKING)) or " ".join(words) in _BEGINNINGS:
        return "open"
    if last in _PREPOSITION and not (asks and words[0] in _ASKING):
        return "open"
    return "question" if asked else "complete" if _CLOSED.search(text) else "unclear"
