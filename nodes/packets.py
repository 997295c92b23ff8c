"""The packets and events of a conversation with a voice and a face."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.cause import Cause
from pipeline.packet import SECOND, Event, Packet, Queue
from pipeline.params import ms, seconds

Samples = NDArray[np.int16]
"""Mono audio, shape (n,)."""
RATES = (8_000, 192_000)
"""Lowest and highest sample rate of audio, in Hz."""
SHAPES, ANGLES = 52, 7
"""Blendshapes and angles of a frame."""
MAX_FRAME_RATE = 240
"""Frames a second."""
TOLERANCE = ms(20)
"""By how much the duration of audio may differ from that of its samples."""
GREETING = "greeting"
"""The name of the cause of the first words, which answer nobody."""
AUDIBLE = 184
"""Sample amplitude, of 32768, below which audio is heard as silence: -45 dBFS."""


class Audio(Packet, frozen=True):
    """A few milliseconds of audio; 20 ms on live links."""

    samples: Samples
    rate: int
    """Hz."""
    absent: bool = False
    """True of silence in place of sound that a client does not send: it is muted, or does not transmit."""
    raw: Samples | None = None
    """What the microphone heard, where `samples` were cleaned of echo and noise."""

    queue: ClassVar[Queue] = Queue(time=ms(200), count=64, full="drop_oldest")
    droppable: ClassVar[bool] = True

    def check(self) -> None:
        _check_sound(self.samples, self.rate, self.at.duration)


class SpeechStart(Packet, frozen=True):
    """Speech began; `at.pts` is the start of the voice, not the time of its detection."""


class SpeechEnd(Packet, frozen=True):
    """Speech ended; `at.pts` is the end of the last voiced sample."""


class Utterance(Packet, frozen=True):
    """All the audio of one turn so far; a newer one of the same turn replaces an older one."""

    samples: Samples
    rate: int
    whole: bool
    """True once the person seems to have finished; False for a snapshot taken while they speak."""

    survives_flush: ClassVar[bool] = True
    queue: ClassVar[Queue] = Queue(time=seconds(120), count=8, full="latest")

    @property
    def final(self) -> bool:
        return self.whole

    def check(self) -> None:
        _check_sound(self.samples, self.rate, self.at.duration)


class Pause(Packet, frozen=True):
    """The audio of a turn up to a short pause, for a model that tells by the sound whether the turn is over."""

    samples: Samples
    rate: int
    """Hz."""

    survives_flush: ClassVar[bool] = True
    queue: ClassVar[Queue] = Queue(time=seconds(60), count=4, full="drop_oldest")
    droppable: ClassVar[bool] = True

    def check(self) -> None:
        _check_sound(self.samples, self.rate, self.at.duration)


class Word(msgspec.Struct, frozen=True):
    """One word; times in nanoseconds from the start of its audio."""

    text: str
    start: int
    end: int


class Transcript(Packet, frozen=True):
    """The words of an utterance; `at` is when they were spoken."""

    text: str
    whole: bool
    """True for a whole utterance; a partial transcript may still change."""
    language: str = ""
    """BCP 47, such as `en` or `zh`; empty if unknown."""
    confidence: float = 0.0
    """Mean token probability, 0 to 1."""
    words: tuple[Word, ...] = ()
    answer: str = ""
    """If set, the dialogue answers with exactly this text: an apology or a prepared sentence."""

    # Never blocks: while the dialogue is busy answering, speech recognition must still hear interruptions.
    queue: ClassVar[Queue] = Queue(time=seconds(600), count=64, full="latest")
    survives_flush: ClassVar[bool] = True

    @property
    def final(self) -> bool:
        return self.whole

    def check(self) -> None:
        _check_times(self.words, max((word.end for word in self.words), default=0))
        if not 0 <= self.confidence <= 1:
            raise ValueError("a confidence is not within 0 to 1")


class TextDelta(Packet, frozen=True):
    """A piece of the answer's text as the dialogue generates it; concatenate the pieces.

    The last delta of an answer has `end` set; its text may be empty.
    """

    text: str
    end: bool = False
    language: str = ""
    """BCP 47 language of the answer; empty if unknown."""
    truncated: bool = False
    """With `end`: the model was stopped in the middle of a sentence, which is not to be spoken."""


class Sentence(Packet, frozen=True):
    """A piece of text to be spoken in one breath."""

    text: str
    """The text to speak: numbers and abbreviations written out, no markup."""
    shown: str = ""
    """The text as written, for captions and the history; empty if it equals `text`."""
    last: bool = False
    """True for the last sentence of an answer."""
    language: str = ""
    """BCP 47 language of the text; empty for that of the voice."""

    queue: ClassVar[Queue] = Queue(count=2, full="block")


class Phoneme(msgspec.Struct, frozen=True):
    """One IPA symbol; times in nanoseconds from the start of its speech."""

    symbol: str
    start: int
    end: int


class Speech(Packet, frozen=True):
    """A spoken sentence; `at.pts` is the earliest time it can play: now, or after the speech before it."""

    samples: Samples
    rate: int
    text: str
    """The text of `Sentence.shown`."""
    phonemes: tuple[Phoneme, ...] = ()
    """Empty if the voice reports no timings; the face then follows the loudness."""
    last: bool = False
    """True for the last speech of an answer."""
    language: str = ""
    """BCP 47 language of the text; empty if unknown."""

    # Enough to cover one slow sentence; more would be wasted on an interruption.
    queue: ClassVar[Queue] = Queue(time=seconds(2), count=8, full="block")

    def check(self) -> None:
        _check_sound(self.samples, self.rate, self.at.duration)
        _check_times(self.phonemes, self.at.duration)

    def heard(self, played: int) -> str:
        """The part of the text spoken in the first `played` nanoseconds, cut at a word."""
        if played >= self.at.duration:
            return self.text
        words = self.text.split()
        letters = sum(map(len, words)) * played // max(1, self.at.duration)
        kept: list[str] = []
        for word in words:
            letters -= len(word)
            if letters < 0:
                break
            kept.append(word)
        return " ".join(kept)


class AvatarFrames(Packet, frozen=True):
    """A batch of face frames for the speech of the same cause that overlaps in pts."""

    weights: NDArray[np.float32]
    """Shape (n, 52): ARKit blendshapes in the order of `nodes.face.arkit.NAMES`, 0 to 1."""
    pose: NDArray[np.float32]
    """Shape (n, 7): head pitch, yaw, roll; left eye pitch, yaw; right eye pitch, yaw; radians."""
    rate: int = 60
    """Frames a second."""

    # Not `latest`: batches are computed ahead and belong to different sentences.
    queue: ClassVar[Queue] = Queue(time=seconds(60), count=64, full="drop_oldest")
    droppable: ClassVar[bool] = True

    def check(self) -> None:
        frames = len(self.weights) if self.weights.ndim == 2 else -1
        if self.weights.shape != (frames, SHAPES) or self.pose.shape != (frames, ANGLES):
            raise ValueError("the shape of the frames is wrong")
        if not 1 <= self.rate <= MAX_FRAME_RATE:
            raise ValueError("the rate of the frames is out of range")
        if not (((self.weights >= 0) & (self.weights <= 1)).all() and (abs(self.pose) <= np.pi).all()):
            raise ValueError("a weight or an angle is out of range")


class TranscriptUpdate(Event, frozen=True):
    """Upstream from the ASR: the words so far of an open utterance."""

    cause: Cause
    text: str
    whole: bool
    language: str = ""
    """BCP 47, such as `en` or `zh`; empty if unknown."""
    confidence: float = 1.0
    """Mean token probability, 0 to 1; a partial text below 0.37 is a guess, which no transcript contains."""


class TurnCompletion(Event, frozen=True):
    """Upstream from an end-of-turn model: how likely a turn is over at a pause, by its sound."""

    cause: Cause
    probability: float
    """0 to 1."""


class PlaybackProgress(Event, frozen=True):
    """Upstream from the playing sink: how much of a speech was played.

    Sent when playback starts (position 0) and when it ends or is cut off.
    """

    cause: Cause
    text: str
    """The part of this speech that the person has heard."""
    position: int
    """Nanoseconds of this speech played so far."""
    ended: bool
    """True once this speech was played to its end or cut off."""
    last: bool
    """True if this was the last speech of the answer and was played to its end."""
    speech: str = ""
    """The whole text of this speech."""
    duration: int = 0
    """Nanoseconds of this speech, played or not."""
    final: bool = False
    """True if this is the last speech of the answer, however far it was played."""


class SoundPlayed(Event, frozen=True):
    """Upstream from the playing sink, where a node receives it: a few milliseconds that begin to play now."""

    pts: int
    """Nanoseconds on the session's clock."""
    samples: Samples
    rate: int
    """Hz."""


class TextInput(Event, frozen=True):
    """Upstream from a call's sink: text that the person typed instead of speaking."""

    text: str


class InstructionsChanged(Event, frozen=True):
    """Upstream from a call's sink: instructions of the client for all further answers."""

    instructions: str


class CancelResponse(Event, frozen=True):
    """Upstream from a call's sink: the client cancels the current answer."""


class TurnChanged(Event, frozen=True):
    """On the bus: a decision of the turn node."""

    pts: int
    """When the decision was made."""
    cause: Cause
    what: str
    """tentative | committed | resumed | revoked | interrupted | held | released"""
    voice_end: int = 0
    """The end of the last voiced sample of the turn, on the session's clock."""
    reason: str = ""
    """The reason; `typed` for a typed turn, `prompt` for what a silent caller is told."""


class TokensUsed(Event, frozen=True):
    """On the bus: what a language model read and wrote for one request, as far as it got."""

    pts: int
    node: str
    provider: str
    """As OpenTelemetry names providers: `openai`, or the name of the program."""
    model: str
    read: int
    """Tokens of the prompt that were not in a cache; 0 if the provider does not say."""
    written: int
    """Tokens of the answer; pieces of text where the provider does not say."""


class SummaryFailed(Event, frozen=True):
    """On the bus: the model gave no summary of a long conversation, whose oldest turns are dropped without one."""

    pts: int
    node: str
    message: str
    count: int
    """How often that has happened in this session; after three times no summary is tried."""


def duration_of(samples: int, rate: int) -> int:
    """Duration in nanoseconds of a number of samples at a rate in Hz."""
    return samples * SECOND // rate


def _check_sound(samples: Samples, rate: int, duration: int) -> None:
    if samples.ndim != 1:
        raise ValueError("the audio is not mono")
    if not RATES[0] <= rate <= RATES[1]:
        raise ValueError("the rate of the audio is out of range")
    if abs(duration_of(len(samples), rate) - duration) > TOLERANCE:
        raise ValueError("the duration of the audio does not fit its samples and rate")


def _check_times(parts: Iterable[Word | Phoneme], last: int) -> None:
    at = 0
    for part in parts:
        if not at <= part.start <= part.end <= last + TOLERANCE:
            raise ValueError("times are not in order")
        at = part.start
