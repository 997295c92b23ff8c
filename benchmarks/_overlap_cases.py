"""Runs sounds over an answer through a graph in virtual time, and measures what they do to it."""

from __future__ import annotations

import wave
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from benchmarks._noises import RATE, noise
from nodes.packets import PlaybackProgress, Samples, Transcript, TurnChanged
from nodes.tts.hibari import HibariParams, load_hibari
from nodes.tts.piper import PiperParams, load_piper
from pipeline.graph.loader import load
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from pipeline.packet import MILLISECOND, SECOND, Packet
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import Latency, run_virtual

TABLE = Path(__file__).parent.parent / "tests" / "data" / "turns" / "over_answer.tsv"
DETECTORS = ("vad.webrtc", "vad.silero")
STORY = (
    "Well, that is a long story. It began many years ago in a village by the sea, "
    "where the fishermen mended their nets in the morning and sang in the evening."
)
QUESTION = "Would you like to hear more?"
GRAPH = """
vitagraph: 1
nodes:
  caller: media.source
  vad: {detector}
  turn: {{use: turn.endpoint, floor: 400ms}}
  asr: {{use: asr.whisper, model: whisper-tiny.en, threads: 1}}
  chat:
    use: dialogue.script
    otherwise: "{answer}"
  sentences: text.sentences
  tts: tts.hibari
  playback: media.sink
links:
  - caller -> vad -> turn -> asr -> chat -> sentences -> tts -> playback.audio
"""
ASKED = 0.3
"""Seconds from the start of the recording to the question."""
OVER = 3.0
"""Seconds from the end of the question until the sound over the story."""


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    kind: str
    sound: str

    @property
    def samples(self) -> Samples:
        """The sound at 16 kHz, without silence around it."""
        source, _, rest = self.sound.partition(":")
        return noise(rest) if source == "noise" else say(*rest.split(":", 1))


@dataclass
class Outcome:
    """What happened to the answer. Times in milliseconds from the onset of the sound."""

    turns: list[TurnChanged] = field(default_factory=list)
    played: list[PlaybackProgress] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    """The texts of committed turns, the question's first."""
    onset: int = 0

    @property
    def gaps(self) -> list[float]:
        """How long the answer was held each time, in milliseconds, before it went on."""
        gaps, since = [], None
        for turn in self.turns:
            if turn.what == "held":
                since = turn.pts
            elif turn.what == "released" and since is not None:
                gaps.append((turn.pts - since) / MILLISECOND)
                since = None
            elif turn.what == "interrupted":
                since = None
        return gaps

    @property
    def interrupted(self) -> bool:
        """Whether the answer was ended."""
        return any(turn.what == "interrupted" for turn in self.turns)

    @property
    def complete(self) -> bool:
        """Whether the first answer was played to its end."""
        return any(event.last and event.cause is self.played[0].cause for event in self.played)

    @property
    def stopped(self) -> float | None:
        """When the answer was silent for good; None if it never was."""
        since = None
        for turn in self.turns:
            if turn.what == "held" and since is None:
                since = turn.pts
            elif turn.what == "released":
                since = None
            elif turn.what == "interrupted":
                return ((turn.pts if since is None else since) - self.onset) / MILLISECOND
        return None

    @property
    def decided(self) -> float | None:
        """When the answer was revoked."""
        ends = [turn.pts for turn in self.turns if turn.what == "interrupted"]
        return (ends[0] - self.onset) / MILLISECOND if ends else None


def cases() -> list[Case]:
    """The table."""
    lines = (line.split("\t") for line in TABLE.read_text("utf-8").splitlines() if not line.startswith("#"))
    return [Case(kind, sound) for kind, sound in lines]


@cache
def _voice(name: str) -> Any:
    return load_piper(PiperParams()) if name == "joe" else load_hibari(HibariParams())


@cache
def say(voice: str, text: str) -> Samples:
    """A text spoken by `joe` or `heart`, at 16 kHz, without silence around it."""
    params: Any = PiperParams() if voice == "joe" else HibariParams()
    made = _voice(voice).speak(text, params, 0)
    samples = soxr.resample(made.samples, made.rate, RATE)
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 400)
    spoken: Samples = samples[loud[0] : loud[-1] + 1]
    return spoken


def write(file: Path, parts: list[tuple[float, Samples]], seconds: float) -> None:
    """Writes a WAV at 16 kHz in which each part begins at its second."""
    sound = np.zeros(round(seconds * RATE), np.int32)
    for begin, part in parts:
        start = round(begin * RATE)
        sound[start : start + part.size] += part[: max(0, sound.size - start)]
    sound += np.random.default_rng(1).normal(0, 8, sound.size).astype(np.int32)
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(sound.clip(-32768, 32767).astype(np.int16).tobytes())


def replay(graph: str, folder: Path, recording: Path, latency: Latency = "zero") -> Outcome:
    """Runs a recording through a graph."""
    file = folder / "graph.yaml"
    file.write_text(graph, encoding="utf-8")
    registry = Registry()
    planned = plan(load(file, registry=registry, settings={"caller.path": str(recording)}), registry)
    outcome = Outcome()

    async def main() -> None:
        async with Runner() as runner:
            texts: dict[int, str] = {}

            def observe(_node: str, packet: Packet) -> None:
                if isinstance(packet, Transcript) and packet.whole:
                    texts[packet.at.cause.id] = packet.text

            session = runner.session(planned, observe)
            session.bus.of(TurnChanged).subscribe(outcome.turns.append)
            session.bus.of(PlaybackProgress).subscribe(outcome.played.append)
            report = await session.run()
            assert not report.failures, report.failures
            committed = [turn.cause.id for turn in outcome.turns if turn.what == "committed"]
            outcome.heard = [texts.get(cause, "") for cause in committed]

    run_virtual(main(), latency)
    return outcome


def run(case: Case, detector: str, folder: Path, latency: Latency = "zero") -> Outcome:
    """One case with one detector. An `answer` begins 300 ms before the question of our answer ends."""
    asked = say("joe", "What do you know about the sea?")
    end = ASKED + asked.size / RATE
    text = QUESTION if case.kind == "answer" else STORY
    graph = GRAPH.format(detector=detector, answer=text)
    over = end + OVER
    if case.kind == "answer":
        over = _end_of_answer(graph, folder, asked, latency) - 0.3
    recording = folder / "recording.wav"
    write(recording, [(ASKED, asked), (over, case.samples)], end + 16)
    outcome = replay(graph, folder, recording, latency)
    outcome.onset = round(over * SECOND)
    return outcome


def _end_of_answer(graph: str, folder: Path, asked: Samples, latency: Latency) -> float:
    """When the answer ends where nobody speaks over it, in seconds."""
    recording = folder / "undisturbed.wav"
    write(recording, [(ASKED, asked)], 10)
    start = next(turn.pts for turn in replay(graph, folder, recording, latency).turns if turn.what == "committed")
    return start / SECOND + say_length(QUESTION)


def say_length(text: str) -> float:
    """Seconds that a text takes with the voice of the graph."""
    made = _voice("heart").speak(text, HibariParams(), 0)
    return float(made.samples.size / made.rate)
