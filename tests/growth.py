"""How long work takes, and how that grows with its input, as far as a busy machine can tell."""
# ruff: noqa: TID251 - processor time is the subject

from __future__ import annotations

import gc
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Work = Callable[[], object]

QUICK = 0.005
"""Seconds of processor time within which growth cannot be measured, and does not matter."""
SLACK = 2.5
"""How much more than in proportion the time may grow: caches miss, dictionaries are resized."""
ATTEMPTS = 6
"""How often work is tried that takes too long: the speed of a busy machine changes within milliseconds."""
REFERENCE = 0.0043
"""Seconds of processor time that `_reference` takes on the machine for which the bounds of the tests are written."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Without the garbage collector and the tracer of the coverage, which have more to do here than in a program."""
    tracer = sys.gettrace()
    sys.settrace(None)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        sys.settrace(tracer)


def seconds(work: Work, *, runs: int = 3) -> float:
    """Processor time of the thread for the fastest of a few runs, undisturbed."""
    times = []
    for _ in range(runs):
        with undisturbed():
            began = time.thread_time()
            work()
            times.append(time.thread_time() - began)
        if times[-1] > 1:
            break
    return min(times)


def slowness(*, runs: int = 5) -> float:
    """How much slower this machine is now than the one of the bounds; at least 1.

    A processor that is shared with other machines can take twice as long for the same work as a minute before.
    """
    return max(1.0, statistics.median(seconds(_reference, runs=1) for _ in range(runs)) / REFERENCE)


def _reference() -> str:
    """Work of the kind that is measured: strings, dictionaries and regular expressions."""
    counts: dict[str, int] = {}
    text = ""
    for number in range(6000):
        word = f"a{number % 97} {number}"
        counts[word[:3]] = counts.get(word[:3], 0) + len(word)
        if number % 60 == 0:
            text = _NUMBER.sub("x", "".join(sorted(counts)))
    return text


_NUMBER = re.compile(r"\b(\d+)[a-z]?")


def check_linear(make: Callable[[int], Work], small: int, *, factor: int = 4, name: str = "") -> None:
    """Fails if `factor` times the input takes much more than `factor` times as long; `make` prepares work of a size."""
    long = seconds(make(factor * small))
    if long <= QUICK:
        return
    short = max(seconds(make(small)), QUICK / factor)
    assert long <= SLACK * factor * short, f"{name} {factor * small} take {long:.3f} s, {small} take {short:.3f} s"


def check_within(work: Work, most: float, name: str = "") -> None:
    """Fails if the work takes more than `most` seconds of processor time on the machine of the bounds."""
    took = seconds(work, runs=1)
    for _ in range(ATTEMPTS):
        if took <= most:
            break
        took = min(took, seconds(work, runs=1) / slowness(runs=1))
    assert took <= most, f"{name} takes {took:.4f} s, at most {most} s"
