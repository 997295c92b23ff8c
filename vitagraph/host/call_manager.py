"""All calls of a process: accepts them within its limits, ends idle ones, and drains them at the end."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Self

from nodes.webrtc.transport.call import CallTransport
from nodes.webrtc.transport.peer import Peer
from nodes.webrtc.transport.process import CallProcess
from pipeline.errors import NodeError
from pipeline.graph.plan import Plan
from pipeline.runtime.health import MemberHealth
from pipeline.runtime.runner import Runner
from vitagraph.host.admission import SETTLING, CallRefused, Refusal
from vitagraph.host.call import END_TIMEOUT, Call
from vitagraph.host.console_source import HostConsole
from vitagraph.host.graph_catalogue import GraphCatalogue
from vitagraph.host.headroom import CallCounts
from vitagraph.host.ice import ice_servers
from vitagraph.host.metrics import HostMetrics
from vitagraph.host.monitoring import Monitoring, has_models
from vitagraph.host.observation import HostObservation
from vitagraph.host.realtime import SessionInfo
from vitagraph.host.seats import RETRY_AFTER, Seats
from vitagraph.host.settings import START_WITHIN, HostSettings
from vitagraph.host.tokens import ClientSecret

log = logging.getLogger(__name__)

CHECK_INTERVAL = 1
"""Seconds between two checks for calls to end."""
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
    address: str = ""
    """The network of the client (`limits.network_of`); empty if it is unknown."""


class CallManager:
    """Accepts calls. Use it as an async context manager: leaving ends every call.

    async with CallManager(HostSettings(), GraphCatalogue()) as calls:
        call = await calls.answer(Offer(sdp))
    """

    monitoring: Monitoring
    """Set while the context is entered, as is `metrics`."""
    metrics: HostMetrics
    console: HostConsole

    def __init__(self, settings: HostSettings, graphs: GraphCatalogue) -> None:
        self.graphs = graphs
        self._settings = settings
        self._exit = AsyncExitStack()
        self.observation = HostObservation(settings)
        self._runner = Runner(start_within=START_WITHIN)
        self._seats = Seats(settings.calls, settings.calls_per_address)
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended: deque[str] = deque(maxlen=REMEMBERED)
        self._draining = False
        self._plans: dict[str, Plan] = {}
        """The graphs that were called, as they were planned last."""
        self._preparing = asyncio.Lock()
        self._checking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._exit.push_async_callback(self.observation.close)
        await self.observation.open()
        self._exit.enter_context(CallProcess())
        await self._exit.enter_async_context(self._runner)
        self.monitoring = Monitoring(self._settings, self._runner, self.counts, self._lags)
        self.observation.begin(self._runner, self.monitoring, lambda: self.seats_free, lambda: not self.not_ready())
        self.metrics = self.observation.metrics
        self.console = HostConsole(self, self.monitoring, self.observation)
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
        """The number of calls, connected or not, with offers that are being answered."""
        return self._seats.count

    @property
    def seats_free(self) -> int:
        """Calls that `--calls` leaves room for."""
        return self._seats.free

    def planned(self) -> Mapping[str, Plan]:
        """The plans of the graphs that were called, by name, as they were planned last."""
        return self._plans

    def counts(self) -> CallCounts:
        """The connected calls, by what they cost."""
        now = asyncio.get_running_loop().time()
        heavy = light = new = 0
        for call in self._seats.taken():
            if not has_models(self._plans.get(call.graph)):
                light += 1
            elif call.activity.talking:
                heavy += 1
            elif call.activity.spoken or now - (call.seated or now) >= SETTLING:
                light += 1
            else:
                new += 1
        return CallCounts(heavy, light, new)

    def find(self, id: str) -> Call | None:
        """A running call by its id."""
        return self._seats.calls.get(id)

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
            call.take_seat = partial(self._shortage, call.graph, returning=offer.returning)
            return call

    async def join(self, transport: CallTransport, offer: Offer) -> Call:
        """Takes a call on a transport that is connected; raises AdmissionError, UnknownGraph, GraphError."""
        with self._slot(offer):
            plan = await self._plan(self._name(offer))
            _raise_for(self._shortage(self._name(offer), returning=offer.returning))
            call = self._start(offer, plan, transport)
            call.seated = call.began
            return call

    async def drain(self, seconds: float) -> None:
        """Takes no new calls, lets the running ones go on for so many seconds, then ends them."""
        self._draining = True
        if self._tasks and seconds > 0:
            await asyncio.wait(self._tasks, timeout=seconds)
        for call in self._seats.calls.values():
            call.hang_up("the host is shutting down", "shutdown")
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
        """Why an offer would not be answered now; None if it would."""
        if self._draining:
            return Refusal("the host is shutting down", "", RETRY_AFTER, "shutdown")
        return self._shortage(graph, returning=returning) or (None if returning else self._seats.crowd())

    def _shortage(self, graph: str, *, returning: bool = False) -> Refusal | None:
        """Why there is no seat for one more connected call; None if there is."""
        # Running calls are not ended because of load, and neither are those whose host was restarted.
        return self._seats.shortage() or (None if returning else self.monitoring.refusal(self._plans.get(graph)))

    @contextmanager
    def _slot(self, offer: Offer) -> Iterator[None]:
        """Counts an offer as unconnected while it is being answered; raises AdmissionError if it may not be."""
        self._seats.check_address(offer.address, returning=offer.returning)
        _raise_for(self._refusal(self._name(offer), returning=offer.returning))
        with self._seats.pending(offer.address):
            yield

    async def _plan(self, name: str) -> Plan:
        """The plan of a graph; a new one is prepared and monitored."""
        plan = await asyncio.to_thread(self.graphs.plan, name)
        async with self._preparing:
            if self._plans.get(name) is not plan:
                await asyncio.to_thread(self._runner.policies.prepare, plan)
                self._plans[name] = plan
                self.monitoring.watch(plan)
                self.metrics.watch(name, plan)
        return plan

    def _start(self, offer: Offer, plan: Plan, transport: CallTransport) -> Call:
        info = SessionInfo(
            f"sess_{secrets.token_hex(16)}",
            self._name(offer),
            str(offer.session.get("instructions") or ""),
            client_secret=None if offer.renewal is None else offer.renewal.resource(),
            instructions_locked=offer.instructions_locked,
        )
        call = Call(info, transport, plan, self._runner, self._settings.message_bytes, offer.address)
        self._seats.calls[call.id] = call
        self.observation.attend(call, plan, info.instructions)
        task = asyncio.create_task(call.run(), name=f"call {call.id}")
        self._tasks.add(task)
        task.add_done_callback(partial(self._call_ended, call))
        return call

    # --- while calls run

    def _lags(self) -> Iterator[int]:
        return (call.lag for call in self._seats.calls.values())

    def _call_ended(self, call: Call, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._seats.calls.pop(call.id).settle()
        self._ended.append(call.id)
        if not task.cancelled() and (error := task.exception()) is not None:
            call.outcome = "failed"
            log.error("call %s ended by a fault of the program", call.id, exc_info=error)
        self.observation.ended(call)

    async def _check(self) -> None:
        """Ends calls that are idle or too long."""
        settings, now = self._settings, asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(CHECK_INTERVAL)
            for call in tuple(self._seats.calls.values()):
                if now() - call.began > settings.call_length:
                    call.hang_up("the call has reached its maximum length", "too_long")
                elif now() - call.activity.last_word > settings.idle:
                    call.hang_up("the call was idle for too long", "idle")


def _raise_for(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise CallRefused(refusal)
