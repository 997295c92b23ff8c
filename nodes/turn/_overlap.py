"""A sound over an answer: what is known of it, and whether the answer waits for it.

The answer waits as soon as a detector marks a voice, so that a person who interrupts has silence
at once. It goes on as soon as the sound is known to be a noise (see `_opinion.py`), a backchannel or
an echo, and after 280 ms in any case where nothing is known. It ends when two partial texts in a
row, or the text of the whole sound, are other words than that; for "stop", one is enough.

On 100 short utterances of two voices, tiny.en on the first 250 to 400 ms tells backchannels from
interruptions in nine of ten, where its doubtful texts are used too and its loops are reduced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nodes.turn._opinion import VoiceOpinion
from nodes.words import begins_backchannel, is_backchannel, is_stop, unrepeated, words_of
from pipeline.params import ms

Verdict = Literal["unknown", "nothing", "words", "interruption"]
"""What a text makes of a sound: `nothing` lets the answer go on, `words` makes it wait."""

NOISE = ms(300)
"""Nanoseconds after which a sound is judged by Silero's model."""
HOLD = ms(280)
"""How long an answer waits for a sound of which nothing is known."""
SUSPECT = ms(480)
"""A voice of which nothing is known by then makes the answer wait once more."""
SURE_VOICE = 0.8
"""Probability of a voice for that."""
FIRST, ASK, ASK_LATER = ms(250), ms(150), ms(400)
"""When a partial text of the sound is first asked for, and the interval of further ones: within 1 s, and later."""
LONG = ms(4000)
"""A sound that is nothing for so long is judged anew by what follows, so that its texts stay short."""
GUESS, DOUBT, BELIEF = 0.2, 0.25, 0.35
"""Confidences: below them a text says nothing where it begins with "stop", in general, and with two words."""
SHORT, SHORT_BELIEF, HUM_BELIEF = ms(600), 0.38, 0.6
"""A single unknown word in a shorter voice, below that confidence, is a hum, and so are other words below the second
where the partial texts were backchannels: Whisper makes sentences of hums."""


def partial_verdict(text: str, confidence: float) -> Verdict:
    """What the text of the first part of a sound makes of it; confidence 0 to 1."""
    words = unrepeated(words_of(text))
    if not words:
        return "unknown"
    if is_backchannel(text) or begins_backchannel(" ".join(words)):
        return "nothing"
    if is_stop(text):
        return "interruption" if confidence >= BELIEF else "words" if confidence >= GUESS else "unknown"
    if confidence < DOUBT:
        return "unknown"
    return "interruption" if len(words) > 1 and confidence >= BELIEF else "words"


def whole_verdict(text: str, confidence: float, voiced: int, before: Verdict = "unknown") -> Verdict:
    """What the text of a whole sound makes of it; `voiced`: nanoseconds of voice, `before`: the partial verdict."""
    words = unrepeated(words_of(text))
    if not words or is_backchannel(text):
        return "nothing"
    if is_stop(text) or voiced >= SHORT:
        return "interruption"
    belief = HUM_BELIEF if before == "nothing" else SHORT_BELIEF if len(words) == 1 else 0
    return "nothing" if confidence < belief else "interruption"


@dataclass(slots=True)
class Overlap:
    """One sound over an answer."""

    start: int
    """When it began, nanoseconds."""
    opinion: VoiceOpinion
    pending: bool
    """Whether nothing of the answer has been heard yet, so that waiting makes no gap."""
    tail: bool
    """Whether it began over the end of a question."""
    asked: int = 0
    """When the last partial text was asked for; 0 for never."""
    held: int = 0
    """When the answer last began to wait."""
    verdict: Verdict = "unknown"
    interruptions: int = 0
    """Partial texts in a row that were interruptions."""
    suspected: bool = False

    def is_noise(self, now: int) -> bool:
        """Whether it has lasted long enough to be judged, and is no voice."""
        return now - self.start >= NOISE and not self.opinion.voice

    def ask(self, now: int) -> bool:
        """Whether a partial text is due; it then counts as asked for."""
        lasts = now - self.start
        due = lasts >= FIRST and now - self.asked >= (ASK if lasts < ms(1000) else ASK_LATER)
        if due:
            self.asked = now
        return due

    def judge(self, verdict: Verdict, text: str) -> None:
        """Takes the verdict on a partial text."""
        self.verdict = verdict if verdict != "unknown" or self.verdict == "interruption" else self.verdict
        self.interruptions = self.interruptions + 1 if verdict == "interruption" else 0
        if verdict == "interruption" and is_stop(text):
            self.interruptions += 1

    def is_long(self, now: int) -> bool:
        """Whether its beginning need not be heard any more."""
        return self.verdict == "nothing" and now - self.start >= LONG

    @property
    def interrupts(self) -> bool:
        """Whether it is certainly an interruption."""
        return self.interruptions >= 2

    def holds(self, now: int, *, ended: bool) -> bool:
        """Whether the answer waits for it now; `ended`: the voice is over and its text is awaited."""
        if self.verdict != "unknown":
            return self.verdict != "nothing"
        if self.pending or now - self.held < HOLD:
            return True
        if not self.suspected and not ended and now - self.start >= SUSPECT and self.opinion.most >= SURE_VOICE:
            self.suspected, self.held = True, now
            return True
        return False
