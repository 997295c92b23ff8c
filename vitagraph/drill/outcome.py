"""What came of one cell, judged."""

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

HEALTH = 30 * SECOND
"""Nanoseconds within which a member that is well again must do its work again."""
NOTICED = 5 * SECOND
"""Nanoseconds after a question began by which its voice has ended."""
MAX_SILENCE = 6 * SECOND
"""The longest silence, nanoseconds, that a fault may cause within an answer or before it."""
BEGINS = 6 * SECOND
"""Nanoseconds that the opening of a call may take where a fallback could begin it."""
REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class CellResult:
    """What a person met with in one cell."""

    cell: Cell
    answered: tuple[str, ...]
    """Who did the node's work during the fault: members as the graph names them, or an apology; `nobody`
    where nothing stood in; `refused` where the session said that it cannot begin."""
    dead_air: int | None
    """The longest wait in the turns during the fault, nanoseconds; None where nothing was answered."""
    recovered: int | None
    """Nanoseconds from the end of the fault until the primary did its work; None where it did not."""
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nobody was left in silence, and nothing stayed broken."""
        return not self.problems


def refused(cell: Cell, error: NodeError) -> CellResult:
    """The session could not begin: right where nothing can stand in, and it says why."""
    problems = (f"the session could not begin: {error.message}",) if cell.stands_in else ()
    return CellResult(cell, (REFUSED,), None, None, problems)


def outcome(cell: Cell, plan: Plan, record: Record, report: SessionReport, opening: int) -> CellResult:
    """Judges a cell; `opening` is how long it took to open the session, nanoseconds."""
    begin, until = cell.window
    during = [turn for turn in record.turns.committed if begin <= turn.voice_end < until]
    airs = [air for turn in during if (air := invariants.dead_air(record, turn)) is not None]
    dead_air = max(airs, default=None)
    recovered = _recovered(cell, record)
    problems = [*invariants.of_session(plan, report), *_unanswered(cell, record, report)]
    problems += _failings(cell, record, during)
    if dead_air is not None and dead_air > MAX_SILENCE:
        problems.append(f"silent for {dead_air / SECOND:.1f} s: a shorter `deadline` of `{cell.node}` would help")
    if cell.ends and not record.failed:
        problems.append("the call ended, and nobody was told why")
    if recovered is None and not cell.ends:
        problems.append("the primary did not come back")
    elif recovered is not None and recovered > HEALTH:
        problems.append(f"the primary came back after {recovered / SECOND:.0f} s")
    if opening > BEGINS and len(plan.nodes[cell.node].members) > 1:
        problems.append(f"silent for {opening / SECOND:.1f} s before the call began, though a fallback could begin it")
    return CellResult(cell, _answered_by(cell, record), dead_air, recovered, tuple(problems))


def well_again(cell: Cell, record: Record, turn: TurnRecord) -> bool:
    """Whether nothing more can come of this cell: a turn after the fault was the primary's."""
    return turn.voice_end >= cell.window[1] and _recovered(cell, record) is not None


def _answered_by(cell: Cell, record: Record) -> tuple[str, ...]:
    """Those who took over; the primary where nobody had to, or where its answer was out when it failed."""
    begin, until = cell.window
    failed = [event for event in record.failed if event.node == cell.node and begin <= event.pts < until]
    # Who stalls has answered, if only that.
    instead = cell.use if cell.spent == APOLOGY and cell.fault == "stall" else cell.spent
    took_over = dict.fromkeys(event.answered_by or instead for event in failed)
    if took_over:
        return tuple(took_over)
    answered = any(begin <= turn.voice_end < until for turn in record.turns.committed if record.answer(turn).ends)
    return (cell.use if answered else NOBODY,)


def _recovered(cell: Cell, record: Record) -> int | None:
    """When the primary was seen at work after the fault; 0 where it never left off."""
    until = cell.window[1]
    failed = [event.pts for event in record.failed if event.node == cell.node]
    back = [event.pts for event in record.recovered if event.node == cell.node]
    if not failed:
        return 0
    if back and back[-1] >= failed[-1]:
        return max(0, back[-1] - until)
    taken_over = any(event.answered_by for event in record.failed if event.node == cell.node)
    return _first_answer(record, until) if failed[-1] < until and not taken_over else None


def _first_answer(record: Record, after: int) -> int | None:
    """For nodes without members that could tell: the first whole answer after the fault."""
    turns = [turn for turn in record.turns.committed if turn.voice_end >= after]
    ends = (record.answer(turn).played[-1][1] for turn in turns if record.answer(turn).ends)
    return min((end - after for end in ends), default=None)


def _unanswered(cell: Cell, record: Record, report: SessionReport) -> Iterator[str]:
    """Questions that were not even taken for a turn."""
    for asked in QUESTIONS:
        heard = any(asked < turn.voice_end < asked + NOTICED for turn in record.turns.committed)
        excused = not cell.stands_in and cell.window[0] <= asked < cell.window[1]
        if asked + 2 * NOTICED < report.duration and not heard and not excused:
            yield f"the question at {asked // SECOND} s was not heard"


def _failings(cell: Cell, record: Record, during: list[TurnRecord]) -> Iterator[str]:
    for turn in record.turns.committed:
        if turn in during and not cell.stands_in:
            continue
        if turn.interrupted:
            yield f"the answer to the turn at {turn.voice_end // MILLISECOND} ms was interrupted"
            continue
        yield from (f"turn {turn.cause}: {problem}" for problem in invariants.of_answer(record.answer(turn)))
        yield from invariants.late(record, turn)
