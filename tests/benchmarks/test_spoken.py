"""Some lines of the table of spoken readings, heard by Whisper."""

from __future__ import annotations

from benchmarks.spoken import Judge, lines, spoken
from nodes.models import pull


def test_what_is_read_out_is_understood() -> None:
    """Text that is right on paper is no use if nobody understands it."""
    pull("whisper-tiny.en")
    rows = spoken("hibari", lines(6), Judge("whisper-tiny.en"))
    assert sum(rate for _, rate, _ in rows) / len(rows) < 0.25, rows
