"""The host of `observe.py`: a call manager whose calls are watched by everything, or by nothing."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from nodes.packets import Sentence, Speech, duration_of
from pipeline.graph.plan import Plan
from pipeline.node import Service
from pipeline.packet import Stamp
from pipeline.params import NoParams
from pipeline.port import Input, Output
from vitagraph.host.admission import Thresholds
from vitagraph.host.call import Call
from vitagraph.host.call_manager import CallManager, Offer
from vitagraph.host.graph_catalogue import GraphCatalogue
from vitagraph.host.headroom import AssumedCosts
from vitagraph.host.observation import HostObservation
from vitagraph.host.settings import HostSettings
from vitagraph.observe.tracing import Tracing

GRAPH = """
vitagraph: 1
description: A whole conversation without a model.
nodes:
  caller: webrtc.source
  vad: vad.webrtc
  turn: {use: turn.endpoint, floor: 200ms, ceiling: 300ms}
  asr: {use: asr.sorry, sentences: [That was heard.]}
  chat: {use: dialogue.script, otherwise: It is nine o'clock.}
  sentences: text.sentences
  tts: benchmarks._observe_host:Hum
  face: face.visemes
  playback: webrtc.sink
links:
  - caller -> vad -> turn -> asr -> chat -> sentences -> tts -> playback.audio
  - tts -> face -> playback.avatar
"""
RATE = 24_000
EVERYBODY = Thresholds(1e6, 1e6, 1e6, 1e6, 1e6, assumed=AssumedCosts(heavy=0, light=0, pool=0, crowded=1e6, full=1e6))


class Hum(Service[NoParams]):
    """A second of sound for each sentence."""

    text = Input(Sentence)
    speech = Output(Speech, rate=RATE, channels=1)

    @text.each
    async def say(self, sentence: Sentence) -> AsyncIterator[Speech]:
        """The sound."""
        samples = (6000 * np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE)).astype(np.int16)
        at = Stamp(self.clock.now(), duration_of(RATE, RATE), sentence.at.cause)
        yield Speech(at, samples, RATE, sentence.shown or sentence.text, last=sentence.last)


class Unwatched(HostObservation):
    """Watches no call."""

    def attend(self, call: Call, plan: Plan, instructions: str) -> None:
        """Only what the metrics need to forget it."""
        self.metrics.attend(call, plan)


class Nowhere(SpanExporter):
    """Takes spans, as a collector that is always there."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Does nothing."""
        return SpanExportResult.SUCCESS


class Watched(HostObservation):
    """Watches each call by everything, traces included."""

    async def open(self) -> None:
        """Opens all of it."""
        await super().open()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(Nowhere()))
        self._tracing = Tracing(provider)
        self._exit.push_async_callback(asyncio.to_thread, self._tracing.close)


class Hosted:
    """The server of `_density_server` for these hosts; `watched` says which."""

    def __init__(self, *, watched: bool) -> None:
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        file = folder / "conversation.yaml"
        file.write_text(GRAPH, encoding="utf-8")
        more: dict[str, Any] = {"record": folder / "calls", "quality": folder / "quality.db"} if watched else {}
        settings = HostSettings(health=0, thresholds=EVERYBODY, calls_per_address=1_000, timelines=50, **more)
        self._manager = CallManager(settings, GraphCatalogue(file, ()))
        self._manager.observation = (Watched if watched else Unwatched)(settings)
        self._watched = watched
        self._looking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Starts the host, and for the watched one an operator who looks at the console and scrapes."""
        await self._manager.__aenter__()
        if self._watched:
            self._looking = asyncio.create_task(self._look())

    async def answer(self, name: str, offer: str) -> str:
        """Takes a call."""
        return (await self._manager.answer(Offer(offer))).answer

    def counts(self) -> dict[str, int]:
        """The turns that were answered, to see that both have the same to do."""
        registry = self._manager.metrics.registry
        found = registry.get_sample_value("vitagraph_turns_total", {"outcome": "answered"})
        return {"answered": int(found or 0)}

    async def close(self) -> None:
        """Ends all calls."""
        if self._looking is not None:
            self._looking.cancel()
        await self._manager.__aexit__(None, None, None)
        self._folder.cleanup()

    async def _look(self) -> None:
        from fastapi import Request

        request = Request({"type": "http", "headers": []})
        seconds = 0
        while True:
            await asyncio.sleep(1)
            self._manager.console.state()
            seconds += 1
            if seconds % 15 == 0:
                await self._manager.metrics.answer(request)
