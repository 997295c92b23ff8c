"""Reads and writes session records in an open database."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from vitagraph.quality.record import QualityRecord

HOUR = 3600
NAMES = QualityRecord.__struct_fields__
_LISTS = ("silences_ms", "fallbacks")
_INSERT = f"INSERT OR REPLACE INTO sessions ({', '.join(NAMES)}) VALUES ({', '.join('?' * len(NAMES))})"
_SELECT = f"SELECT {', '.join(NAMES)} FROM sessions WHERE began >= ? AND began < ?"


@dataclass(slots=True)
class Period:
    """What was kept of a stretch of time; `begin` and `end` in seconds since 1970."""

    begin: float
    end: float
    sessions: list[QualityRecord] = field(default_factory=list)
    """In order of their beginning."""
    refused: list[tuple[float, int]] = field(default_factory=list)
    """Offers of calls that were refused for lack of room or by a fault of ours: the hour (seconds), and how many."""

    @property
    def empty(self) -> bool:
        """Whether nothing happened."""
        return not self.sessions and not self.refused

    def part(self, begin: float, end: float) -> Period:
        """What lies between two times."""
        first, last = (bisect_left(self.sessions, at, key=lambda each: each.began) for at in (begin, end))
        refused = [each for each in self.refused if begin <= each[0] < end]
        return Period(begin, end, self.sessions[first:last], refused)


def insert(connection: sqlite3.Connection, records: Iterable[QualityRecord]) -> None:
    """Adds sessions; raises sqlite3.Error."""
    connection.executemany(_INSERT, map(_row, records))


def count_refusal(connection: sqlite3.Connection, at: float, reason: str) -> None:
    """Counts a refused offer in its hour."""
    connection.execute(
        "INSERT INTO refusals VALUES (?, ?, 1) ON CONFLICT (hour, reason) DO UPDATE SET count = count + 1",
        (int(at // HOUR), reason),
    )


def forget(connection: sqlite3.Connection, before: float) -> None:
    """Deletes what is older than a time in seconds since 1970."""
    connection.execute("DELETE FROM sessions WHERE began < ?", (before,))
    connection.execute("DELETE FROM refusals WHERE hour < ?", (int(before // HOUR),))


def read(connection: sqlite3.Connection, begin: float, end: float, graph: str = "") -> Period:
    """A period; with `graph` only its sessions, and no refusals, which belong to no graph."""
    rows = connection.execute(
        f"{_SELECT} AND graph = ? ORDER BY began" if graph else f"{_SELECT} ORDER BY began",
        (begin, end, graph) if graph else (begin, end),
    )
    refused = connection.execute(
        "SELECT hour, sum(count) FROM refusals WHERE hour >= ? AND hour < ? GROUP BY hour ORDER BY hour",
        (-int(-begin // HOUR), -int(-end // HOUR)),  # an hour belongs to the period in which it begins
    )
    hours = [] if graph else [(float(hour * HOUR), int(count)) for hour, count in refused]
    return Period(begin, end, [_record(row) for row in rows], hours)


def graphs(connection: sqlite3.Connection) -> list[str]:
    """The graphs of all sessions."""
    return [name for (name,) in connection.execute("SELECT DISTINCT graph FROM sessions ORDER BY graph")]


def _row(record: QualityRecord) -> list[Any]:
    values = msgspec.structs.asdict(record)
    for name in _LISTS:
        values[name] = msgspec.json.encode(values[name]).decode()
    return list(values.values())


def _record(row: tuple[Any, ...]) -> QualityRecord:
    values = dict(zip(NAMES, row, strict=True))
    for name in _LISTS:
        values[name] = msgspec.json.decode(values[name])
    return msgspec.convert(values, QualityRecord)
