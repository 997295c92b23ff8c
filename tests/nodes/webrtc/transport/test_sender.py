"""What a person hears must be whole, in time, and stop at once when they interrupt."""

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


class Line:
    """A call's way out: what was sent, and when."""

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


def on_a_line(scene: Callable[[Line], Coroutine[Any, Any, None]]) -> Line:
    async def main() -> Line:
        line = Line()
        await scene(line)
        line.ticker.leave(line.sender)
        return line

    return run_virtual(main())


def test_audio_sender_sends_one_byte_every_400_ms_of_silence() -> None:
    """Enough for the client's clocks, and next to nothing on the line."""

    async def scene(line: Line) -> None:
        await line.clock.sleep(2 * SECOND)

    line = on_a_line(scene)
    assert [len(packet) for _, packet, _ in line.sent] == [1] * 5
    steps = np.diff([pts for _, _, pts in line.sent])
    assert set(steps) == {KEEP_ALIVE * RTP_PER_SLOT}


def test_audio_sender_sends_speech_evenly_without_gaps() -> None:
    """50 packets a second, each 960 later, without a hole."""

    async def scene(line: Line) -> None:
        await line.clock.sleep(333 * ms)
        await line.play(1.0).over

    line = on_a_line(scene)
    loud = line.loud()
    assert len(loud) == 50
    assert set(np.diff([pts for _, pts in loud])) == {960}
    assert set(np.diff([now // ms for now, _ in loud])) == {20}


def test_audio_sender_starts_speech_without_waiting_for_its_slot() -> None:
    """Up to 18 ms that every answer would come later."""

    async def scene(line: Line) -> None:
        for wait in (500, 133, 301, 777):
            await line.clock.sleep(wait * ms)
            asked = line.clock.now()
            await line.play(0.1).over
            first = next(now for now, _ in line.loud() if now >= asked)
            assert first - asked <= 3 * ms

    on_a_line(scene)


def test_audio_sender_joins_sentences_without_a_gap() -> None:
    """The next one takes the very next slot of the call, and none twice."""

    async def scene(line: Line) -> None:
        for _ in range(3):
            await line.play(0.2).over

    assert set(np.diff([pts for _, pts in on_a_line(scene).loud()])) == {960}


def test_audio_sender_rtp_time_follows_the_clock_through_silence() -> None:
    """A frozen RTP clock would shift every face by the length of the pause."""

    async def scene(line: Line) -> None:
        await line.play(0.1).over
        await line.clock.sleep(7_123 * ms)
        await line.play(0.1).over

    line = on_a_line(scene)
    offsets = [pts * SECOND // 48_000 - now for now, _, pts in line.sent]
    assert max(offsets) - min(offsets) <= SLOT


def test_audio_sender_is_silent_within_20_ms_of_an_interruption() -> None:
    """Who interrupts must not hear a word more."""
    revoked = 0

    async def scene(line: Line) -> None:
        nonlocal revoked
        cause = line.answer()
        playback = line.play(1.0, cause)
        await line.clock.sleep(307 * ms)
        line.causes.revoke(cause, "turn")
        revoked = line.clock.now()
        await playback.over
        assert not playback.tracker.complete and 280 * ms <= playback.tracker.position <= 320 * ms
        await line.clock.sleep(SECOND)

    line = on_a_line(scene)
    assert all(now <= revoked for now, _ in line.loud())


def test_audio_sender_pauses_while_held_and_resumes_where_it_was() -> None:
    """A cough must not cost the sentence; nothing is lost or said twice."""
    starts: list[int] = []

    async def scene(line: Line) -> None:
        cause = line.answer()
        playback = line.play(0.4, cause, follow=lambda playback: starts.append(playback.tracker.start))
        await line.clock.sleep(101 * ms)
        line.causes.hold(cause)
        await line.clock.sleep(200 * ms)
        assert playback.held and not playback.over.done()
        line.causes.release(cause)
        await playback.over
        assert playback.tracker.complete and playback.tracker.position == 400 * ms

    line = on_a_line(scene)
    assert len(line.loud()) == 20
    assert len(set(starts)) == 2 and starts[-1] - starts[0] == 200 * ms


def test_audio_sender_ends_speech_with_encoded_silence() -> None:
    """Cut off at the last frame, the client's decoder would go on guessing."""

    async def scene(line: Line) -> None:
        await line.play(0.1).over
        await line.clock.sleep(SECOND)

    line = on_a_line(scene)
    after = line.sent.index(next(each for each in line.sent if each[0] == line.loud()[-1][0])) + 1
    assert [len(packet) > 1 for _, packet, _ in line.sent[after:]] == [True, True, False, False]
    assert all(np.abs(heard).max() < 100 for heard in line.heard[after + 1 :])


def test_audio_sender_pads_the_last_partial_frame() -> None:
    async def scene(line: Line) -> None:
        playback = line.play((2 * FRAME + 1) / RATE)
        assert playback.samples.size == 2 * FRAME + 1
        await playback.over
        assert playback.tracker.complete and playback.tracker.position == duration_of(2 * FRAME + 1, RATE)

    assert len([1 for _, packet, _ in on_a_line(scene).sent if len(packet) > 1]) == 3


def test_audio_sender_next_playback_ends_the_current_one() -> None:
    async def scene(line: Line) -> None:
        first = line.play(1.0)
        await line.clock.sleep(100 * ms)
        second = line.play(0.1)
        await first.over
        await second.over
        assert not first.tracker.complete and second.tracker.complete

    on_a_line(scene)


def test_audio_sender_catches_up_after_a_short_event_loop_stall() -> None:
    """After 100 ms the missing packets go out together; a client's buffer takes care of them."""
    ticker_next = 0

    async def scene(line: Line) -> None:
        nonlocal ticker_next
        playback = line.play(1.0)
        await line.clock.sleep(200 * ms)
        line.clock.skipped += 100 * ms  # the loop was blocked: no member was called
        await playback.over
        assert playback.tracker.complete

    line = on_a_line(scene)
    assert set(np.diff([pts for _, pts in line.loud()])) == {960}


def test_audio_sender_does_not_rush_after_a_long_stop() -> None:
    """Who suspends the machine for an hour does not get an hour of packets."""

    async def scene(line: Line) -> None:
        await line.clock.sleep(200 * ms)
        line.clock.skipped += 3600 * SECOND
        playback = line.play(0.1)
        await playback.over

    line = on_a_line(scene)
    assert len(line.sent) < 10 + MAX_CATCH_UP // 10


def test_audio_sender_spreads_calls_over_the_slots() -> None:
    """A hundred calls in one slot would make each other late."""

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
    """A fault in one call must not silence a process."""

    class Broken:
        def tick(self, index: int) -> None:
            raise RuntimeError("broken")

    async def main() -> int:
        seen: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context["exception"]))
        line, broken = Line(), Broken()
        line.ticker.join(broken)
        await line.play(0.2).over
        line.ticker.leave(broken)
        line.ticker.leave(line.sender)
        assert seen
        return len(line.loud())

    assert run_virtual(main()) == 10


@pytest.mark.parametrize("members", [1])
def test_audio_sender_keeps_time_on_the_real_clock(members: int) -> None:
    """uvloop's timers fire early or late by a millisecond; the packets may not."""
    import uvloop

    async def main() -> Line:
        line = Line()
        await line.play(0.3).over
        line.ticker.leave(line.sender)
        return line

    line = uvloop.run(main())
    assert len(line.loud()) == 15 and set(np.diff([pts for _, pts in line.loud()])) == {960}
