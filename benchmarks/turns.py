"""How well rules for the end of a turn keep from cutting people off, and how long they make them wait.

    .venv/bin/python -m benchmarks.turns [--model whisper-tiny.en]

In the form of eot-bench: each rule is run over a range of its own setting; of the curve of false cut-offs
over latency it prints the cut-offs at a median latency of 300 and of 600 ms, and the latency at 5 % cut-offs.

The clips are recordings of the catalogue (whole, and up to gaps between their words) and sentences, parts of
sentences, numbers and spellings made by two voices (_turn_clips.py). At a part the person goes on after a
pause (median 0.7 s, at most 1.4 s, drawn once for each clip); a rule that waits less has cut them off. Latency is
the silence that a rule wants at the end of a whole turn; what the models take is not part of it.

`joined` is the rule of turn.endpoint with turn.smart (nodes/turn/_hangover.py), its waits stretched by a factor;
`words` that without a model; `smart` waits 0.3 s where the model's probability at 0.2 s of silence is above a
threshold, else 1.5 s; `silence` always waits the same.

Not measured: people in conversation, who hesitate more than those who read; languages other than English.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from benchmarks._turn_clips import RATE, TurnClip, clips
from nodes.asr._whisper import WhisperParams
from nodes.asr.whisper import load_whisper
from nodes.models import pull
from nodes.turn._hangover import Hangover, joint_hangover
from nodes.turn._params import EndpointParams
from nodes.turn.smart import SmartTurnParams, load_smart_turn
from pipeline.packet import SECOND

PARAMS = EndpointParams.model_validate({"floor": "300ms", "ceiling": "1500ms"})
WORDS = EndpointParams.model_validate({"floor": "400ms", "ceiling": "900ms"})
BUDGET = 0.05
"""Cut-offs at which latencies are compared."""


@dataclass(frozen=True)
class Evidence:
    """What is known at a pause."""

    clip: TurnClip
    text: str
    first: float
    """Probability of the model at 0.1 s of silence."""
    second: float
    """At 0.2 s."""


@dataclass(frozen=True)
class Point:
    """One setting of a rule."""

    setting: float
    cut: float
    """Share of the pauses within turns that ended them."""
    median: float
    """Seconds of silence at the end of turns."""
    mean: float


Rule = Callable[[Evidence, float], float]
"""Seconds of silence that it wants, for a value of its setting."""


def joined(evidence: Evidence, factor: float) -> float:
    """turn.endpoint with turn.smart."""
    return factor * joint_hangover(evidence.text, min(evidence.first, evidence.second), PARAMS) / SECOND


def words(evidence: Evidence, factor: float) -> float:
    """turn.endpoint without a model."""
    return factor * Hangover().of(evidence.text, WORDS) / SECOND


def smart(evidence: Evidence, threshold: float) -> float:
    """The model alone."""
    return 0.3 if evidence.second > threshold else 1.5


def silence(_: Evidence, seconds: float) -> float:
    """A fixed silence."""
    return seconds


RULES: dict[str, tuple[Rule, Iterable[float], float]] = {
    "joined": (joined, np.arange(0.1, 1.51, 0.1), 1.0),
    "words": (words, np.arange(0.1, 2.01, 0.1), 1.0),
    "smart": (smart, [0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.97, 0.98, 0.985, 0.99, 0.995], 0.5),
    "silence": (silence, np.arange(0.1, 1.51, 0.1), 0.8),
}
"""With the values of its setting, and the usual one."""


def collect(model: str) -> list[Evidence]:
    """Transcribes every clip and asks the model about it."""
    pull(model)
    pull("smart-turn-v3.2")
    params = WhisperParams(model=model, language="en")
    whisper, turn = load_whisper(params), load_smart_turn(SmartTurnParams())

    def with_silence(clip: TurnClip, seconds: float) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        return np.concatenate([clip.samples, np.zeros(round(seconds * RATE), np.int16)])

    found = []
    for clip in clips():
        heard = whisper.transcribe(with_silence(clip, 0.2), params)
        first, second = (turn.probability(with_silence(clip, seconds)) for seconds in (0.1, 0.2))
        found.append(Evidence(clip, heard.text if heard else "", first, second))
    return found


def point(rule: Rule, setting: float, evidence: list[Evidence]) -> Point:
    """Cut-offs and latencies of a rule at one setting."""
    waits = [rule(each, setting) for each in evidence if each.clip.complete]
    parts = [rule(each, setting) < each.clip.pause for each in evidence if not each.clip.complete]
    return Point(setting, float(np.mean(parts)), float(np.median(waits)), float(np.mean(waits)))


def at_latency(curve: list[Point], median: float) -> float | None:
    """The fewest cut-offs with at most this median latency; None where no setting has it."""
    return min((each.cut for each in curve if each.median <= median + 1e-9), default=None)


def at_budget(curve: list[Point]) -> Point | None:
    """The setting with the least mean latency among those with at most 5 % cut-offs."""
    return min((each for each in curve if each.cut <= BUDGET), key=lambda each: each.mean, default=None)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default="whisper-tiny.en")
    parser.add_argument("--clips", action="store_true", help="also print every clip")
    arguments = parser.parse_args()
    evidence = collect(arguments.model)
    complete = sum(each.clip.complete for each in evidence)
    print(f"{complete} ends of turns, {len(evidence) - complete} pauses within turns")
    if arguments.clips:
        for each in evidence:
            print(
                f"{'end ' if each.clip.complete else 'part'} {each.first:.2f} {each.second:.2f} "
                f"{joined(each, 1):.2f} s  {each.clip.name:45} {each.text!r}"
            )
    curves = {name: [point(rule, x, evidence) for x in settings] for name, (rule, settings, _) in RULES.items()}
    for name, curve in curves.items():
        print(f"\n{name:8} setting  cut-offs  median   mean")
        for at in curve:
            print(f"         {at.setting:7.3f}  {at.cut:7.1%}  {at.median:4.2f} s  {at.mean:4.2f} s")
    print("\nrule      as set: cut-offs, median, mean   at 300 ms  at 600 ms   at 5 %: median, mean")
    for name, (rule, _, usual) in RULES.items():
        now, best = point(rule, usual, evidence), at_budget(curves[name])
        limits = (at_latency(curves[name], 0.3), at_latency(curves[name], 0.6))
        shares = " ".join("      -   " if share is None else f"{share:9.1%} " for share in limits)
        latency = "-" if best is None else f"{best.median:.2f} s, {best.mean:.2f} s"
        print(f"{name:8} {now.cut:15.1%} {now.median:7.2f} s {now.mean:5.2f} s {shares}   {latency}")


if __name__ == "__main__":
    main()
