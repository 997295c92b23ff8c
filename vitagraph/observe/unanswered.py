"""Why a turn has no answer, in words."""

from __future__ import annotations

from collections.abc import Iterable

from vitagraph.observe.timeline import CauseEvent, Trouble, TurnEntry

_LACKING = {
    "transcript": "There was no transcript before the next turn.",
    "text": "The dialogue gave no text before the next turn.",
    "sentence": "No sentence was complete before the next turn.",
    "speech": "The voice made no sound before the next turn.",
}


def why_unanswered(turn: TurnEntry, troubles: Iterable[Trouble], causes: Iterable[CauseEvent]) -> str:
    """The reason, from how far the turn got and what happened meanwhile."""
    if turn.outcome == "nothing_heard":
        return "The speech recognition found no words."
    failed = [
        each.node for each in troubles if each.kind == "failed" and not each.answered_by and each.at >= turn.start
    ]
    if failed:
        return f"{failed[-1]} failed, and nothing took its work over."
    if turn.outcome == "abandoned":
        return "The call ended before the answer began."
    stopped = [each.reason for each in causes if each.cause == turn.cause and each.what == "interrupted"]
    if stopped:
        return f"The answer was stopped before it was heard ({stopped[-1]})."
    lacking = next((part for part in ("transcript", "text", "sentence", "speech") if part not in turn.reached), "")
    return _LACKING.get(lacking, "The answer was not played before the next turn.")
