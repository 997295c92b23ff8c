"""The points of the console's quality trend."""

from __future__ import annotations

import sqlite3
import statistics
from collections.abc import Sequence

from vitagraph.observe.timeline import QualityPoint
from vitagraph.quality.archive import HOUR
from vitagraph.quality.record import NO_CONVERSATION

POINTS = 48
"""Stretches that the hours are divided into."""
_SELECT = (
    "SELECT began, outcome, answered, unanswered, silence_p50_ms, mos FROM sessions WHERE began >= ? AND began < ?"
)
_Row = tuple[float, str, int, int, float | None, float | None]


def points(connection: sqlite3.Connection, now: float, hours: int) -> list[QualityPoint]:
    """The last hours in 48 equal stretches, the oldest first; those without a session are left out.

    The silence is the median of the medians of the sessions.
    """
    width = hours * HOUR / POINTS
    end = (now // width + 1) * width  # stretches keep their place while time goes on
    stretches: dict[int, list[_Row]] = {}
    for row in connection.execute(f"{_SELECT} ORDER BY began", (end - POINTS * width, end)):
        stretches.setdefault(int(row[0] // width), []).append(row)
    return [_point(number * width, rows) for number, rows in stretches.items()]


def _point(at: float, rows: Sequence[_Row]) -> QualityPoint:
    _, outcomes, answered, unanswered, silences, opinions = zip(*rows, strict=True)
    asked = sum(answered) + sum(unanswered)
    return QualityPoint(
        at=at,
        sessions=sum(outcome not in NO_CONVERSATION for outcome in outcomes),
        silence=_median(silences),
        success=sum(answered) / asked if asked else None,
        mos=_median(opinions),
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
