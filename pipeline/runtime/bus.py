"""The bus: a reactivex Subject for each class of event.

Subscribers may use operators, and are disposed with the session. A subscriber that raises is
reported and affects no other. Nothing on the audio path goes through here. Operators that need
time take `bus.scheduler`, which follows the session's clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from reactivex import Subject
from reactivex.internal.constants import UTC_ZERO
from reactivex.scheduler.eventloop import AsyncIOScheduler

from pipeline.clock import Clock
from pipeline.packet import MICROSECOND, Event
from pipeline.runtime.dispatch import make_dispatcher

E = TypeVar("E", bound=Event)


class Bus:
    """Where events are posted. `report(error, kind)` receives the errors of subscribers."""

    def __init__(self, report: Callable[[Exception, type[Event]], None], clock: Clock) -> None:
        self._clock = clock
        self._subjects: dict[type[Event], Subject[Any]] = {}
        # One by one: a subject's own loop would stop at the first that raises.
        self._tell = make_dispatcher({tuple: _call}, lambda error, told: report(error, told[0]))

    @property
    def scheduler(self) -> AsyncIOScheduler:
        """For operators that need time, such as `buffer_with_time`; without it they use threads."""
        return ClockScheduler(asyncio.get_running_loop(), self._clock)

    def of(self, kind: type[E]) -> Subject[E]:
        """The stream of one class of event; `of(Event)` is the stream of all of them."""
        return self._subjects.setdefault(kind, Subject())

    def has_subscribers(self, kind: type[Event]) -> bool:
        """Whether there are any: check this before building an event that costs something."""
        return any(subject.observers for subject in (self._subjects.get(kind), self._subjects.get(Event)) if subject)

    def post(self, event: Event) -> None:
        """Gives the event to each subscriber of its class, in the order in which they came, then to those of all."""
        kind = event.__class__
        for subject in (self._subjects.get(kind), self._subjects.get(Event)):
            for observer in tuple(subject.observers) if subject is not None else ():
                self._tell((kind, partial(observer.on_next, event)))

    def close(self) -> None:
        """Completes every stream and forgets the subscribers."""
        subjects, self._subjects = self._subjects, {}
        for kind, subject in subjects.items():
            for observer in tuple(subject.observers):
                self._tell((kind, observer.on_completed))
            subject.dispose()


def _call(told: tuple[type[Event], Callable[[], None]]) -> tuple[()]:
    told[1]()
    return ()


class ClockScheduler(AsyncIOScheduler):
    """Follows a clock, virtual or real; the stock one reads the wall clock."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock) -> None:
        super().__init__(loop)
        self._clock = clock

    @property
    def now(self) -> datetime:
        return UTC_ZERO + timedelta(microseconds=self._clock.now() / MICROSECOND)
