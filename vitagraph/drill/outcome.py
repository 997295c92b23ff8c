"""Evaluates one cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.errors import NodeError
from pipeline.graph.plan import Plan
from pipeline.packet import MILLISECOND, SECOND
from pipeline.runtime.report import SessionReport
from vitagraph.drill import invariants
from vitagraph.drill.matrix import APOLOGY, NOBODY, QUESTIONS, Cell
from vitagraph.drill.record import Record
from vitagraph.waterfall import TurnRecord

RECOVERY_LIMIT = 30 * SECOND
"""Maximum nanoseconds until a recovered primary is used again."""
QUESTION_LIMIT = 5 * SECOND
"""Maximum nanoseconds from the start of a question to the end of its voice."""
MAX_SILENCE = 6 * SECOND
"""Maximum silence before or within an answer, nanoseconds."""
OPENING_LIMIT = 6 * SECOND
"""Maximum nanoseconds to open a call if a fallback could serve it."""
REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class CellResult:
    """The result of one cell."""

    cell: Cell
    answered: tuple[str, ...]
    """What did the work of the node during the fault: members as the graph names them, or `apology`;
    `nobody` if nothing replaced it, `refused` if the session reported that it cannot start."""
    dead_air: int | None
    """Longest wait in the turns during the fault, nanoseconds; None if none was answered."""
    recovered: int | None
    """Nanoseconds from the end of the fault until the primary worked again; None if it never did."""
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the cell has no problems."""
        return not self.problems


def refused(cell: Cell, error: NodeError) -> CellResult:
    """The result if the session could not start: correct only if nothing can replace the node."""
    problems = (f"the session could not start: {error.message}",) if cell.stands_in else ()
    return CellResult(cell, (REFUSED,), None, None, problems)


def evaluate(cell: Cell, plan: Plan, record: Record, report: SessionReport, opening: int) -> CellResult:
    """Evaluates a cell; opening the session took `opening` nanoseconds."""
    begin, until = cell.window
    during = [turn for turn in record.turns.committed if begin <= turn.voice_end < until]
    airs = [air for turn in during if (air := invariants.dead_air(record, turn)) is not None]
    dead_air = max(airs, default=None)
    recovered = _recovered(cell, record)
    problems = [*invariants.of_session(plan, report), *_unanswered(cell, record, report)]
    problems += _answer_problems(cell, record, during)
    if dead_air is not None and dead_air > MAX_SILENCE:
        problems.append(f"silent for {dead_air / SECOND:.1f} s: a shorter `deadline` of `{cell.node}` would help")
    if cell.ends and not record.failed:
        problems.append("the call ended without reporting a failure")
    if recovered is None and not cell.ends:
        problems.append("the primary did not recover")
    elif recovered is not None and recovered > RECOVERY_LIMIT:
        problems.append(f"the primary recovered only after {recovered / SECOND:.0f} s")
    if opening > OPENING_LIMIT and len(plan.nodes[cell.node].members) > 1:
        problems.append(f"the call took {opening / SECOND:.1f} s to start, although a fallback could have served it")
    return CellResult(cell, _answered_by(cell, record), dead_air, recovered, tuple(problems))


def is_settled(cell: Cell, record: Record, turn: TurnRecord) -> bool:
    """Whether the cell can end early: the primary answered a turn after the fault."""
    return turn.voice_end >= cell.window[1] and _recovered(cell, record) is not None


def _answered_by(cell: Cell, record: Record) -> tuple[str, ...]:
    """The members that took over, or the primary if none had to or its answer was already complete."""
    begin, until = cell.window
    failed = [event for event in record.failed if event.node == cell.node and begin <= event.pts < until]
    # A stalled member did answer, if only in part.
    instead = cell.use if cell.spent == APOLOGY and cell.fault == "stall" else cell.spent
    took_over = dict.fromkeys(event.answered_by or instead for event in failed)
    if took_over:
        return tuple(took_over)
    answered = any(begin <= turn.voice_end < until for turn in record.turns.committed if record.answer(turn).ends)
    return (cell.use if answered else NOBODY,)


def _recovered(cell: Cell, record: Record) -> int | None:
    """Nanoseconds after the fault until the primary worked again; 0 if it never stopped."""
    begin, until = cell.window
    failed = [event.pts for event in record.failed if event.node == cell.node and event.pts >= begin]
    back = [event.pts for event in record.recovered if event.node == cell.node]
    if not failed:
        return 0
    if back and back[-1] >= failed[-1]:
        return max(0, back[-1] - until)
    taken_over = any(event.answered_by for event in record.failed if event.node == cell.node and event.pts >= begin)
    return _first_answer(record, until) if failed[-1] < until and not taken_over else None


def _first_answer(record: Record, after: int) -> int | None:
    """Nanoseconds until the first complete answer after the fault, for nodes without fallback."""
    turns = [turn for turn in record.turns.committed if turn.voice_end >= after]
    ends = (record.answer(turn).played[-1][1] for turn in turns if record.answer(turn).ends)
    return min((end - after for end in ends), default=None)


def _unanswered(cell: Cell, record: Record, report: SessionReport) -> Iterator[str]:
    """Yields questions that did not become a turn."""
    for asked in QUESTIONS:
        heard = any(asked < turn.voice_end < asked + QUESTION_LIMIT for turn in record.turns.committed)
        excused = not cell.stands_in and cell.window[0] <= asked < cell.window[1]
        if asked + 2 * QUESTION_LIMIT < report.duration and not heard and not excused:
            yield f"the question at {asked // SECOND} s was not heard"


def _answer_problems(cell: Cell, record: Record, during: list[TurnRecord]) -> Iterator[str]:
    for turn in record.turns.committed:
        if turn in during and not cell.stands_in:
            continue
        if turn.interrupted:
            yield f"the answer to the turn at {turn.voice_end // MILLISECOND} ms was interrupted"
            continue
        yield from (f"turn {turn.cause}: {problem}" for problem in invariants.of_answer(record.answer(turn)))
        yield from invariants.late(record, turn)
