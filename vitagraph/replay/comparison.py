"""What a replay changed against an earlier run of the same input: a recorded call, or the results in a folder."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from pipeline.errors import UserInputError
from pipeline.packet import MILLISECOND
from vitagraph.recording.reader import RecordedTurn, Recording
from vitagraph.replay.result import Result

TOLERANCE = 20.0
"""Milliseconds by which times may differ and count as equal: one packet of sound."""
SAME_TURN = 1000.0
"""Milliseconds between the ends of two voices that may be the same turn."""
_TEXTS = ("heard", "said", "outcome")


@dataclass(frozen=True, slots=True)
class Run:
    """What is compared: the turns, the nodes whose work a fallback did, and what went wrong."""

    turns: Sequence[RecordedTurn]
    fallbacks: Sequence[str] | None = None
    """`node: use of the fallback`, sorted; None where that is not known."""
    end: float = math.inf
    """When its input ended, milliseconds: what a later run does after that has nothing to compare with."""

    @property
    def interruptions(self) -> int:
        """Answers that were interrupted."""
        return sum(turn.outcome == "interrupted" for turn in self.turns)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that changed; times in milliseconds. A turn that only one of the runs has is `turn`."""

    turn: int | None
    """In the earlier run, from 1, or in the later for one that only that has; None for the whole call."""
    what: str
    """`heard`, `said`, `outcome`, `voice_end`, `decided`, `silence`, `turn`, `fallbacks` or `interruptions`."""
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences between two runs."""

    against: str
    """The name of the earlier one."""
    turns: int
    """Turns that both have."""
    differences: tuple[Difference, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "tolerance": TOLERANCE}


def compare(before: Run, after: Run, against: str) -> Comparison:
    """Compares turn by turn. Turns belong together if their voices ended within a second of each other."""
    after = replace(after, turns=[turn for turn in after.turns if turn.voice_end <= before.end])
    pairs = list(_pairs(before.turns, after.turns))
    found = [difference for one, other in pairs for difference in _turn(one, other)]
    if before.interruptions != after.interruptions:
        found.append(Difference(None, "interruptions", before.interruptions, after.interruptions))
    if before.fallbacks is not None and after.fallbacks is not None and list(before.fallbacks) != list(after.fallbacks):
        found.append(Difference(None, "fallbacks", list(before.fallbacks), list(after.fallbacks)))
    return Comparison(against, sum(one is not None and other is not None for one, other in pairs), tuple(found))


def run_of_recording(recording: Recording, until: int | None = None) -> Run:
    """A recorded call, up to `until` nanoseconds of it."""
    events = (event for event in recording.events() if until is None or event.at <= until)
    failed = (event.fields for event in events if event.kind == "NodeFailed")
    fallbacks = {f"{each.get('node')}: {each.get('answered_by')}" for each in failed if each.get("answered_by")}
    end = (recording.duration if until is None else until) / MILLISECOND
    return Run([turn for turn in recording.turns if turn.reached.get("decided", 0) <= end], sorted(fallbacks), end)


def run_of_result(result: Result) -> Run:
    """What has just been replayed."""
    turns = [turn.as_json(number) for number, turn in enumerate(result.recorder.turns, 1)]
    failed = {f"{each.node}: {each.answered_by}" for each in result.recorder.failures if each.answered_by}
    return Run(msgspec.convert(turns, list[RecordedTurn]), sorted(failed))


def run_of_folder(folder: Path) -> Run:
    """The results of an earlier replay; raises UserInputError if there are none."""
    file = folder / "turns.json"
    try:
        return Run(msgspec.convert(json.loads(file.read_bytes())["turns"], list[RecordedTurn]))
    except OSError as error:
        hint = "name the folder that an earlier replay wrote with --out"
        raise UserInputError(f"{file} cannot be read: {error.strerror or error}", hint=hint) from error
    except (ValueError, LookupError, TypeError, msgspec.MsgspecError) as error:
        raise UserInputError(f"{file} is not the result of a replay: {error}", hint="replay the clip again") from error


def _pairs(
    before: Sequence[RecordedTurn], after: Sequence[RecordedTurn]
) -> Iterator[tuple[RecordedTurn | None, RecordedTurn | None]]:
    later = list(after)
    for one in before:
        while later and later[0].voice_end < one.voice_end - SAME_TURN:
            yield None, later.pop(0)
        if later and later[0].voice_end <= one.voice_end + SAME_TURN:
            yield one, later.pop(0)
        else:
            yield one, None
    yield from ((None, other) for other in later)


def _turn(one: RecordedTurn | None, other: RecordedTurn | None) -> Iterator[Difference]:
    if one is None or other is None:
        turn = one or other
        assert turn is not None, "a pair has at least one"
        yield Difference(turn.turn, "turn", one and one.heard, other and other.heard)
        return
    for name in _TEXTS:
        before, after = getattr(one, name), getattr(other, name)
        if before != after:
            yield Difference(one.turn, name, before, after)
    for name, before, after in (
        ("voice_end", one.voice_end, other.voice_end),
        ("decided", one.reached.get("decided"), other.reached.get("decided")),
        ("silence", one.silence, other.silence),
    ):
        if not _close(before, after):
            yield Difference(one.turn, name, before, after)


def _close(before: float | None, after: float | None) -> bool:
    if before is None or after is None:
        return before is after
    return abs(before - after) <= TOLERANCE
