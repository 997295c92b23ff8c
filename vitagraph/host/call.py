"""One call: its transport, its session, and the conversation as the client sees it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from structlog.contextvars import bind_contextvars

from nodes.packets import CancelResponse, InstructionsChanged, SummaryFailed, TextInput
from nodes.webrtc.protocol import Network
from nodes.webrtc.protocol import Turn as TurnMessage
from nodes.webrtc.transport.call import CLOSE_TIMEOUT, CallTransport
from pipeline.errors import Stuck, VitagraphError
from pipeline.graph.plan import Plan
from pipeline.packet import MILLISECOND, SECOND, Packet
from pipeline.runtime.report import SessionReport
from pipeline.runtime.runner import Runner
from pipeline.runtime.session import STOP_DEADLINE, Session
from vitagraph.host.activity import Activity, takes_text
from vitagraph.host.admission import Refusal
from vitagraph.host.realtime import Conversation, SessionInfo
from vitagraph.observe.client_events import ClientNetwork, Rated
from vitagraph.observe.counted import CallOutcome
from vitagraph.observe.watcher import CallEnd, Watchers
from vitagraph.turns import TurnTracker
from vitagraph.waterfall import TurnRecord

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 5
"""Seconds in which packets of a client must arrive after its offer was answered."""
REMEMBERED = 16
"""The latest turns whose stages are kept."""
STOP_TIMEOUT = STOP_DEADLINE / SECOND + 1
"""Seconds after `stop` until a session is cancelled: more than its own deadlines, so that its report is complete."""
END_TIMEOUT = 2 * STOP_TIMEOUT + CLOSE_TIMEOUT
"""Seconds in which a call ends once it was hung up: its session, even if it has to be cancelled, and its transport."""
APOLOGY_TIMEOUT = 3
"""Seconds that a failed or refused call stays connected, so that the user can be told."""


class Call:
    """One call. `run` it once: it returns after either side has hung up and all resources are free."""

    answer = ""
    """The SDP answer, if the client made an offer."""

    def __init__(
        self,
        info: SessionInfo,
        transport: CallTransport,
        plan: Plan,
        runner: Runner,
        message_bytes: int,
        address: str = "",
    ) -> None:
        self.id = info.id.replace("sess_", "rtc_")
        self.graph = info.graph
        self.transport = transport
        self.address = address
        """The network of the client; empty if it is unknown."""
        self.seated: float | None = None
        """When it connected and was found a seat, on the loop's clock; until then it is no load."""
        self.take_seat: Callable[[], Refusal | None] = lambda: None
        """Called when it connects; returns why there is no seat for it, or None."""
        self.opened = False
        """Whether the client has its `session.created`."""
        self.on_open: Callable[[], None] = lambda: None
        """Called when the client gets its `session.created`."""
        self.on_end: Callable[[], None] = lambda: None
        """Called when its resources and its slot are free."""
        self.watchers = Watchers(())
        """What sees it from outside; set before it runs."""
        self.reason = "the caller hung up"
        """Why it ended."""
        self.outcome: CallOutcome = "completed"
        """The same for metrics; unless its transport has a `fault`."""
        loop = asyncio.get_running_loop()
        self.began = loop.time()
        """When it began, on the loop's clock."""
        self.activity = Activity(plan, loop.time)
        self._now = loop.time
        self._instructions = info.instructions
        self._takes_text = takes_text(plan)
        self._plan = plan
        self._runner = runner
        self.session: Session | None = None
        """Set once it runs."""
        self._conversation = Conversation(transport.send_text, info, self, message_bytes)
        self._turns = TurnTracker(keep=REMEMBERED, on_finished=self._turn_over)
        self._freed = asyncio.Event()
        transport.on_open, transport.on_message = self._open, self._receive

    @property
    def lag(self) -> int:
        """Nanoseconds that its oldest packet has waited for a service that nothing downstream blocks."""
        return self.session.lag() if self.session is not None else 0

    def _not_summed_up(self, event: SummaryFailed) -> None:
        if event.count == 1:
            log.warning("call %s: %s sums up no long conversation: %s", self.id, event.node, event.message)

    async def run(self) -> None:
        """Runs the session until the call is over; frees all resources in any case."""
        bind_contextvars(session=self.id)  # for the log; the tasks of the session inherit it
        provide: list[object] = [self.transport]
        if self._instructions:
            provide.append(InstructionsChanged(self._instructions))
        try:
            self.session = session = self._runner.session(self._plan, self._observe, provide=provide, name=self.id)
            self._conversation.listen(session.bus)
            self.activity.listen(session.bus)
            self.watchers.listen(session)  # first, so that a tracer has marked a cause before others read it
            self._turns.listen(session)
            session.bus.of(SummaryFailed).subscribe(self._not_summed_up)
            await self._conclude(await self._until_over(session))
        except VitagraphError as error:
            await self._fail(error)
        finally:
            await self._free()

    def hang_up(self, reason: str, outcome: CallOutcome = "completed") -> None:
        """Ends it soon; safe to call twice."""
        if not self.transport.ended.is_set():
            self.reason, self.outcome = reason, outcome
            self.transport.end()

    def tell_end(self) -> None:
        """Tells the watchers that it is over."""
        end = CallEnd("client_fault" if self.transport.fault else self.outcome, self.transport.fault or self.reason)
        for turn in self._turns.committed:
            if not turn.finished:
                self.watchers.turn_over(turn, abandoned=True)
        self.watchers.ended(end)

    async def freed(self) -> None:
        """Returns when its resources and its slot are free."""
        await self._freed.wait()

    def settle(self) -> None:
        """To be called after `run`, once its slot is free."""
        self._freed.set()
        self.on_end()

    # --- commands of the client

    def send_text(self, text: str) -> bool:
        """Gives the graph what the user typed; returns False if it takes no text."""
        if not self._takes_text:
            return False
        self.activity.note_word()
        self.transport.write(TextInput(text))
        return True

    def cancel_response(self) -> None:
        """Stops the response that is being made or played."""
        self.activity.note_word()
        self.transport.write(CancelResponse())

    def rate_response(self, response: str, value: int) -> None:
        """Posts the user's rating of a response on the bus."""
        self.activity.note_word()
        if self.session is not None:
            self.session.bus.post(Rated(response, value, self._conversation.cause_of(response)))

    def tell_network(self, measured: Network) -> None:
        """Posts on the bus what the client measured of its network."""
        if self.session is not None:
            fields = (measured.rtt, measured.jitter_buffer, measured.playout)
            self.session.bus.post(ClientNetwork(measured.cause, *fields))

    def change_instructions(self, instructions: str) -> None:
        """Replaces the instructions of the chat model, from its next response on."""
        self.transport.write(InstructionsChanged(instructions))

    # --- while it lasts

    async def _until_over(self, session: Session) -> SessionReport:
        running = asyncio.create_task(session.run(), name=f"{self.id} session")
        over = asyncio.create_task(self._hung_up(), name=f"{self.id} hung up")
        try:
            await asyncio.wait((running, over), return_when=asyncio.FIRST_COMPLETED)
            session.stop()
            await asyncio.wait((running,), timeout=STOP_TIMEOUT)
        finally:
            over.cancel()
            if not running.done():
                log.warning("call %s: the session did not end by itself and is cancelled", self.id)
                running.cancel()
                await asyncio.wait((running,), timeout=STOP_TIMEOUT)
        return running.result() if running.done() and not running.cancelled() else session.report

    async def _hung_up(self) -> None:
        """Returns when either side has hung up; hangs up if the client does not connect or there is no seat for it."""
        connected = asyncio.create_task(self.transport.connected.wait(), name=f"{self.id} connected")
        ended = asyncio.create_task(self.transport.ended.wait(), name=f"{self.id} ended")
        try:
            await asyncio.wait((connected, ended), timeout=CONNECT_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
            if not connected.done():
                self.hang_up(f"no packet of the client came within {CONNECT_TIMEOUT} s", "not_connected")
            elif self.seated is None and not ended.done():
                await self._sit_down()
            await ended
        finally:
            connected.cancel()
            ended.cancel()

    async def _sit_down(self) -> None:
        refusal = self.take_seat()
        if refusal is None:
            self.seated = self._now()
            return
        self._conversation.fail(refusal.message, "no_seat")
        await self._apologise()
        self.hang_up(refusal.reason, "no_seat")

    async def _conclude(self, report: SessionReport) -> None:
        if report.error is not None:
            await self._fail(report.error)
        for stuck in report.stuck:
            log.warning("call %s: %s", self.id, stuck)

    async def _fail(self, error: Exception) -> None:
        """Logs the error, and tells the user that something failed once the client is connected."""
        self.reason, self.outcome = f"the graph failed: {getattr(error, 'message', error)}", "failed"
        log.error("call %s: %s", self.id, error)
        self._conversation.fail("Something went wrong at this end, and the call cannot go on.")
        await self._apologise()

    async def _apologise(self) -> None:
        """Leaves the client time to get the last event, and to hang up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(APOLOGY_TIMEOUT):
                await self.transport.ended.wait()

    async def _free(self) -> None:
        self._conversation.end()
        try:
            await self.transport.close()
        except Stuck as error:
            log.warning("call %s: %s", self.id, error)
        reason = self.transport.fault or self.reason
        log.info("call %s of %s ended after %.0f s: %s", self.id, self.graph, self._now() - self.began, reason)

    def _open(self) -> None:
        if not self.opened:
            self.opened = True
            self.on_open()
        self._conversation.open()

    def _receive(self, text: str) -> None:
        if not self.transport.ended.is_set():
            self._conversation.receive(text)

    def _observe(self, node: str, packet: Packet) -> None:
        self._turns.observe(packet)
        self.activity.observe(packet)
        self._conversation.observe(packet)
        self.watchers.observe(node, packet)

    def _turn_over(self, turn: TurnRecord) -> None:
        self.watchers.turn_over(turn)
        silence = turn.silence
        self.transport.send(
            TurnMessage(
                cause=turn.cause,
                outcome=turn.outcome,
                silence=None if silence is None else silence / MILLISECOND,
                parts={stage: part / MILLISECOND for stage, part in turn.parts().items()},
                response=self._conversation.response_of(turn.cause),
            )
        )
