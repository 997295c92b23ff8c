"""What must hold whatever goes wrong: the session lives, queues stay small, every turn has one whole answer.

Each function returns what does not hold, in words; nothing where all is well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from pipeline.graph.plan import Plan
from pipeline.packet import MILLISECOND, SECOND
from pipeline.port import MAX_OUTPUTS
from pipeline.runtime.report import SessionReport
from vitagraph.drill.record import Answer, Record
from vitagraph.waterfall import TurnRecord

SOON = 2 * SECOND
"""Nanoseconds from a failure to something that can be heard or read."""


def of_session(plan: Plan, report: SessionReport) -> Iterator[str]:
    """It did not die, nothing hangs, and no queue grew past its bound."""
    if report.error is not None or report.ended not in ("eos", "stopped"):
        yield f"the session {report.ended}: {report.error or 'nothing moved any more'}"
    for stuck in report.stuck:
        yield f"stuck: {stuck.message}"
    bounds = {link.name: link.queue.count for link in plan.links if link.queue is not None}
    for link in report.links:
        # What may not be dropped is taken in over the bound, and counted: at most what one packet may become.
        if link.peak > bounds[link.name] + min(link.over, MAX_OUTPUTS):
            yield f"the queue {link.name} had {link.peak} packets, {bounds[link.name]} is its bound"
        if report.ended == "eos" and link.depth:
            yield f"the queue {link.name} still holds {link.depth} packets"


def of_answers(record: Record) -> Iterator[str]:
    """Each turn that was not interrupted got one answer, whole, and nothing twice."""
    for turn in record.turns.committed:
        if not turn.interrupted:
            for problem in of_answer(record.answer(turn)):
                yield f"turn {turn.cause}: {problem}"


def of_answer(answer: Answer) -> Iterator[str]:
    """One answer: all that was made was played, once, and then it was over, once."""
    written, cut = "".join(answer.written), " ".join(answer.cut)
    heard = " ".join(text for _, _, text in answer.played)
    if not words(heard):
        yield "no answer"
    if answer.ends != 1:
        yield f"its answer ended {answer.ends} times"
    if words(cut) != words(heard):
        yield f"heard {heard!r} of {cut!r}"
    elif words(written) != words(cut):
        yield f"of {written!r} became {cut!r}"
    for text in repeated(answer):
        yield f"said twice: {text!r}"


def repeated(answer: Answer) -> Iterator[str]:
    """What was said again right after it was said."""
    texts = [text for _, _, text in answer.played if words(text)]
    for before, after in pairwise(texts):
        if words(before) == words(after):
            yield after


def late(record: Record, turn: TurnRecord) -> Iterator[str]:
    """After each failure there is soon something to be heard or read, until the answer is over."""
    played = record.answer(turn).played
    if not played:
        return
    end = played[-1][1]
    for at in failures(record, turn):
        following = min((max(at, begin) for begin, until, _ in played if until >= at), default=end)
        if at < end and following - at > SOON:
            yield f"turn {turn.cause}: nothing for {(following - at) // MILLISECOND} ms after the failure"


def failures(record: Record, turn: TurnRecord) -> list[int]:
    """When members failed while this turn was answered, each first failure of a series once."""
    following = [other.voice_end for other in record.turns.committed if other.voice_end > turn.voice_end]
    until = min(following, default=1 << 62)
    times = (event.pts for events in (record.failed, record.retried) for event in events)
    return sorted(at for at in times if turn.voice_end <= at < until)


def dead_air(record: Record, turn: TurnRecord) -> int | None:
    """The longest time that somebody waited for the answer or for more of it; None where none came."""
    played = record.answer(turn).played
    if not played:
        return None
    begun = turn.reached.get("audible", played[0][0])
    gaps = [after[0] - before[1] for before, after in pairwise(played)]
    return max(begun - turn.voice_end, *gaps, 0)


def words(text: str) -> list[str]:
    """The words of a text, without case and marks."""
    return re.findall(r"\w+", text.lower())
