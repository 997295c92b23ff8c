"""What a text says about its turn: a listener's sound, an interruption, a whole sentence or half of one.

The lists hold English first, then the commonest words of Chinese, German, French, Spanish and Italian.
"""

from __future__ import annotations

import re

_PHRASES = """
i see|got it|all right|of course|thats right|thats true|thats great|thats good|go on|go ahead|makes sense|i know|
i understand|i get it|no way|no kidding|no problem|for sure|oh really|is that so|sounds good|very good|not bad|
fair enough|good to know|my goodness|oh my god|oh my|you know|tell me more|keep going|uh huh|mm hm|mm hmm|
ach so|das stimmt|alles klar|na klar|sehr gut|daccord|bien sûr|je vois|très bien|ah bon|está bien|por supuesto|
claro que sí|ya veo|muy bien|va bene|ho capito|certo|好的|是的|对对|对啊|是啊|嗯嗯|知道了|明白了|我知道|原来如此|没错
"""
_WORDS = """
yeah yep yup yes ok okay okey alright right sure aha wow really huh cool nice great good fine true exactly interesting
indeed absolutely definitely totally perfect correct understood well hm hmm oh ah uh eh um oof whoa ha
ja genau klar stimmt gut super okej ach so oui ouais bien sí si vale claro bueno già capito 嗯 对 好 是 哦 啊 行
"""
_HUM = re.compile(r"m+|mm*h+m*|m+-?h+m+|h+m+|u+h+-?(huh|oh|uh)?|a+(?:h+a*)?|o+h*|e+h+|a?ha+h?|[嗯哦啊对好是呃哈]+")
_STOP = """
stop|wait|no|nope|hold|hold on|hold up|hang on|what|why|pause|quiet|enough|cancel|silence|hush|excuse me|never mind|
be quiet|shut up|one moment|one second|a second|just a moment|停|停下|等等|等一下|不|不对|不是|别说了|stopp|halt|warte|
moment|nein|ruhe|arrête|arrêtez|attends|attendez|non|para|espera|espere|alto|aspetta|basta|ferma
"""


def _listed(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.replace("\n", "").split("|"))


_BACKCHANNEL_PHRASES = frozenset(tuple(phrase.split()) for phrase in _listed(_PHRASES))
_BACKCHANNEL_WORDS = frozenset(_WORDS.split())
_FIRST_WORDS = frozenset(phrase[0] for phrase in _BACKCHANNEL_PHRASES)
_STOPS = frozenset(tuple(phrase.split()) for phrase in _listed(_STOP))
_MOST_IN_PHRASE = max(map(len, _BACKCHANNEL_PHRASES))
_LEAST_PREFIX = 4
"""Letters by which a word that is being spoken is recognised."""
_BACKCHANNEL_LENGTH = 100
"""Characters of the longest text that is taken for backchannels."""

_GOES_ON = """
and but or so because if when while that which who where than then as like the a an my your his her our their
to of in on at for with from by about into is are was were i'm it's um uh er well also
"""
_UNFINISHED = frozenset(_GOES_ON.split())
"""Words that do not end a sentence."""

_END = 200
"""Characters at the end of a text that decide whether it is complete."""
_CLOSING = re.compile(r"[.!?。！？]['\")\]]*$")
_OPEN = re.compile(r"(\.\.\.|…|[,;:–—-])['\")\]]*$")


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation: "It's." gives `its`."""
    parted = re.sub(r"[,.;:!?…。，！？、—–/]", " ", text.lower())
    return re.sub(r"[^\w\s-]", "", parted).split()


def unrepeated(words: list[str]) -> list[str]:
    """Words without direct repetition: Whisper loops on short clips, and "yes yes yes" means no more than "yes"."""
    count = len(words)
    for size in range(1, count // 2 + 1):
        head = words[:size]
        if all(words[at] == head[at % size] for at in range(count)):
            return head
    return words


def is_backchannel(text: str) -> bool:
    """Whether a text consists only of backchannels such as "mm-hm", "okay, I see" or "嗯，对"."""
    if len(text) > _BACKCHANNEL_LENGTH:
        return False
    words = words_of(text)
    at = 0
    while at < len(words):
        step = _backchannel_at(words, at)
        if not step:
            return False
        at += step
    return bool(words)


def begins_backchannel(text: str) -> bool:
    """Whether the words so far may become a backchannel: "that" becomes "that's right", "interest" "interesting"."""
    words = words_of(text)
    if len(words) != 1:
        return False
    first = words[0].removesuffix("s")
    if first in {word.removesuffix("s") for word in _FIRST_WORDS}:
        return True
    return len(first) >= _LEAST_PREFIX and any(word.startswith(first) for word in _BACKCHANNEL_WORDS)


def _backchannel_at(words: list[str], at: int) -> int:
    """How many words from a place on are one backchannel; 0 if it is none."""
    for size in range(min(_MOST_IN_PHRASE, len(words) - at), 0, -1):
        if tuple(words[at : at + size]) in _BACKCHANNEL_PHRASES:
            return size
    return 1 if words[at] in _BACKCHANNEL_WORDS or _HUM.fullmatch(words[at]) else 0


def is_stop(text: str) -> bool:
    """Whether a text begins with words that always interrupt, such as "stop" or "hold on"."""
    words = unrepeated(words_of(text))
    return any(tuple(words[:size]) in _STOPS for size in range(1, min(3, len(words)) + 1)) and not is_backchannel(text)


def completeness(text: str) -> float:
    """How complete a text looks: 1 for a whole sentence, 0 for a broken-off one, 0.5 if unclear."""
    text = text.strip()[-_END:]
    words = re.findall(r"[\w']+", text.lower())
    if not words or words[-1] in _UNFINISHED or _OPEN.search(text):
        return 0.0
    return 1.0 if _CLOSING.search(text) else 0.5
