"""aiortc's SCTP association without a network: what it sends goes to a list, or to another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiortc.rtcsctptransport import SCTP_STATE_COOKIE, RTCSctpTransport, parse_packet

from nodes.webrtc.transport.call_guard import association_of
from nodes.webrtc.transport.sctp_guard import BUDGET, WINDOW, SctpGuard, Verdict
from tests.hostile import sctp

TSN = 5_000
"""The first TSN of the client."""


class FakeDtls:
    """In place of an encrypted connection; `send` gets each packet."""

    state = "connected"

    def __init__(self, role: str) -> None:
        self._role = role
        self.sent: list[bytes] = []
        self.send: Callable[[bytes], None] = self.sent.append

    def _register_data_receiver(self, receiver: object) -> None:
        pass

    def _unregister_data_receiver(self, receiver: object) -> None:
        pass

    async def _send_data(self, packet: bytes) -> None:
        self.send(packet)


class GuardedAssociation:
    """The host's end: a packet goes through the guard, then to aiortc."""

    def __init__(self, now: Callable[[], float] = lambda: 0.0, budget: float = BUDGET) -> None:
        dtls: Any = FakeDtls("client")
        self.dtls: FakeDtls = dtls
        self.sctp: Any = RTCSctpTransport(dtls)
        self.sctp._advertised_rwnd = WINDOW
        self.guard = SctpGuard(now, budget)
        self.tag: int = self.sctp._local_verification_tag

    async def connect(self) -> None:
        """With a client whose first TSN is `TSN`."""
        await self.sctp.start(None, 5000)
        await self.sctp._handle_data(sctp.packet(0, sctp.init(tag=7, tsn=TSN)))
        acknowledged: Any = parse_packet(self.dtls.sent[-1])[3][0]
        cookie = dict(acknowledged.params)[SCTP_STATE_COOKIE]
        await self.sctp._handle_data(sctp.packet(self.tag, sctp.chunk(sctp.COOKIE_ECHO, cookie)))
        assert self.sctp.state == "connected"

    def check(self, packet: bytes) -> Verdict:
        """What the guard says."""
        return self.guard.check(packet, association_of(self.sctp))

    async def receive(self, packet: bytes) -> Verdict:
        """The same, and aiortc gets it if it may."""
        verdict = self.check(packet)
        if verdict is Verdict.PASS:
            await self.sctp._handle_data(packet)
        return verdict

    async def send(self, size: int) -> None:
        """Sends a message of some size to the client, as far as its window allows."""
        await self.sctp._send(0, sctp.STRING, bytes(size))

    def close(self) -> None:
        """Ends its timers."""
        self.sctp._set_state(self.sctp.State.CLOSED)
