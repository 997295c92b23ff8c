"""A call without a network, on any clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from nodes.packets import AvatarFrames, Samples, Speech, duration_of
from nodes.webrtc.protocol import AvatarBatch, Message, decode_batch, decode_from_server
from nodes.webrtc.transport.call import CallTransport
from nodes.webrtc.transport.opus import OpusDecoder
from nodes.webrtc.transport.playback import RATE
from nodes.webrtc.transport.sender import AudioSender
from nodes.webrtc.transport.ticker import Ticker
from pipeline.cause import Cause, Causes
from pipeline.clock import Clock
from pipeline.packet import SECOND, Stamp

ORIGIN = 0xFFFF_0000
"""RTP time soon wraps."""


class FakePeer(CallTransport):
    """A call transport without a network, which records what is sent."""

    has_face = True
    rtp_origin: int | None = ORIGIN

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock(asyncio.get_running_loop())
        self.connected.set()
        self.messages: list[tuple[int, Message]] = []
        self.batches: list[tuple[int, AvatarBatch]] = []
        """When each was sent."""
        self.sound: list[tuple[int, int, Samples]] = []
        """When it was sent, the RTP time, and what it decodes to."""
        self.ticker = Ticker.here()
        self.player = AudioSender(self.ticker, self._push)
        self.ticker.join(self.player)
        self._decoder = OpusDecoder(RATE)

    def __deepcopy__(self, memo: object) -> FakePeer:
        raise TypeError("of an open connection there is no copy")

    def _push(self, payload: bytes, pts: int) -> None:
        self.sound.append((self.clock.now(), (pts + ORIGIN) % 2**32, self._decoder.decode(payload)))

    def send_text(self, text: str) -> None:
        self.messages.append((self.clock.now(), decode_from_server(text)))

    def send_avatar(self, batch: bytes) -> None:
        self.batches.append((self.clock.now(), decode_batch(batch)))

    async def close(self) -> None:
        self.ticker.leave(self.player)

    def loud(self) -> list[tuple[int, int]]:
        """When sound went out, and its RTP time."""
        return [(now, pts) for now, pts, samples in self.sound if np.abs(samples.astype(int)).mean() > 2000]


@asynccontextmanager
async def fake_call() -> AsyncIterator[FakePeer]:
    """A fake peer that is closed at the end."""
    peer = FakePeer()
    try:
        yield peer
    finally:
        await peer.close()


def answer(causes: Causes) -> Cause:
    """A turn that has been committed."""
    cause = causes.begin("turn")
    causes.commit(cause)
    return cause


def speech(cause: Cause, seconds: float, *, pts: int = 0, rate: int = RATE, **more: Any) -> Speech:
    """A tone that is a sentence."""
    samples = (8000 * np.sin(np.arange(round(seconds * rate)) * 2600 / rate)).astype(np.int16)
    return Speech(Stamp(pts, duration_of(samples.size, rate), cause), samples, rate, "one two three four", **more)


def frames(cause: Cause, count: int, *, pts: int = 0, first: int = 0, rate: int = 50) -> AvatarFrames:
    """Frames that are numbered in their first weight, in 255ths."""
    weights = np.zeros((count, 52), np.float32)
    weights[:, 0] = np.arange(first, first + count) / 255
    return AvatarFrames(Stamp(pts, count * SECOND // rate, cause), weights, np.zeros((count, 7), np.float32), rate)
