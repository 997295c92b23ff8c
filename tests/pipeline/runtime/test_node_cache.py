"""What a node keeps of what it made, as its worker uses it."""
# ruff: noqa: TID251 - schedules in virtual time are the subject

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from pipeline.cause import Cause, Causes
from pipeline.compute.job_context import JOB_CONTEXT, JobContext, Lane
from pipeline.compute.scheduler import Scheduler
from pipeline.node import Service
from pipeline.packet import SECOND, Packet, Stamp
from pipeline.params import seconds
from pipeline.policies.cache import Cache
from pipeline.policies.cache_packets import size_of
from pipeline.policies.spec import CacheSpec
from pipeline.runtime import node_cache
from pipeline.runtime.node_cache import NodeCache, Primary
from pipeline.runtime.virtual import run_virtual
from tests.pipeline.kit import THREADS


class Said(Packet, frozen=True):
    """A text."""

    text: str


class Voice(Service[Any]):
    """Says a text."""

    def cache_key(self, packet: Packet) -> str | None:
        return packet.text if isinstance(packet, Said) else None

    def prefetch_packet(self, text: str) -> Packet | None:
        return Said(Stamp(0, 0, Causes().root), text)


class Speaking:
    """Sessions that prefetch an apology, good for a minute; notes when it is made."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.scheduler = Scheduler(THREADS)
        spec = CacheSpec(ttl=seconds(60), prefetch=("Sorry.",))
        self.cache = NodeCache(Cache(spec, lambda: round(self.loop.time() * SECOND), size_of), spec)
        self.made: list[float] = []
        self.is_open = True
        self.voice = Voice()

    async def say(self, packet: Packet) -> AsyncIterator[Packet]:
        assert isinstance(packet, Said) and packet.text == "Sorry."
        await asyncio.sleep(0.25)
        self.made.append(self.loop.time())
        yield packet

    def primary(self) -> Primary | None:
        return (self.voice, self.say) if self.is_open else None

    async def call(self, takes: float) -> None:
        """A session, from its beginning to its end."""
        primary = partial(self.primary)
        self.cache.join(primary, self.scheduler)
        await asyncio.sleep(takes)
        self.cache.leave(primary)

    async def end(self) -> list[float]:
        """When it was made, at the end of everything."""
        await self.cache.close()
        await asyncio.sleep(0)
        assert self.scheduler.statistics().delayed == 0
        return self.made


def test_node_cache_renews_prefetched_values_for_later_sessions() -> None:
    """An apology must be there on the second day too, when the voice is not."""

    async def main() -> list[float]:
        speaking = Speaking()
        for _ in range(2):  # two sessions within a minute, and two after it
            for _ in range(2):
                await speaking.call(10)
            await asyncio.sleep(60)
        return await speaking.end()

    assert run_virtual(main()) == [0.25, 80.25]


def test_node_cache_renews_prefetched_values_during_a_session() -> None:
    """A call that lasts longer than a value is good would hear no apology."""

    async def main() -> list[float]:
        speaking = Speaking()
        await asyncio.gather(speaking.call(150), speaking.call(50))
        await asyncio.sleep(500)
        return await speaking.end()

    assert run_virtual(main()) == [0.25, 60.5, 120.75], "and not when there is no session that could"


def test_node_cache_waits_for_a_primary_that_is_not_open_yet() -> None:
    """The apology would be missing for an hour, because the voice took a second too long to load."""

    async def main() -> list[float]:
        speaking = Speaking()
        speaking.is_open = False
        call = asyncio.ensure_future(speaking.call(40))
        await asyncio.sleep(15)
        speaking.is_open = True
        await call
        return await speaking.end()

    assert run_virtual(main()) == [20.25]


def test_node_cache_prefetch_is_a_job_of_the_low_lane() -> None:
    """At the beginning of a call it would take a core from the first answer."""

    async def main() -> None:
        speaking = Speaking()
        busy = speaking.scheduler.submit(lambda: None, context=JobContext("high"))
        call = asyncio.ensure_future(speaking.call(5))
        await asyncio.sleep(0)
        assert speaking.scheduler.statistics().queued["low"] == 1
        await busy.result()
        await call
        assert len(await speaking.end()) == 1

    run_virtual(main())


def test_node_cache_logs_a_prefetch_hook_that_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """The author of a node learns why nothing is prefetched; the session goes on."""
    logged: list[str] = []
    monkeypatch.setattr(
        logging.getLogger(node_cache.__name__), "warning", lambda text, *values: logged.append(text % values)
    )

    class Wrong(Voice):
        def prefetch_packet(self, text: str) -> Packet | None:
            raise KeyError(text)

    async def main() -> None:
        speaking = Speaking()
        speaking.voice = Wrong()
        await speaking.call(60)
        await speaking.end()

    run_virtual(main())
    assert logged == ["prefetching stopped: a hook of the node raised KeyError('Sorry.')"]


class Shared:
    """One cache whose values are computed by the scheduler, one second after they are asked for."""

    def __init__(self, **spec: Any) -> None:
        self.causes = Causes()
        self.spec = CacheSpec(**spec)
        loop = asyncio.get_running_loop()
        self.cache = NodeCache(Cache(self.spec, lambda: round(loop.time() * SECOND), size_of), self.spec)
        self.computed: list[tuple[str, JobContext]] = []
        self._scheduler = Scheduler(THREADS)

    async def compute(self, packet: Packet) -> AsyncIterator[Packet]:
        """What a voice does: some awaiting, then a job that starts only while its cause lives."""
        await asyncio.sleep(0.5)
        await self._scheduler.submit(lambda: None, delay=seconds(0.5)).result()
        assert isinstance(packet, Said)
        self.computed.append((packet.text, JOB_CONTEXT.get()))
        yield packet

    def join(self) -> None:
        """A session begins."""
        self.cache.join(lambda: (Voice(), self.compute), self._scheduler)

    def ask(self, text: str, cause: Cause, lane: Lane = "normal") -> asyncio.Task[list[Packet]]:
        """A caller, in a context like a session's worker has."""

        async def asking() -> list[Packet]:
            JOB_CONTEXT.set(JobContext(lane, cause.name, cause))
            packet = Said(Stamp(0, 0, cause), text)
            outputs = self.cache.outputs(Voice(), packet, text, lambda: self.compute(packet))
            return [output async for output in outputs]

        return asyncio.get_running_loop().create_task(asking())

    def revoke(self, cause: Cause, task: asyncio.Task[list[Packet]] | None = None) -> None:
        """What a session does when a person interrupts."""
        self.causes.revoke(cause, "turn")
        self._scheduler.revoke(cause)
        if task is not None:
            task.cancel("flush")


def test_node_cache_value_survives_the_cause_of_its_first_caller() -> None:
    """Interrupting one call would fail another that waits for the same sentence, and count against the voice."""

    async def main() -> None:
        shared = Shared()
        one, other = shared.causes.begin("one"), shared.causes.begin("other")
        first, second = shared.ask("Hello.", one), shared.ask("Hello.", other)
        await asyncio.sleep(0.7)
        shared.revoke(one, first)
        (heard,) = await second
        assert isinstance(heard, Said) and heard.text == "Hello." and heard.at.cause is other
        assert first.cancelled() and [text for text, _ in shared.computed] == ["Hello."]
        assert shared.cache.cache.statistics.errors == 0
        await shared.cache.close()

    run_virtual(main())


def test_node_cache_stops_making_a_value_when_all_callers_have_left() -> None:
    """What nobody waits for would take a core from those who are being answered."""

    async def main() -> None:
        shared = Shared()
        causes = [shared.causes.begin(name) for name in ("one", "other")]
        tasks = [shared.ask("Hello.", cause) for cause in causes]
        await asyncio.sleep(0.7)
        for cause, task in zip(causes, tasks, strict=True):
            shared.revoke(cause, task)
        await asyncio.sleep(5)
        assert shared.computed == [] and shared.cache.cache.peek("Hello.") is None
        await shared.cache.close()

    run_virtual(main())


def test_node_cache_computes_in_the_most_urgent_lane_of_its_callers() -> None:
    """An answer that is owed would wait behind what may still change, because that asked first."""

    async def main() -> None:
        shared = Shared(prefetch=("Sorry.",))
        cause = shared.causes.begin("turn")
        asked = [shared.ask("Hello.", cause, lane) for lane in ("normal", "high", "low")]
        shared.join()
        await asyncio.gather(*asked)
        await asyncio.sleep(1)
        assert [(text, context.lane) for text, context in shared.computed] == [("Hello.", "high"), ("Sorry.", "low")]
        assert all(context.cause is None for _, context in shared.computed)
        await shared.cache.close()

    run_virtual(main())


def test_node_cache_makes_related_values_whatever_becomes_of_the_caller() -> None:
    """The goodbye that belongs to a question would be missing, because the person interrupted the question."""

    async def main() -> None:
        shared = Shared(related={"Still there?": ("Goodbye.",)})
        shared.join()
        cause = shared.causes.begin("turn")
        await shared.ask("Still there?", cause)
        await asyncio.sleep(0.7)
        shared.revoke(cause)
        await asyncio.sleep(1)
        assert shared.cache.cache.peek("Goodbye.") is not None and shared.computed[1][1].lane == "low"
        await shared.cache.close()

    run_virtual(main())
