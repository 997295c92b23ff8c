"""The points of the console's quality trend."""

from __future__ import annotations

import sqlite3
import statistics

from vitagraph.observe.timeline import QualityPoint
from vitagraph.quality import archive
from vitagraph.quality.archive import Period

POINTS = 48
"""Stretches that the hours are divided into."""


def points(connection: sqlite3.Connection, now: float, hours: int) -> list[QualityPoint]:
    """The last hours in 48 equal stretches, the oldest first; those without a session are left out."""
    width = hours * archive.HOUR / POINTS
    end = (now // width + 1) * width  # stretches keep their place while time goes on
    whole = archive.read(connection, end - POINTS * width, end)
    parts = (whole.part(at, at + width) for at in (end - (POINTS - number) * width for number in range(POINTS)))
    return [_point(part) for part in parts if part.sessions]


def _point(part: Period) -> QualityPoint:
    silences = [silence for each in part.sessions for silence in each.silences_ms]
    opinions = [each.mos for each in part.sessions if each.mos is not None]
    answered = sum(each.answered for each in part.sessions)
    asked = answered + sum(each.unanswered for each in part.sessions)
    return QualityPoint(
        at=part.begin,
        sessions=sum(each.conversed for each in part.sessions),
        silence=statistics.median(silences) if silences else None,
        success=answered / asked if asked else None,
        mos=statistics.median(opinions) if opinions else None,
    )
