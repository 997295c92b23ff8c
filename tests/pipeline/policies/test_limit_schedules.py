"""A limit under random schedules of requests, in virtual time."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clock import Clock
from pipeline.params import ms
from pipeline.policies.limit import FairQueue, Limit, LimitReached
from pipeline.policies.spec import LimitSpec
from pipeline.runtime.virtual import run_virtual


@dataclass
class Request:
    """What one request does, and what became of it, in nanoseconds."""

    session: int
    at: int
    takes: int
    leaves_after: int | None
    place: int = -1
    admitted: int | None = None
    ended: int = -1
    outcome: str = ""
    retry_after: float = 0.0

    async def run(self, limit: Limit, clock: Clock, admissions: list[Request]) -> None:
        await clock.sleep_until(self.at)
        try:
            async with asyncio.timeout(None if self.leaves_after is None else self.leaves_after / 1e9):
                await limit.acquire(self.session)
                try:
                    self.admitted, self.place = clock.now(), len(admissions)
                    admissions.append(self)
                    await clock.sleep(self.takes)
                finally:
                    limit.release()
            self.outcome = "done"
        except LimitReached as refused:
            self.outcome = "refused"
            self.retry_after = refused.retry_after or 0.0
        except TimeoutError:
            self.outcome = "left"
        self.ended = clock.now()


@dataclass
class Story:
    """All that happened."""

    requests: list[Request]
    limit: Limit
    admissions: list[Request] = field(default_factory=list)

    @property
    def waits(self) -> list[tuple[int, int]]:
        """From when to when somebody waited."""
        return [
            (each.at, each.ended if each.admitted is None else each.admitted) for each in self.requests if each.outcome
        ]

    def active(self, time: int) -> int:
        """At work just after this moment."""
        return sum(each.admitted is not None and each.admitted <= time < each.ended for each in self.requests)

    def begun(self, after: int, until: int) -> int:
        """Admitted after a moment, up to another one."""
        return sum(after < each.admitted <= until for each in self.admissions if each.admitted is not None)


def play(spec: LimitSpec, requests: list[Request]) -> Story:
    """Runs the schedule."""

    async def main() -> Story:
        clock = Clock(asyncio.get_running_loop())
        story = Story(requests, Limit(spec, clock.now))
        await asyncio.gather(*(each.run(story.limit, clock, story.admissions) for each in requests))
        return story

    return run_virtual(main())


SPECS = st.builds(
    LimitSpec,
    concurrent=st.none() | st.integers(1, 5),
    max=st.none() | st.integers(1, 6),
    window=st.integers(20, 200).map(ms),
    when_full=st.sampled_from(["queue", "queue", "queue", "shed", "fallback"]),
    max_wait=st.sampled_from([0, ms(50), ms(10_000)]),
)
REQUESTS = st.lists(
    st.builds(
        Request,
        session=st.integers(0, 3),
        at=st.integers(0, 40).map(lambda n: ms(5 * n)),
        takes=st.sampled_from([0, ms(5), ms(20), ms(70)]),
        leaves_after=st.none() | st.none() | st.integers(0, 30).map(lambda n: ms(5 * n)),
    ),
    max_size=40,
)


@settings(max_examples=400, deadline=None)
@given(SPECS, REQUESTS)
def test_limit_is_never_exceeded_and_loses_no_permit(spec: LimitSpec, requests: list[Request]) -> None:
    """One too many is an error of the provider; a permit lost is a place lost for ever."""
    story = play(spec, requests)
    told = story.limit.statistics()
    assert told.peak <= (spec.concurrent or len(requests))
    for request in story.admissions:
        assert request.admitted is not None
        assert story.active(request.admitted) <= (spec.concurrent or len(requests))
        assert story.begun(request.admitted - spec.window, request.admitted) <= (spec.max or len(requests))
    outcomes = Counter(each.outcome for each in requests)
    assert sum(outcomes.values()) == len(requests) and "" not in outcomes
    assert told.admitted == len(story.admissions)
    assert told.refused + told.timed_out == outcomes["refused"]
    assert told.admitted + told.refused + told.timed_out + told.cancelled == len(requests)
    assert all((each.retry_after > 0) == (each.outcome == "refused") for each in requests)
    assert (told.active, told.waiting) == (0, 0)


@settings(max_examples=400, deadline=None)
@given(SPECS.filter(lambda spec: spec.when_full == "queue" and spec.max_wait == ms(10_000)), REQUESTS)
def test_limit_makes_no_request_wait_while_there_is_room(spec: LimitSpec, requests: list[Request]) -> None:
    """A limit that lets through less than it says is silence for nothing."""
    story = play(spec, requests)
    moments = sorted({moment for each in requests for moment in (each.at, each.ended)})
    for begin, end in story.waits:
        for moment in moments[bisect_left(moments, begin) : bisect_left(moments, end)]:
            full = spec.concurrent is not None and story.active(moment) >= spec.concurrent
            spent = spec.max is not None and story.begun(moment - spec.window, moment) >= spec.max
            assert full or spent


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 5), st.lists(st.integers(0, 3), min_size=1, max_size=30), st.integers(1, 60))
def test_limit_serves_waiting_sessions_in_turn(concurrent: int, sessions: list[int], takes: int) -> None:
    """Between two turns of one session, each other that waits has had one."""
    spec = LimitSpec(concurrent=concurrent, max_wait=ms(600_000))
    requests = [Request(session, 0, ms(takes), None) for session in sessions]
    order = [each.session for each in play(spec, requests).admissions[concurrent:]]
    for session in set(order):
        turns = [place for place, each in enumerate(order) if each == session]
        for one, other in pairwise(turns):
            between = Counter(order[one + 1 : other])
            still_waiting = {each for each in order[other:] if each != session}
            assert all(between[each] >= 1 for each in still_waiting)
            assert max(between.values(), default=0) <= 1


@given(st.lists(st.tuples(st.sampled_from(["add", "pop", "remove"]), st.integers(0, 3), st.integers(0, 9))))
def test_fair_queue_holds_exactly_the_items_put_in(moves: list[tuple[str, int, int]]) -> None:
    """Who is not in the queue any more is forgotten, and waits until the refusal."""
    queue: FairQueue[Any] = FairQueue()
    held: list[tuple[int, int]] = []
    for number, (what, session, which) in enumerate(moves):
        if what == "add":
            queue.add(session, (session, number))
            held.append((session, number))
        elif what == "pop" and held:
            taken = queue.pop()
            assert taken == min(each for each in held if each[0] == taken[0])  # the first of its session
            held.remove(taken)
        elif what == "remove" and held:
            gone = held.pop(which % len(held))
            queue.remove(gone[0], gone)
            queue.remove(gone[0], gone)  # twice is as good as once
        assert len(queue) == len(held)
    assert sorted(queue.pop() for _ in list(held)) == sorted(held)
