"""All calls of a process: takes new ones while there is room, watches them, and lets them end."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple, Self

from nodes.webrtc.transport.call import CallTransport
from nodes.webrtc.transport.peer import Peer
from nodes.webrtc.transport.process import CallProcess
from pipeline.errors import AdmissionError, NodeError
from pipeline.graph.plan import Plan
from pipeline.runtime.health import MemberHealth
from pipeline.runtime.runner import Runner
from vitagraph.host.admission import Refusal
from vitagraph.host.call import END_TIMEOUT, Call
from vitagraph.host.gallery import Gallery
from vitagraph.host.headroom import CallCounts
from vitagraph.host.ice import ice_servers
from vitagraph.host.monitoring import Monitoring, has_models
from vitagraph.host.realtime import SessionInfo
from vitagraph.host.settings import START_WITHIN, HostSettings
from vitagraph.host.tokens import ClientSecret

log = logging.getLogger(__name__)

CONNECTING = 15
"""Seconds in which a client's packets must arrive after it was answered."""
WATCH = 1
"""Seconds between two looks at the calls."""
BUSY = 10
"""Seconds after which a client that found all lines busy may try again."""
REMEMBERED = 1_000
"""Calls that have ended and are still known by their ids."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a client asks for."""

    sdp: str = ""
    """Where the call is by WebRTC."""
    graph: str | None = None
    """None: the default."""
    session: Mapping[str, Any] = field(default_factory=dict)
    """The session object of the Realtime API, as far as the client gave one."""
    renewal: ClientSecret | None = None
    """What the client can come back with."""


class _Prepared(NamedTuple):
    info: SessionInfo
    plan: Plan


class Switchboard:
    """Answers calls. Use it as an async context manager: leaving ends every call.

    async with Switchboard(HostSettings(), Gallery()) as switchboard:
        call = await switchboard.answer(Offer(sdp))
    """

    monitoring: Monitoring
    """From entering on."""

    def __init__(self, settings: HostSettings, gallery: Gallery) -> None:
        self.gallery = gallery
        self._settings = settings
        self._exit = AsyncExitStack()
        self._runner = Runner(start_within=START_WITHIN)
        self._calls: dict[str, Call] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._gone: deque[str] = deque(maxlen=REMEMBERED)
        self._answering: list[str] = []
        """Graphs of the offers that are being answered: they have a seat already."""
        self._draining = False
        self._plans: dict[str, Plan] = {}
        """Of the graphs that were called, as they were last; without what is a call's own."""
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._exit.enter_context(CallProcess())
        await self._exit.enter_async_context(self._runner)
        self.monitoring = Monitoring(self._settings, self._runner, self.counts, self._lags)
        self._watcher = asyncio.create_task(self._watch(), name="switchboard")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.drain(0)
            if self._watcher is not None:
                self._watcher.cancel()
                await asyncio.wait((self._watcher,))
            await self.monitoring.stop()
        finally:
            await self._exit.__aexit__(kind, error, trace)

    @property
    def count(self) -> int:
        """Calls at this moment."""
        return len(self._calls) + len(self._answering)

    def counts(self) -> CallCounts:
        """Calls at this moment, with models and without."""
        graphs = Counter([*(call.graph for call in self._calls.values()), *self._answering])
        heavy = sum(count for name, count in graphs.items() if has_models(self._plans.get(name)))
        return CallCounts(heavy, self.count - heavy)

    def find(self, id: str) -> Call | None:
        """The call of that id, while it lasts."""
        return self._calls.get(id)

    def has_ended(self, id: str) -> bool:
        """Whether there was such a call lately: who hangs up is often noticed before they say so."""
        return id in self._gone

    def not_ready(self) -> str:
        """Why a call of the default graph could not be taken now; empty: it could."""
        refused = self._refusal(self.gallery.default)
        return "" if refused is None else refused.reason

    def degraded(self) -> list[MemberHealth]:
        """Members of the graphs who cannot do their work, though others may do it for them."""
        return self.monitoring.degraded()

    def _refusal(self, graph: str) -> Refusal | None:
        calls = self._settings.calls
        if self._draining:
            return Refusal("the host is shutting down", "", BUSY)
        if self.count >= calls:
            return Refusal(f"all {calls} lines are busy", "raise --calls on the host", BUSY)
        return self.monitoring.refusal(self._plans.get(graph))

    async def warm(self) -> None:
        """Loads what the default graph needs, so that the first caller does not wait for it.

        What cannot be loaded is told: a fallback may do.
        """
        template = await asyncio.to_thread(self.gallery.template, self.gallery.default)
        for node in template.nodes.values():
            for member in node.members:
                for pooled in member.node.resources.values():
                    try:
                        await self._runner.resources.get(pooled, member.params, member.use, member.pool)
                    except NodeError as error:
                        log.warning("%s (%s) cannot be loaded: %s", node.name, member.use, error)
        self._know(self.gallery.default, template)
        self._runner.settle()

    def _know(self, name: str, plan: Plan) -> None:
        self._plans[name] = plan
        self.monitoring.watch(plan)

    async def answer(self, offer: Offer) -> Call:
        """Takes a call; raises AdmissionError, UserInputError for a bad offer, UnknownGraph, GraphError."""
        with self._seat(offer):
            prepared = await self._prepare(offer)
            peer = Peer(ice_servers(self._settings))
            answer = ""
            try:
                answer = await peer.answer(offer.sdp)
            finally:
                if not answer:
                    await peer.close()
            call = self._begin(prepared, peer)
            call.answer = answer
            return call

    async def join(self, line: CallTransport, offer: Offer) -> Call:
        """Takes a call on a connection that is there, or will be; raises AdmissionError, UnknownGraph, GraphError."""
        with self._seat(offer):
            return self._begin(await self._prepare(offer), line)

    async def drain(self, seconds: float) -> None:
        """Takes no new calls, lets the running ones go on for so long, then ends them."""
        self._draining = True
        if self._tasks and seconds > 0:
            await asyncio.wait(self._tasks, timeout=seconds)
        for call in self._calls.values():
            call.hang_up("the host is shutting down")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=END_TIMEOUT)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=END_TIMEOUT)

    @contextmanager
    def _seat(self, offer: Offer) -> Iterator[None]:
        name = self._name(offer)
        refused = self._refusal(name)
        if refused is not None:
            raise AdmissionError(f"Sorry, {refused.reason}.", retry_after=refused.retry_after, hint=refused.detail)
        self._answering.append(name)
        try:
            yield
        finally:
            self._answering.remove(name)

    def _name(self, offer: Offer) -> str:
        return self.gallery.default if offer.graph is None else offer.graph

    async def _prepare(self, offer: Offer) -> _Prepared:
        salt, name = secrets.token_hex(16), self._name(offer)
        instructions = str(offer.session.get("instructions") or "")
        plan = await asyncio.to_thread(self._plan, name, instructions)
        if not instructions:
            self._know(name, plan)
        elif name not in self._plans:
            self._know(name, await asyncio.to_thread(self.gallery.template, name))
        told = None if offer.renewal is None else offer.renewal.resource()
        return _Prepared(SessionInfo(f"sess_{salt}", name, instructions, client_secret=told), plan)

    def _plan(self, name: str, instructions: str) -> Plan:
        """In a thread."""
        plan = self.gallery.plan(name, instructions)
        if name not in self._plans:
            self._runner.policies.prepare(plan)
        return plan

    def _lags(self) -> Iterator[int]:
        return (call.lag for call in self._calls.values())

    def _begin(self, prepared: _Prepared, line: CallTransport) -> Call:
        self.monitoring.note_call(prepared.plan)
        call = Call(prepared.info, line, prepared.plan, self._runner, self._settings.message_bytes)
        self._calls[call.id] = call
        task = asyncio.create_task(call.run(), name=f"call {call.id}")
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, call.id))
        return call

    def _ended(self, id: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._calls.pop(id).settle()
        self._gone.append(id)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("call %s ended by a fault of the program", id, exc_info=error)

    async def _watch(self) -> None:
        """Ends the calls that nobody needs any more."""
        settings, now = self._settings, asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(WATCH)
            for call in tuple(self._calls.values()):
                if not call.connected and now() - call.began > CONNECTING:
                    call.hang_up(f"no packet of the client came within {CONNECTING} s")
                elif now() - call.began > settings.call_length:
                    call.hang_up("the call was as long as it may be")
                elif now() - call.active > settings.idle:
                    call.hang_up("nobody has said anything for long")
