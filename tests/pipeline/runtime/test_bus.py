"""The bus: streams of events with operators in the session's time, and subscribers that hurt nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import reactivex.operators as ops

from pipeline.clock import Clock
from pipeline.packet import Event
from pipeline.params import ms
from pipeline.runtime.bus import Bus
from pipeline.runtime.virtual import VirtualLoop, run_virtual
from tests.pipeline.kit import News


class Other(Event, frozen=True):
    """Something else."""


class Special(News, frozen=True):
    """A kind of news."""


def make() -> tuple[Bus, list[tuple[Exception, type[Event]]]]:
    """A bus, and what is reported of its subscribers."""
    reported: list[tuple[Exception, type[Event]]] = []
    loop = VirtualLoop()
    loop.close()
    return Bus(lambda error, kind: reported.append((error, kind)), Clock(loop)), reported


def raises(_: Any) -> None:
    """A subscriber that is broken."""
    raise ValueError("broken")


def test_bus_delivers_exact_event_types_in_order() -> None:
    """By class, exactly: who asks for a special kind gets no other."""
    bus, _ = make()
    got: list[tuple[str, Event]] = []
    bus.of(News).subscribe(lambda event: got.append(("first", event)))
    bus.of(News).subscribe(lambda event: got.append(("second", event)))
    bus.of(Special).subscribe(lambda event: got.append(("special", event)))
    events = [News(1), Other(), Special(2), News(3)]
    for event in events:
        bus.post(event)
    one, _, special, three = events
    assert got == [("first", one), ("second", one), ("special", special), ("first", three), ("second", three)]


def test_bus_knows_which_events_are_wanted() -> None:
    """An event that takes work to make is not made for nobody."""
    bus, _ = make()
    assert not bus.has_subscribers(News)
    subscription = bus.of(News).subscribe(lambda _: None)
    assert bus.has_subscribers(News)
    assert not bus.has_subscribers(Other)
    subscription.dispose()
    assert not bus.has_subscribers(News)
    bus.post(News(1))


def test_bus_reports_a_subscriber_that_raises_and_serves_the_others() -> None:
    """A broken dashboard takes nothing from the log behind it, this time or the next."""
    bus, reported = make()
    got: list[News] = []
    bus.of(News).subscribe(raises)
    bus.of(News).subscribe(got.append)
    bus.post(News(1))
    bus.post(News(2))
    assert [event.number for event in got] == [1, 2]
    assert [(str(error), kind) for error, kind in reported] == [("broken", News)] * 2


def test_bus_operator_that_raises_ends_only_its_own_stream() -> None:
    """A sum that cannot be computed stops, and says so to who subscribed to it."""
    bus, reported = make()
    got: list[News] = []
    failed: list[Exception] = []
    bus.of(News).pipe(ops.map(raises)).subscribe(on_error=failed.append)
    bus.of(News).subscribe(got.append)
    bus.post(News(1))
    bus.post(News(2))
    assert [event.number for event in got] == [1, 2]
    assert [str(error) for error in failed] == ["broken"]
    assert reported == []


def test_bus_subscriber_may_unsubscribe_during_delivery() -> None:
    """A subscriber of one event does not take it from the next in line."""
    bus, _ = make()
    got: list[str] = []

    def leave(_: News) -> None:
        got.append("once")
        once.dispose()

    once = bus.of(News).subscribe(leave)
    bus.of(News).subscribe(lambda _: got.append("always"))
    bus.post(News(1))
    bus.post(News(2))
    assert got == ["once", "always", "always"]


def test_bus_stream_of_all_events_has_every_class_once() -> None:
    """A log of a session needs no list of the classes that its nodes may post."""
    bus, _ = make()
    got: list[Event] = []
    bus.of(Event).subscribe(got.append)
    bus.of(News).subscribe(lambda _: None)
    posted = [News(1), Other(), Special(2)]
    for event in posted:
        bus.post(event)
    assert got == posted
    assert bus.has_subscribers(Special)


def test_bus_subscriber_may_post() -> None:
    """An alarm is raised from a measurement."""
    bus, _ = make()
    got: list[str] = []
    bus.of(News).subscribe(lambda _: bus.post(Other()))
    bus.of(News).subscribe(lambda _: got.append("news"))
    bus.of(Other).subscribe(lambda _: got.append("other"))
    bus.post(News(1))
    assert got == ["other", "news"]


def test_bus_close_completes_every_stream_despite_one_that_raises() -> None:
    """What was gathered to the end of the call is shown, and nothing holds the session afterwards."""
    bus, reported = make()
    ended: list[str] = []
    bus.of(News).subscribe(on_completed=lambda: raises(None))
    bus.of(News).pipe(ops.to_list()).subscribe(lambda all_: ended.append(f"{len(all_)} news"))
    bus.of(Other).subscribe(on_completed=lambda: ended.append("other"))
    bus.post(News(1))
    bus.close()
    bus.close()
    assert ended == ["1 news", "other"]
    assert [kind for _, kind in reported] == [News]
    bus.post(News(2))
    assert not bus.has_subscribers(News)


# --- time


def timed(play: Callable[[Bus, Clock, Any], Awaitable[None]]) -> None:
    """Runs with a bus, a clock and a scheduler in virtual time."""

    async def main() -> None:
        clock, reported = Clock(asyncio.get_running_loop()), list[Exception]()
        bus = Bus(lambda error, _: reported.append(error), clock)
        await play(bus, clock, bus.scheduler)
        bus.close()
        assert reported == []

    run_virtual(main())


async def every_10_ms(bus: Bus, clock: Clock, count: int) -> None:
    """Posts so many."""
    for n in range(count):
        bus.post(News(n))
        await clock.sleep(ms(10))


def test_bus_windows_use_session_time() -> None:
    """A replay shows the same curves as the call."""
    got: list[list[int]] = []

    async def play(bus: Bus, clock: Clock, scheduler: Any) -> None:
        await clock.sleep(ms(5))
        windows = bus.of(News).pipe(ops.buffer_with_time(0.03, scheduler=scheduler))
        stop = windows.subscribe(lambda window: got.append([event.number for event in window]))
        await clock.sleep(ms(1))
        await every_10_ms(bus, clock, 9)
        stop.dispose()

    timed(play)
    assert got == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


def test_bus_debounce_uses_session_time() -> None:
    """A caller that says nothing for a while is asked."""
    at: list[int] = []

    async def play(bus: Bus, clock: Clock, scheduler: Any) -> None:
        stop = bus.of(News).pipe(ops.debounce(0.5, scheduler)).subscribe(lambda _: at.append(clock.now()))
        await every_10_ms(bus, clock, 20)
        await clock.sleep(ms(2000))
        stop.dispose()

    timed(play)
    assert at == [ms(190) + ms(500)]


def test_bus_throttling_and_timestamps_use_session_time() -> None:
    """The wall clock does not come into it: a replay of a minute takes a second."""
    passed: list[int] = []
    stamps: list[datetime] = []

    async def play(bus: Bus, clock: Clock, scheduler: Any) -> None:
        first = (
            bus.of(News).pipe(ops.throttle_first(0.095, scheduler)).subscribe(lambda event: passed.append(event.number))
        )
        second = bus.of(News).pipe(ops.timestamp(scheduler)).subscribe(lambda stamped: stamps.append(stamped.timestamp))
        await every_10_ms(bus, clock, 40)
        first.dispose()
        second.dispose()

    timed(play)
    assert passed == [0, 10, 20, 30]
    assert round((stamps[-1] - stamps[0]).total_seconds(), 6) == 0.39


def test_bus_disposed_stream_leaves_no_timer() -> None:
    """A server of many calls keeps no timer of those that are over."""

    async def play(bus: Bus, clock: Clock, scheduler: Any) -> None:
        stop = bus.of(News).pipe(ops.sample(0.1, scheduler)).subscribe(lambda _: None)
        await clock.sleep(ms(250))
        stop.dispose()
        loop: Any = asyncio.get_running_loop()
        assert [timer for timer in loop._scheduled if not timer.cancelled()] == []

    timed(play)
