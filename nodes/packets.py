"""The kinds of packet and event that a conversation with a voice and a face needs."""

from __future__ import annotations

from typing import ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.cause import Cause
from pipeline.packet import SECOND, Event, Packet, Queue
from pipeline.params import ms, seconds

Samples = NDArray[np.int16]
"""Mono audio, shape (n,)."""
AUDIBLE = 184
"""Of 32768: -45 dB below full scale. What stays under it is heard as silence."""


class Audio(Packet, frozen=True):
    """A few milliseconds of sound; 20 ms on live links."""

    samples: Samples
    rate: int
    """Hz."""

    queue: ClassVar[Queue] = Queue(time=ms(200), count=64, full="drop_oldest")
    droppable: ClassVar[bool] = True


class SpeechStart(Packet, frozen=True):
    """Somebody began to speak; `at.pts` is where the voice began, not where it was noticed."""


class SpeechEnd(Packet, frozen=True):
    """They fell silent; `at.pts` is the end of the last voiced sample."""


class Utterance(Packet, frozen=True):
    """All the audio of one turn so far; the newer of a turn replaces the older."""

    samples: Samples
    rate: int
    whole: bool
    """Whether the person seems to have finished; else a snapshot taken while they speak."""

    survives_flush: ClassVar[bool] = True
    queue: ClassVar[Queue] = Queue(time=seconds(120), count=8, full="latest")

    @property
    def final(self) -> bool:
        return self.whole


class Word(msgspec.Struct, frozen=True):
    """One word; times in nanoseconds from the start of the audio that it belongs to."""

    text: str
    start: int
    end: int


class Transcript(Packet, frozen=True):
    """The words of an utterance. `at` is when they were spoken."""

    text: str
    whole: bool
    """Whether it is of a whole utterance; else it may still change."""
    language: str = ""
    """ISO 639-1, such as `en`."""
    confidence: float = 0.0
    """0 to 1: the mean probability of its tokens."""
    words: tuple[Word, ...] = ()
    answer: str = ""
    """When set, what the dialogue must answer, word for word: an apology, a prepared sentence."""

    # Never blocks: a dialogue that is busy answering must not keep the ears from what interrupts it.
    queue: ClassVar[Queue] = Queue(time=seconds(600), count=64, full="latest")
    survives_flush: ClassVar[bool] = True

    @property
    def final(self) -> bool:
        return self.whole


class TextDelta(Packet, frozen=True):
    """A piece of the answer's text, as the dialogue makes it; concatenate them.

    The last of an answer has `end` set (its text may be empty).
    """

    text: str
    end: bool = False


class Sentence(Packet, frozen=True):
    """A piece of text to be spoken in one breath."""

    text: str
    """As it is spoken: numbers and abbreviations written out, no markup."""
    shown: str = ""
    """As it was written, for captions and the history; empty: the same as `text`."""
    last: bool = False
    """Whether the answer ends here."""

    queue: ClassVar[Queue] = Queue(count=2, full="block")


class Phoneme(msgspec.Struct, frozen=True):
    """One IPA symbol with its times in nanoseconds from the start of its speech."""

    symbol: str
    start: int
    end: int


class Speech(Packet, frozen=True):
    """A spoken sentence. `at.pts` is the earliest it can be heard: now, or after what precedes it."""

    samples: Samples
    rate: int
    text: str
    """What is said, as in `Sentence.shown`."""
    phonemes: tuple[Phoneme, ...] = ()
    """Empty where the voice gives no timings; the face then follows the loudness."""
    last: bool = False
    """Whether the answer ends here."""

    # Enough to bridge a slow sentence; more would be made for nothing when somebody interrupts.
    queue: ClassVar[Queue] = Queue(time=seconds(2), count=8, full="block")

    def heard(self, played: int) -> str:
        """The part of the text that the first `played` nanoseconds say, cut at a word."""
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
    """A batch of face frames for the speech that has the same cause and overlaps in pts."""

    weights: NDArray[np.float32]
    """Shape (n, 52): ARKit blendshapes in the order of `nodes.face.arkit.NAMES`, 0 to 1."""
    pose: NDArray[np.float32]
    """Shape (n, 7): head pitch, yaw, roll; left eye pitch, yaw; right eye pitch, yaw; radians."""
    rate: int = 60
    """Frames a second."""

    # Not `latest`: batches are made ahead of time and belong to different sentences.
    queue: ClassVar[Queue] = Queue(time=seconds(60), count=64, full="drop_oldest")
    droppable: ClassVar[bool] = True


class TranscriptUpdate(Event, frozen=True):
    """Upstream from the ASR: the words so far of an utterance that is still open."""

    cause: Cause
    text: str
    whole: bool


class PlaybackProgress(Event, frozen=True):
    """Upstream from the playing sink: how far a speech got.

    Sent when it begins (position 0), and when it ends or is cut off.
    """

    cause: Cause
    text: str
    """What the person has heard of this speech."""
    position: int
    """Nanoseconds of this speech that were played."""
    ended: bool
    """Whether this speech is over: played to its end, or cut off."""
    last: bool
    """Whether it was the answer's last speech, played to its end."""


class TextInput(Event, frozen=True):
    """Upstream from a call's sink: what the person wrote instead of saying it."""

    text: str


class InstructionsChanged(Event, frozen=True):
    """Upstream from a call's sink: how the client of the call wants to be answered from now on."""

    instructions: str


class CancelResponse(Event, frozen=True):
    """Upstream from a call's sink: the person wants the answer to stop, without a word."""


class TurnChanged(Event, frozen=True):
    """On the bus: what the turn node decided."""

    pts: int
    """When it was decided."""
    cause: Cause
    what: str
    """tentative | committed | resumed | revoked | interrupted | held | released"""
    voice_end: int = 0
    """The end of the last voiced sample of the turn, on the session's clock."""
    reason: str = ""
    """Why; `typed` for a turn that was written."""


def duration_of(samples: int, rate: int) -> int:
    """Nanoseconds of so many samples at a rate in Hz."""
    return samples * SECOND // rate
