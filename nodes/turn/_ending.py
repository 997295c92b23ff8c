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

_NEVER_LAST = """
and but or so because if when while than as the a an my your our their its every very um uh er well also gonna going
und oder aber weil dass der die das ein eine et ou mais parce que le la les un une y o pero porque el los una
"""
_RARELY_LAST = """
that which who where then like this these those his her any some no each really i we they he she you're i'm we're it's
im its is are was were be been am do does did have has had will would can could should shall may might must let lets
find want wants need needs just only what how why whose please ich wir je nous yo
"""
"""These may end a question: "who is it?", "where were they?"."""
_PREPOSITIONS = """
to of in on at for with from by about into over under between through during before after without near
von mit zu für de à pour avec en con por para
"""
_NEVER = frozenset(_NEVER_LAST.split())
_RARELY = frozenset(_RARELY_LAST.split())
_PREPOSITION = frozenset(_PREPOSITIONS.split())
_ASKING = frozenset("what who whom whose which where why how".split())
_VERBS = frozenset(
    "is are was were am do does did have has had will would can could should shall may might must".split()
)
_SUBJECTS = frozenset("i you we they he she it".split())
_ANSWERS = frozenset(
    "yes no yeah yep nope okay ok sure right maybe please thanks thank you not really of course".split()
)
_HESITATION = re.compile(r"(u+[hm]+|e+[rh]*m?|m+|h+m+|well|so|like)")
_BEGINNINGS = frozenset(
    (
        "could you please|can you please|would you please|how do i|i would like to|tell me|"
        "let me think|let me see|let me check"
    ).split("|")
)
_SUBORDINATE = frozenset("if when while although unless because since wenn weil falls si quand cuando".split())
_SHORT_CLAUSE = 7
"""Words of a subordinate clause after which a main clause is awaited."""
_LEAST_QUESTION = 3
"""Words of a question; one that ends with a preposition has more."""
_LONGEST_ANSWER = 4
"""Words."""
_END = 300
"""Characters at the end of a text that are looked at."""


def ending_of(text: str) -> Ending:
    """The kind of ending of a transcript."""
    text = text.strip()[-_END:]
    words = words_of(text)
    if not words or _BROKEN_OFF.search(text) or all(_HESITATION.fullmatch(word) for word in words):
        return "open"
    if _is_answer(text, words):
        return "answer"
    asked = bool(_ASKED.search(text))
    asks = _asks(words, asked)
    last = words[-1]
    if not asks and (last in _LISTED or _ITEM.fullmatch(last) or _SPELLED.search(text)):
        return "list"
    if _is_open(words, asks, asked):
        return "open"
    return "question" if asked or asks else "complete" if _CLOSED.search(text) else "unclear"


def _is_answer(text: str, words: list[str]) -> bool:
    if is_backchannel(text) or (len(words) <= 2 and is_stop(text)):
        return True
    return len(words) <= _LONGEST_ANSWER and all(word in _ANSWERS for word in words) and words[0] != "you"


def _asks(words: list[str], asked: bool) -> bool:
    """Whether it has the form of a question; Whisper often leaves out the question mark of those with a wh-word."""
    if asked:
        return len(words) >= _LEAST_QUESTION and (words[0] in _ASKING or words[0] in _VERBS)
    return len(words) >= _LEAST_QUESTION and words[0] in _ASKING and words[1] not in _SUBJECTS


def _is_open(words: list[str], asks: bool, asked: bool) -> bool:
    """Whether it cannot end there."""
    last = words[-1]
    if last in _NEVER or " ".join(words) in _BEGINNINGS:
        return True
    if last in _RARELY:
        return not (asks and asked) or last in _ASKING
    if last in _PREPOSITION:
        stranded = asked and len(words) > _LEAST_QUESTION and words[0] in _ASKING
        return not stranded or (last == "of" and words[-3] in ("the", "a"))
    return words[0] in _SUBORDINATE and len(words) <= _SHORT_CLAUSE and not asked
