"""The terminal output of a replay: a waterfall of every turn, and a table of the clips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.packet import MILLISECOND, SECOND
from vitagraph.replay.result import Result
from vitagraph.waterfall import PARTS, TurnRecord, WaterfallPart, voice_to_voice

BAR = 40
"""Length of the longest bar in characters."""
_COLOURS: dict[WaterfallPart, str] = {
    "decided": "blue",
    "transcript": "cyan",
    "text": "magenta",
    "sentence": "yellow",
    "speech": "green",
    "playing": "red",
    "audible": "white",
}


FIGURES = ("clip s", "turns", "words", "answered", "said s", "p50 ms", "p95 ms", "x real", "errors")


def summary(results: Sequence[Result], width: int) -> RenderableType:
    """A table with one row per clip; long names are shortened so that the figures fit."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold underline")
    left = width - sum(len(name) + 1 for name in FIGURES) - 1
    table.add_column("clip", overflow="ellipsis", no_wrap=True, max_width=max(8, left))
    for name in FIGURES:
        table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    for result in results:
        table.add_row(*_row(result))
    return table


def _row(result: Result) -> Iterator[RenderableType]:
    turns = result.recorder.turns
    yield Text(result.clip.name)
    yield f"{result.recorder.heard / SECOND:.1f}"
    yield str(len(turns))
    yield str(result.words)
    yield str(sum("audible" in turn.reached for turn in turns))
    yield f"{result.recorder.spoken / SECOND:.1f}"
    for value in voice_to_voice(turns).values():
        yield "-" if value is None else f"{value:.0f}"
    yield "-" if result.speed is None else f"{result.speed:.1f}"
    yield Text(str(len(result.problems)), style="red" if result.problems else "")


def waterfalls(result: Result) -> RenderableType:
    """The turns of a clip: the words, and a bar of the parts of the silence.

    For a graph without speech only the words.
    """
    turns = result.recorder.turns
    if not result.recorder.spoken:
        return Group(*(Text(f"{number}. {turn.heard or '(no words)'}") for number, turn in enumerate(turns, 1)))
    longest = max((sum(turn.parts().values()) for turn in turns), default=0) or 1
    return Group(*(block for number, turn in enumerate(turns, 1) for block in _turn(number, turn, longest)))


def _turn(number: int, turn: TurnRecord, longest: int) -> Iterator[RenderableType]:
    wait = "no answer" if turn.silence is None else f"{turn.silence / MILLISECOND:.0f} ms"
    yield Text.assemble(
        (f"{number}. ", "bold"), turn.heard or "(no words)", ("  → ", "dim"), turn.said or f"({turn.outcome})"
    )
    parts = {part: duration for part, duration in turn.parts().items() if duration}
    yield Text.assemble("   ", *_bar(parts, longest), f" {wait}")
    yield Text(
        "   " + "  ".join(f"{part} {duration / MILLISECOND:.0f}" for part, duration in parts.items()), style="dim"
    )


def _bar(parts: dict[WaterfallPart, int], longest: int) -> Iterator[tuple[str, str]]:
    """Segments whose rounded lengths add up to the length of the whole bar."""
    total = done = 0
    for part in PARTS:
        total += parts.get(part, 0)
        length = round(total * BAR / longest) - done
        done += length
        yield "█" * length, _COLOURS[part]


def remarks(results: Iterable[Result]) -> Iterator[str]:
    """Yields all warnings and errors of all clips."""
    for result in results:
        yield from (f"warning: {result.clip.name}: {warning}" for warning in result.warnings)
        yield from (f"error: {result.clip.name}: {problem}" for problem in result.problems)
