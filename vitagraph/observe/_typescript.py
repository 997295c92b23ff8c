"""Writes the TypeScript side of the documents of timeline.py.

python -m vitagraph.observe._typescript > web/src/console/documents.ts
"""

from __future__ import annotations

import sys

from nodes.typescript import interface, literal
from vitagraph.observe import timeline
from vitagraph.waterfall import PARTS

_HEADER = """\
// Generated from vitagraph/observe/timeline.py. Do not edit: python -m vitagraph.observe._typescript
"""
_TIMELINE = (
    timeline.Span,
    timeline.Envelope,
    timeline.PlayedSentence,
    timeline.TurnEntry,
    timeline.CauseEvent,
    timeline.Trouble,
    timeline.QueueSample,
    timeline.FaceSpan,
    timeline.Timeline,
)
_CONSOLE = (
    timeline.NodeState,
    timeline.LinkState,
    timeline.GraphState,
    timeline.CallState,
    timeline.LatestTurn,
    timeline.AlertState,
    timeline.QualityPoint,
    timeline.ProcessState,
    timeline.Console,
)


def typescript() -> str:
    """The whole file."""
    lines = [
        _HEADER,
        f"export const DOCUMENT_VERSION = {literal(timeline.VERSION)};",
        "",
        "/** Milliseconds of one value of an envelope. */",
        f"export const STEP = {round(timeline.STEP)};",
        "",
        "/** The parts of the silence before an answer, in order. */",
        f"export const PARTS = [{', '.join(map(literal, PARTS))}] as const;",
        "",
        *(line for kind in (*_TIMELINE, *_CONSOLE) for line in interface(kind, complete=True)),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(typescript())
