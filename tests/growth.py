"""How the time that work takes grows with its input, as far as a busy machine can tell."""
# ruff: noqa: TID251 - processor time is the subject

from __future__ import annotations

import gc
import time
from collections.abc import Callable

Work = Callable[[], object]

QUICK = 0.005
"""Seconds of processor time within which growth cannot be measured, and does not matter."""
SLACK = 2.5
"""How much more than in proportion the time may grow: caches miss, dictionaries are resized."""


def seconds(work: Work, *, runs: int = 3) -> float:
    """Processor time of the thread for the fastest of a few runs, without that of the garbage collector."""
    times = []
    for _ in range(runs):
        gc.disable()
        began = time.thread_time()
        try:
            work()
        finally:
            times.append(time.thread_time() - began)
            gc.enable()
        if times[-1] > 1:
            break
    return min(times)


def check_linear(make: Callable[[int], Work], small: int, *, factor: int = 4, name: str = "") -> None:
    """Fails if `factor` times the input takes much more than `factor` times as long; `make` prepares work of a size."""
    long = seconds(make(factor * small))
    if long <= QUICK:
        return
    short = max(seconds(make(small)), QUICK / factor)
    assert long <= SLACK * factor * short, f"{name} {factor * small} take {long:.3f} s, {small} take {short:.3f} s"
