"""A caller without echo cancellation: our own voice must not interrupt us, and the caller's must.

    .venv/bin/python -m benchmarks.echoes [--without-clean] [--quick]

A minute of an answer comes back at -10, -20 and -30 dB, 0.1 to 1.4 s late, in virtual time, with vad.webrtc and
with vad.silero. Prints how often the answer was ended and held, and whether a "Wait a minute" at 30 s, in a second
run, ends it within 500 ms.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import product
from pathlib import Path

from benchmarks._overlap_cases import ASKED, DETECTORS, STORY, Outcome, replay, say, write
from pipeline.packet import SECOND

GAINS, DELAYS = (-10, -20, -30), (0.1, 0.5, 1.0, 1.4)
TOLD = 30.0
"""Seconds at which the caller interrupts."""
SENTENCES = [
    STORY,
    "The oldest of them had once sailed around the world and still had a parrot that could count to twelve.",
    "Every evening the children came to his house to hear about whales and storms and islands without names.",
    "One winter the harbour froze, and the boats stayed on land until the end of April.",
    "People burned driftwood, ate dried fish, and learned to play the accordion.",
    "When the ice melted at last, a white ship lay in the bay, and nobody knew where it came from.",
    "Its captain spoke a language that only the parrot understood.",
    "So the bird became the mayor's interpreter, and that is how the trade in oranges began.",
    "To this day there is a golden parrot on the roof of the town hall, and oranges are free on Sundays.",
]
GRAPH = """
vitagraph: 1
nodes:
  caller: {{use: "benchmarks._room:Room", gain: {gain}, delay: {delay}ms}}
  {clean}vad: {detector}
  turn: {{use: turn.endpoint, floor: 400ms}}
  asr: {{use: asr.whisper, model: whisper-tiny.en, threads: 1}}
  chat:
    use: dialogue.script
    otherwise: "{answer}"
  sentences: text.sentences
  tts: tts.hibari
  playback: media.sink
links:
  - caller -> {to}vad -> turn -> asr -> chat -> sentences -> tts -> playback.audio
"""


def run(gain: int, delay: float, detector: str, folder: Path, *, clean: bool, told: bool, seconds: float) -> Outcome:
    """One minute of an answer, with or without an interruption."""
    graph = GRAPH.format(
        gain=gain,
        delay=round(delay * 1000),
        detector=detector,
        answer=" ".join(SENTENCES * 2),
        clean="clean: audio.clean\n  " if clean else "",
        to="clean -> " if clean else "",
    )
    parts = [(ASKED, say("joe", "What do you know about the sea?"))]
    if told:
        parts.append((TOLD, say("joe", "Wait a minute.")))
    recording = folder / "recording.wav"
    write(recording, parts, seconds)
    outcome = replay(graph, folder, recording)
    outcome.onset = round(TOLD * SECOND)
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--without-clean", action="store_true", help="only the guard that knows our words")
    parser.add_argument("--quick", action="store_true", help="two echoes, with one detector")
    arguments = parser.parse_args()
    clean = not arguments.without_clean
    chosen = list(product(DETECTORS, GAINS, DELAYS))
    chosen = [("vad.webrtc", -10, 0.1), ("vad.webrtc", -10, 1.4)] if arguments.quick else chosen
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for detector, gain, delay in chosen:
            alone = run(gain, delay, detector, folder, clean=clean, told=False, seconds=62)
            told = run(gain, delay, detector, folder, clean=clean, told=True, seconds=36)
            ended = sum(turn.what == "interrupted" for turn in alone.turns)
            stopped = told.stopped
            good = not ended and stopped is not None and 0 <= stopped <= 500 and len(told.heard) == 2
            wrong += not good
            print(
                f"{detector:10} {gain} dB {delay:.1f} s: ended {ended}, held {len(alone.gaps)} times, "
                f"longest {max(alone.gaps, default=0):.0f} ms; interruption silent after "
                f"{'-' if stopped is None else f'{stopped:.0f} ms'}, {told.heard[1:]}{'' if good else ' <-'}",
                flush=True,
            )
    print(f"{len(chosen) - wrong} of {len(chosen)} right")


if __name__ == "__main__":
    main()
