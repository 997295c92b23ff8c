"""Small node classes for graphs in tests: a microphone, a detector, two recognizers, a speaker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from pipeline.caps import one_of, param, same
from pipeline.cause import Causes
from pipeline.node import Service, Sink, Source, Transform
from pipeline.packet import Event, Packet, Stamp
from pipeline.params import Duration, Params, ms
from pipeline.port import Input, Output, Receives, Sends


class Sound(Packet, frozen=True):
    """Sound that only counts."""

    number: int


class Words(Packet, frozen=True):
    """Words."""

    text: str


class PlaybackProgress(Event, frozen=True):
    """How far a sound got."""

    number: int


class MicrophoneParams(Params):
    """What a microphone needs."""

    rate: Literal[8000, 16000, 48000] = 48000
    """Hz."""


class Microphone(Source[MicrophoneParams]):
    """Makes a little sound.

    Only one, and it ends.
    """

    live = True
    sound = Output(Sound, rate=param("rate"), channels=1)

    async def run(self) -> AsyncIterator[Sound]:
        """One sound."""
        yield Sound(Stamp(0, 0, Causes().root), 1)


class Band(Params):
    """A band of frequencies."""

    low: int = 100
    """Hz."""
    high: int = 8_000
    """Hz."""


class DetectorParams(Params):
    """Every type of parameter that there is."""

    aggressiveness: int = Field(2, ge=0, le=3)
    """How much is rejected: 0 passes the most, 3 the least."""
    release: Duration = ms(120)
    """Silence after which speech has ended."""
    attack: Duration | None = None
    """Speech after which it has begun; as long as `release` when null."""
    weight: float = Field(0.5, gt=0)
    """Of the newest value."""
    mode: Literal["fast", "exact"] = "fast"
    """How it is computed."""
    adaptive: bool = True
    """Whether the threshold follows the noise."""
    bands: tuple[Band, ...] = ()
    """Where voices are."""
    label: str = "voice"
    """What to call it."""
    table: Path | None = None
    """A file of thresholds."""
    replies: dict[str, str] = {}
    """Words by name."""

    @model_validator(mode="after")
    def _check(self) -> DetectorParams:
        if self.mode == "exact" and self.aggressiveness == 0:
            raise ValueError("an exact detector cannot pass everything")
        return self


class Detector(Transform[DetectorParams]):
    """Finds speech in sound."""

    sound = Input(Sound, rate=one_of(8_000, 16_000), channels=1)
    speech = Output(Sound, rate=same("sound"), channels=1)
    played = Receives(PlaybackProgress)

    @sound.each
    def mark(self, heard: Sound) -> Iterable[Sound]:
        """Passes it on."""
        return (heard,)

    @played.each
    def follow(self, event: PlaybackProgress) -> None:
        """Takes note."""


class RecognizerParams(Params):
    """A recognizer's model."""

    model: str
    """The name of the model."""


class Recognizer(Service[RecognizerParams]):
    """Turns speech into words."""

    speech = Input(Sound, rate=16_000, channels=1)
    text = Output(Words)

    @speech.each
    async def transcribe(self, heard: Sound) -> AsyncIterator[Words]:
        """Says how much it heard."""
        yield Words(heard.at, str(heard.number))


class Sorry(Service[Params]):
    """Says that it understood nothing."""

    speech = Input(Sound)
    text = Output(Words)

    @speech.each
    async def apologize(self, heard: Sound) -> AsyncIterator[Words]:
        """An apology."""
        yield Words(heard.at, "sorry")


class Voice(Service[RecognizerParams]):
    """Turns words into sound."""

    text = Input(Words)
    sound = Output(Sound, rate=22_050, channels=1)

    @text.each
    async def say(self, words: Words) -> AsyncIterator[Sound]:
        """A sound for each letter."""
        yield Sound(words.at, len(words.text))


class Silent(Service[Params]):
    """Says nothing."""

    text = Input(Words)

    @text.each
    async def swallow(self, words: Words) -> AsyncIterator[PlaybackProgress]:
        """Tells that nothing was played."""
        yield PlaybackProgress(0)


class Speaker(Sink[Params]):
    """Plays sound, shows words."""

    sound = Input(Sound, rate=48_000)
    caption = Input(Words)
    played = Sends(PlaybackProgress)

    @sound.each
    async def play(self, heard: Sound) -> AsyncIterator[PlaybackProgress]:
        """Tells that it was played."""
        yield PlaybackProgress(heard.number)

    @caption.each
    async def show(self, words: Words) -> None:
        """Shows it."""


class Resampler(Transform[Params]):
    """Changes the rate."""

    converts = "rate"
    sound = Input(Sound)
    out = Output(Sound)

    @sound.each
    def convert(self, heard: Sound) -> Iterable[Sound]:
        """The same again."""
        return (heard,)


NOT_A_NODE = 3
