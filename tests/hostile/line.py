"""A connected caller who then sends what no SCTP stack would."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from pipeline.packet import MILLISECOND
from tests.hostile import sctp
from tests.hostile.honest import HonestCaller
from tests.nodes.webrtc.client import Client


class CallEnded(Exception):
    """The host has ended the call: nothing can be sent any more."""


class HostileLine:
    """The connection of a client; aiortc's own SCTP is silent from now on, and only `send` talks.

    `tsn` is the next number of ours, `acked` the last of the host's that was acknowledged.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.sent = self.bytes = 0
        """Packets, and their sizes before encryption."""
        association: Any = client.connection.sctp
        self._dtls: Any = association.transport
        self.tsn: int = association._local_tsn
        self.acked: int = association._last_received_tsn
        self.tag: int = association._remote_verification_tag
        association._t3_cancel()
        association._handle_data = self._ignore

    @property
    def open(self) -> bool:
        """Whether the host has not ended the call."""
        return self.client.connection.connectionState == "connected" and self._dtls.state == "connected"

    async def send(self, *chunks: bytes, tag: int | None = None) -> None:
        """One packet of these chunks."""
        await self.write(sctp.packet(self.tag if tag is None else tag, *chunks))

    async def write(self, packet: bytes) -> None:
        """One packet, as it is."""
        self._count(packet)
        await self._dtls._send_data(packet)

    async def write_together(self, packets: list[bytes]) -> None:
        """Several DTLS records in one datagram."""
        self._count(b"".join(packets))
        for packet in packets:
            self._dtls._ssl.send(packet)
        await self._dtls.transport._send(self._dtls._ssl.bio_read(60_000))

    async def write_rtcp(self, packet: bytes) -> None:
        """An RTCP packet."""
        self._count(packet)
        await self._dtls._send_rtp(packet)

    async def pause(self, milliseconds: float) -> None:
        """Lets time pass."""
        await self.client.clock.sleep(round(milliseconds * MILLISECOND))

    async def ended(self, seconds: float = 1.0) -> bool:
        """Waits a while for the host to end the call; whether it did."""
        for _ in range(round(seconds * 100)):
            if not self.open:
                return True
            await self.pause(10)
        return False

    def _count(self, datagram: bytes) -> None:
        if not self.open:
            raise CallEnded
        self.sent += 1
        self.bytes += len(datagram)

    async def _ignore(self, data: bytes) -> None:
        pass


class HostileCall(HostileLine):
    """The call of a caller who is hostile now."""

    def __init__(self, caller: HonestCaller) -> None:
        super().__init__(caller)
        self.caller = caller


@asynccontextmanager
async def hostile_line(address: str) -> AsyncIterator[HostileCall]:
    """Calls like anyone, then is hostile until the host ends the call.

    Prints what was sent, and whether the call was ended.
    """
    caller = HonestCaller()
    await caller.connect(address)
    await caller.wait_for("session.created")
    await caller.clock.sleep(100 * MILLISECOND)  # what is under way is acknowledged
    line = HostileCall(caller)
    began = caller.clock.now()
    try:
        with suppress(CallEnded):
            yield line
    finally:
        state = "ended" if await line.ended() else "open"
        seconds = (caller.clock.now() - began) / 1e9
        sys.stdout.write(f"{line.sent} packets, {line.bytes / 1000:.1f} kB, {state} after {seconds:.1f} s\n")
        async with asyncio.timeout(5):
            await caller.close()
