"""Everything a caller says reaches the graph, at the right time, until the call ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from nodes.packets import Audio
from nodes.webrtc.source import OUTAGE, WINDOW, ArrivalTimes, WebRtcSource
from pipeline.errors import UserInputError
from pipeline.packet import MILLISECOND, SECOND
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import run_virtual
from pipeline.testing import Harness, RunResult, run_node
from tests.nodes.webrtc.fakes import FakePeer, fake_call

ms = MILLISECOND
FRAME = 20 * ms


def called(scene: Callable[[FakePeer], Any]) -> RunResult:
    """Runs the source while a scene happens; then the caller hangs up."""

    async def main() -> RunResult:
        async with fake_call() as peer, Runner() as runner:
            run = asyncio.ensure_future(Harness(WebRtcSource(), provide=[peer]).run(runner))
            await peer.clock.sleep(ms)
            await scene(peer)
            peer.ended.set()
            return await run

    return run_virtual(main())


def frame(number: int) -> Any:
    return np.full(320, number, np.int16)


def test_webrtc_source_gives_all_audio_and_ends_with_the_call() -> None:
    async def scene(peer: FakePeer) -> None:
        for number in range(50):
            await peer.clock.sleep(FRAME)
            peer.on_audio(frame(number))

    outcome = called(scene)
    heard = outcome.of(Audio)
    assert [int(audio.samples[0]) for audio in heard] == list(range(50))
    assert {audio.rate for audio in heard} == {16_000} and outcome.report.ended == "eos"
    assert [audio.at.pts for audio in heard] == [ms + number * FRAME for number in range(50)]


def test_webrtc_source_keeps_audio_received_before_hang_up() -> None:
    async def scene(peer: FakePeer) -> None:
        for number in range(10):
            peer.on_audio(frame(number))

    assert len(called(scene).of(Audio)) == 10


def test_webrtc_source_keeps_speech_times_after_a_stall() -> None:
    """After a network stall of half a second words are not squeezed together."""

    async def scene(peer: FakePeer) -> None:
        for number in range(50):
            await peer.clock.sleep(FRAME if not 10 <= number < 35 else 0 if number > 10 else 26 * FRAME)
            peer.on_audio(frame(number))

    assert {b.at.pts - a.at.pts for a, b in pairwise(called(scene).of(Audio))} == {FRAME}


def test_webrtc_source_gives_silence_while_the_client_sends_nothing() -> None:
    """Push-to-talk, or a client that mutes by not sending: its turn would never end."""

    async def scene(peer: FakePeer) -> None:
        for number in range(1, 11):
            await peer.clock.sleep(FRAME)
            peer.on_audio(frame(number))
        await peer.clock.sleep(3 * SECOND)
        peer.on_audio(frame(11))

    outcome = called(scene)
    heard = outcome.of(Audio)
    silence = [audio for audio in heard if audio.absent]
    assert len(heard) - len(silence) == 11 and not any(audio.samples.any() for audio in silence)
    assert 2.8 * SECOND <= len(silence) * FRAME <= 3 * SECOND
    first = outcome.times[heard.index(silence[0])]
    assert first - heard[9].at.pts <= 700 * ms
    assert all(0 <= b.at.pts - a.at.pts - FRAME < FRAME for a, b in pairwise(heard[:-1]))


def test_webrtc_source_gives_no_silence_before_the_first_sound() -> None:
    async def scene(peer: FakePeer) -> None:
        await peer.clock.sleep(3 * SECOND)

    assert called(scene).of(Audio) == []


def test_webrtc_source_without_a_call_reports_the_error() -> None:
    with pytest.raises(UserInputError, match="no CallTransport") as caught:
        run_node(WebRtcSource())
    assert "bin/serve" in caught.value.hint and "vitagraph replay" in caught.value.hint


def test_webrtc_source_of_each_session_hears_its_own_call() -> None:
    """Two callers of one graph must not hear each other."""

    async def main() -> list[list[int]]:
        async with fake_call() as first, fake_call() as second, Runner() as runner:
            runs = [
                asyncio.ensure_future(Harness(WebRtcSource(), provide=[each]).run(runner)) for each in (first, second)
            ]
            await first.clock.sleep(ms)
            for number in range(3):
                first.on_audio(frame(number))
                second.on_audio(frame(100 + number))
            first.end()
            second.end()
            return [[int(audio.samples[0]) for audio in (await run).of(Audio)] for run in runs]

    assert run_virtual(main()) == [[0, 1, 2], [100, 101, 102]]


def test_timeline_with_a_fast_sender_clock_never_exceeds_now() -> None:
    """The caller's clock gains 100 ms: pts stay at or before now."""
    timeline, now = ArrivalTimes(), SECOND
    for number in range(2000):
        now = SECOND + number * (FRAME - FRAME // 400)
        assert timeline.place(FRAME, now) + FRAME <= now


def test_timeline_with_a_slow_sender_clock_does_not_fall_behind() -> None:
    """Over hours all latencies would seem to grow."""
    timeline = ArrivalTimes()
    for number in range(5000):
        now = SECOND + number * (FRAME + FRAME // 1000)
        pts = timeline.place(FRAME, now)
    assert now - (pts + FRAME) < 20 * ms


def test_timeline_restarts_from_now_after_an_outage() -> None:
    timeline = ArrivalTimes()
    timeline.place(FRAME, SECOND)
    assert timeline.place(FRAME, 2 * OUTAGE) == 2 * OUTAGE - FRAME


def test_timeline_is_not_moved_by_jitter() -> None:
    timeline, source = ArrivalTimes(), np.random.default_rng(1)
    placed = []
    for number in range(3 * WINDOW // FRAME):
        placed.append(timeline.place(FRAME, SECOND + number * FRAME + int(source.integers(0, 30)) * ms * (number > 0)))
    assert set(np.diff(placed)) == {FRAME}
