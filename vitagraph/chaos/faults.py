"""The faults themselves: what a member does, instead of its work or around it."""

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
    """The faults of one member in one session."""

    faults: tuple[FaultSpec, ...]
    random: Random
    leapt: list[FaultSpec] = field(default_factory=list)
    """The leaps of the clock that were made."""

    def strikes(self, node: Node[Any]) -> list[FaultSpec]:
        """Those that hit what the member does now; leaps of the clock are made here."""
        at = node.clock.now()
        struck = [fault for fault in self.faults if fault.covers(at) and self._by_chance(fault)]
        for fault in struck:
            if fault.fault == "clock_jump" and fault not in self.leapt:
                self.leapt.append(fault)
                node.clock.leap(fault.latency)
        return struck

    def _by_chance(self, fault: FaultSpec) -> bool:
        return fault.chance >= 1 or self.random.random() < fault.chance

    # --- what waits

    async def around(self, node: Node[Any], work: Work) -> AsyncGenerator[Any, None]:
        """What a service gives for a packet."""
        struck = self.strikes(node)
        await _before(node, struck)
        names = {fault.fault for fault in struck}
        if "no_output" in names:
            return
        async with aclosing(work()) as outputs:
            async for output in outputs:
                yield emptied(output) if "empty" in names else output
                if "stall" in names and isinstance(output, Packet):
                    await _for_ever()

    async def before(self, node: Node[Any]) -> None:
        """What comes before the work of a sink."""
        await _before(node, self.strikes(node))

    async def opening(self, node: Node[Any]) -> None:
        """What comes before a member is open."""
        for fault in self.strikes(node):
            if fault.fault == "slow_load":
                await node.clock.sleep(fault.latency)
            elif fault.fault == "load_error":
                raise ResourceError("it cannot be loaded (on purpose)")

    async def probing(self, node: Node[Any]) -> None:
        """What comes before a probe: a member that fails at its work is not well."""
        struck = self.strikes(node)
        await _before(node, struck)
        for fault in struck:
            if fault.fault in ("stall", "no_output", "empty"):
                raise ResourceError(f"its probe brought nothing ({fault.fault}, on purpose)")

    async def stream(self, node: Node[Any], packets: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
        """What a source gives."""
        async with aclosing(packets) as given:
            async for packet in given:
                for each in self.synchronous(node, partial(_itself, packet)):
                    yield each

    # --- what may not wait

    def synchronous(self, node: Node[Any], work: Callable[[], Iterable[Any]]) -> Iterable[Any]:
        """What a transform gives for a packet."""
        struck = self.strikes(node)
        for fault in struck:
            if fault.fault == "error":
                fail(fault)
        names = {fault.fault for fault in struck}
        if "no_output" in names:
            return ()
        return tuple(map(emptied, work())) if "empty" in names else work()


def fail(fault: FaultSpec) -> NoReturn:
    """Raises the error that the fault says."""
    raise _ERRORS[fault.category](f"it failed (on purpose: {fault.category})")


def emptied(output: Packet | Event) -> Packet | Event:
    """The same without its content: silence, no text, a face at rest."""
    given = {name: _nothing(getattr(output, name)) for name in CONTENT if hasattr(output, name)}
    return msgspec.structs.replace(output, **given) if given else output


def _nothing(value: Any) -> Any:
    return np.zeros_like(value) if isinstance(value, np.ndarray) else ""


async def _before(node: Node[Any], struck: Iterable[FaultSpec]) -> None:
    for fault in struck:
        match fault.fault:
            case "latency":
                await node.clock.sleep(fault.latency)
            case "hang":
                await _for_ever()
            case "error":
                fail(fault)
            case "too_many":
                raise NetworkError("429: too many requests (on purpose)", retry_after=fault.latency / SECOND)
            case "crash":
                await _crash(node)


async def _crash(node: Node[Any]) -> None:
    """Breaks what the member computes with, where it does; its pool must make a new one."""
    for pool in node.context.pools.values():
        await pool.run(_out_of_memory)
    _out_of_memory(None)


def _out_of_memory(_: object) -> NoReturn:
    raise MemoryError("out of memory (on purpose)")


async def _for_ever() -> None:
    await asyncio.get_running_loop().create_future()


def _itself(packet: Packet) -> tuple[Packet]:
    return (packet,)
