"""The conformance kit finds each fault by its rule, and none in correct nodes."""
# A fault stands alone in its node, so that the name it is found by is its own.

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import IO, Any

import pytest

from pipeline.cause import Cause
from pipeline.compute.pool import Pooled
from pipeline.errors import DependencyError
from pipeline.node import Node, Service, Sink, Source, Transform
from pipeline.packet import SECOND, Event, Packet, Stamp
from pipeline.params import NoParams, ms
from pipeline.port import Input, Output, Receives, Sends
from pipeline.testing import Leak, conformance
from pipeline.testing.conformance import RULES
from tests.pipeline.kit import Item, Lasting, Loose, News, of

Made = Callable[[], Node[Any]]


def feed(cause: Cause) -> list[Packet]:
    """Eight packets, one every 20 ms."""
    return [of(cause, number) for number in range(8)]


def finds(rule: str, node: Made, seen: str, *, exempt: tuple[str, ...] = (), fed: bool = True) -> None:
    """Fails unless the kit reports that this node breaks this rule."""
    with pytest.raises(AssertionError) as broken:
        conformance(node, feed if fed else None, exempt=dict.fromkeys(exempt, "this is about another fault"))
    message = str(broken.value)
    assert f"breaks the rule of '{rule}': {RULES[rule]}" in message
    assert seen in message


# --- nodes without a fault


class Doubles(Transform[NoParams]):
    """Sends each item twice; counts since the last flush; sends more at the end."""

    into = Input(Item)
    out = Output(Item, Lasting)

    @dataclass(slots=True)
    class State:
        count: int = 0
        last: Stamp | None = None

    state: State

    @into.each
    def double(self, item: Item) -> Iterable[Item]:
        self.state.count += 1
        self.state.last = item.at
        return (Item(item.at, self.state.count), Lasting(item.at, self.state.count))

    def finish(self) -> Iterable[Item]:
        return (Item(self.state.last, -1),) if self.state.last else ()


class Streams(Service[NoParams]):
    """Sends three items for each, slowly, with a compute job; remembers the number of requests."""

    engine = Pooled(lambda _: "model")
    into = Input(Item, gated=True)
    out = Output(Item)
    news = Sends(News)
    answered = Receives(News)

    @dataclass(slots=True)
    class Memory:
        asked: int = 0
        causes: list[Cause] = field(default_factory=list)

    memory: Memory

    @into.each
    async def stream(self, item: Item) -> AsyncIterator[Item | Event]:
        self.memory.asked += 1
        self.memory.causes.append(item.at.cause)
        asked = self.memory.asked
        yield News(asked)
        for _ in range(3):
            await self.engine.run(lambda model: model)
            await self.clock.sleep(ms(30))
            yield Item(item.at, asked)

    @answered.each
    def hear(self, _: News) -> None:
        """Does nothing."""

    async def finish(self) -> AsyncIterator[Item]:
        yield Item(Stamp(SECOND, 0, self.memory.causes[-1]), 0)


class Mixes(Service[NoParams]):
    """Takes two streams."""

    left = Input(Item)
    right = Input(Loose)
    out = Output(Item)

    @left.each
    async def take_left(self, item: Item) -> AsyncIterator[Item]:
        yield item

    @right.each
    async def take_right(self, _: Loose) -> AsyncIterator[Item]:
        return
        yield


class Gives(Source[NoParams]):
    """Sends eight items."""

    out = Output(Item, Loose)
    live = True

    async def run(self) -> AsyncIterator[Item]:
        for number in range(8):
            await self.clock.sleep(ms(20))
            yield of(self.causes.root, number)
            yield of(self.causes.root, number, Loose)


class Plays(Sink[NoParams]):
    """Takes as long as each item lasts."""

    into = Input(Item, gated=True)
    news = Sends(News)

    @into.each
    async def play(self, item: Item) -> AsyncIterator[News]:
        await self.clock.sleep(item.at.duration)
        yield News(item.number)


@pytest.mark.parametrize("node", [Doubles, Streams, Plays])
def test_conformance_passes_a_node_without_fault(node: Made) -> None:
    conformance(node, feed)


def test_conformance_does_not_feed_a_source() -> None:
    conformance(Gives)


def test_conformance_feeds_ports_by_name() -> None:
    """And feeds upstream events between the packets."""

    def both(cause: Cause) -> dict[str, list[Packet]]:
        return {"left": feed(cause), "right": [of(cause, number, Loose) for number in range(9)]}

    conformance(Mixes, both)
    conformance(Streams, lambda cause: [*feed(cause), News(1)])


# --- faults


class Relay(Service[NoParams]):
    """Base class of faulty services."""

    into = Input(Item)
    out = Output(Item, Loose)

    async def pass_on(self, item: Item) -> AsyncIterator[Item]:
        yield item

    @into.each
    async def relay(self, item: Item) -> AsyncIterator[Item]:
        async for each in self.pass_on(item):
            yield each


class Step(Transform[NoParams]):
    """Base class of faulty transforms."""

    into = Input(Item)
    out = Output(Item)

    def made_of(self, item: Item) -> Iterable[Item]:
        return (item,)

    @into.each
    def step(self, item: Item) -> Iterable[Item]:
        return self.made_of(item)


class Undeclared(Step):
    def made_of(self, item: Item) -> Iterable[Item]:
        return (Loose(item.at),)


class Clumsy(Relay):
    async def pass_on(self, item: Item) -> AsyncIterator[Item]:
        if item.number == 5:
            raise DependencyError("the fifth is too much", hint="give four")
        yield item


class Floods(Step):
    def made_of(self, item: Item) -> Iterable[Item]:
        return [item] * 40


class Backwards(Step):
    def made_of(self, item: Item) -> Iterable[Item]:
        return (Item(Stamp(SECOND - item.at.pts, 0, item.at.cause)),)


class Rootless(Step):
    def made_of(self, item: Item) -> Iterable[Item]:
        return (Item(Stamp(item.at.pts, 0, self.causes.root)),)


class Hangs(Relay):
    async def pass_on(self, item: Item) -> AsyncIterator[Item]:
        if item.number == 2:
            await asyncio.get_running_loop().create_future()
        yield item


class NeverDone(Relay):
    async def finish(self) -> AsyncIterator[Item]:
        await asyncio.get_running_loop().create_future()
        yield Item(Stamp(0, 0, self.causes.root))


class Polls(Relay):
    async def finish(self) -> AsyncIterator[Item]:
        while True:
            await self.clock.sleep(SECOND)
        yield


class Endless(Source[NoParams]):
    out = Output(Item)

    async def run(self) -> AsyncIterator[Item]:
        yield of(self.causes.root)
        await asyncio.get_running_loop().create_future()


class Parting(Step):
    """Its last output is cancelled while it is sent."""

    def finish(self) -> Iterable[Item]:
        cause = self.causes.begin("farewell")
        self.causes.revoke(cause, "node")
        return (of(cause, 9),)


class Deaf(Relay):
    """Continues for a while after a cancellation."""

    async def pass_on(self, item: Item) -> AsyncIterator[Item]:
        until = self.clock.now() + 8 * SECOND
        while item.number == 3 and (left := until - self.clock.now()) > 0:
            try:
                await self.clock.sleep(left)
            except asyncio.CancelledError:
                continue
        yield item


class Immortal(Relay):
    """Ignores cancellation."""

    async def pass_on(self, item: Item) -> AsyncIterator[Item]:
        yield item
        while item.number == 3:
            try:
                await self.clock.sleep(60 * SECOND)
            except asyncio.CancelledError:
                continue


class DeafSink(Sink[NoParams]):
    into = Input(Item)

    @into.each
    async def take(self, item: Item) -> None:
        async for _ in Deaf.pass_on(self, item):  # type: ignore[arg-type]
            pass


class OwnCause(Relay):
    """Its outputs have a cause of its own, so that no flush reaches them."""

    async def pass_on(self, item: Item) -> AsyncIterator[Item]:
        mine = self.causes.begin("mine")
        self.causes.commit(mine)
        yield of(mine, item.number)


class Remembers(Step):
    """Counts in an attribute, which no flush resets."""

    count = 0

    def made_of(self, item: Item) -> Iterable[Item]:
        self.count += 1
        return (Item(item.at, self.count),)


class HoldsBack(Step):
    """Withholds the first item of a cause, but only once."""

    first: Cause | None = None

    def made_of(self, item: Item) -> Iterable[Item]:
        self.first = self.first or item.at.cause
        return (item,) if self.first is item.at.cause else ()


class KeepsHandle(Step):
    """Has an open file in its Memory, which another member of its class would replace."""

    @dataclass(slots=True)
    class Memory:
        file: IO[str] | None = None

    memory: Memory

    async def open(self) -> None:
        self.memory.file = await asyncio.to_thread(open, os.devnull)

    async def close(self) -> None:
        if self.memory.file is not None:
            await asyncio.to_thread(self.memory.file.close)


class Impatient(Relay):
    """Drops items if the reader is slow."""

    async def pass_on(self, item: Item) -> AsyncIterator[Item]:
        until = self.clock.now() + SECOND
        for number in range(5):
            if self.clock.now() < until:
                yield Item(item.at, number)


class Unclosed(Step):
    """Each of these leaves something; `left` lets the test clean up."""

    left: Any

    async def open(self) -> None:
        self.left.append(self.begin())

    def begin(self) -> Any:
        raise NotImplementedError


class LeavesTask(Unclosed):
    left: list[asyncio.Task[None]] = []

    def begin(self) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(self.watch(), name="watch")

    async def watch(self) -> None:
        await self.clock.sleep(SECOND)


class LeavesFile(Unclosed):
    left: list[IO[bytes]] = []

    def begin(self) -> IO[bytes]:
        return tempfile.TemporaryFile()


class LeavesThread(Unclosed):
    left: list[threading.Event] = []

    def begin(self) -> threading.Event:
        event = threading.Event()
        if not self.left:
            threading.Thread(target=event.wait, name="lurker", daemon=True).start()
        return event


@pytest.mark.parametrize(
    ("rule", "node", "seen"),
    [
        ("kinds", Undeclared, "gave a Loose, which none of its ports declares. declare it with Output(...)"),
        ("failures", Clumsy, "the fifth is too much. give four"),
        ("outputs", Floods, "40 outputs for one Item"),
        ("order", Backwards, "a Item at 0.980 s after one at 1.000 s"),
        ("causes", Rootless, "a Item has the root cause"),
        ("eos", Hangs, "test_conformance.py"),
        ("eos", NeverDone, "(drained late): node finish has not moved for 60 s"),
        ("eos", Parting, "`finish` returned 1 Item, which never left"),
        ("backpressure", Impatient, "after its reader had stalled, `number` of output"),
        ("stop", Deaf, "stopped while it was at work: node Item did not stop in time"),
        ("eos", Immortal, "did not end by itself"),
        ("flush", OwnCause, "revoked while its reader stalled, it still sent 2 Item"),
        ("state", Remembers, "`number` of output 1, a Item, differed"),
        ("memory", KeepsHandle, "Memory cannot be copied"),
        ("state", HoldsBack, "it sent nothing instead of 8 Item"),
    ],
)
def test_conformance_names_the_broken_rule(rule: str, node: Made, seen: str) -> None:
    """The author learns the rule and the observation."""
    finds(rule, node, seen)


def test_conformance_raises_from_the_fault_of_the_node() -> None:
    """The traceback leads to the author's line."""
    with pytest.raises(AssertionError, match="the fifth is too much") as raised:
        conformance(Clumsy, feed)
    cause = raised.value.__cause__
    assert cause is not None and cause.__traceback__ is not None and "the fifth is too much" in str(cause)


def test_conformance_finds_a_source_that_does_not_end() -> None:
    finds("eos", Endless, "Endless.run", fed=False)


def test_conformance_finds_a_node_that_polls_for_ever() -> None:
    """Virtual time advances forever, so the kit must stop it."""
    finds("eos", Polls, "drained late")


def test_conformance_finds_a_node_that_does_not_stop_at_a_flush() -> None:
    """Its outputs would answer revoked input."""
    finds("flush", Deaf, "it did not stop: ", exempt=("stop",))
    finds("flush", DeafSink, "it did not stop: ", exempt=("stop",))


class TestLeaks:
    """Nodes that leak deliberately."""

    @pytest.fixture(name="no_leaks")
    def unchecked(self) -> None:
        """Replaces the check of the plugin."""

    def test_conformance_finds_a_leaked_task(self) -> None:
        """It would continue in every later call."""
        finds("leaks", LeavesTask, "in a free run: task watch: LeavesTask.watch")
        LeavesTask.left.clear()

    def test_conformance_finds_a_leaked_file(self) -> None:
        """A server would run out of file descriptors."""
        finds("leaks", LeavesFile, "left behind:\n  file /tmp")
        while LeavesFile.left:
            LeavesFile.left.pop().close()

    def test_conformance_finds_a_leaked_thread(self) -> None:
        """Each call would leave one more."""
        finds("leaks", LeavesThread, "thread lurker")
        while LeavesThread.left:
            LeavesThread.left.pop().set()

    def test_conformance_leaks_can_be_exempted(self) -> None:
        """For a node whose library keeps a thread."""
        conformance(LeavesThread, feed, exempt={"leaks": "its library keeps a thread"})
        while LeavesThread.left:
            LeavesThread.left.pop().set()


def test_conformance_rule_can_be_exempted_with_a_reason() -> None:
    """For a rule that cannot apply."""
    conformance(Backwards, feed, exempt={"order": "it plays backwards"})
    conformance(Hangs, feed, exempt={"eos": "it waits for somebody who never comes"})
    conformance(Endless, exempt={"eos": "it is a microphone"})


def test_conformance_exemption_from_an_unknown_rule_is_an_error() -> None:
    """A misspelt rule would exempt from nothing."""
    with pytest.raises(ValueError, match="there is no rule 'flsuh': did you mean 'flush'"):
        conformance(Doubles, feed, exempt={"flsuh": "why not"})
    with pytest.raises(ValueError, match="there is no rule 'x': kinds, failures"):
        conformance(Doubles, feed, exempt={"x": "why not"})


def test_conformance_with_an_empty_feed_is_an_error() -> None:
    """A node that is never fed would pass."""
    with pytest.raises(ValueError, match="returned nothing"):
        conformance(Doubles, lambda _: [])


def test_conformance_raises_the_open_error_of_a_node() -> None:
    """A missing package is no violation."""

    class Closed(Step):
        async def open(self) -> None:
            raise DependencyError("no package", hint="get it")

    with pytest.raises(DependencyError, match="no package"):
        conformance(Closed, feed)


def test_leak_is_an_assertion_error() -> None:
    assert issubclass(Leak, AssertionError)
