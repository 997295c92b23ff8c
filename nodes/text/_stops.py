"""Whether a full stop or the end of a line ends a sentence."""

from __future__ import annotations

import re

from nodes.text._abbreviations import DAYS, LABELS, MONTHS, STREETS, WORDS
from nodes.text._abbreviations_by_language import OF, Abbreviations
from nodes.text._after import After
from nodes.text._short import STREET

_NEAR = 64
_LAST_WORD = re.compile(r"[^\s([{\"'“‘«*_~`¿¡]{0,64}$")
_WORD_BEFORE = re.compile(r"([\w'’]{1,32})[\s(\"'“]{1,4}\S{0,64}$")
_INITIALS = re.compile(r"(?:[^\W\d_]\.\s?)*[^\W\d_]")
_ITEM_NUMBER = re.compile(r"\s*\d{1,2}")
_ORDINAL = re.compile(r"\d{1,2}(?:\.\d{1,2})?")
_NO_VOWELS = re.compile(r"[A-Za-z]?[b-df-hj-np-tv-xzß]{1,5}")
_SOUNDS = frozenset("hm hmm hmmm mm mmm sh shh shhh brr brrr grr pff pfft pst psst tsk zzz nth th".split())
_ENDS_AFTER = frozenset(
    """a an one per each another few every said say says saying or oh answered answers replied voted whispered shouted
    means mean meant modern fine some definitely absolutely half""".split()
)
"""Words after which `no.`, `sec.` or `art.` is a word and ends the sentence, also before a number."""
_OPEN_ENDED = frozenset(
    """a an the of in on at by for to from with and or but nor as than that which who whose is are was were be been my
    your his her its our their this these those new los las san saint st mount lake north south east west mr mrs ms dr
    prof king queen president called named between into over under about near via""".split()
)
"""Words that no line of its own ends with."""
_VERBS = frozenset(
    """is are was were has have had do does did went go goes came come comes said says say can could will would shall
    should may might must made make makes took take takes saw see sees met meet meets left lives lived live got get gets
    he she they we it i you who there this that told knew found gave began became wrote put ran let""".split()
)
"""Words that a sentence has, and a heading or an item of a list hardly ever."""
_BEFORE_ORDINALS = frozenset(
    """der die das den dem des am im zum zur vom beim ab bis seit jeder jede jedes ihr ihre sein seine mein meine unser
    unsere ins dieser diese ein eine einen""".split()
)
_AFTER_ORDINALS = frozenset(
    "januar februar märz april mai juni juli august september oktober november dezember jahrhundert jh".split()
)
_PROSE = 4
"""Words of a sentence that goes on in the next line."""


def full_stop_ends(before: str, after: After, language: str) -> bool | None:
    """Whether a full stop after `before` ends the sentence; None if the next word is needed to decide."""
    found = _LAST_WORD.search(before, max(0, len(before) - _NEAR))
    word = found[0] if found else ""
    small = word.lower()
    known = OF.get(language[:2], OF["en"])
    if word in STREETS and STREET.search(before[: -len(word)][-_NEAR:]):
        return _starts(after, known)
    if word in known.titles or small in known.inner:
        return False
    if small in known.numbered or word in MONTHS:
        return _numbered_ends(word, before, after, known)
    if word in DAYS and known is OF["en"]:
        return _day_ends(after)
    if _ITEM_NUMBER.fullmatch(before.removesuffix("\n").rpartition("\n")[2]):
        return False  # the number of a list item
    if known.ordinals and _ORDINAL.fullmatch(word):
        return _ordinal_ends(before, after, known)
    if word != "I" and (small in known.outer or small == "st" or _INITIALS.fullmatch(word)):
        if len(word) == 1 and (label := _is_label(word, before, after)) is not False:
            return label
        return _starts(after, known)
    if _NO_VOWELS.fullmatch(word) and not word.isupper() and small not in _SOUNDS:
        return _starts(after, known)  # an abbreviation that nobody has listed
    return len(word) > 4 or not after.next.islower()


def _starts(after: After, known: Abbreviations) -> bool | None:
    """Whether the next word begins a sentence rather than a name; None if it may still grow."""
    following = after.word()
    return None if following is None else after.next.isupper() and following in known.starters


def _ordinal_ends(before: str, after: After, known: Abbreviations) -> bool | None:
    """`am 3. Oktober`, but `es sind 3. Gut.`"""
    last = _WORD_BEFORE.search(before[-_NEAR:])
    if last and last[1].lower() in _BEFORE_ORDINALS:
        return _starts(after, known)
    following = after.word()
    return None if following is None else following not in _AFTER_ORDINALS


def _day_ends(after: After) -> bool | None:
    if not after.next.isupper():
        return False
    following = after.word()
    return None if following is None else following[:3].title() not in {*MONTHS, "May"}


def _numbered_ends(word: str, before: str, after: After, known: Abbreviations) -> bool:
    if not after.next.isdigit():
        return not (after.next.islower() or after.next in "€$£¥%#°")
    if word not in WORDS or known is not OF["en"]:
        return False
    last = _WORD_BEFORE.search(before[-_NEAR:])
    if last is None:
        return False
    return last[1].lower() in _ENDS_AFTER or (
        word == "no" and re.search(r"\banswer\s\w{2,4}\sno\Z", before) is not None
    )


def _is_label(letter: str, before: str, after: After) -> bool | None:
    """`Group A. B is next.`: the letter is a name by itself, and no initial of one; None if that is not clear yet."""
    last = _WORD_BEFORE.search(before[-_NEAR:])
    if last is None or not letter.isupper():
        return False
    if last[1].lower() in LABELS:
        return True
    following = after.word()
    return None if following is None else len(following) == 1 and not after.is_initial()


def continues_line(before: str, after: After, language: str) -> bool | None:
    """Whether a line that begins with a capital continues the sentence `before`; None if the next word is needed.

    It does after a word that ends no line of its own, and in the middle of prose; a heading, an item of a list
    or a line of verse has no verb, or the next one begins with a word that is capitalised only there.
    """
    words = re.findall(r"[^\W_]+", before[-300:].lower())
    if not words or language[:2] not in OF:
        return False
    if before.rstrip()[-1:] in ":;.!?…。！？":
        return False
    if words[-1] in _OPEN_ENDED and len(words) > 1:
        return True
    short = len(words) < _PROSE and not before.lstrip()[:1].islower()
    if short or _VERBS.isdisjoint(words):
        return False
    following = after.word()
    return None if following is None else following not in OF[language[:2]].starters
