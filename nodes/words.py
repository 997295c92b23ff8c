"""Whether an unfinished English transcript looks like a complete sentence or a backchannel."""

from __future__ import annotations

import re

_LISTENING = """
mm mmm mhm mm-hm mm-hmm hm hmm uh-huh uh huh yeah yep yes ok okay right sure i see aha ah oh got it wow really
"""
_LISTENING_PHRASES = ("i see", "got it", "uh huh", "all right", "of course")

BACKCHANNELS = frozenset(_LISTENING.split()) | frozenset(_LISTENING_PHRASES)
"""Short sounds and words of a listener that mean "go on"."""

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


def is_backchannel(text: str) -> bool:
    """Whether a text consists only of backchannels such as "mm-hm"."""
    words = re.sub(r"[^\w\s'-]", " ", text.lower()).split()
    return bool(words) and (" ".join(words) in BACKCHANNELS or all(word in BACKCHANNELS for word in words))


def completeness(text: str) -> float:
    """How complete a text looks: 1 for a whole sentence, 0 for a broken-off one, 0.5 if unclear."""
    text = text.strip()[-_END:]
    words = re.findall(r"[\w']+", text.lower())
    if not words or words[-1] in _UNFINISHED or _OPEN.search(text):
        return 0.0
    return 1.0 if _CLOSING.search(text) else 0.5
