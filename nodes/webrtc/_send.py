"""The outgoing voices of all calls of a process.

One ticker serves them all: 20 ms are cut into 10 slots, every call sits in one, and no call
has a task. RTP time follows the clock whether or not somebody speaks, so what a client
knows of the one stays true of the other. While a voice is silent it sends one byte every
400 ms, which keeps the client's clocks where they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar, Protocol

import numpy as np

from nodes.packets import Samples
from nodes.webrtc._opus import Encoder
from pipeline.cause import Cause
from pipeline.clock import Clock
from pipeline.packet import MILLISECOND, SECOND

RATE = 24_000
"""At which everything is encoded, in Hz."""
FRAME = RATE // 50
SLOT = 2 * MILLISECOND
SLOTS = 10
TICKS = 96
"""RTP time that passes in a slot: at 48 kHz."""
MOST_BEHIND = 100
"""Slots that are made up for when the loop stood still; a listener would not wait longer."""
TAIL = 2
"""Frames of encoded silence after speech, so that its last frame can fade out."""
KEEP_ALIVE = 200
"""Slots between the packets of a silent voice: 400 ms."""

_SILENCE: Samples = np.zeros(FRAME, np.int16)


class Ticked(Protocol):
    """What the ticker calls every 20 ms; it must not take long. One that raises is left out from then on."""

    def tick(self, index: int) -> None:
        """`index` counts slots since the ticker began."""


class Ticker:
    """Calls each of its members every 20 ms, a few at a time."""

    _of: ClassVar[dict[asyncio.AbstractEventLoop, Ticker]] = {}
    """Those that have members."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._clock = Clock(loop)
        self._slots: tuple[list[Ticked], ...] = tuple([] for _ in range(SLOTS))
        self._slot_of: dict[Ticked, int] = {}
        self._next = 0
        """The index of the slot that comes next."""
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def here(cls) -> Ticker:
        """The one of the running loop; a new one where nobody has joined yet."""
        loop = asyncio.get_running_loop()
        return cls._of.get(loop) or cls(loop)

    def __len__(self) -> int:
        return len(self._slot_of)

    def now(self) -> int:
        """Nanoseconds on the ticker's clock."""
        return self._clock.now()

    def join(self, member: Ticked) -> None:
        """Adds a member, to the slot that has the fewest."""
        if not self._slot_of:
            self._next = self._index() + 1  # nobody was there to be called
        self._put(member, min(range(SLOTS), key=lambda slot: len(self._slots[slot])))

    def leave(self, member: Ticked) -> None:
        """Removes a member; it may have left already."""
        slot = self._slot_of.pop(member, None)
        if slot is not None:
            self._slots[slot].remove(member)
        if not self._slot_of:
            self._of.pop(self._loop, None)
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def hurry(self, member: Ticked) -> None:
        """Moves a member to the next slot, for it has something to say."""
        if member in self._slot_of:
            self.leave(member)
            self._next = max(self._next, self._index() + 1) if not self._slot_of else self._next
            self._put(member, self._next % SLOTS)

    def _put(self, member: Ticked, slot: int) -> None:
        self._of[self._loop] = self
        self._slots[slot].append(member)
        self._slot_of[member] = slot
        self._schedule()

    def _index(self) -> int:
        return self._clock.now() // SLOT

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for index in range(self._next, self._next + SLOTS):
            if self._slots[index % SLOTS]:
                # A timer of uvloop counts whole milliseconds and may fire early: less would spin.
                delay = max(MILLISECOND, index * SLOT - self._clock.now())
                self._timer = self._loop.call_later(delay / SECOND, self._wake)
                return

    def _wake(self) -> None:
        self._timer = None
        running: Ticked | None = None
        try:
            now = self._index()
            self._next = max(self._next, now - MOST_BEHIND)
            while self._next <= now:
                index = self._next
                self._next += 1
                for member in tuple(self._slots[index % SLOTS]):
                    running = member
                    member.tick(index)
            running = None
        finally:
            if running is not None:
                self.leave(running)  # it raised, which the loop reports; the others go on
            if self._slot_of:
                self._schedule()


class Playback:
    """One sound on its way out. Every 20 ms it looks whether it may go on."""

    def __init__(
        self, samples: Samples, cause: Cause, follow: Callable[[Playback], None] = lambda playback: None
    ) -> None:
        self.samples = samples
        """At 24 kHz."""
        self.cause = cause
        self.position = 0
        """Samples that have gone out."""
        self.start = 0
        """RTP time, before the call's random origin, at which its first sample would have gone
        out; a pause moves it."""
        self.held = False
        """Whether it pauses."""
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when all has gone out, or no more will."""
        self._follow = follow

    @property
    def complete(self) -> bool:
        """Whether all of it has gone out."""
        return self.position >= self.samples.size

    @property
    def played(self) -> int:
        """Nanoseconds that have gone out."""
        return self.position * SECOND // RATE

    def take(self, pts: int) -> Samples | None:
        """The next 20 ms; None where it must not or need not sound."""
        if self.over.done():
            return None
        if not self.cause.live or self.complete:
            self.stop()
            return None
        self.held = not self.cause.open
        if not self.held:
            self.start = pts - self.position * (48_000 // RATE)
        self._follow(self)  # before the sound, so that the face is not behind it
        return None if self.held else self._next()

    def stop(self) -> None:
        """No more of it goes out."""
        if not self.over.done():
            self.over.set_result(None)

    def _next(self) -> Samples:
        frame = self.samples[self.position : self.position + FRAME]
        self.position += frame.size
        if self.complete:
            self.stop()
        return frame if frame.size == FRAME else np.pad(frame, (0, FRAME - frame.size))


class Voice:
    """The outgoing sound of one call. `send` takes a packet and its RTP time."""

    def __init__(self, ticker: Ticker, send: Callable[[bytes, int], None]) -> None:
        self._ticker = ticker
        self._send = send
        self._encoder = Encoder(RATE)
        self._nothing = self._encoder.encode(_SILENCE)[:1]
        """A packet without a frame: the decoder is told that there is silence (DTX)."""
        self._playback: Playback | None = None
        self._tail = 0
        self._sent = -KEEP_ALIVE
        """The slot of the last packet."""

    def play(self, playback: Playback) -> None:
        """Begins to play, in place of what was played before; at once if the last frame is long past."""
        if self._playback is not None:
            self._playback.stop()
        self._playback = playback
        if self._ticker.now() // SLOT - self._sent >= SLOTS:
            self._ticker.hurry(self)

    def tick(self, index: int) -> None:
        """Sends what is due in this slot."""
        packet = self._packet(index)
        if packet is not None:
            self._sent = index
            self._send(packet, index * TICKS)

    def _packet(self, index: int) -> bytes | None:
        frame = self._playback.take(index * TICKS) if self._playback is not None else None
        if frame is not None:
            self._tail = TAIL
            return self._encoder.encode(frame)
        if self._playback is not None and self._playback.over.done():
            self._playback = None
        if self._tail:
            self._tail -= 1
            return self._encoder.encode(_SILENCE)
        return self._nothing if index - self._sent >= KEEP_ALIVE else None
