"""Sounds over an answer: noises and backchannels must let it go on, words must stop it.

    .venv/bin/python -m benchmarks.overlaps [--latency zero|measured] [--kind noise]

Runs every line of tests/data/turns/over_answer.tsv through a graph in virtual time, with vad.webrtc and
with vad.silero, and prints for each what happened: how long the answer was held before it went on, or how
long after the first sample of the words it was silent for good, and when it was ended.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks._overlap_cases import DETECTORS, Case, Outcome, cases, run

GAP, STOP = 300, 500
"""Limits in milliseconds."""


def verdict(case: Case, outcome: Outcome) -> str:
    """What is wrong; empty if nothing is."""
    if case.kind in ("noise", "backchannel"):
        wrong = [
            "interrupted" if outcome.interrupted else "",
            "answer lost" if not outcome.complete and not outcome.interrupted else "",
            f"gap {max(outcome.gaps):.0f} ms" if max(outcome.gaps, default=0) > GAP else "",
            "answered" if len(outcome.heard) > 1 else "",
        ]
    elif case.kind == "interruption":
        late = outcome.stopped is None or outcome.stopped > STOP
        wrong = [
            f"stopped after {outcome.stopped} ms" if late else "",
            "not heard" if len(outcome.heard) < 2 or not outcome.heard[1] else "",
        ]
    else:
        wrong = ["not taken as an answer" if len(outcome.heard) < 2 or not outcome.heard[1] else ""]
    return ", ".join(filter(None, wrong))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--latency", choices=("zero", "measured"), default="zero")
    parser.add_argument("--kind", help="only lines of this kind")
    parser.add_argument("--sound", default="", help="only sounds that contain this")
    arguments = parser.parse_args()
    chosen = [
        each
        for each in cases()
        if (not arguments.kind or each.kind == arguments.kind) and arguments.sound in each.sound
    ]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for detector in DETECTORS:
            for case in chosen:
                outcome = run(case, detector, Path(folder), arguments.latency)
                found = verdict(case, outcome)
                wrong += bool(found)
                gaps = "+".join(f"{gap:.0f}" for gap in outcome.gaps) or "-"
                stopped, decided = outcome.stopped, outcome.decided
                print(
                    f"{detector:10} {case.kind:12} {case.sound:36} gaps {gaps:12} "
                    f"silent {'-' if stopped is None else f'{stopped:.0f}':>5} "
                    f"ended {'-' if decided is None else f'{decided:.0f}':>5} {outcome.heard[1:]}"
                    f"{found and ' <- ' + found}",
                    flush=True,
                )
    print(f"{len(chosen) * len(DETECTORS) - wrong} of {len(chosen) * len(DETECTORS)} right")


if __name__ == "__main__":
    main()
