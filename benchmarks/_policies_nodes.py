"""The nodes of `benchmarks.policies`: a source that waits for each answer, and a service that does nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from pipeline.node import Service, Sink, Source
from pipeline.packet import Packet, Stamp
from pipeline.params import NoParams, Params
from pipeline.port import Input, Output


class Tick(Packet, frozen=True):
    """What is asked, and answered."""


class Turn:
    """What the two ends of a session share; one session at a time."""

    arrived: asyncio.Future[None]
    took: list[int] = []  # noqa: RUF012 - it is meant to be shared


class AskerParams(Params):
    """How long it goes on."""

    number: int = 1000
    warm: int = 200
    """Calls before those that are measured."""


class Asker(Source[AskerParams]):
    """Asks, and asks again when the answer is there."""

    out = Output(Tick)

    async def run(self) -> AsyncIterator[Packet]:
        """One at a time."""
        loop, at = asyncio.get_running_loop(), Stamp(0, 0, self.causes.root)
        for number in range(self.params.warm + self.params.number):
            if number == self.params.warm:
                began = time.process_time_ns()
            Turn.arrived = loop.create_future()
            yield Tick(at)
            await Turn.arrived
        Turn.took.append(time.process_time_ns() - began)


class AnswerParams(Params):
    """What its policies may expect of it."""

    requires_output: bool = False


class Answer(Service[AnswerParams]):
    """Gives what it takes."""

    into = Input(Tick)
    out = Output(Tick)

    def requires_output(self, packet: Packet) -> bool:
        """As it was told."""
        return self.params.requires_output

    @into.each
    async def give(self, tick: Tick) -> AsyncIterator[Tick]:
        """The same."""
        yield tick


class End(Sink[NoParams]):
    """Tells the source that the answer is there."""

    into = Input(Tick)

    @into.each
    async def take(self, tick: Tick) -> None:
        """Takes it."""
        Turn.arrived.set_result(None)
