"""One call: a connection, the session that talks with it, and what both are told of each other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from nodes.packets import CancelResponse, InstructionsChanged, PlaybackProgress, SpeechStart, TextInput, Transcript
from nodes.webrtc.protocol import Turn as TurnMessage
from nodes.webrtc.transport.call import CLOSE_TIMEOUT, CallTransport
from pipeline.errors import Stuck, VitagraphError
from pipeline.graph.plan import Plan
from pipeline.packet import MILLISECOND, SECOND, Event, Packet
from pipeline.runtime.report import SessionReport
from pipeline.runtime.runner import Runner
from pipeline.runtime.session import STOP_DEADLINE, Session
from vitagraph.host.realtime import Conversation, SessionInfo
from vitagraph.turns import TurnTracker
from vitagraph.waterfall import TurnRecord

log = logging.getLogger(__name__)

REMEMBERED = 16
"""Turns whose stages are remembered while the call lasts."""
STOP_TIMEOUT = STOP_DEADLINE / SECOND + 1
"""Seconds after `stop` until a session is cancelled: more than its own deadlines, so that its report is complete."""
END_TIMEOUT = 2 * STOP_TIMEOUT + CLOSE_TIMEOUT
"""Seconds in which a call ends once it was hung up: its session, even if it has to be cancelled, and its transport."""
APOLOGY = 3
"""Seconds that a call which cannot go on stays connected, so that the person learns why."""


class Rated(Event, frozen=True):
    """On the bus: what the person thinks of an answer, 1 or -1."""

    response: str
    value: int


class Call:
    """One call. `run` it once; it ends when either side hangs up, and then has freed all."""

    answer = ""
    """The SDP for a client that made an offer."""

    def __init__(self, info: SessionInfo, line: CallTransport, plan: Plan, runner: Runner, message_bytes: int) -> None:
        self.id = info.id.replace("sess_", "rtc_")
        self.graph = info.graph
        self.line = line
        self.opened = False
        """Whether the client was told of the session."""
        self.on_end: Callable[[], None] = lambda: None
        """Called when nothing of it is left, not even its seat."""
        self.reason = "the caller hung up"
        """Why it ended."""
        loop = asyncio.get_running_loop()
        self.began = self.active = loop.time()
        """When it began, and when either side last said something; seconds of the loop's clock."""
        self._now = loop.time
        self._plan = plan
        self._runner = runner
        self._session: Session | None = None
        self._conversation = Conversation(line.send_text, info, self, message_bytes)
        self._turns = TurnTracker(keep=REMEMBERED, on_finished=self._turn_over)
        self._freed = asyncio.Event()
        line.on_open, line.on_message = self._open, self._receive

    @property
    def connected(self) -> bool:
        """Whether the client's packets arrive."""
        return self.line.connected.is_set()

    @property
    def lag(self) -> int:
        """Nanoseconds that something of it has waited, at most, for a service that could serve it."""
        return self._session.lag() if self._session is not None else 0

    async def run(self) -> None:
        """Runs the session until the call is over; frees everything in any case."""
        try:
            self._session = session = self._runner.session(self._plan, self._observe, provide=[self.line])
            self._conversation.listen(session.bus)
            session.bus.of(PlaybackProgress).subscribe(self._played)
            self._turns.listen(session)
            await self._conclude(await self._until_over(session))
        except VitagraphError as error:
            await self._fail(error)
        finally:
            await self._free()

    def hang_up(self, reason: str) -> None:
        """Ends it soon; may be called twice."""
        if not self.line.ended.is_set():
            self.reason = reason
            self.line.end()

    async def freed(self) -> None:
        """Returns when nothing of the call is left."""
        await self._freed.wait()

    def settle(self) -> None:
        """Says so: `run` is over, and the seat is free."""
        self._freed.set()
        self.on_end()

    # --- what a client may ask for

    def send_text(self, text: str) -> bool:
        """The person typed this; False where the graph takes no text."""
        readers = {feedback.target for feedback in self._plan.feedback if feedback.event is TextInput}
        takes = any(link.source in readers and Transcript in link.kinds for link in self._plan.links)
        if takes:
            self.active = self._now()
            self.line.write(TextInput(text))
        return takes

    def cancel_response(self) -> None:
        """The answer is to stop."""
        self.line.write(CancelResponse())

    def rate_response(self, response: str, value: int) -> None:
        """What the person thinks of an answer."""
        if self._session is not None:
            self._session.bus.post(Rated(response, value))

    def change_instructions(self, instructions: str) -> None:
        """Replaces the instructions of the chat model, from its next response on."""
        self.line.write(InstructionsChanged(instructions))

    # --- while it lasts

    async def _until_over(self, session: Session) -> SessionReport:
        running = asyncio.create_task(session.run(), name=f"{self.id} session")
        ended = asyncio.create_task(self.line.ended.wait(), name=f"{self.id} ended")
        try:
            await asyncio.wait((running, ended), return_when=asyncio.FIRST_COMPLETED)
            session.stop()
            await asyncio.wait((running,), timeout=STOP_TIMEOUT)
        finally:
            ended.cancel()
            if not running.done():
                log.warning("call %s: the session did not end by itself and is cancelled", self.id)
                running.cancel()
                await asyncio.wait((running,), timeout=STOP_TIMEOUT)
        return running.result() if running.done() and not running.cancelled() else session.report

    async def _conclude(self, report: SessionReport) -> None:
        if report.error is not None:
            await self._fail(report.error)
        for stuck in report.stuck:
            log.warning("call %s: %s", self.id, stuck)

    async def _fail(self, error: Exception) -> None:
        """Tells the operator what failed, and the person that something did, once they can hear it."""
        self.reason = f"the graph failed: {getattr(error, 'message', error)}"
        log.error("call %s: %s", self.id, error)
        self._conversation.fail("Something went wrong at this end, and the call cannot go on.")
        with suppress(TimeoutError):
            async with asyncio.timeout(APOLOGY):
                await self.line.ended.wait()

    async def _free(self) -> None:
        self._conversation.end()
        try:
            await self.line.close()
        except Stuck as error:
            log.warning("call %s: %s", self.id, error)
        log.info("call %s of %s ended after %.0f s: %s", self.id, self.graph, self._now() - self.began, self.reason)

    def _open(self) -> None:
        self.opened = True
        self._conversation.open()

    def _receive(self, text: str) -> None:
        self.active = self._now()
        self._conversation.receive(text)

    def _observe(self, link: object, packet: Packet) -> None:
        self._turns.observe(packet)
        self._conversation.observe(link, packet)
        if packet.__class__ is SpeechStart:
            self.active = self._now()

    def _played(self, event: PlaybackProgress) -> None:
        self.active = self._now()

    def _turn_over(self, turn: TurnRecord) -> None:
        silence = turn.silence
        self.line.send(
            TurnMessage(
                cause=turn.cause,
                outcome=turn.outcome,
                silence=None if silence is None else silence / MILLISECOND,
                parts={stage: part / MILLISECOND for stage, part in turn.parts().items()},
                response=self._conversation.response_of(turn.cause),
            )
        )
