"""What a replay shows on the terminal: a waterfall of every turn, and a table of the clips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.packet import MILLISECOND, SECOND
from vitagraph.replay.result import Result
from vitagraph.waterfall import PARTS, Part, TurnRecord, voice_to_voice

BAR = 40
"""Characters of the longest bar."""
_COLOURS: dict[Part, str] = {
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
    """One row a clip; long names are cut so that the figures fit."""
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
    """Each turn of a clip: what was said, and a bar that shows where the silence went.

    Of a graph that does not speak, only the words.
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
    parts = {stage: part for stage, part in turn.parts().items() if part}
    yield Text.assemble("   ", *_bar(parts, longest), f" {wait}")
    yield Text("   " + "  ".join(f"{stage} {part / MILLISECOND:.0f}" for stage, part in parts.items()), style="dim")


def _bar(parts: dict[Part, int], longest: int) -> Iterator[tuple[str, str]]:
    """Pieces whose lengths add up to that of the whole, whatever is rounded."""
    total = done = 0
    for stage in PARTS:
        total += parts.get(stage, 0)
        length = round(total * BAR / longest) - done
        done += length
        yield "█" * length, _COLOURS[stage]


def remarks(results: Iterable[Result]) -> Iterator[str]:
    """Every warning and every error of every clip, in words."""
    for result in results:
        yield from (f"warning: {result.clip.name}: {warning}" for warning in result.warnings)
        yield from (f"error: {result.clip.name}: {problem}" for problem in result.problems)
