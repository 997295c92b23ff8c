"""The base class of speech synthesis: one `Speech` for every `Sentence`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from pydantic import Field

from nodes.packets import AUDIBLE, Sentence, Speech, duration_of
from nodes.tts._sound import NOTHING, SynthesizedSpeech
from pipeline.cause import Cause
from pipeline.errors import ResourceError
from pipeline.node import Service
from pipeline.packet import Packet, Stamp
from pipeline.params import Duration, Params, ms
from pipeline.port import Input, Output

_ENDS = (".", "!", "?", "…", "。", "！", "？")


class VoiceParams(Params):
    """Parameters of every voice."""

    speed: float = Field(1.0, ge=0.5, le=2.0)
    """Speaking rate: 1 is the voice's own pace, 2 is twice as fast."""
    loudness: float = Field(-20.0, ge=-40.0, le=-10.0)
    """Loudness of speech in dBFS, equal for all voices, so that a fallback is not louder."""
    pause: Duration = Field(ms(220), ge=0, le=ms(2000))
    """Silence after a sentence, up to 2 s; half of it after a part of a sentence."""


V = TypeVar("V", bound=VoiceParams)


class TtsService(Service[V]):
    """Base class of voices; subclasses implement `speak`."""

    text = Input(Sentence)
    speech = Output(Speech)

    @dataclass(slots=True)
    class State:
        cause: int = -1
        """The id of the cause of the last speech."""
        end: int = 0
        """The end of that speech."""

    state: State

    def requires_output(self, packet: Packet) -> bool:
        """A sentence with words requires speech."""
        return isinstance(packet, Sentence) and _has_words(packet.text)

    def counts_as_output(self, output: Packet) -> bool:
        """Only audible speech counts."""
        if not isinstance(output, Speech):
            return False
        samples = output.samples
        return bool(samples.max(initial=0) > AUDIBLE or samples.min(initial=0) < -AUDIBLE)

    def last_resort(self, packet: Packet, made: Sequence[Packet]) -> Iterable[Packet]:
        """Sends the text without sound, so that it is shown and the answer ends."""
        if made or not isinstance(packet, Sentence):
            return ()
        at = Stamp(self.clock.now(), 0, packet.at.cause)
        return (
            Speech(at, NOTHING.samples, NOTHING.rate, packet.shown or packet.text, (), packet.last, packet.language),
        )

    async def probe(self) -> None:
        """Speaks one word; raises ResourceError if that gives no sound."""
        if not len((await self.speak("Yes.")).samples):
            raise ResourceError("the voice produced no sound", hint="its model may be damaged: vitagraph models verify")

    def cache_key(self, packet: Packet) -> str | None:
        """Equal text gives equal sound, whatever its place in an answer and its displayed text."""
        return packet.text if isinstance(packet, Sentence) else None

    def from_cache(self, packet: Packet, output: Packet) -> Packet:
        """The cached sound, to play now or after the previous speech."""
        assert isinstance(output, Speech) and isinstance(packet, Sentence)
        at = self._following(packet.at.cause, output.at.duration)
        return msgspec.structs.replace(
            output, at=at, text=packet.shown or packet.text, last=packet.last, language=packet.language
        )

    def prefetch_packet(self, text: str) -> Packet:
        """A sentence with a given text."""
        return Sentence(Stamp(self.clock.now(), 0, self.causes.root), text, last=True)

    async def speak(self, text: str) -> SynthesizedSpeech:
        """Synthesises a text; without samples if it has nothing to say."""
        raise NotImplementedError

    async def speak_sentence(self, sentence: Sentence) -> SynthesizedSpeech:
        """Synthesises a sentence; a voice of several languages chooses by its language."""
        return await self.speak(sentence.text)

    @text.each
    async def say(self, sentence: Sentence) -> AsyncIterator[Speech]:
        """Yields the sentence as speech, to play now or after the previous one."""
        # A voice would spell out or breathe a lone punctuation mark or emoticon.
        spoken = await self.speak_sentence(sentence) if _has_words(sentence.text) else NOTHING
        yield Speech(
            self._following(sentence.at.cause, duration_of(len(spoken.samples), spoken.rate)),
            spoken.samples,
            spoken.rate,
            sentence.shown or sentence.text,
            spoken.phonemes,
            sentence.last,
            sentence.language,
        )

    def _following(self, cause: Cause, duration: int) -> Stamp:
        """The earliest stamp for a speech of `duration` ns: now, or after the previous speech."""
        begin = max(self.clock.now(), self.state.end if self.state.cause == cause.id else 0)
        self.state.cause, self.state.end = cause.id, begin + duration
        return Stamp(begin, duration, cause)

    def tail(self, text: str) -> int:
        """Nanoseconds of silence after a text."""
        ended = text.rstrip(" \"'”’)]").endswith(_ENDS)
        return self.params.pause if ended else self.params.pause // 2


def _has_words(text: str) -> bool:
    return any(letter.isalnum() for letter in text)
