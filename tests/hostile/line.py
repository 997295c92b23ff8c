"""A connected caller who then sends what no SCTP stack would."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pipeline.packet import MILLISECOND
from tests.hostile import sctp
from tests.hostile.honest import HonestCaller

STEP = 10 * MILLISECOND


class HostileLine:
    """Its call; aiortc's own SCTP is silent from now on, and only `send` talks.

    `tsn` is the next number of ours, `acked` the last of the host's that was acknowledged.
    """

    def __init__(self, caller: HonestCaller) -> None:
        self.caller = caller
        self.sent = self.bytes = 0
        """Packets, and their sizes before encryption."""
        association: Any = caller.connection.sctp
        self._dtls: Any = association.transport
        self.tsn: int = association._local_tsn
        self.acked: int = association._last_received_tsn
        self.tag: int = association._remote_verification_tag
        association._t3_cancel()
        association._handle_data = self._ignore

    @property
    def open(self) -> bool:
        """Whether the host has not ended the call."""
        return self.caller.connection.connectionState == "connected" and self._dtls.state == "connected"

    async def send(self, *chunks: bytes, tag: int | None = None) -> None:
        """One packet of these chunks."""
        await self.write(sctp.packet(self.tag if tag is None else tag, *chunks))

    async def write(self, packet: bytes) -> None:
        """One packet, as it is; nothing once the call is over."""
        if self.open:
            self.sent += 1
            self.bytes += len(packet)
            await self._dtls._send_data(packet)

    async def write_together(self, packets: list[bytes]) -> None:
        """Several DTLS records in one datagram."""
        if self.open:
            self.sent += 1
            self.bytes += sum(map(len, packets))
            for packet in packets:
                self._dtls._ssl.send(packet)
            await self._dtls.transport._send(self._dtls._ssl.bio_read(60_000))

    async def write_rtcp(self, packet: bytes) -> None:
        """An RTCP packet."""
        if self.open:
            self.sent += 1
            self.bytes += len(packet)
            await self._dtls._send_rtp(packet)

    async def pause(self, milliseconds: float) -> None:
        """Lets time pass."""
        await self.caller.clock.sleep(round(milliseconds * MILLISECOND))

    async def _ignore(self, data: bytes) -> None:
        pass


@asynccontextmanager
async def hostile_line(address: str) -> AsyncIterator[HostileLine]:
    """Calls like anyone, then is hostile; prints what was sent, and whether the host ended the call."""
    caller = HonestCaller()
    await caller.connect(address)
    await caller.wait_for("session.created")
    await caller.clock.sleep(10 * STEP)  # what is under way has been acknowledged
    line = HostileLine(caller)
    began = caller.clock.now()
    try:
        yield line
    finally:
        await _until_ended(line)
        seconds = (caller.clock.now() - began) / 1e9
        state = "open" if line.open else "ended"
        sys.stdout.write(f"{line.sent} packets, {line.bytes / 1000:.1f} kB, {state} after {seconds:.1f} s\n")
        async with asyncio.timeout(5):
            await caller.close()


async def _until_ended(line: HostileLine) -> None:
    for _ in range(100):
        if not line.open:
            return
        await line.caller.clock.sleep(STEP)
