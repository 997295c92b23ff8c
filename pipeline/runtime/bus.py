"""The bus: a reactivex Subject for each class of event.

Whoever wants to know subscribes, with operators if they like, and is disposed with the
session. A subscriber that raises is reported and hurts nobody. Nothing on the audio path
goes through here. Operators that need time take the scheduler of `pipeline.runtime.bus.scheduler`.
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

from pipeline.packet import Event
from pipeline.runtime.dispatch import make_dispatcher

E = TypeVar("E", bound=Event)


class Bus:
    """Where events are posted. `report(error, kind)` is told of subscribers that raise."""

    def __init__(self, report: Callable[[Exception, type[Event]], None]) -> None:
        self._subjects: dict[type[Event], Subject[Any]] = {}
        # One by one: a subject's own loop would stop at the first that raises.
        self._tell = make_dispatcher({tuple: _call}, lambda error, told: report(error, told[0]))

    def of(self, kind: type[E]) -> Subject[E]:
        """The stream of one class of event."""
        return self._subjects.setdefault(kind, Subject())

    def has_subscribers(self, kind: type[Event]) -> bool:
        """Whether anybody listens: ask before building an event that costs something."""
        subject = self._subjects.get(kind)
        return subject is not None and bool(subject.observers)

    def post(self, event: Event) -> None:
        """Gives the event to each subscriber, in the order in which they came."""
        kind = event.__class__
        subject = self._subjects.get(kind)
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


class _LoopScheduler(AsyncIOScheduler):
    """Follows the loop's time, virtual or real; the stock one reads the wall clock."""

    @property
    def now(self) -> datetime:
        return UTC_ZERO + timedelta(seconds=self._loop.time())


def scheduler(loop: asyncio.AbstractEventLoop) -> AsyncIOScheduler:
    """For operators that need time, such as `buffer_with_time`; without it they use threads."""
    return _LoopScheduler(loop)
