"""Which of several queues is next: the most urgent one whose jobs wait for cores only, and none starves."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.compute.job_context import LANES, JobContext, Lane
from pipeline.compute.lane_queue import LaneQueue, QueueGroup, Waiter

Step = tuple[int, Lane, int] | int | None
"""A job that begins to wait in a queue, a queue that opens or closes, or a job that starts."""

push = st.tuples(st.integers(0, 2), st.sampled_from(LANES), st.integers(0, 2))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.none() | push | push | st.integers(1, 2), min_size=1, max_size=150))
def test_queue_group_starves_no_queue(schedule: list[Step]) -> None:
    """Of any eight that start while an open queue has low jobs only, one is of such a queue; equal ones take turns."""
    free: list[list[int]] = [[0], [0], [0]]
    queues: list[LaneQueue[Waiter]] = [LaneQueue(each) for each in free]
    group: QueueGroup[Waiter] = QueueGroup()
    passed: Counter[Lane] = Counter()
    between: dict[LaneQueue[Waiter], set[LaneQueue[Waiter]]] = {}
    for step in [*schedule, *[None] * len(schedule)]:
        if isinstance(step, int):
            free[step][:] = [] if free[step] else [0]
            if not free[step]:
                between.clear()
            continue
        if step is not None:
            group.push(Waiter(JobContext(step[1], step[2]), queues[step[0]]))
            continue
        ready = {queue: queue.lane for queue in queues if queue and queue.is_open}
        assert group.open == [queue for queue in group.open if queue in ready] and len(group.open) == len(ready)
        if (waiter := group.next()) is None:
            assert not ready
            continue
        lane = ready[waiter.queue]
        group.take(waiter)
        for other in LANES:
            passed[other] = passed[other] + 1 if other != lane and other in ready.values() else 0
        assert passed["low"] <= 7
        assert passed["normal"] <= 4
        equal = {queue for queue, its in ready.items() if its == lane} - {waiter.queue}
        assert not between.pop(waiter.queue, set()) & equal
        for others in between.values():
            others.discard(waiter.queue)
        between[waiter.queue] = equal
    assert len(group) == sum(map(len, queues))


def test_queue_group_takes_a_job_without_cores_first() -> None:
    """A connection that is free would wait for a core that its caller does not need."""
    group: QueueGroup[Waiter] = QueueGroup()
    cores, connections = LaneQueue[Waiter](), LaneQueue[Waiter]()
    urgent, lease = Waiter(JobContext("high"), cores), Waiter(JobContext("low"), connections, 0)
    group.push(urgent)
    group.push(lease)
    assert group.next() is lease
    group.take(lease)
    assert group.next() is urgent
