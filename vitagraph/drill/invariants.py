"""Invariants under faults: the session survives, queues stay bounded, every turn gets one complete answer.

Each function yields violations in words.
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
"""Maximum nanoseconds from a failure to something audible or readable."""


def of_session(plan: Plan, report: SessionReport) -> Iterator[str]:
    """The session did not fail, nothing hangs, and no queue exceeded its bound."""
    if report.error is not None or report.ended not in ("eos", "stopped"):
        yield f"the session {report.ended}: {report.error or 'it made no progress'}"
    for stuck in report.stuck:
        yield f"stuck: {stuck.message}"
    bounds = {link.name: link.queue.count for link in plan.links if link.queue is not None}
    for link in report.links:
        # Undroppable packets may exceed the bound, by at most the outputs of one packet.
        if link.peak > bounds[link.name] + min(link.over, MAX_OUTPUTS):
            yield f"the queue {link.name} had {link.peak} packets; its bound is {bounds[link.name]}"
        if report.ended == "eos" and link.depth:
            yield f"the queue {link.name} still holds {link.depth} packets"


def of_answers(record: Record) -> Iterator[str]:
    """Every turn that was not interrupted got exactly one complete answer."""
    for turn in record.turns.committed:
        if not turn.interrupted:
            for problem in of_answer(record.answer(turn)):
                yield f"turn {turn.cause}: {problem}"


def of_answer(answer: Answer) -> Iterator[str]:
    """All of an answer was generated, played and ended exactly once."""
    written, cut = "".join(answer.written), " ".join(answer.cut)
    heard = " ".join(text for _, _, text in answer.played)
    if not plain_words(heard):
        yield "no answer"
    if answer.ends != 1:
        yield f"its answer ended {answer.ends} times"
    if plain_words(cut) != plain_words(heard):
        yield f"heard {heard!r} of {cut!r}"
    elif plain_words(written) != plain_words(cut):
        yield f"of {written!r} became {cut!r}"
    for text in repeated(answer):
        yield f"said twice: {text!r}"


def repeated(answer: Answer) -> Iterator[str]:
    """Texts that were played twice in a row."""
    texts = [text for _, _, text in answer.played if plain_words(text)]
    for before, after in pairwise(texts):
        if plain_words(before) == plain_words(after):
            yield after


def late(record: Record, turn: TurnRecord) -> Iterator[str]:
    """After each failure during an answer, something is audible or readable within `SOON`."""
    played = record.answer(turn).played
    if not played:
        return
    end = played[-1][1]
    for at in failures(record, turn):
        following = min((max(at, begin) for begin, until, _ in played if until >= at), default=end)
        if at < end and following - at > SOON:
            yield f"turn {turn.cause}: nothing for {(following - at) // MILLISECOND} ms after the failure"


def failures(record: Record, turn: TurnRecord) -> list[int]:
    """Times of member failures and retries while a turn was being answered."""
    following = [other.voice_end for other in record.turns.committed if other.voice_end > turn.voice_end]
    until = min(following, default=1 << 62)
    times = (event.pts for events in (record.failed, record.retried) for event in events)
    return sorted(at for at in times if turn.voice_end <= at < until)


def dead_air(record: Record, turn: TurnRecord) -> int | None:
    """Longest wait for the answer or within it, nanoseconds; None without an answer."""
    played = record.answer(turn).played
    if not played:
        return None
    begun = turn.reached.get("audible", played[0][0])
    gaps = [after[0] - before[1] for before, after in pairwise(played)]
    return max(begun - turn.voice_end, *gaps, 0)


def plain_words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return re.findall(r"\w+", text.lower())
