"""The conformance kit: checks a node against the rules that the engine and other nodes rely on.

    def feed(cause: Cause) -> list[Packet]:
        return [Audio(Stamp(n * FRAME, FRAME, cause), samples, 16_000) for n in range(50)]

    conformance(Gain, feed)

The node runs several times in virtual time: freely, with a stalled reader, stopped midway, and
with its cause revoked midway. A violation raises an AssertionError with the rule and the
observation.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import msgspec

from pipeline.caps import Value
from pipeline.cause import Cause
from pipeline.clock import give_way
from pipeline.events import Abandoned, Flushed
from pipeline.node import Node, Source, Transform
from pipeline.packet import SECOND, Packet, Queue
from pipeline.port import MAX_OUTPUTS
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import run_virtual
from pipeline.testing.driver import TINY, Driver, MakeFeed
from pipeline.testing.harness import NODE, OUT, by_port, root
from pipeline.testing.leaks import Leak, no_leaks

RULES: Mapping[str, str] = {
    "kinds": "a node sends only kinds that it declares with Output(...) and Sends(...)",
    "failures": "a node handles its feed without a failure",
    "outputs": f"a Transform returns at most {MAX_OUTPUTS} outputs for one input, so that queues stay bounded; "
    "use a Service for more",
    "order": "within a cause the pts of a kind never decrease",
    "causes": "an output has the cause of its input, as in Stamp(pts, duration, heard.at.cause); "
    "otherwise a flush cannot reach it",
    "eos": "a node ends when its inputs have ended, and sends what `finish` returns before that",
    "backpressure": "a node waits for a slow reader, and loses no packet whose kind is not droppable",
    "stop": "a stopped session closes within two seconds: a node never swallows CancelledError",
    "flush": "a node stops work on a revoked cause, and sends no flushable packet of it any more",
    "state": "all mutable data is in State, which a flush replaces, or, if it must survive a flush, in Memory",
    "memory": "Memory, which fallbacks of the same class share, holds only data that can be copied; "
    "files, sockets and tasks are attributes that `open` sets and `close` releases",
    "leaks": "a node leaves no tasks, threads or open files behind: `close` closes what `open` opened",
}
"""The rules, by name."""

_BY_MESSAGE = {"none of its ports declares": "kinds", "outputs for one input": "outputs"}
"""The rule that a failure breaks, by a part of its message."""

QUIET = 5 * SECOND
"""Nanoseconds without packets after a flush, and for which a reader stalls."""
STALLED = "while its reader stalled"
MOMENTS: Mapping[str, int] = {
    "while a packet waited for it": 0,
    "while it was at work": 6,
    "when it had done half": -1,
    STALLED: 0,
}
"""When a run is interrupted: loop iterations after half of the feed; -1 for when the node is idle."""


def conformance(
    make_node: Callable[[], Node[Any]],
    feed: MakeFeed | None = None,
    *,
    caps: Mapping[str, Mapping[str, Value]] | None = None,
    exempt: Mapping[str, str] | None = None,
    provide: Callable[[], Sequence[object]] = tuple,
) -> None:
    """Raises AssertionError if a node breaks one of the `RULES`.

    `make_node` creates the node for every run. `feed(cause)` returns the packets (and upstream
    events) for its only input, or lists by port, with pts from 0 on and the same each time; omit
    it for a source. `exempt` names rules that do not apply, each with the reason. `provide()`
    creates, in the running loop, the objects for `self.provided(Kind)`.
    """
    exempt = exempt or {}
    for rule in exempt:
        if rule not in RULES:
            near = get_close_matches(rule, RULES, n=1)
            raise ValueError(f"there is no rule {rule!r}: {f'did you mean {near[0]!r}?' if near else ', '.join(RULES)}")
    if feed is not None and not any(by_port(make_node(), feed(root)).values()):
        raise ValueError("feed(cause) returned nothing")
    kit = _Kit(make_node, feed, caps or {}, frozenset(exempt), provide)
    try:
        with no_leaks():
            run_virtual(kit.run())
    except Leak as leak:
        kit.require("leaks", False, str(leak))


class _Kit:
    """Runs and checks one node."""

    def __init__(
        self,
        make_node: Callable[[], Node[Any]],
        feed: MakeFeed | None,
        caps: Mapping[str, Mapping[str, Value]],
        exempt: frozenset[str],
        provide: Callable[[], Sequence[object]],
    ) -> None:
        self._make_node, self._feed, self._caps, self._exempt = make_node, feed, caps, exempt
        self._provide = provide
        self._name = type(make_node()).__name__
        self._runner: Runner
        self._goal = 0

    async def run(self) -> None:
        async with Runner() as self._runner:
            free = await self._run_freely()
            self._goal = len(free.result.packets) // 2
            if free.node.outputs:
                await self._stall(free)
            for moment in MOMENTS:
                await self._stop(moment)
            for moment in MOMENTS if self._feed is not None else ():
                await self._flush(moment, free)

    def require(self, rule: str, kept: bool, seen: str, raised: BaseException | None = None) -> None:
        """Raises AssertionError, from what was `raised`, if a rule is broken, unless the node is exempt from it."""
        if not kept and rule not in self._exempt:
            raise AssertionError(f"{self._name} breaks the rule of {rule!r}: {RULES[rule]}.\nSeen: {seen}") from raised

    # --- runs

    async def _run_freely(self, memory: Any = None) -> Driver:
        """Feeds everything to a ready reader, with the memory of an earlier node if given."""
        driver = self._driver(OUT)

        async def all_of_it() -> None:
            if memory is not None:
                driver.node.memory = memory
            driver.feed_cause()
            driver.end_feed()

        await driver.drive(self._runner, all_of_it)
        self._check(driver, "in a free run")
        self._check_end(driver, "in a free run")
        lost = [packet for packet in driver.finish_outputs if all(packet is not left for left in driver.result.packets)]
        self.require("eos", not lost, f"`finish` returned {_names(lost)}, which never left")
        return driver

    async def _stall(self, free: Driver) -> None:
        driver = self._driver(stalled=True)
        is_transform = isinstance(driver.node, Transform)
        most = len(driver.node.outputs) * (1 if is_transform else 2) + MAX_OUTPUTS * is_transform

        async def stall() -> None:
            driver.feed_cause()
            driver.end_feed()
            await driver.session.clock.sleep(driver.span + QUIET)
            left = driver.waiting() + 1
            self.require(
                "backpressure", left <= most, f"{left} packets were sent to a full queue of 1; at most {most} may be"
            )
            driver.release()

        await driver.drive(self._runner, stall)
        self._check(driver, STALLED)
        self._check_end(driver, STALLED)
        lost = _difference(_kept(free), _kept(driver))
        self.require("backpressure", not lost, f"after its reader had stalled, {lost}")

    async def _stop(self, moment: str) -> None:
        driver = self._driver(stalled=moment == STALLED)

        async def stop() -> None:
            await self._reach(driver, moment)
            driver.session.stop()

        await driver.drive(self._runner, stop)
        self._check(driver, f"stopped {moment}")
        report = driver.result.report
        self.require("stop", not report.stuck, f"stopped {moment}: {'; '.join(map(str, report.stuck))}")

    async def _flush(self, moment: str, free: Driver) -> None:
        driver = self._driver(stalled=moment == STALLED)
        packets = driver.result.packets
        remembered: list[Any] = []

        async def flush() -> None:
            cause = await self._reach(driver, moment)
            before = len(packets)
            driver.session.causes.revoke(cause, f"feed_{driver.lead}")
            driver.release()
            await driver.session.clock.sleep(QUIET)
            stale = [packet for packet in packets[before:] if not packet.survives_flush]
            self.require("flush", not stale, f"revoked {moment}, it still sent {_names(stale)}")
            remembered.append(self._copy(driver.session.node(NODE).memory))
            driver.feed_cause()
            driver.end_feed()

        await driver.drive(self._runner, flush)
        self._check_stopped(driver, f"revoked {moment}")
        self._check(driver, f"revoked {moment}")
        self._check_end(driver, f"revoked {moment}")
        memory = remembered[0] if remembered else None  # an exempt node may have hung before that
        fresh = free if memory is None else await self._run_freely(memory)
        unlike = _difference(fresh.result.packets, packets[driver.fed_at[-1] :])
        self.require("state", not unlike, f"for the cause after one that was revoked {moment}, {unlike}")

    def _copy(self, memory: Any) -> Any:
        """A copy of the memory, which the node goes on changing; None if there is none."""
        try:
            return copy.deepcopy(memory)
        except TypeError as error:
            self.require("memory", False, f"Memory cannot be copied: {error}")
            return None

    def _check_stopped(self, driver: Driver, when: str) -> None:
        stuck = [where for abandoned in driver.result.of(Abandoned) for where in abandoned.where]
        late = any(flushed.late for flushed in driver.result.of(Flushed))
        self.require("flush", not stuck and not late, f"{when}, it did not stop: {' > '.join(stuck)}")

    def _driver(self, queue: Queue = TINY, *, stalled: bool = False) -> Driver:
        return Driver(
            self._make_node(),
            self._feed,
            caps=self._caps,
            stalled=stalled,
            queue=queue,
            goal=self._goal,
            provide=self._provide(),
        )

    async def _reach(self, driver: Driver, moment: str) -> Cause:
        """Feeds until the moment; returns the cause of the feed."""
        cause = driver.feed_cause()
        if moment == STALLED:
            await driver.session.clock.sleep(driver.span // 2 + SECOND)
            return cause
        await driver.middle.wait()
        for _ in range(MOMENTS[moment]):
            await give_way()
        if MOMENTS[moment] < 0:
            await driver.session.clock.sleep(1)
        return cause

    # --- checks of every run

    def _check(self, driver: Driver, when: str) -> None:
        count, kind = driver.max_outputs
        self.require("outputs", count <= MAX_OUTPUTS, f"{count} outputs for one {kind}")
        for failure in driver.result.errors:
            broken = (rule for text, rule in _BY_MESSAGE.items() if text in failure.message)
            raised = next(iter(driver.result.report.exceptions or ()), None)
            self.require(next(broken, "failures"), False, f"{when}: {failure.message}. {failure.hint}", raised)
        self._check_stamps(driver, when)
        self.require("leaks", not driver.leaked, f"{when}: {'; '.join(driver.leaked)}")

    def _check_stamps(self, driver: Driver, when: str) -> None:
        latest: dict[tuple[type, int], int] = {}
        for packet in driver.result.packets:
            at, name = packet.at, type(packet).__name__
            rootless = isinstance(driver.node, Source) or at.cause is not driver.session.causes.root
            self.require("causes", rootless, f"{when}: a {name} has the root cause, which was not fed")
            before = latest.get((type(packet), id(at.cause)), at.pts)
            seen = f"{when}: a {name} at {at.pts / SECOND:.3f} s after one at {before / SECOND:.3f} s"
            self.require("order", at.pts >= before, seen)
            latest[type(packet), id(at.cause)] = at.pts

    def _check_end(self, driver: Driver, when: str) -> None:
        ended, where = driver.result.report.ended, [*driver.hung, *map(str, driver.result.report.stuck)]
        self.require("eos", ended == "eos", f"{when} it did not end by itself ({ended}): {'; '.join(where)}")


def _kept(driver: Driver) -> list[Packet]:
    """The packets that may not be lost; a live source drops others instead of waiting."""
    return [packet for packet in driver.result.packets if not packet.droppable]


def _names(packets: Iterable[Packet]) -> str:
    names = [type(packet).__name__ for packet in packets]
    return ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names))


def _difference(wanted: list[Packet], got: list[Packet]) -> str:
    """The first difference between packets, apart from their stamps; empty if there is none."""
    for number, (a, b) in enumerate(zip(wanted, got, strict=False), 1):
        if type(a) is not type(b):
            return f"output {number} was a {type(b).__name__} instead of a {type(a).__name__}"
        for field in msgspec.structs.fields(a):
            if field.name != "at" and not _same(getattr(a, field.name), getattr(b, field.name)):
                return f"`{field.name}` of output {number}, a {type(a).__name__}, differed"
    if len(wanted) != len(got):
        return f"it sent {_names(got) or 'nothing'} instead of {_names(wanted) or 'nothing'}"
    return ""


def _same(a: Any, b: Any) -> bool:
    """Compares values, and arrays of any library element by element."""
    if hasattr(a, "__array__") and hasattr(b, "__array__"):
        return memoryview(a) == memoryview(b)
    return bool(a == b)
