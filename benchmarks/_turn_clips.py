"""Recorded and made speech up to a pause, and whether the turn was over there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._overlap_cases import say
from nodes.models import path, pull
from nodes.packets import Samples

RATE = 16_000
RECORDED = ("speech-librivox", "speech-cards", "speech-beckett", "speech-audioeval")
SENTENCES = ("speech-librivox", "speech-audioeval")
"""Those that hold one sentence each, so that a part of it is no turn."""
MEDIAN_PAUSE, SPREAD = 0.7, 0.45
"""Length of the pauses within turns: median in seconds, and the standard deviation of its logarithm."""
LONGEST_PAUSE = 1.4
"""Seconds; longer ones are cut off by any rule with a ceiling of 1.5 s."""

COMPLETE = """
What time is it?|How far away is the moon?|Tell me a joke.|Yes.|No, thank you.|Yes, please.|Okay.|Who wrote Hamlet?
I would like to hear some music.|Where can I buy a ticket?|My name is Anna.|That is all for today.|Can you help me?
I have a question about my order.|Turn off the lights in the kitchen.|What is the capital of France?|Good morning.
I think it was very good.|Please call me back tomorrow.|How are you today?|Why is the sky blue?|Stop the music.
I don't know what that means.|It is raining here.|Do you like dogs?|We arrived late last night.|Thank you very much.
"""
INCOMPLETE = """
I would like to|Could you please|My number is five five five|It is spelled S M I|How do I get to the|What is the name of
I was thinking that|Tomorrow I need to|Send an email to john dot smith at|The address is twenty five|Well, because
Can you tell me if|When I was young I|Please remind me to|My birthday is on the|First I want to go to|So what I mean is
I need two eggs, flour, and|Let me think|The code is B seven|Yes, but|I want to|If it rains tomorrow|Um
It was a very|Our flight leaves at|Between you and|My friend who lives in|She said that we should|One, two, three
"""


@dataclass(frozen=True)
class TurnClip:
    """Speech up to a pause."""

    name: str
    samples: Samples
    """At 16 kHz; ends with the last voiced sample."""
    complete: bool
    pause: float
    """Seconds until the person goes on; infinite at the end of a turn."""


def clips() -> list[TurnClip]:
    """All of them, in the same order each time."""
    found = [*_recorded(), *_made()]
    random = np.random.default_rng(7)
    lengths = np.minimum(LONGEST_PAUSE, MEDIAN_PAUSE * np.exp(SPREAD * random.standard_normal(len(found))))
    return [
        TurnClip(name, samples, complete, float("inf") if complete else float(length))
        for (name, samples, complete), length in zip(found, lengths, strict=True)
    ]


def _made() -> Iterator[tuple[str, Samples, bool]]:
    for complete, texts in ((True, COMPLETE), (False, INCOMPLETE)):
        for number, text in enumerate(texts.replace("\n", "|").strip("|").split("|")):
            voice = ("joe", "heart")[number % 2]
            yield f"{voice}: {text}", say(voice, text), complete


def _recorded() -> Iterator[tuple[str, Samples, bool]]:
    for entry in RECORDED:
        pull(entry)
        for file in sorted(Path(path(entry)).glob("en/*.wav" if entry == "speech-audioeval" else "*.wav")):
            samples = _voiced(_read(file))
            yield file.stem[-20:], samples, True
            for number, end in enumerate(_gaps(samples) if entry in SENTENCES else ()):
                yield f"{file.stem[-20:]}, part {number + 1}", samples[:end], False


def _read(file: Path) -> Samples:
    from faster_whisper import decode_audio

    sound: Any = decode_audio(str(file))
    samples: Samples = (sound * 32767).astype(np.int16)
    return samples


def _levels(samples: Samples) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The loudness of each 10 ms, in dB below the loudest."""
    frames = samples[: samples.size - samples.size % 160].reshape(-1, 160).astype(np.float64)
    levels: np.ndarray[Any, np.dtype[np.float64]] = 10 * np.log10(np.mean(frames**2, axis=1) + 1)
    levels -= levels.max()
    return levels


def _voiced(samples: Samples) -> Samples:
    """Without the silence around."""
    loud = np.flatnonzero(_levels(samples) > -35)
    return samples[loud[0] * 160 : (loud[-1] + 1) * 160]


def _gaps(samples: Samples) -> list[int]:
    """Up to four samples after which it is quiet for 60 ms, not within half a second of either end: between words."""
    quiet = _levels(samples) < -30
    runs = [at for at in range(50, quiet.size - 50) if quiet[at : at + 6].all() and not quiet[at - 1]]
    chosen = runs[:: max(1, len(runs) // 4)][:4]
    return [at * 160 for at in chosen]
