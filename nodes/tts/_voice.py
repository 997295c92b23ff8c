"""The base of all voices: one `Speech` for every `Sentence`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

from pydantic import Field

from nodes.packets import Sentence, Speech, duration_of
from nodes.tts._sound import NOTHING, Spoken
from pipeline.node import Service
from pipeline.packet import Stamp
from pipeline.params import Duration, Params, ms
from pipeline.port import Input, Output

_ENDS = (".", "!", "?", "…", "。", "！", "？")


class VoiceParams(Params):
    """What every voice lets its user set."""

    speed: float = Field(1.0, ge=0.5, le=2.0)
    """How fast it speaks: 1 is the voice's own pace, 2 is twice as fast."""
    loudness: float = Field(-20.0, ge=-40.0, le=-10.0)
    """Of every sentence's spoken parts, in dBFS: the same for all voices, so that a fallback is not louder."""
    pause: Duration = Field(ms(220), ge=0, le=ms(2000))
    """Silence after a sentence, up to 2 s; after a piece of one, half of it."""


V = TypeVar("V", bound=VoiceParams)


class Voice(Service[V]):
    """Speaks sentences; subclasses say how."""

    text = Input(Sentence)
    speech = Output(Speech)

    @dataclass(slots=True)
    class State:
        cause: int = -1
        """The id of the cause of the last speech."""
        end: int = 0
        """When that speech ends."""

    state: State

    async def speak(self, text: str) -> Spoken:
        """What the voice makes of a text; no samples if there is nothing to say in it."""
        raise NotImplementedError

    @text.each
    async def say(self, sentence: Sentence) -> AsyncIterator[Speech]:
        """Yields the sentence as speech, to be heard now or after what precedes it."""
        # A voice would name a lone mark or smiley, or breathe it.
        has_words = any(letter.isalnum() for letter in sentence.text)
        spoken = await self.speak(sentence.text) if has_words else NOTHING
        duration = duration_of(len(spoken.samples), spoken.rate)
        cause = sentence.at.cause
        begin = max(self.clock.now(), self.state.end if self.state.cause == cause.id else 0)
        self.state.cause, self.state.end = cause.id, begin + duration
        yield Speech(
            Stamp(begin, duration, cause),
            spoken.samples,
            spoken.rate,
            sentence.shown or sentence.text,
            spoken.phonemes,
            sentence.last,
        )

    def tail(self, text: str) -> int:
        """Nanoseconds of silence that belong after a text."""
        ended = text.rstrip(" \"'”’)]").endswith(_ENDS)
        return self.params.pause if ended else self.params.pause // 2
