"""Keeps one call from hurting others: limits what reaches aiortc, and turns its failures into the end of that call.

Like aiortc_hooks.py this depends on internals of aiortc and aioice:

    RTCSctpTransport._handle_data, _send_chunk      each packet, before and after it is encrypted
    RTCSctpTransport._association_state, …          see `association_of`
    RTCDtlsTransport._recv_next, _ssl, encrypted    each datagram
    RTCDtlsTransport._handle_rtcp_data              each RTCP packet
    Connection.check_incoming, _remote_candidates   each authenticated STUN request
    Connection._queue, data_received                datagrams that wait
    Connection.connect                              the checks, until a pair of addresses was found
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from traceback import walk_tb
from typing import Any, ClassVar
from weakref import ReferenceType, WeakKeyDictionary, ref

import aiortc
from aiortc.rtcsctptransport import SackChunk
from OpenSSL import SSL

from nodes.webrtc.transport.sctp_guard import WINDOW, Association, SctpGuard, Verdict
from pipeline.clock import give_way

log = logging.getLogger(__name__)

MAX_WAITING = 512
"""Datagrams that wait for aiortc to read them; further ones are lost. Before DTLS starts it reads none."""
MAX_RECORDS = 16
"""DTLS records in a datagram; every implementation sends one."""
MAX_REMOTE = 32
"""Addresses of the client: 16 candidates of its offer, and those that its packets come from."""
MAX_GAPS, MAX_DUPLICATES = 256, 32
"""Entries of a SACK, so that it fits into a datagram. A sender learns the rest from the next one."""
FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    SSL.Error,
    TypeError,
    ValueError,
    asyncio.InvalidStateError,
    struct.error,
)
"""What aiortc raises for packets that it does not expect."""
_RECORD = 1_500
_FEEDBACK = (205, 206)
"""RTCP types that ask for packets or pictures again, which no answer of ours offers."""
_MAX_REPORTS = 16
_OPENING = ("CLOSED", "COOKIE_WAIT", "COOKIE_ECHOED")
_OTHERS = ("aiortc.", "aioice.")


class CallGuard:
    """The limits of one connection, in place once it exists.

    `fail` is called once, with the reason, when the client breaks a limit or aiortc fails;
    the caller ends the call then. `counts` has what was refused, by reason.
    """

    def __init__(self, connection: aiortc.RTCPeerConnection, fail: Callable[[str], None]) -> None:
        self.counts: Counter[str] = Counter()
        self.checks = 0
        """STUN requests of the client, which show that it is there."""
        self._fail = fail
        self._failed = False
        self._connecting: set[asyncio.Task[Any]] = set()
        """aiortc's tasks in which an ICE connection is made."""
        self._undo: list[Callable[[], object]] = []
        parts: list[Any] = [connection]
        transports: set[Any] = set()
        for transceiver in connection.getTransceivers():
            parts += [transceiver.sender, transceiver.receiver]
            transports.add(transceiver.receiver.transport)
        if connection.sctp is not None:
            parts.append(connection.sctp)
            transports.add(connection.sctp.transport)
            self._guard_sctp(connection.sctp)
        for dtls in transports:
            ice = dtls.transport._connection
            parts += [dtls, dtls.transport, ice, *ice._protocols]
            self._guard_dtls(dtls)
            self._guard_ice(ice)
        _Failures.on(asyncio.get_running_loop()).own(self, parts)

    async def remove(self) -> None:
        """Restores aiortc's own methods, so that no cycle keeps the connection; may be called twice.

        For a connection that is closed. Ends its checks, which would notice that 20 ms later.
        """
        while self._undo:
            self._undo.pop()()
        if self._connecting:
            for task in self._connecting:
                task.cancel()
            await asyncio.wait(self._connecting)

    def _replace(self, part: Any, **methods: Callable[..., Any]) -> None:
        vars(part).update(methods)
        for name in methods:
            self._undo.append(partial(vars(part).pop, name, None))

    def fail(self, reason: str, error: BaseException | None = None) -> None:
        """Ends the call, unless it has ended; nothing more of the client is read."""
        if not self._failed:
            self._failed = True
            log.debug("a call ends: %s", reason, exc_info=error)
            self._fail(reason)

    def _guard_sctp(self, sctp: Any) -> None:
        guard = SctpGuard(asyncio.get_running_loop().time)
        guard.counts = self.counts
        handle, send = sctp._handle_data, sctp._send_chunk
        sctp._advertised_rwnd = WINDOW

        async def handle_data(packet: bytes) -> None:
            verdict = guard.check(packet, association_of(sctp))
            if verdict is Verdict.PASS:
                await handle(packet)
                if guard.due():
                    await give_way()
            elif verdict is Verdict.END:
                self.fail(f"the client broke a limit of its data channels: {guard.last}")

        async def send_chunk(chunk: Any) -> None:
            if isinstance(chunk, SackChunk):
                del chunk.gaps[MAX_GAPS:], chunk.duplicates[MAX_DUPLICATES:]
            await send(chunk)

        self._replace(sctp, _handle_data=handle_data, _send_chunk=send_chunk)

    def _guard_dtls(self, dtls: Any) -> None:
        receive, handle_rtcp = dtls._recv_next, dtls._handle_rtcp_data

        async def receive_next() -> None:
            if self._failed:
                await dtls.transport._recv()
                return
            try:
                await receive()
                if dtls.encrypted:
                    await self._read_rest(dtls)
            except FAILURES as error:
                self.fail(_words(error), error)

        async def handle_rtcp_data(data: bytes) -> None:
            if _is_report(data):
                await handle_rtcp(data)
            else:
                self.counts["rtcp"] += 1

        self._replace(dtls, _recv_next=receive_next, _handle_rtcp_data=handle_rtcp_data)

    async def _read_rest(self, dtls: Any) -> None:
        """Reads what aiortc leaves of a datagram of several records, or of a long one: it would pile up."""
        for _ in range(MAX_RECORDS):
            try:
                packet = dtls._ssl.recv(_RECORD)
            except SSL.ZeroReturnError:
                raise ConnectionError from None  # the client has closed; aiortc would notice with the next datagram
            except SSL.Error:
                return
            if self._failed:
                return
            if dtls._data_receiver is not None:
                await dtls._data_receiver._handle_data(packet)
        self.counts["records"] += 1
        self.fail("the client sent too many DTLS records in a datagram")

    def _guard_ice(self, ice: Any) -> None:
        received, check, connect = ice.data_received, ice.check_incoming, ice.connect

        async def connect_() -> None:
            task = asyncio.current_task()
            assert task is not None
            self._connecting.add(task)
            try:
                await connect()
            finally:
                self._connecting.discard(task)

        def data_received(data: bytes, component: int) -> None:
            if ice._queue.qsize() < MAX_WAITING:
                received(data, component)
            else:
                self.counts["queue"] += 1

        def check_incoming(message: Any, address: tuple[str, int], protocol: Any) -> None:
            self.checks += 1
            known = ice._remote_candidates
            if "PRIORITY" not in message.attributes or (
                len(known) >= MAX_REMOTE and not any((each._network_host, each.port) == address for each in known)
            ):
                self.counts["checks"] += 1
                return
            check(message, address, protocol)

        self._replace(ice, connect=connect_, data_received=data_received, check_incoming=check_incoming)


class _Failures:
    """The exception handler of a loop: a failure of aiortc in a task or timer of its own ends the call it belongs to.

    That is the call of an aiortc object among the frames of the traceback. All other failures
    go to the handler that was there before.
    """

    _of: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, _Failures]] = WeakKeyDictionary()

    @classmethod
    def on(cls, loop: asyncio.AbstractEventLoop) -> _Failures:
        """That of a loop; the first call installs it."""
        found = cls._of.get(loop)
        if found is None:
            found = cls._of[loop] = cls(loop.get_exception_handler())
            loop.set_exception_handler(found.handle)
        return found

    def __init__(self, before: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None) -> None:
        self._before = before
        self._guards: WeakKeyDictionary[Any, ReferenceType[CallGuard]] = WeakKeyDictionary()

    def own(self, guard: CallGuard, parts: Iterable[Any]) -> None:
        """Says that these objects are of one call."""
        for part in parts:
            self._guards[part] = ref(guard)

    def handle(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Called by the loop."""
        error = context.get("exception")
        if error is not None and (reference := self._owner(error)) is not None:
            guard = reference()
            if guard is not None:  # else its call is over
                guard.fail(_words(error), error)
        elif self._before is not None:
            self._before(loop, context)
        else:
            loop.default_exception_handler(context)

    def _owner(self, error: BaseException) -> ReferenceType[CallGuard] | None:
        for frame, _ in walk_tb(error.__traceback__):
            part = frame.f_locals.get("self")
            if part is not None and part.__class__.__module__.startswith(_OTHERS) and part in self._guards:
                return self._guards[part]
        return None


def association_of(sctp: Any) -> Association:
    """The state of aiortc's association."""
    state, streams, unsent = sctp._association_state.name, sctp._inbound_streams, sctp._outbound_queue
    chunks = 0
    for stream in streams.values():
        chunks += len(stream.reassembly)
    return Association(
        tag=sctp._local_verification_tag,
        established=state not in _OPENING,
        closed=state == "CLOSED",
        received=sctp._last_received_tsn,
        misordered=sctp._sack_misordered,
        misordered_count=len(sctp._sack_misordered),
        chunks=chunks,
        bytes=WINDOW - sctp._advertised_rwnd,
        streams=streams,
        stream_count=len(streams),
        acknowledged=sctp._last_sacked_tsn,
        sent=(unsent[0].tsn if unsent else sctp._local_tsn) - 1,
    )


def _is_report(data: bytes) -> bool:
    """Whether an RTCP packet consists of reports and descriptions only."""
    start = count = 0
    while start <= len(data) - 4:
        count += 1
        if data[start + 1] in _FEEDBACK or count > _MAX_REPORTS:
            return False
        start += 4 * (1 + int.from_bytes(data[start + 2 : start + 4], "big"))
    return True


def _words(error: BaseException) -> str:
    return f"aiortc failed: {type(error).__name__}{f': {error}' if str(error) else ''}"
