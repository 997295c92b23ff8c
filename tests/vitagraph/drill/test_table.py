"""The output of a drill: failed cells and their problems."""

from __future__ import annotations

from rich.console import Console

from vitagraph.drill.matrix import Cell
from vitagraph.drill.outcome import CellResult
from vitagraph.drill.table import remarks, table, totals

GOOD = CellResult(Cell("tts", "hang", "tts.piper"), ("tts.hibari",), 3_200_000_000, 6_100_000_000, ())
BAD = CellResult(Cell("chat", "empty", "dialogue.llama"), ("nobody",), None, None, ("turn 2: no answer",))


def test_drill_table_row_shows_member_dead_air_and_recovery() -> None:
    console = Console(width=100, record=True, file=None)
    with console.capture() as shown:
        console.print(table([GOOD, BAD]))
    _, good, bad = shown.get().splitlines()
    assert good.split() == ["tts", "hang", "tts.hibari", "3.2", "6.1", "ok"]
    assert bad.split() == ["chat", "empty", "nobody", "-", "-", "failed"]


def test_drill_table_lists_problems_with_their_cell() -> None:
    assert list(remarks([GOOD, BAD])) == ["chat x empty: turn 2: no answer"]
    assert totals([GOOD, BAD]) == "1 of 2 cells ok"
