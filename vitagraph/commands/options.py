"""Arguments and options shared by several commands, and loading a graph."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipeline.graph.plan import Plan

GraphFile = Annotated[Path, typer.Argument(metavar="GRAPH", help="The graph's YAML file.", show_default=False)]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Set a parameter of the graph (voice=piper-joe) or of a node (vad.aggressiveness=3). Repeatable.",
        show_default=False,
    ),
]

ChaosFile = Annotated[
    Path | None,
    typer.Option("--chaos", metavar="FILE", help="Faults to inject."),
]

AlertFile = Annotated[
    Path | None,
    typer.Option("--alerts", metavar="FILE", help="Alert rules beside the built-in ones, or in their place."),
]


_PERIODS = {"m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}


def parse_settings(settings: Sequence[str] | None) -> dict[str, str]:
    """Parses `name=value` pairs; raises BadParameter if there is no `=`."""
    pairs = {}
    for text in settings or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--set")
        pairs[name.strip()] = value
    return pairs


def parse_period(text: str, option: str) -> float:
    """Seconds of `12h`, `7d` or `2w`; raises BadParameter for anything else."""
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)([mhdw])", text)
    if found is None or not float(found[1]):
        raise typer.BadParameter(f"{text!r} is no time such as 12h, 7d or 2w", param_hint=option)
    return float(found[1]) * _PERIODS[found[2]]


def load_plan(path: Path, settings: Sequence[str] | None) -> Plan:
    """Loads and plans a graph; a `path` that a replay provides is filled with a placeholder."""
    from pipeline.graph.loader import load
    from pipeline.graph.planner import plan
    from pipeline.graph.registry import Registry
    from vitagraph.replay.file_endpoints import find_file_endpoints

    registry = Registry()
    given = parse_settings(settings)
    filled = find_file_endpoints(path, registry, given).placeholders()
    return plan(load(path, registry=registry, settings=filled | given), registry)
