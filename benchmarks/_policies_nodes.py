"""The nodes of `benchmarks.policies`: a source that waits for each answer, and a service without work of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from pipeline.node import Service, Sink, Source
from pipeline.packet import Packet, Stamp
from pipeline.params import NoParams, Params
from pipeline.port import Input, Output


class Tick(Packet, frozen=True):
    """A question and its answer."""


class RoundTrip:
    """The state that source and sink of a session share; one session at a time."""

    arrived: asyncio.Future[None]
    took: list[int] = []  # noqa: RUF012 - it is meant to be shared


class AskerParams(Params):
    """The number of calls."""

    number: int = 1000
    warm: int = 200
    """Calls before the measurement starts."""


class Asker(Source[AskerParams]):
    """Sends the next question when the answer to the last one has arrived."""

    out = Output(Tick)

    async def run(self) -> AsyncIterator[Packet]:
        """All questions, one at a time."""
        loop, at = asyncio.get_running_loop(), Stamp(0, 0, self.causes.root)
        for number in range(self.params.warm + self.params.number):
            if number == self.params.warm:
                began = time.process_time_ns()
            RoundTrip.arrived = loop.create_future()
            yield Tick(at)
            await RoundTrip.arrived
        RoundTrip.took.append(time.process_time_ns() - began)


class AnswerParams(Params):
    """The return values of its hooks."""

    requires_output: bool = False


class Answer(Service[AnswerParams]):
    """Returns its input."""

    into = Input(Tick)
    out = Output(Tick)

    def requires_output(self, packet: Packet) -> bool:
        """As the graph says."""
        return self.params.requires_output

    @into.each
    async def give(self, tick: Tick) -> AsyncIterator[Tick]:
        """Returns the packet."""
        yield tick


class End(Sink[NoParams]):
    """Notifies the source of each answer."""

    into = Input(Tick)

    @into.each
    async def take(self, tick: Tick) -> None:
        """Notifies the source."""
        RoundTrip.arrived.set_result(None)
