"""What a caller hears and sees is complete and in sync, and stops at an interruption."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nodes.packets import Audio, CancelResponse, InstructionsChanged, PlaybackProgress, TextInput
from nodes.webrtc.protocol import Flush
from nodes.webrtc.sink import WebRtcSink
from pipeline.cause import Causes
from pipeline.errors import UserInputError
from pipeline.packet import MILLISECOND, SECOND, Stamp
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import run_virtual
from pipeline.testing import Harness, RunResult, run_node
from tests.nodes.webrtc.fakes import ORIGIN, FakePeer, answer, fake_call, frames, speech

ms = MILLISECOND
Script = dict[int, Callable[[Harness, FakePeer], Any]]


def called(feed: Any, script: Script | None = None, tail: int = SECOND) -> tuple[RunResult, FakePeer]:
    """Runs the sink over a feed that comes at once; at the times of the script something happens."""

    async def main() -> tuple[RunResult, FakePeer]:
        async with fake_call() as peer:
            bench = Harness(WebRtcSink(), feed, paced=False, provide=[peer])
            async with Runner() as runner:
                run = asyncio.ensure_future(bench.run(runner))
                for at, act in sorted((script or {}).items()):
                    await peer.clock.sleep_until(at)
                    act(bench, peer)
                outcome = await run
                await peer.clock.sleep(tail)
            return outcome, peer

    return run_virtual(main())


def told(outcome: RunResult) -> list[tuple[str, int, bool, bool]]:
    return [(event.text, event.position // ms, event.ended, event.last) for event in outcome.of(PlaybackProgress)]


def shown(peer: FakePeer) -> list[tuple[int, int]]:
    """Each frame: its RTP time, and which it is."""
    return [
        ((batch.timestamp + row * 48_000 // batch.rate) % 2**32, round(float(weights[0]) * 255))
        for _, batch in peer.batches
        for row, weights in enumerate(batch.weights)
    ]


def test_webrtc_sink_plays_nothing_before_the_call_is_up() -> None:
    """A greeting must not be half over, and shown as said, when the caller begins to hear."""

    async def main() -> tuple[RunResult, FakePeer]:
        async with fake_call() as peer:
            peer.connected.clear()
            bench = Harness(WebRtcSink(), [speech(answer(Causes()), 0.5, last=True)], paced=False, provide=[peer])
            async with Runner() as runner:
                run = asyncio.ensure_future(bench.run(runner))
                await peer.clock.sleep(2 * SECOND)
                assert not peer.loud() and not bench.result.of(PlaybackProgress)
                peer.connected.set()
                return await run, peer

    outcome, peer = run_virtual(main())
    assert told(outcome) == [("", 0, False, False), ("one two three four", 500, True, True)]
    assert peer.loud()[0][0] == pytest.approx(2 * SECOND, abs=60 * ms)


def test_webrtc_sink_plays_a_sentence_and_reports_progress_upstream() -> None:
    cause = answer(Causes())
    outcome, peer = called([speech(cause, 0.5, last=True)])
    assert len(peer.loud()) == 25
    assert told(outcome) == [("", 0, False, False), ("one two three four", 500, True, True)]
    assert outcome.errors == []


def test_webrtc_sink_resamples_a_voice_of_another_rate() -> None:
    cause = answer(Causes())
    _, peer = called([speech(cause, 0.5, rate=22_050)])
    sound = np.concatenate([samples for _, _, samples in peer.sound if samples.size])
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.size)))
    assert abs(np.argmax(spectrum) * 24_000 / sound.size - 2600 / 2 / np.pi) < 10
    assert len(peer.loud()) == 25


def test_webrtc_sink_plays_audio_without_words_and_reports_none() -> None:
    said = speech(answer(Causes()), 0.2)
    outcome, peer = called([Audio(said.at, said.samples, said.rate)])
    assert len(peer.loud()) == 10 and told(outcome) == []


def test_webrtc_sink_plays_tentative_answer_only_when_committed() -> None:
    causes = Causes()
    cause = causes.begin("guess")
    _, peer = called([speech(cause, 0.2)], {300 * ms: lambda *_: causes.commit(cause)})
    assert len(peer.loud()) == 10 and peer.loud()[0][0] >= 300 * ms


def test_webrtc_sink_interruption_silences_audio_and_flushes_face() -> None:
    """Only words that were heard are reported, and the face frames ahead are void."""
    cause = answer(Causes())
    feed = {"audio": [speech(cause, 1.0, last=True)], "avatar": [frames(cause, 50)]}
    outcome, peer = called(feed, {510 * ms: lambda bench, _: bench.session.causes.revoke(cause, "feed_audio")})
    assert max(now for now, _ in peer.loud()) <= 510 * ms
    text, position, ended, last = told(outcome)[-1]
    assert text == "one two" and 490 <= position <= 520 and ended and not last
    assert [(now // ms, message.cause) for now, message in peer.messages if isinstance(message, Flush)] == [
        (510, cause.id)
    ]
    assert all(now <= 510 * ms for now, _ in peer.batches)


def test_webrtc_sink_sends_face_ahead_with_rtp_time_of_its_audio() -> None:
    """A frame at 300 ms of the sentence has the RTP time of the sound at 300 ms, also where it wraps."""
    cause = answer(Causes())
    _, peer = called(
        {"audio": [speech(cause, 1.2, pts=7 * SECOND, last=True)], "avatar": [frames(cause, 60, pts=7 * SECOND)]}
    )
    first = peer.loud()[0][1]
    assert shown(peer) == [((first + number * 960) % 2**32, number) for number in range(60)]
    began = peer.loud()[0][0]
    leads = [batch.timestamp - first - (now - began) * 48 // 1_000_000 for now, batch in peer.batches[1:]]
    assert all(0 <= lead % 2**32 <= 400 * 48 for lead in leads) and len(peer.batches) <= 12
    assert [batch.end for _, batch in peer.batches] == [False] * (len(peer.batches) - 1) + [True]
    assert max(len(batch.weights) for _, batch in peer.batches) * 66 + 16 < 1200
    assert ORIGIN + 1.2 * 48_000 > 2**32 - 48_000


def test_webrtc_sink_held_answer_pauses_and_resumes_with_its_face() -> None:
    """The frames that were sent ahead are taken back, and come again with later times."""
    causes = Causes()
    cause = answer(causes)
    feed = {"audio": [speech(cause, 1.0, last=True)], "avatar": [frames(cause, 50)]}
    script: Script = {310 * ms: lambda *_: causes.hold(cause), 710 * ms: lambda *_: causes.release(cause)}
    outcome, peer = called(feed, script)
    assert len(peer.loud()) == 50
    assert [type(message) for _, message in peer.messages] == [Flush]
    last = {number: rtp for rtp, number in shown(peer)}
    first = peer.loud()[0][1]
    assert (last[49] - first) % 2**32 == (49 * 20 + 400) * 48
    assert (last[5] - first) % 2**32 == 5 * 20 * 48
    assert told(outcome)[-1] == ("one two three four", 1000, True, True)


def test_webrtc_sink_sends_late_face_frames_from_the_current_position() -> None:
    cause = answer(Causes())

    def give(bench: Harness, peer: FakePeer) -> None:
        node: Any = bench.node
        node.face.add(frames(cause, 50))

    _, peer = called([speech(cause, 1.0)], {500 * ms: give})
    numbers = [number for _, number in shown(peer)]
    assert numbers == list(range(numbers[0], 50)) and 24 <= numbers[0] <= 27


def test_webrtc_sink_gives_each_sentence_its_own_face_frames() -> None:
    """Two sentences of one answer, whose frames came all at once."""
    cause = answer(Causes())
    said = [speech(cause, 0.4, pts=0), speech(cause, 0.4, pts=900 * ms, last=True)]
    face = [frames(cause, 20), frames(cause, 20, pts=900 * ms, first=100)]
    _, peer = called({"audio": said, "avatar": face})
    first = peer.loud()[0][1]
    assert [number for _, number in shown(peer)] == [*range(20), *range(100, 120)]
    times = [(rtp - first) % 2**32 for rtp, _ in shown(peer)]
    assert times == [number * 960 for number in range(40)]


def test_webrtc_sink_drops_face_frames_of_cancelled_speech() -> None:
    causes = Causes()
    cause, dead = answer(causes), answer(causes)
    node = WebRtcSink()

    async def main() -> int:
        async with fake_call() as peer:
            feed: Any = {
                "audio": [speech(cause, 0.2), speech(dead, 0.2)],
                "avatar": [frames(cause, 10), frames(dead, 10)],
            }
            async with Runner() as runner:
                await Harness(node, feed, paced=False, provide=[peer]).run(runner)
        assert node.face is not None
        return node.face.waiting

    assert run_virtual(main()) == 0


def test_webrtc_sink_sends_no_face_frames_to_a_client_without_a_face() -> None:
    cause = answer(Causes())

    def no_face(_: Harness, peer: FakePeer) -> None:
        peer.has_face = False

    feed = {"audio": [speech(cause, 0.4)], "avatar": [frames(cause, 20)]}
    _, peer = called(feed, {0: no_face})
    assert peer.batches == [] and len(peer.loud()) == 20


def test_webrtc_sink_does_not_hang_when_the_caller_hangs_up() -> None:
    """The session must be able to end, and know how far the answer got."""
    cause = answer(Causes())
    outcome, _ = called([speech(cause, 5.0)], {300 * ms: lambda _, peer: peer.ended.set()})
    assert outcome.report.ended == "eos"
    assert 280 <= told(outcome)[-1][1] <= 320


def test_webrtc_sink_sends_client_messages_upstream() -> None:
    """Typed text, the stop button and instructions reach the graph this way."""

    def write(_: Harness, peer: FakePeer) -> None:
        peer.start()
        for event in (TextInput("hello"), CancelResponse(), InstructionsChanged("Be brief.")):
            peer.write(event)

    outcome, peer = called([speech(answer(Causes()), 0.5)], {100 * ms: write})
    assert [event.text for event in outcome.of(TextInput)] == ["hello"]
    assert len(outcome.of(CancelResponse)) == len(outcome.of(InstructionsChanged)) == 1
    peer.write(TextInput("late"))
    assert len(outcome.of(TextInput)) == 1, "a closed session is told nothing more"


def test_webrtc_sink_without_a_call_reports_the_error() -> None:
    with pytest.raises(UserInputError, match="no CallTransport") as caught:
        run_node(WebRtcSink(), [Audio(Stamp(0, 0, answer(Causes())), np.zeros(0, np.int16), 24_000)])
    assert "bin/serve" in caught.value.hint and "vitagraph replay" in caught.value.hint
