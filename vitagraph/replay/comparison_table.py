"""A comparison for a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from vitagraph.replay.comparison import TOLERANCE, Comparison, Difference

_TIMES = ("voice_end", "decided", "silence")


def comparison_table(comparison: Comparison) -> RenderableType:
    """A row for each difference, or a line that there is none."""
    turns = f"{comparison.turns} turn{'' if comparison.turns == 1 else 's'}"
    if not comparison.differences:
        return Text(f"the same as {comparison.against}: {turns}, times within {TOLERANCE:.0f} ms", style="green")
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold underline")
    table.add_column("turn", justify="right")
    for name in ("what", comparison.against, "now", "change"):
        table.add_column(Text(name), overflow="fold")
    for each in comparison.differences:
        table.add_row("" if each.turn is None else str(each.turn), each.what, *_cells(each))
    return table


def _cells(each: Difference) -> tuple[Text, Text, Text]:
    if each.what not in _TIMES:
        return _text(each.before), _text(each.after), Text("")
    change = "" if each.before is None or each.after is None else f"{each.after - each.before:+.0f} ms"
    style = "red" if change.startswith("+") and each.what == "silence" else ""
    return _milliseconds(each.before), _milliseconds(each.after), Text(change, style=style)


def _text(value: Any) -> Text:
    if isinstance(value, list):
        value = ", ".join(value)
    return Text("(none)", style="dim") if value in (None, "") else Text(str(value))


def _milliseconds(value: float | None) -> Text:
    return Text("(none)", style="dim") if value is None else Text(f"{value:.0f} ms")
