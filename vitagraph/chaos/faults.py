"""The faults: what an injected member does before, around or instead of its work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, NoReturn

import msgspec
import numpy as np

from pipeline.errors import (
    Category,
    DependencyError,
    NetworkError,
    NodeError,
    ResourceError,
    UserInputError,
)
from pipeline.node import Node
from pipeline.packet import SECOND, Event, Packet
from vitagraph.chaos.spec import CONTENT, FaultSpec

Work = Callable[[], AsyncGenerator[Any, None]]

_ERRORS: dict[Category, type[NodeError]] = {
    "network": NetworkError,
    "resource": ResourceError,
    "dependency": DependencyError,
    "user_input": UserInputError,
    "unknown": NodeError,
}


@dataclass(slots=True)
class FaultInjector:
    """Injects the faults of one member in one session."""

    faults: tuple[FaultSpec, ...]
    random: Random
    jumped: list[FaultSpec] = field(default_factory=list)
    """Clock jumps that have been made."""

    def active(self, node: Node[Any]) -> list[FaultSpec]:
        """Returns the faults that apply now; clock jumps are made here."""
        at = node.clock.now()
        active = [fault for fault in self.faults if fault.covers(at) and self._hit(fault)]
        for fault in active:
            if fault.fault == "clock_jump" and fault not in self.jumped:
                self.jumped.append(fault)
                node.clock.leap(fault.latency)
        return active

    def _hit(self, fault: FaultSpec) -> bool:
        return fault.chance >= 1 or self.random.random() < fault.chance

    # --- asynchronous handlers

    async def wrap(self, node: Node[Any], work: Work) -> AsyncGenerator[Any, None]:
        """Wraps the handler of a service."""
        active = self.active(node)
        await _before(node, active)
        names = {fault.fault for fault in active}
        if "no_output" in names:
            return
        async with aclosing(work()) as outputs:
            async for output in outputs:
                yield emptied(output) if "empty" in names else output
                if "stall" in names and isinstance(output, Packet):
                    await _forever()

    async def before_work(self, node: Node[Any]) -> None:
        """Runs before the handler of a sink."""
        await _before(node, self.active(node))

    async def before_open(self, node: Node[Any]) -> None:
        """Runs before a member is opened."""
        for fault in self.active(node):
            if fault.fault == "slow_load":
                await node.clock.sleep(fault.latency)
            elif fault.fault == "load_error":
                raise ResourceError("it cannot be loaded (injected fault)")

    async def before_probe(self, node: Node[Any]) -> None:
        """Runs before a probe, which fails as the work of the member would."""
        active = self.active(node)
        await _before(node, active)
        for fault in active:
            if fault.fault in ("stall", "no_output", "empty"):
                raise ResourceError(f"its probe had no result (injected fault: {fault.fault})")

    async def wrap_source(self, node: Node[Any], packets: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
        """Wraps the output of a source."""
        async with aclosing(packets) as given:
            async for packet in given:
                for each in self.wrap_sync(node, partial(_itself, packet)):
                    yield each

    # --- synchronous handlers

    def wrap_sync(self, node: Node[Any], work: Callable[[], Iterable[Any]]) -> Iterable[Any]:
        """Wraps the handler of a transform."""
        active = self.active(node)
        for fault in active:
            if fault.fault == "error":
                fail(fault)
        names = {fault.fault for fault in active}
        if "no_output" in names:
            return ()
        return tuple(map(emptied, work())) if "empty" in names else work()


def fail(fault: FaultSpec) -> NoReturn:
    """Raises the error of a fault."""
    raise _ERRORS[fault.category](f"it failed (injected fault: {fault.category})")


def emptied(output: Packet | Event) -> Packet | Event:
    """A copy without content: silence, no text, a face at rest."""
    given = {name: _nothing(getattr(output, name)) for name in CONTENT if hasattr(output, name)}
    return msgspec.structs.replace(output, **given) if given else output


def _nothing(value: Any) -> Any:
    return np.zeros_like(value) if isinstance(value, np.ndarray) else ""


async def _before(node: Node[Any], active: Iterable[FaultSpec]) -> None:
    for fault in active:
        match fault.fault:
            case "latency":
                await node.clock.sleep(fault.latency)
            case "hang":
                await _forever()
            case "error":
                fail(fault)
            case "too_many":
                raise NetworkError("429: too many requests (injected fault)", retry_after=fault.latency / SECOND)
            case "crash":
                await _crash(node)


async def _crash(node: Node[Any]) -> None:
    """Breaks the pooled resource of a member, if it has one, so that the pool must replace it."""
    for pool in node.context.pools.values():
        await pool.run(_out_of_memory)
    _out_of_memory(None)


def _out_of_memory(_: object) -> NoReturn:
    raise MemoryError("out of memory (injected fault)")


async def _forever() -> None:
    await asyncio.get_running_loop().create_future()


def _itself(packet: Packet) -> tuple[Packet]:
    return (packet,)
