"""Calls a host from this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import uvloop

from nodes.webrtc.transport.opus import library
from pipeline.clock import Clock
from pipeline.packet import MILLISECOND
from tests.nodes.webrtc.client import Client, loopback
from vitagraph.host.admission import Thresholds
from vitagraph.host.call import Call
from vitagraph.host.call_manager import CallManager, Offer
from vitagraph.host.graph_catalogue import GraphCatalogue
from vitagraph.host.headroom import AssumedCosts
from vitagraph.host.settings import HostSettings

T = TypeVar("T")

SCRIPTED = """
vitagraph: 1
description: Answers by rules, with tones for a voice.
nodes:
  caller: webrtc.source
  vad: vad.energy
  turn: {use: turn.endpoint, floor: 200ms, ceiling: 300ms}
  asr: {use: asr.sorry, sentences: [That was heard.]}
  chat: {use: dialogue.script, otherwise: It is nine o'clock.}
  sentences: text.sentences
  tts: tests.vitagraph.host.dialling_nodes:Beeper
  face: face.visemes
  playback: webrtc.sink
links:
  - caller -> vad -> turn -> asr -> chat -> sentences -> tts -> playback.audio
  - turn.typed -> chat
  - tts -> face -> playback.avatar
"""
"""A whole conversation without a model."""

_NODES = "tests.vitagraph.host.dialling_nodes"
RECITING = SCRIPTED.replace(
    "{use: dialogue.script, otherwise: It is nine o'clock.}",
    f'{{use: "{_NODES}:FailingReciter", fallback: {{use: "{_NODES}:Reciter", system: The graph.}}}}',
)
"""The same, but it answers with the instructions of the call, and always by the fallback."""


ROOMY = Thresholds(1e6, 1e6, 1e6, 1e6, 1e6, assumed=AssumedCosts(heavy=0, light=0, pool=0, crowded=1e6, full=1e6))
"""The machine that runs the tests may be busy: that is not what they are about."""


def scripted(folder: Path, name: str = "scripted", text: str = SCRIPTED) -> Path:
    """A graph file."""
    file = folder / f"{name}.yaml"
    file.write_text(text, encoding="utf-8")
    return file


class Caller(Client):
    """A client of one call."""

    call_: Call
    all: ClassVar[list[Caller]] = []
    """Those of this scene: an open socket keeps uvloop from closing."""

    def __init__(self) -> None:
        super().__init__()
        self.all.append(self)

    async def close(self) -> None:
        """Hangs up."""
        if self in self.all:
            self.all.remove(self)
            await super().close()

    def told(self, *types: str) -> list[dict[str, Any]]:
        """The events of these types, or all, so far."""
        events = [json.loads(text) for text in self.events]
        return [event for event in events if not types or event["type"] in types]

    async def wait_for(self, type: str, count: int = 1, seconds: float = 10) -> dict[str, Any]:
        """The event, once it has come so many times."""
        async with asyncio.timeout(seconds):
            while len(found := self.told(type)) < count:
                await self.clock.sleep(10 * MILLISECOND)
        return found[count - 1]

    def tell(self, **event: Any) -> None:
        """Sends an event."""
        self.channel.send(json.dumps(event))

    def type(self, text: str) -> None:
        """Asks for an answer to a text."""
        content = [{"type": "input_text", "text": text}]
        self.tell(type="conversation.item.create", item={"type": "message", "role": "user", "content": content})
        self.tell(type="response.create")


async def dial(manager: CallManager, graph: str | None = None, **session: Any) -> Caller:
    """A new call, connected."""
    caller = Caller()

    async def answering(sdp: str) -> str:
        caller.call_ = await manager.answer(Offer(sdp, graph, session))
        return caller.call_.answer

    await caller.dial(answering)
    return caller


def hosting(
    scene: Callable[[CallManager], Awaitable[T]],
    default: str | Path = "echo",
    folders: Sequence[Path] = (),
    **settings: Any,
) -> T:
    """Plays a scene with a call manager, in real time."""
    graphs = GraphCatalogue(default, folders)
    settings = {"health": 0, "thresholds": ROOMY, **settings}
    library()  # as a host, which reads it from the disk before a loop runs

    async def main() -> T:
        with loopback():
            async with CallManager(HostSettings(**settings), graphs) as manager:
                try:
                    async with asyncio.timeout(60):
                        return await scene(manager)
                finally:
                    while Caller.all:
                        await Caller.all[-1].close()

    return uvloop.run(main())


async def gone(manager: CallManager, seconds: float = 5) -> float:
    """Waits until no call is left; the seconds that it took."""
    clock = Clock(asyncio.get_running_loop())
    async with asyncio.timeout(seconds):
        while manager.count:
            await clock.sleep(10 * MILLISECOND)
    return clock.now() / 1e9
