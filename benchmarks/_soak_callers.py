"""Callers of a soak. They do what the page does (web/src/core) when nothing comes any more.

The page looks every 300 ms. After 1.2 s without a packet it asks the host for the call; if the host does
not know it, the page calls again with the secret that came with the call, after pauses of 0.3 to 8 s, each
attempt within 5 s.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiortc
import httpx

from benchmarks._density_callers import Caller
from benchmarks._density_figures import Arrivals
from benchmarks._overload_callers import CANCEL_GRACE, Question
from benchmarks._soak_figures import CallRecord, Ledger, Outage
from nodes.webrtc.protocol import EVENTS
from nodes.webrtc.transport.aiortc_hooks import PacketTrack
from nodes.webrtc.transport.sdp import opus_payload_types

KEY = "the-key-of-the-soak"
LOOK, SILENT, ANSWER, ATTEMPT = 0.3, 1.2, 3.0, 5.0
BACKOFF = (0.3, 1.0, 2.0, 4.0, 8.0)
LONGEST_WAIT = 15.0
"""Seconds that a refusal may ask a lost call to wait."""
PAUSE = (1.0, 4.0)
"""Seconds between an answer and the next question."""
LENGTH = (30.0, 120.0)
"""Seconds that a caller means to stay."""


class Refused(Exception):
    """The host did not take a call."""

    def __init__(self, answer: httpx.Response) -> None:
        error = answer.json().get("error", {}) if answer.content else {}
        self.name = f"{answer.status_code} {error.get('code')}"
        self.again = float(answer.headers.get("Retry-After", "nan"))
        self.status = answer.status_code
        super().__init__(f"{self.name}: {error.get('message')}")


class Lost(Exception):
    """The line has gone."""


@dataclass(slots=True)
class Soak:
    """What all callers share."""

    http: httpx.AsyncClient
    ledger: Ledger
    questions: Sequence[Question]
    killed_at: float = float("inf")
    """When the soak killed the host, on the clock of `time.monotonic`."""
    lines: list[Line] = field(default_factory=list)
    """Those that send sound."""

    def by_kill(self, at: float) -> bool:
        """Whether what happened then was the kill's doing."""
        return self.killed_at - 0.5 <= at <= self.killed_at + 10


def forwarded(address: str, token: str = KEY) -> dict[str, str]:
    """The headers of a caller, as a proxy passes them on."""
    return {"X-Forwarded-For": address, "Authorization": f"Bearer {token}"}


async def minted(soak: Soak, address: str) -> str:
    """A client secret."""
    answer = await soak.http.post("/v1/realtime/client_secrets", headers=forwarded(address), json={})
    if answer.status_code != 200:
        raise Refused(answer)
    return str(answer.json()["value"])


class Latest(Arrivals):
    """Remembers only when the last packet arrived."""

    def __init__(self) -> None:
        super().__init__()
        self.last = time.monotonic()

    def add(self, time_: int, stamp: int, number: int, size: int) -> None:
        """Notes a packet; the clock is that of the caller's own process."""
        self.last = time.monotonic()


class Line(Caller):
    """One connection of a caller."""

    def __init__(self, name: str, soak: Soak, told: Any) -> None:
        super().__init__(name, soak.questions[0].silence)
        self.arrivals = self.latest = Latest()
        self.location = ""
        self.renewal = ""
        self.unseated = False
        """Whether the host said, once it was connected, that there is no seat."""
        self.voiced: list[bytes] = []
        """Packets that are still to be said."""
        self.said = 0.0
        """When the last of them went out."""
        self._soak = soak
        self._told = told
        self._silence = soak.questions[0].silence
        self._created = asyncio.Event()
        self._channel: Any = None

    @property
    def hung_up(self) -> bool:
        """Whether the other end closed the channel, or the connection has failed."""
        return self._channel.readyState in ("closing", "closed") or self._peer.connectionState in ("failed", "closed")

    async def open(self, secret: str, address: str) -> None:
        """Connects, and waits for `session.created`; raises Refused."""
        sender: Any = self._peer.addTrack(PacketTrack())
        self._channel = self._peer.createDataChannel(EVENTS)
        self._channel.on("message", self._received)
        await self._peer.setLocalDescription(await self._peer.createOffer())
        headers = {**forwarded(address, secret), "Content-Type": "application/sdp"}
        answer = await self._soak.http.post(
            "/v1/realtime/calls", content=self._peer.localDescription.sdp, headers=headers
        )
        if answer.status_code != 201:
            raise Refused(answer)
        self.location = answer.headers["Location"]
        await self._peer.setRemoteDescription(aiortc.RTCSessionDescription(sdp=answer.text, type="answer"))
        await self._created.wait()
        self._kind, self._source = min(opus_payload_types(answer.text)), sender._ssrc
        self._take_over(sender.transport)
        self.latest.last = time.monotonic()
        self._soak.lines.append(self)

    def send(self) -> None:
        """The next packet: of the question, or of silence."""
        if self.hung_up:
            return
        if self.voiced:
            self._packets = (self.voiced.pop(0),)
            self.said = 0.0 if self.voiced else time.monotonic()
        else:
            self._packets = tuple(self._silence)
        super().send()

    async def leave(self, *, say_so: bool = True) -> None:
        """Hangs up at the host and closes, or only closes, like a tab that is closed."""
        if self in self._soak.lines:
            self._soak.lines.remove(self)
        if say_so and self.location:
            with suppress(httpx.TransportError):  # the host is away
                await self._soak.http.delete(self.location)
        await self.close()

    def _received(self, message: str) -> None:
        event = json.loads(message)
        if event["type"] == "session.created":
            self.renewal = event["session"].get("client_secret", {}).get("value", "")
            self._created.set()
        if event["type"] == "error" and event["error"].get("code") == "no_seat":
            self.unseated = True
        else:
            self._told(event)


class Talker:
    """A person who calls, asks, listens, hangs up, and calls again."""

    def __init__(self, number: int, soak: Soak) -> None:
        self._name = f"talker-{number}"
        self._address = f"198.51.100.{number + 1}"
        self._soak = soak
        self._chance = random.Random(number)
        self._line: Line | None = None
        self._heard = asyncio.Event()
        self._quiet = asyncio.Event()

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        while True:
            try:
                line = await self._attempt(await minted(self._soak, self._address))
            except (Refused, TimeoutError, httpx.TransportError) as error:
                await asyncio.sleep(self._not_connected(error))
                continue
            await self._call(line, self._chance.uniform(*LENGTH))
            await asyncio.sleep(self._chance.uniform(*PAUSE))

    def _not_connected(self, error: Exception) -> float:
        """Counts it; the seconds after which to try again."""
        if isinstance(error, Refused) and error.status in (429, 503) and error.again > 0:
            self._soak.ledger.refusals[error.name] += 1
            return error.again
        if not self._soak.by_kill(time.monotonic()):
            self._soak.ledger.wrong.append(f"{self._name} could not call: {error!r}")
        return 1.0

    async def _attempt(self, secret: str) -> Line:
        """One attempt to connect."""
        line = Line(self._name, self._soak, self._told)
        opened = False
        try:
            async with asyncio.timeout(ATTEMPT):
                await line.open(secret, self._address)
            opened = True
        finally:
            if not opened:
                await line.leave()
        return line

    async def _call(self, line: Line, seconds: float) -> None:
        record = CallRecord(time.monotonic())
        self._line = line
        talking = asyncio.create_task(self._converse())
        end = record.began + seconds
        try:
            while (left := end - time.monotonic()) > 0 and (current := self._line) is not None:
                await asyncio.sleep(min(LOOK, left))
                if current.unseated:
                    self._soak.ledger.refusals["no_seat once connected"] += 1
                    break
                if (why := await self._trouble(current)) is not None:
                    await self._reconnect(current, record, why, end)
        finally:
            talking.cancel()
            await asyncio.wait((talking,))
            last = self._let_go()
            record.ended = end if last is None else time.monotonic()
            if last is None or not last.unseated:
                self._soak.ledger.calls.append(record)
            if last is not None:
                await last.leave(say_so=self._chance.random() < 0.7)

    def _let_go(self) -> Line | None:
        line, self._line = self._line, None
        return line

    async def _trouble(self, line: Line) -> str | None:
        """What is wrong with a line, as the page sees it; None if nothing is."""
        if line.hung_up:
            return "the host hung up"
        if time.monotonic() - line.latest.last > SILENT:
            try:
                async with asyncio.timeout(ANSWER):
                    status = (await self._soak.http.get(line.location)).status_code
            except (TimeoutError, httpx.TransportError):
                return None
            return "the host does not know the call" if status == 404 else None
        return None

    async def _reconnect(self, lost: Line, record: CallRecord, why: str, end: float) -> None:
        """Calls again with the secret that came with the call; notes how long that took."""
        self._line = None
        outage = Outage(lost.latest.last, end, why, self._soak.by_kill(lost.latest.last))
        record.outages.append(outage)
        again, secret = 0.0, lost.renewal
        await lost.leave(say_so=False)
        for pause in BACKOFF:
            await asyncio.sleep(max(pause, again))
            try:
                self._line = await self._attempt(secret)
                outage.ended = time.monotonic()
                break
            except Refused as error:
                self._soak.ledger.refusals[error.name] += 1
                if not error.again <= LONGEST_WAIT:
                    break
                again = error.again
            except (TimeoutError, httpx.TransportError):
                again = 0.0
        if outage.killed:
            self._soak.ledger.back.append(outage.ended - self._soak.killed_at)
        if self._line is None or not outage.killed:
            self._soak.ledger.wrong.append(f"{self._name}: {why}, back: {self._line is not None}")

    async def _converse(self) -> None:
        """Asks one question after the other while there is a line."""
        await asyncio.sleep(self._chance.uniform(1, 3))
        while True:
            line = self._line
            if line is not None:
                await self._ask(line)
            await asyncio.sleep(self._chance.uniform(*PAUSE))

    async def _ask(self, line: Line) -> None:
        ledger = self._soak.ledger
        self._heard.clear()
        self._quiet.clear()
        began = time.monotonic()
        line.voiced = list(self._chance.choice(self._soak.questions).voiced)
        try:
            async with asyncio.timeout(CANCEL_GRACE):
                while not self._heard.is_set():
                    if self._line is not line:
                        raise Lost
                    await asyncio.sleep(0.05)
                ledger.asked, ledger.answered = ledger.asked + 1, ledger.answered + 1
                await self._quiet.wait()
        except Lost:
            if self._soak.by_kill(time.monotonic()) or began < self._soak.killed_at < time.monotonic():
                ledger.cut += 1
            else:
                ledger.asked += 1
        except TimeoutError:
            if not self._heard.is_set():
                ledger.asked += 1
                ledger.wrong.append(f"{self._name}: no answer within {CANCEL_GRACE:.0f} s")

    def _told(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "output_audio_buffer.started" and self._line is not None and self._line.said:
            self._heard.set()
        elif kind in ("output_audio_buffer.stopped", "output_audio_buffer.cleared"):
            self._quiet.set()
        elif kind == "error":
            self._soak.ledger.wrong.append(f"{self._name}: {event['error'].get('message')}")
