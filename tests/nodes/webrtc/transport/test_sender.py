"""Outgoing audio is complete and on time, and stops at once at an interruption."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from nodes.packets import Samples, duration_of
from nodes.webrtc.transport.opus import OpusDecoder
from nodes.webrtc.transport.playback import FRAME, RATE, Playback
from nodes.webrtc.transport.sender import KEEP_ALIVE, RTP_PER_SLOT, AudioSender
from nodes.webrtc.transport.ticker import MAX_CATCH_UP, SLOT, Ticker
from pipeline.cause import Cause, Causes
from pipeline.clock import Clock
from pipeline.packet import MILLISECOND, SECOND, Stamp
from pipeline.runtime.virtual import run_virtual

ms = MILLISECOND


def rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


class SkippingClock(Clock):
    """A clock that can be put forward."""

    skipped = 0

    def now(self) -> int:
        return super().now() + self.skipped


class Outgoing:
    """An audio sender, and what it has sent."""

    def __init__(self) -> None:
        self.clock = SkippingClock(asyncio.get_running_loop())
        self.causes = Causes()
        self.ticker = Ticker(asyncio.get_running_loop(), self.clock)
        self.sent: list[tuple[int, bytes, int]] = []
        """The clock, the packet, the RTP time."""
        self.heard: list[Samples] = []
        self.sender = AudioSender(self.ticker, self._send)
        decoder = OpusDecoder(RATE)
        self.decode = decoder.decode
        self.ticker.join(self.sender)

    def _send(self, packet: bytes, pts: int) -> None:
        self.sent.append((self.clock.now(), packet, pts))
        self.heard.append(self.decode(packet))

    def answer(self) -> Cause:
        cause = self.causes.begin("turn")
        self.causes.commit(cause)
        return cause

    def play(self, seconds: float, cause: Cause | None = None, **more: Any) -> Playback:
        samples = (8000 * np.sin(np.arange(round(RATE * seconds)) / 9)).astype(np.int16)
        playback = Playback(samples, Stamp(0, 0, cause or self.answer()), **more)
        self.sender.play(playback)
        return playback

    def loud(self) -> list[tuple[int, int]]:
        """When sound went out, and its RTP time."""
        return [(now, pts) for (now, _, pts), heard in zip(self.sent, self.heard, strict=True) if rms(heard) > 3000]


def outgoing(scene: Callable[[Outgoing], Coroutine[Any, Any, None]]) -> Outgoing:
    async def main() -> Outgoing:
        out = Outgoing()
        await scene(out)
        out.ticker.leave(out.sender)
        return out

    return run_virtual(main())


def test_audio_sender_sends_one_byte_every_400_ms_of_silence() -> None:
    """This keeps the client's clocks, at almost no bandwidth."""

    async def scene(out: Outgoing) -> None:
        await out.clock.sleep(2 * SECOND)

    out = outgoing(scene)
    assert [len(packet) for _, packet, _ in out.sent] == [1] * 5
    steps = np.diff([pts for _, _, pts in out.sent])
    assert set(steps) == {KEEP_ALIVE * RTP_PER_SLOT}


def test_audio_sender_sends_speech_evenly_without_gaps() -> None:
    """50 packets a second, each 960 later in RTP time."""

    async def scene(out: Outgoing) -> None:
        await out.clock.sleep(333 * ms)
        await out.play(1.0).over

    out = outgoing(scene)
    loud = out.loud()
    assert len(loud) == 50
    assert set(np.diff([pts for _, pts in loud])) == {960}
    assert set(np.diff([now // ms for now, _ in loud])) == {20}


def test_audio_sender_starts_speech_without_waiting_for_its_slot() -> None:
    """Waiting for the slot would delay every answer by up to 18 ms."""

    async def scene(out: Outgoing) -> None:
        for wait in (500, 133, 301, 777):
            await out.clock.sleep(wait * ms)
            asked = out.clock.now()
            await out.play(0.1).over
            first = next(now for now, _ in out.loud() if now >= asked)
            assert first - asked <= 3 * ms

    outgoing(scene)


def test_audio_sender_joins_sentences_without_a_gap() -> None:
    """The next sentence starts in the call's next slot."""

    async def scene(out: Outgoing) -> None:
        for _ in range(3):
            await out.play(0.2).over

    assert set(np.diff([pts for _, pts in outgoing(scene).loud()])) == {960}


def test_audio_sender_rtp_time_follows_the_clock_through_silence() -> None:
    """If RTP time stood still in silence, faces would be late by the length of the pause."""

    async def scene(out: Outgoing) -> None:
        await out.play(0.1).over
        await out.clock.sleep(7_123 * ms)
        await out.play(0.1).over

    out = outgoing(scene)
    offsets = [pts * SECOND // 48_000 - now for now, _, pts in out.sent]
    assert max(offsets) - min(offsets) <= SLOT


def test_audio_sender_is_silent_within_20_ms_of_an_interruption() -> None:
    """After an interruption nothing more is heard."""
    revoked = 0

    async def scene(out: Outgoing) -> None:
        nonlocal revoked
        cause = out.answer()
        playback = out.play(1.0, cause)
        await out.clock.sleep(307 * ms)
        out.causes.revoke(cause, "turn")
        revoked = out.clock.now()
        await playback.over
        assert not playback.tracker.complete and 280 * ms <= playback.tracker.position <= 320 * ms
        await out.clock.sleep(SECOND)

    out = outgoing(scene)
    assert all(now <= revoked for now, _ in out.loud())


def test_audio_sender_pauses_while_held_and_resumes_where_it_was() -> None:
    """A held answer loses and repeats nothing."""
    starts: list[int] = []

    async def scene(out: Outgoing) -> None:
        cause = out.answer()
        playback = out.play(0.4, cause, follow=lambda playback: starts.append(playback.tracker.start))
        await out.clock.sleep(101 * ms)
        out.causes.hold(cause)
        await out.clock.sleep(200 * ms)
        assert playback.held and not playback.over.done()
        out.causes.release(cause)
        await playback.over
        assert playback.tracker.complete and playback.tracker.position == 400 * ms

    out = outgoing(scene)
    assert len(out.loud()) == 20
    assert len(set(starts)) == 2 and starts[-1] - starts[0] == 200 * ms


def test_audio_sender_ends_speech_with_encoded_silence() -> None:
    """Without a tail the client's decoder would conceal the end with a guess."""

    async def scene(out: Outgoing) -> None:
        await out.play(0.1).over
        await out.clock.sleep(SECOND)

    out = outgoing(scene)
    after = out.sent.index(next(each for each in out.sent if each[0] == out.loud()[-1][0])) + 1
    assert [len(packet) > 1 for _, packet, _ in out.sent[after:]] == [True, True, False, False]
    assert all(np.abs(heard).max() < 100 for heard in out.heard[after + 1 :])


def test_audio_sender_pads_the_last_partial_frame() -> None:
    async def scene(out: Outgoing) -> None:
        playback = out.play((2 * FRAME + 1) / RATE)
        assert playback.samples.size == 2 * FRAME + 1
        await playback.over
        assert playback.tracker.complete and playback.tracker.position == duration_of(2 * FRAME + 1, RATE)

    assert len([1 for _, packet, _ in outgoing(scene).sent if len(packet) > 1]) == 3


def test_audio_sender_next_playback_ends_the_current_one() -> None:
    async def scene(out: Outgoing) -> None:
        first = out.play(1.0)
        await out.clock.sleep(100 * ms)
        second = out.play(0.1)
        await first.over
        await second.over
        assert not first.tracker.complete and second.tracker.complete

    outgoing(scene)


def test_audio_sender_catches_up_after_a_short_event_loop_stall() -> None:
    """After 100 ms the missing packets are sent together; a client's jitter buffer absorbs them."""
    ticker_next = 0

    async def scene(out: Outgoing) -> None:
        nonlocal ticker_next
        playback = out.play(1.0)
        await out.clock.sleep(200 * ms)
        out.clock.skipped += 100 * ms  # the loop was blocked: no member was called
        await playback.over
        assert playback.tracker.complete

    out = outgoing(scene)
    assert set(np.diff([pts for _, pts in out.loud()])) == {960}


def test_audio_sender_does_not_rush_after_a_long_stop() -> None:
    """After an hour of suspension there is no burst of an hour of packets."""

    async def scene(out: Outgoing) -> None:
        await out.clock.sleep(200 * ms)
        out.clock.skipped += 3600 * SECOND
        playback = out.play(0.1)
        await playback.over

    out = outgoing(scene)
    assert len(out.sent) < 10 + MAX_CATCH_UP // 10


def test_audio_sender_spreads_calls_over_the_slots() -> None:
    """A hundred calls in one slot would delay each other."""

    class Member:
        def __init__(self) -> None:
            self.calls: list[int] = []

        def tick(self, index: int) -> None:
            self.calls.append(index)

    async def main() -> list[Member]:
        ticker, members = Ticker.here(), [Member() for _ in range(20)]
        for member in members:
            ticker.join(member)
        await Clock(asyncio.get_running_loop()).sleep(200 * ms)
        for member in members:
            ticker.leave(member)
            ticker.leave(member)
        assert len(ticker) == 0
        return members

    members = run_virtual(main())
    assert sorted(member.calls[0] % 10 for member in members) == [slot for slot in range(10) for _ in range(2)]
    assert all(set(np.diff(member.calls)) == {10} and len(member.calls) >= 9 for member in members)


def test_audio_sender_failure_does_not_stop_other_calls() -> None:
    """An exception in one call must not stop the others."""

    class Broken:
        def tick(self, index: int) -> None:
            raise RuntimeError("broken")

    async def main() -> int:
        seen: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context["exception"]))
        out, broken = Outgoing(), Broken()
        out.ticker.join(broken)
        await out.play(0.2).over
        out.ticker.leave(broken)
        out.ticker.leave(out.sender)
        assert seen
        return len(out.loud())

    assert run_virtual(main()) == 10


@pytest.mark.parametrize("members", [1])
def test_audio_sender_keeps_time_on_the_real_clock(members: int) -> None:
    """uvloop's timers fire up to a millisecond early or late; the RTP times stay even."""
    import uvloop

    async def main() -> Outgoing:
        out = Outgoing()
        await out.play(0.3).over
        out.ticker.leave(out.sender)
        return out

    out = uvloop.run(main())
    assert len(out.loud()) == 15 and set(np.diff([pts for _, pts in out.loud()])) == {960}
