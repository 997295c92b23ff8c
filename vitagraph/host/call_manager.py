"""All calls of a process: accepts them within its limits, ends idle ones, and drains them at the end."""

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
from typing import Any, Self

from nodes.webrtc.transport.call import CallTransport
from nodes.webrtc.transport.peer import Peer
from nodes.webrtc.transport.process import CallProcess
from pipeline.errors import AdmissionError, NodeError
from pipeline.graph.plan import Plan
from pipeline.runtime.health import MemberHealth
from pipeline.runtime.runner import Runner
from vitagraph.host.admission import Refusal
from vitagraph.host.call import END_TIMEOUT, Call
from vitagraph.host.graph_catalogue import GraphCatalogue
from vitagraph.host.headroom import CallCounts
from vitagraph.host.ice import ice_servers
from vitagraph.host.monitoring import Monitoring, has_models
from vitagraph.host.realtime import SessionInfo
from vitagraph.host.settings import START_WITHIN, HostSettings
from vitagraph.host.tokens import ClientSecret

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 15
"""Seconds in which packets of a client must arrive after its offer was answered."""
CHECK_INTERVAL = 1
"""Seconds between two checks for calls to end."""
RETRY_AFTER = 10
"""Seconds after which a client may try again when all lines are busy."""
REMEMBERED = 1_000
"""Ended calls whose ids are remembered."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A request for a call."""

    sdp: str = ""
    """The SDP offer of a call by WebRTC."""
    graph: str | None = None
    """The name of a graph; None for the default."""
    session: Mapping[str, Any] = field(default_factory=dict)
    """The session object of the Realtime API, as far as the client gave one."""
    renewal: ClientSecret | None = None
    """The secret with which the client can reconnect."""
    instructions_locked: bool = False
    """Whether the client cannot change the instructions."""
    returning: bool = False
    """Whether it replaces a call that was taken before, and was lost."""


class CallManager:
    """Accepts calls. Use it as an async context manager: leaving ends every call.

    async with CallManager(HostSettings(), GraphCatalogue()) as calls:
        call = await calls.answer(Offer(sdp))
    """

    monitoring: Monitoring
    """Set while the context is entered."""

    def __init__(self, settings: HostSettings, graphs: GraphCatalogue) -> None:
        self.graphs = graphs
        self._settings = settings
        self._exit = AsyncExitStack()
        self._runner = Runner(start_within=START_WITHIN)
        self._calls: dict[str, Call] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended: deque[str] = deque(maxlen=REMEMBERED)
        self._pending: list[str] = []
        """The graphs of offers that are being answered; they have a slot already."""
        self._draining = False
        self._plans: dict[str, Plan] = {}
        """The graphs that were called, as they were planned last."""
        self._preparing = asyncio.Lock()
        self._checking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._exit.enter_context(CallProcess())
        await self._exit.enter_async_context(self._runner)
        self.monitoring = Monitoring(self._settings, self._runner, self.counts, self._lags)
        self._checking = asyncio.create_task(self._check(), name="call manager")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.drain(0)
            if self._checking is not None:
                self._checking.cancel()
                await asyncio.wait((self._checking,))
            await self.monitoring.stop()
        finally:
            await self._exit.__aexit__(kind, error, trace)

    @property
    def count(self) -> int:
        """The number of calls, with offers that are being answered."""
        return len(self._calls) + len(self._pending)

    def counts(self) -> CallCounts:
        """The same number, by graphs with models and without."""
        graphs = Counter([*(call.graph for call in self._calls.values()), *self._pending])
        heavy = sum(count for name, count in graphs.items() if has_models(self._plans.get(name)))
        return CallCounts(heavy, self.count - heavy)

    def find(self, id: str) -> Call | None:
        """A running call by its id."""
        return self._calls.get(id)

    def has_ended(self, id: str) -> bool:
        """Whether it is the id of a call that ended lately; a client often hangs up a call that has just ended."""
        return id in self._ended

    def not_ready(self) -> str:
        """Why a call of the default graph would not be taken now; empty if it would."""
        refusal = self._refusal(self.graphs.default)
        return "" if refusal is None else refusal.reason

    def degraded(self) -> list[MemberHealth]:
        """Members of the graphs that cannot do their work, though a fallback may."""
        return self.monitoring.degraded()

    async def warm(self) -> None:
        """Loads the models of the default graph, so that the first call does not wait for them.

        Logs those that cannot be loaded: a fallback may do.
        """
        plan = await self._plan(self.graphs.default)
        for node in plan.nodes.values():
            for member in node.members:
                for pooled in member.node.resources.values():
                    try:
                        await self._runner.resources.get(pooled, member.params, member.use, member.pool)
                    except NodeError as error:
                        log.warning("%s (%s) cannot be loaded: %s", node.name, member.use, error)
        self._runner.settle()

    async def answer(self, offer: Offer) -> Call:
        """Takes a call by WebRTC; raises AdmissionError, UserInputError for a bad offer, UnknownGraph, GraphError."""
        with self._slot(offer):
            plan = await self._plan(self._name(offer))
            peer = Peer(ice_servers(self._settings), local=self._settings.local)
            answer = ""
            try:
                answer = await peer.answer(offer.sdp)
            finally:
                if not answer:
                    await peer.close()
            call = self._start(offer, plan, peer)
            call.answer = answer
            return call

    async def join(self, transport: CallTransport, offer: Offer) -> Call:
        """Takes a call on any other transport; raises AdmissionError, UnknownGraph, GraphError."""
        with self._slot(offer):
            return self._start(offer, await self._plan(self._name(offer)), transport)

    async def drain(self, seconds: float) -> None:
        """Takes no new calls, lets the running ones go on for so many seconds, then ends them."""
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

    # --- taking a call

    def _name(self, offer: Offer) -> str:
        return self.graphs.default if offer.graph is None else offer.graph

    def _refusal(self, graph: str, *, returning: bool = False) -> Refusal | None:
        calls = self._settings.calls
        if self._draining:
            return Refusal("the host is shutting down", "", RETRY_AFTER)
        if self.count >= calls:
            return Refusal(f"all {calls} lines are busy", "raise --calls on the host", RETRY_AFTER)
        # Running calls are not ended because of load, and neither are those whose host was restarted.
        return None if returning else self.monitoring.refusal(self._plans.get(graph))

    @contextmanager
    def _slot(self, offer: Offer) -> Iterator[None]:
        """Counts an offer as a call while it is being answered; raises AdmissionError if there is no room for it."""
        name = self._name(offer)
        if (refusal := self._refusal(name, returning=offer.returning)) is not None:
            raise AdmissionError(f"Sorry, {refusal.reason}.", retry_after=refusal.retry_after, hint=refusal.detail)
        self._pending.append(name)
        try:
            yield
        finally:
            self._pending.remove(name)

    async def _plan(self, name: str) -> Plan:
        """The plan of a graph; a new one is prepared and monitored."""
        plan = await asyncio.to_thread(self.graphs.plan, name)
        async with self._preparing:
            if self._plans.get(name) is not plan:
                await asyncio.to_thread(self._runner.policies.prepare, plan)
                self._plans[name] = plan
                self.monitoring.watch(plan)
        return plan

    def _start(self, offer: Offer, plan: Plan, transport: CallTransport) -> Call:
        info = SessionInfo(
            f"sess_{secrets.token_hex(16)}",
            self._name(offer),
            str(offer.session.get("instructions") or ""),
            client_secret=None if offer.renewal is None else offer.renewal.resource(),
            instructions_locked=offer.instructions_locked,
        )
        self.monitoring.note_call(plan)
        call = Call(info, transport, plan, self._runner, self._settings.message_bytes)
        self._calls[call.id] = call
        task = asyncio.create_task(call.run(), name=f"call {call.id}")
        self._tasks.add(task)
        task.add_done_callback(partial(self._call_ended, call.id))
        return call

    # --- while calls run

    def _lags(self) -> Iterator[int]:
        return (call.lag for call in self._calls.values())

    def _call_ended(self, id: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._calls.pop(id).settle()
        self._ended.append(id)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("call %s ended by a fault of the program", id, exc_info=error)

    async def _check(self) -> None:
        """Ends calls that never connect, are idle, or too long."""
        settings, now = self._settings, asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(CHECK_INTERVAL)
            for call in tuple(self._calls.values()):
                if not call.connected and now() - call.began > CONNECT_TIMEOUT:
                    call.hang_up(f"no packet of the client came within {CONNECT_TIMEOUT} s")
                elif now() - call.began > settings.call_length:
                    call.hang_up("the call has reached its maximum length")
                elif now() - call.active > settings.idle:
                    call.hang_up("the call was idle for too long")
