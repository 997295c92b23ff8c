"""The scripted conversation as a graph that a drill can connect to its recording."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from nodes.models import path
from tests.drills.scripted import GRAPH, RATE


def scripted(folder: Path, old: str = "", new: str = "") -> Path:
    """Writes the graph, with one text replaced."""
    text = GRAPH.replace("caller: tests.drills.scripted:Caller", "caller: {use: media.source, frame: 100ms}")
    assert not old or old in text
    file = folder / "scripted.yaml"
    file.write_text(text.replace(old, new) if old else text, encoding="utf-8")
    return file


def noise(folder: Path) -> Path:
    """Writes a second of noise: a question for a detector by loudness."""
    file = folder / "noise.wav"
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes(np.random.default_rng(0).integers(-8000, 8000, RATE).astype("<i2").tobytes())
    return file


def voice(folder: Path) -> Path:
    """Writes a recorded sentence, at a rate of RATE."""
    from faster_whisper import decode_audio

    sound = decode_audio(str(path("speech-audioeval") / "en" / "hello_world.wav"), sampling_rate=RATE)
    file = folder / "voice.wav"
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes((sound / np.abs(sound).max() * 16_000).astype("<i2").tobytes())
    return file
