"""How much faster than real time a recording replays in virtual time, and whether two runs agree.

    .venv/bin/python -m benchmarks.replay [--graph graphs/assistant.yaml] [--rounds 2]

Two recordings of 60 s or more: a *conversation* (recorded English clips with pauses in which the
answers are spoken) and a *monologue* (a minute of a lecture without a break, the worst case: the
assistant begins an answer at every pause and is interrupted each time). Compute counts as instant
(`--latency zero`), so that a run depends only on its input. The time is that of the whole replay
without loading the models.

Not measured: live calls, several sessions at once, graphs with other models.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import wave
from pathlib import Path
from typing import Any

import numpy as np

from nodes.models import path, pull
from pipeline import Plan, load, plan
from vitagraph.replay.clip import Clip
from vitagraph.replay.file_endpoints import FileRegistry, find_file_endpoints
from vitagraph.replay.run import Replay

RATE = 16_000
PAUSE = 6.0
"""Seconds between two questions: the length of an answer of two sentences."""
QUESTIONS = (
    "speech-audioeval/en/hello_world.wav",
    "speech-librivox/sense_and_sensibility_01_austen_64kb-0880.wav",
    "speech-audioeval/en/quick_brown_fox.wav",
    "speech-librivox/sense_and_sensibility_01_austen_64kb-0930.wav",
    "speech-audioeval/en/counting.wav",
    "speech-cards/005.wav",
    "speech-librivox/sense_and_sensibility_01_austen_64kb-0890.wav",
)
FILES = ("answer.wav", "avatar.npz", "transcript.jsonl", "turns.json")


def recorded(name: str) -> Path:
    """A clip of the catalogue."""
    family, _, file = name.partition("/")
    return path(family) / file


def conversation(file: Path) -> None:
    """Writes the questions with their pauses."""
    from faster_whisper import decode_audio

    pause = np.zeros(round(PAUSE * RATE), np.float32)
    parts: list[Any] = []
    for name in QUESTIONS:
        parts += [decode_audio(str(recorded(name))), pause]
    sound = (np.concatenate(parts) * 32767).astype(np.int16)
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(sound.tobytes())


def planned(graph: Path, clip: Clip) -> Plan:
    """The plan of the graph with the clip as its source."""
    registry = FileRegistry()
    settings = find_file_endpoints(graph, registry, {}).settings(clip.path, clip.folder)
    return plan(load(graph, registry=registry, settings=settings), registry)


def digest(folder: Path) -> str:
    """A digest of everything that a replay wrote."""
    whole = hashlib.sha256()
    for name in FILES:
        whole.update((folder / name).read_bytes())
    return whole.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--graph", type=Path, default=Path("graphs/assistant.yaml"))
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    for name in ("whisper-tiny.en", "smollm2-135m", "piper-joe", "speech-silero", "speech-cards", "speech-librivox"):
        pull(name)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        conversation(folder / "conversation.wav")
        recordings = {"conversation": folder / "conversation.wav", "monologue": recorded("speech-silero/test.wav")}
        for name, recording in recordings.items():
            clips = [Clip(recording, folder / f"{name}-{number}") for number in range(arguments.rounds)]
            run = Replay([(clip, planned(arguments.graph, clip)) for clip in clips], lambda _clip, _heard: None)
            run.run("virtual", "zero")
            speeds = [result.speed or 0.0 for result in run.results]
            same = len({digest(clip.folder) for clip in clips}) == 1
            first = run.results[0]
            print(
                f"{name}: {first.recorder.heard / 1e9:.0f} s, {len(first.recorder.turns)} turns, "
                f"{statistics.median(speeds):.1f}x real time (median of {arguments.rounds}), "
                f"results {'identical' if same else 'DIFFERENT'}"
            )


if __name__ == "__main__":
    main()
