"""An honest caller: it asks one question after another, and measures what it gets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from nodes.webrtc.transport.aiortc_hooks import RtpTap
from nodes.webrtc.transport.rtp import RtpPacket
from pipeline.clock import Clock
from pipeline.packet import MILLISECOND, SECOND
from tests.vitagraph.host.dialling import Caller

CALLS = "/v1/realtime/calls"
SDP = {"Content-Type": "application/sdp"}
PROBE_INTERVAL = 50 * MILLISECOND
LAG_INTERVAL = 10 * MILLISECOND
FRAME = 20.0
"""Milliseconds of sound in a packet."""
PATIENCE = 20.0
"""Seconds after which the host counts as dead."""


@dataclass(slots=True)
class Figures:
    """What an honest caller noticed, in milliseconds."""

    health: list[float] = field(default_factory=list)
    """How long each answer of /healthz took."""
    gaps: list[float] = field(default_factory=list)
    """From one packet of sound to the next, beyond what their RTP times say; 20 is perfect."""
    answers: list[float] = field(default_factory=list)
    """From each question to the news that its answer is heard."""
    lags: list[float] = field(default_factory=list)
    """By how much this process woke up late: what other programs on the machine cost everybody."""
    errors: list[str] = field(default_factory=list)
    """What broke off."""

    def summary(self) -> dict[str, float]:
        """The worst of each kind, and the number of answers."""
        worst = {"health": self.health, "gap": self.gaps, "answer": self.answers, "lag": self.lags}
        return {name: round(max(values, default=0), 1) for name, values in worst.items()} | {"n": len(self.answers)}


class HonestCaller(Caller):
    """Calls a host over HTTP; `figures` are since it began, or since they were last replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.figures = Figures()
        self._last: tuple[float, int] | None = None
        self._probed = asyncio.Event()
        self.last_packet = bytes(12)
        """Of sound; RTP."""

    async def connect(self, address: str) -> str:
        """Calls; returns the address of the call."""
        location = ""

        async def answering(sdp: str) -> str:
            nonlocal location
            async with httpx.AsyncClient(base_url=address, timeout=PATIENCE) as http:
                answer = await http.post(CALLS, content=sdp, headers=SDP)
            answer.raise_for_status()
            location = answer.headers["location"]
            return answer.text

        await self.dial(answering)
        RtpTap.on(self.connection.getReceivers()[0], self._arrived)
        return location

    async def converse(self) -> None:
        """Asks one question after another until it is cancelled."""
        asked = 0
        while True:
            asked += 1
            before, figures = self.clock.now(), self.figures
            self.type("What time is it?")
            await self.wait_for("output_audio_buffer.started", asked, PATIENCE)
            figures.answers.append((self.clock.now() - before) / MILLISECOND)
            await self.wait_for("output_audio_buffer.stopped", asked, PATIENCE)

    async def probe(self, address: str) -> None:
        """Asks for the health of the host until it is cancelled."""
        async with httpx.AsyncClient(base_url=address, timeout=PATIENCE) as http:
            while True:
                before, figures = self.clock.now(), self.figures
                await http.get("/healthz")
                figures.health.append((self.clock.now() - before) / MILLISECOND)
                self._probed.set()
                await self.clock.sleep(PROBE_INTERVAL)

    async def watch_lag(self) -> None:
        """Measures how late this process wakes up, until it is cancelled."""
        while True:
            due = self.clock.now() + LAG_INTERVAL
            await self.clock.sleep_until(due)
            self.figures.lags.append((self.clock.now() - due) / MILLISECOND)

    async def warmed_up(self) -> None:
        """Waits for the first answer, for which the host still loads code."""
        await self.wait_for("output_audio_buffer.stopped", 1, PATIENCE)

    async def probed(self) -> None:
        """Waits for two probes to be answered: a host that hangs has gone on then."""
        for _ in range(2):
            self._probed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._probed.wait()

    def _arrived(self, data: bytes) -> None:
        packet: Any = RtpPacket.parse(data)
        if packet is None:
            return
        self.last_packet = data
        now, time = self.clock.now() / MILLISECOND, int.from_bytes(data[4:8], "big")
        if self._last is not None:
            passed = ((time - self._last[1]) % (1 << 32)) / 48
            self.figures.gaps.append(now - self._last[0] - passed + FRAME)
        self._last = now, time


@asynccontextmanager
async def honest_caller(address: str) -> AsyncIterator[HonestCaller]:
    """A caller who talks while the block lasts; what fails is in its figures."""
    caller = HonestCaller()

    def note(task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            caller.figures.errors.append(f"{task.get_name()}: {task.exception()!r}")

    await caller.connect(address)
    tasks = [
        asyncio.create_task(caller.converse(), name="the conversation"),
        asyncio.create_task(caller.probe(address), name="/healthz"),
        asyncio.create_task(caller.watch_lag(), name="the lag"),
    ]
    for task in tasks:
        task.add_done_callback(note)
    try:
        yield caller
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await caller.close()


async def wait(seconds: float) -> None:
    """Lets time pass."""
    await Clock(asyncio.get_running_loop()).sleep(round(seconds * SECOND))
