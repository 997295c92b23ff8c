"""What the person hears of us: the sentences being played, for recognising our own echo and our questions."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from nodes.packets import PlaybackProgress
from nodes.words import words_of
from pipeline.cause import Cause
from pipeline.params import ms, seconds

MEMORY = seconds(4)
"""How long before a sound words can have been spoken for it to be their echo."""
SHARE = 0.6
"""Share of the words heard that must have been spoken: finds 79 to 90 % of echoes, and up to 4 % of what people say."""
LEAST = 2
"""Words heard; a single one proves nothing."""
LONG = 5
"""Words from which their order does not matter."""
SHARE_AFTER, LEAST_AFTER = 0.8, 3
"""The same once we are silent, when people repeat what they have just heard."""
TAIL = ms(1200)
"""The end of a question, over which people begin to answer it."""
AHEAD = ms(400)
"""How much further a sentence may be than we know."""

_QUESTION = re.compile(r"[?？]['\"”’»)\]]*\s*$")


@dataclass(slots=True)
class _Sentence:
    words: list[str]
    question: bool
    final: bool
    start: int
    duration: int
    end: int | None = None
    """When it ended or was cut off; None while it plays."""

    def spoken(self, now: int) -> list[str]:
        """The words that may have been said by now."""
        if self.end is not None or not self.duration:
            return self.words
        share = (now - self.start + AHEAD) / self.duration
        return self.words[: max(0, round(share * len(self.words)))]


@dataclass(slots=True)
class Spoken:
    """The sentences of the last seconds; all times in nanoseconds."""

    _sentences: deque[_Sentence] = field(default_factory=lambda: deque(maxlen=16))

    _answer: Cause | None = None
    """The last answer of which something was heard."""

    def played(self, event: PlaybackProgress, now: int) -> None:
        """Takes a report of the playing sink."""
        self._answer = event.cause
        if not event.ended:
            question = bool(_QUESTION.search(event.speech))
            words = words_of(event.speech)
            if words:
                self._sentences.append(_Sentence(words, question, event.final, now, event.duration))
            elif self._sentences and event.final:
                self._sentences[-1].final = True  # nothing follows that sentence
        elif self._sentences and self._sentences[-1].end is None:
            last = self._sentences[-1]
            last.end = now
            if event.position < last.duration:
                last.words = words_of(event.text)

    def began(self, answer: Cause) -> bool:
        """Whether anything of this answer has been heard."""
        return self._answer is answer

    def asks(self, now: int) -> bool:
        """Whether the end of a question is being played, or has just been."""
        if not self._sentences:
            return False
        last = self._sentences[-1]
        left = last.start + last.duration - now if last.end is None else 0
        return last.question and left <= TAIL and (last.end is None or now - last.end <= TAIL)

    @property
    def goes_on(self) -> bool:
        """Whether more follows the last sentence, as far as is known."""
        return not self._sentences or not self._sentences[-1].final

    def echoes(self, text: str, since: int, now: int) -> bool:
        """Whether a text heard since that time consists of words that we have spoken."""
        heard = words_of(text)
        spoken = list(self._words(since - MEMORY, now))
        playing = any(sentence.end is None or now - sentence.end < ms(500) for sentence in self._sentences)
        share, least = (SHARE, LEAST) if playing else (SHARE_AFTER, LEAST_AFTER)
        if len(heard) < least:
            return False
        known, pairs = set(spoken), set(pairwise(spoken))
        # A few common words in another order are no echo.
        alike = len(heard) >= LONG or any(pair in pairs for pair in pairwise(heard))
        return alike and sum(word in known for word in heard) >= share * len(heard)

    def _words(self, since: int, now: int) -> Iterator[str]:
        for sentence in self._sentences:
            if sentence.end is None or sentence.end >= since:
                yield from sentence.spoken(now)
