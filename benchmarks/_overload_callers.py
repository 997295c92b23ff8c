"""Callers: they retry while they are refused, then ask question after question."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiortc
import httpx
import numpy as np

from benchmarks._density_callers import RATE, Caller, encoded
from nodes.packets import Samples
from nodes.webrtc.protocol import EVENTS
from nodes.webrtc.transport.aiortc_hooks import PacketTrack
from nodes.webrtc.transport.sdp import opus_payload_types

CANCEL_GRACE = 30.0
"""Seconds after which an answer that has not begun counts as missing."""
PAUSE = (1.0, 3.0)
"""Seconds between an answer and the next question."""


@dataclass(slots=True)
class Seen:
    """The results of all callers of a phase."""

    answers: list[float] = field(default_factory=list)
    """Seconds from the last voiced packet of a question to the event that its answer is audible."""
    parts: list[dict[str, float]] = field(default_factory=list)
    """The host's waterfall of each answer, in milliseconds."""
    rungs: list[tuple[float, int]] = field(default_factory=list)
    """When each answer began (`time.monotonic`), and the place of the model in the chain of `chat`, from 0."""
    reasons: Counter[str] = field(default_factory=Counter)
    """What the callers were told of models that are not the first one."""
    unanswered: int = 0
    admitted: int = 0
    refused: int = 0
    """Correct refusals: 503, `no_seat`, with Retry-After."""
    wrong: list[str] = field(default_factory=list)
    """Other responses, and calls that were dropped."""


@dataclass(frozen=True, slots=True)
class Question:
    """A caller's question, in packets of 20 ms; the last one is voiced."""

    voiced: Sequence[bytes]
    silence: Sequence[bytes]


def question(samples: Samples) -> Question:
    """Samples at 16 kHz, without the silence at the end."""
    frame = RATE // 50
    loud = np.abs(samples[: samples.size // frame * frame].reshape(-1, frame).astype(np.int32)).max(axis=1) > 500
    end = (int(np.flatnonzero(loud)[-1]) + 1) * frame
    return Question(encoded(samples[:end]), encoded(np.zeros(RATE * 4, np.int16))[100:150])


class Person(Caller):
    """One caller; `run` continues until it is cancelled."""

    def __init__(self, name: str, questions: Sequence[Question], seen: Seen, seed: int) -> None:
        super().__init__(name, questions[0].silence)
        self.talking = False
        """Whether the call is connected."""
        self._questions = questions
        self._left = [questions[seed % len(questions)]]
        """Questions not asked yet, the next one last. Each caller starts with a different one, so that the model
        cannot take one conversation for another."""
        self._said = questions[0]
        self._seen = seen
        self._chance = random.Random(seed)
        self._voiced = 0
        self._asked = 0.0
        self._heard: asyncio.Future[None] | None = None
        self._quiet = asyncio.Event()
        self._again = 0.0
        self._channel: Any = None
        self._rung = 0

    async def run(self, http: httpx.AsyncClient) -> None:
        """Calls until it is admitted, then asks one question after the other."""
        while not await self.try_to(http):  # noqa: ASYNC110 - it comes again when it was told to
            await asyncio.sleep(self._again)
        self._seen.admitted += 1
        await asyncio.sleep(self._chance.uniform(1, 5))
        while True:
            await self._ask()
            await asyncio.sleep(self._chance.uniform(*PAUSE))

    async def try_to(self, http: httpx.AsyncClient) -> bool:
        """Tries to call once; whether it was admitted."""
        sender: Any = self._peer.getSenders()[0] if self._peer.getSenders() else self._peer.addTrack(PacketTrack())
        if self._channel is None:
            self._channel = self._peer.createDataChannel(EVENTS)
            self._channel.on("message", self._told)
            await self._peer.setLocalDescription(await self._peer.createOffer())
        headers = {"Content-Type": "application/sdp"}
        answer = await http.post("/v1/realtime/calls", content=self._peer.localDescription.sdp, headers=headers)
        if answer.status_code != 201:
            self._refused(answer)
            return False
        await self._peer.setRemoteDescription(aiortc.RTCSessionDescription(sdp=answer.text, type="answer"))
        async with asyncio.timeout(20):
            while self._channel.readyState != "open":  # noqa: ASYNC110 - as in Caller
                await asyncio.sleep(0.005)
        self._kind, self._source = min(opus_payload_types(answer.text)), sender._ssrc
        self._take_over(sender.transport)
        self.talking = True
        return True

    def send(self) -> None:
        """Sends the next packet, of the question or of silence."""
        if not self.talking:
            return
        said = self._said
        if 0 < self._voiced <= len(said.voiced):
            self._packets = (said.voiced[self._voiced - 1],)
            self._voiced += 1
            if self._voiced > len(said.voiced):
                self._asked, self._voiced = time.monotonic(), 0
        else:
            self._packets = said.silence
        super().send()

    async def _ask(self) -> None:
        self._heard = asyncio.get_running_loop().create_future()
        self._quiet.clear()
        if not self._left:  # all of them in turn, so that each phase has the same questions
            self._left = self._chance.sample(self._questions, len(self._questions))
        self._said = self._left.pop()
        self._asked, self._voiced = 0.0, 1
        try:
            async with asyncio.timeout(CANCEL_GRACE):
                await self._heard
                await self._quiet.wait()
        except TimeoutError:
            self._seen.unanswered += not self._heard.done()

    def _told(self, message: str) -> None:
        event = json.loads(message)
        kind = event["type"]
        if kind == "output_audio_buffer.started" and self._heard is not None and not self._heard.done():
            if self._asked:
                now = time.monotonic()
                self._seen.answers.append(now - self._asked)
                self._seen.rungs.append((now, self._rung))
                self._heard.set_result(None)
        elif kind in ("output_audio_buffer.stopped", "output_audio_buffer.cleared"):
            self._quiet.set()
        elif kind == "vitagraph.degraded" and event["node"] == "chat":
            self._rung = event["rung"]
            self._seen.reasons[event["message"]] += 1
        elif kind == "vitagraph.recovered" and event["node"] == "chat":
            self._rung = 0
        elif kind == "vitagraph.turn" and event["silence"] is not None:
            self._seen.parts.append(event["parts"])

    def _refused(self, answer: httpx.Response) -> None:
        self._again = float(answer.headers.get("Retry-After", "nan"))
        code = answer.json().get("error", {}).get("code") if answer.content else None
        if answer.status_code == 503 and code == "no_seat" and self._again > 0:
            self._seen.refused += 1
        else:
            self._seen.wrong.append(f"{answer.status_code} {answer.text[:200]}")
            self._again = 5.0


async def talk(people: Sequence[Person]) -> None:
    """Sends a packet of each caller every 20 ms, until it is cancelled."""
    slots, begin, slot = 10, time.monotonic(), 0
    while True:
        await asyncio.sleep(max(0.0, begin + slot * 0.002 - time.monotonic()))
        for person in people[slot % slots :: slots]:
            person.send()
        slot += 1


async def crowd(
    number: int, questions: Sequence[Question], http: httpx.AsyncClient, *, ramp: float, seconds: float
) -> Seen:
    """Starts `count` callers within `ramp` seconds, and ends them after a while."""
    seen = Seen()
    people = [Person(f"person-{n}", questions, seen, n) for n in range(number)]
    sending = asyncio.create_task(talk(people))
    calls = []
    try:
        for person in people:
            calls.append(asyncio.create_task(person.run(http)))
            await asyncio.sleep(ramp / number)
        await asyncio.sleep(seconds)
    finally:
        sending.cancel()
        for call in calls:
            call.cancel()
        for ended in await asyncio.gather(sending, *calls, return_exceptions=True):
            if not isinstance(ended, asyncio.CancelledError):
                seen.wrong.append(repr(ended))
        for person in people:
            await person.close()
    return seen
