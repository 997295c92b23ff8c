"""The files hold exactly what would have been heard and seen."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nodes.face.arkit import NAMES
from nodes.media.sink import MediaSink
from nodes.packets import Audio, AvatarFrames, PlaybackProgress, Samples, Speech, duration_of
from pipeline.cause import Cause, Causes
from pipeline.clock import Clock
from pipeline.errors import ResourceError
from pipeline.packet import MILLISECOND, SECOND, Packet, Stamp
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import run_virtual
from pipeline.testing import Harness, RunResult, run_node

RATE = 16_000
ms = MILLISECOND


def answer(name: str = "turn") -> Cause:
    """A turn that has been committed: its answer may be heard."""
    causes = Causes()
    cause = causes.begin(name)
    causes.commit(cause)
    return cause


def speech(cause: Cause, length: int, *, pts: int = 0, text: str = "one two", rate: int = RATE, **more: Any) -> Speech:
    """A sentence whose samples count up, so that each can be told from the others."""
    samples = np.arange(1, length * rate // SECOND + 1).astype(np.int16)
    return Speech(Stamp(pts, length, cause), samples, rate, text, **more)


def frames(cause: Cause, pts: int, count: int, *, first: int = 0, rate: int = 50) -> AvatarFrames:
    """A batch whose frames are numbered in their first weight."""
    weights = np.zeros((count, 52), np.float32)
    weights[:, 0] = np.arange(first, first + count)
    return AvatarFrames(Stamp(pts, count * SECOND // rate, cause), weights, np.zeros((count, 7), np.float32), rate)


def heard(folder: Path) -> tuple[Samples, int]:
    """The samples of `answer.wav` and their rate."""
    with wave.open(str(folder / "answer.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate()


def seen(folder: Path) -> list[tuple[int, int]]:
    """The frames of `avatar.npz`: when (in ms), and which."""
    with np.load(folder / "avatar.npz") as file:
        assert file["weights"].dtype == file["pose"].dtype == np.float32
        assert file["pose"].shape == (len(file["time"]), 7)
        return [(round(t * 1000), int(w)) for t, w in zip(file["time"], file["weights"][:, 0], strict=True)]


def told(outcome: RunResult) -> list[tuple[str, int, bool, bool]]:
    """The PlaybackProgress events: text, position in ms, ended, last."""
    return [(event.text, event.position // ms, event.ended, event.last) for event in outcome.of(PlaybackProgress)]


Script = dict[int, Callable[[Harness], Any]]


def played(folder: Path | None, feed: Any, script: Script | None = None, **params: Any) -> RunResult:
    """Runs the sink over a feed that comes at once; at the times of the script something happens."""

    async def main() -> RunResult:
        bench = Harness(MediaSink(path=str(folder) if folder else None, **params), feed, paced=False)
        clock = Clock(asyncio.get_running_loop())
        async with Runner() as runner:
            run = asyncio.ensure_future(bench.run(runner))
            for time, act in sorted((script or {}).items()):
                await clock.sleep_until(time)
                act(bench)
            return await run

    outcome = run_virtual(main())
    assert not outcome.errors
    return outcome


def revoke(cause: Cause) -> Callable[[Harness], None]:
    """Revokes the cause, as the turn node does at an interruption."""
    return lambda bench: bench.session.causes.revoke(cause, "feed_audio")


def test_media_sink_places_sentences_in_sequence_on_the_session_timeline(tmp_path: Path) -> None:
    """The answer lines up with the recording that went in: silence first, then one after the other."""
    cause = answer()

    first, second = speech(cause, 100 * ms, pts=400 * ms), speech(cause, 60 * ms, last=True)
    out = run_node(MediaSink(path=str(tmp_path)), [first, second])
    samples, rate = heard(tmp_path)
    assert rate == RATE
    assert not samples[:8_000].any()
    np.testing.assert_array_equal(samples[8_000:], [*range(1, 1_601), *range(1, 961)])
    assert told(out)[:2] == [("", 0, False, False), ("one two", 100, True, False)]
    assert told(out)[2:] == [("", 0, False, False), ("one two", 60, True, True)]


def test_media_sink_plays_in_real_time() -> None:
    """Latencies measured with files include the time that a loudspeaker takes."""
    assert played(None, [speech(answer(), 310 * ms)]).report.duration == 310 * ms
    assert played(None, [speech(answer(), 310 * ms)], pace=False).report.duration == 0


def test_media_sink_stops_cancelled_sentence_at_once(tmp_path: Path) -> None:
    """At an interruption not one more sample is played, and the dialogue learns what was heard."""
    cause = answer()
    out = played(
        tmp_path, [speech(cause, SECOND, last=True), speech(cause, SECOND, last=True)], {510 * ms: revoke(cause)}
    )
    assert told(out) == [("", 0, False, False), ("one", 510, True, False)]
    samples, _ = heard(tmp_path)
    np.testing.assert_array_equal(samples, np.arange(1, 8_161))
    assert out.report.duration == 510 * ms


def test_media_sink_stops_cancelled_cause_within_a_frame_without_flush(tmp_path: Path) -> None:
    """The sink looks for itself: no sample leaves after the frame that was playing."""
    cause = answer()
    out = played(tmp_path, [speech(cause, SECOND)], {510 * ms: lambda _: Causes().revoke(cause, "turn")})
    assert told(out)[-1] == ("one", 520, True, False)
    assert heard(tmp_path)[0].size == 520 * 16


def test_media_sink_resumes_held_answer_where_it_paused(tmp_path: Path) -> None:
    """A held answer loses and repeats no sample."""
    cause, causes = answer(), Causes()
    script: Script = {200 * ms: lambda _: causes.hold(cause), 700 * ms: lambda _: causes.release(cause)}
    feed = {"audio": [speech(cause, 400 * ms)], "avatar": [frames(cause, 0, 20)]}
    out = played(tmp_path, feed, script)
    samples, _ = heard(tmp_path)
    np.testing.assert_array_equal(samples[: 200 * 16], np.arange(1, 3_201))
    assert not samples[200 * 16 : 700 * 16].any()
    np.testing.assert_array_equal(samples[700 * 16 :], np.arange(3_201, 6_401))
    assert told(out)[-1] == ("one two", 400, True, False)
    assert seen(tmp_path) == [(20 * n if n < 10 else 500 + 20 * n, n) for n in range(20)]


def test_media_sink_drops_answer_cancelled_while_held(tmp_path: Path) -> None:
    """The interruption was confirmed while the answer was held."""
    cause, causes = answer(), Causes()
    out = played(tmp_path, [speech(cause, SECOND)], {200 * ms: lambda _: causes.hold(cause), 700 * ms: revoke(cause)})
    assert told(out)[-1] == ("", 200, True, False)
    assert heard(tmp_path)[0].size == 200 * 16


def test_media_sink_plays_tentative_answer_only_when_committed(tmp_path: Path) -> None:
    """A tentative answer is not played before its cause is committed."""
    causes = Causes()
    cause = causes.begin("guess")
    played(tmp_path, [speech(cause, 100 * ms)], {300 * ms: lambda _: causes.commit(cause)})
    samples, _ = heard(tmp_path)
    assert not samples[: 300 * 16].any()
    assert samples[300 * 16] == 1


def test_media_sink_drops_revoked_answer_without_a_trace(tmp_path: Path) -> None:
    """Nothing is played, and no progress is reported."""
    cause = Causes().begin("guess")
    out = played(tmp_path, [speech(cause, 100 * ms)], {300 * ms: revoke(cause)})
    assert told(out) == []
    assert heard(tmp_path)[0].size == 0


def test_media_sink_starts_next_answer_as_soon_as_the_old_is_cut(tmp_path: Path) -> None:
    """It does not wait for the remaining time of the old answer."""
    old, new = answer("old"), answer("new")
    out = played(tmp_path, [speech(old, 5 * SECOND), speech(new, 100 * ms)], {90 * ms: revoke(old)})
    samples, _ = heard(tmp_path)
    np.testing.assert_array_equal(samples, [*range(1, 1_441), *range(1, 1_601)])
    assert out.report.duration == 190 * ms


def test_media_sink_file_is_valid_when_the_session_is_stopped(tmp_path: Path) -> None:
    """Ctrl-C keeps what was heard so far, in a file that can be played."""

    cause = answer()
    feed = {"audio": [speech(cause, 5 * SECOND)], "avatar": [frames(cause, 0, 250)]}
    played(tmp_path, feed, {330 * ms: lambda bench: bench.session.stop()})
    np.testing.assert_array_equal(heard(tmp_path)[0], np.arange(1, 330 * 16 + 1))
    assert seen(tmp_path) == [(20 * n, n) for n in range(17)]


def test_media_sink_without_pace_keeps_sentence_positions(tmp_path: Path) -> None:
    """A batch run takes no time, yet sentences do not lie on top of each other."""
    cause = answer()
    feed = {
        "audio": [speech(cause, 100 * ms), speech(cause, 60 * ms, pts=100 * ms, last=True)],
        "avatar": [frames(cause, 0, 5), frames(cause, 100 * ms, 3, first=5)],
    }
    out = played(tmp_path, feed, pace=False)
    np.testing.assert_array_equal(heard(tmp_path)[0], [*range(1, 1_601), *range(1, 961)])
    assert told(out)[-1] == ("one two", 60, True, True)
    assert seen(tmp_path) == [(20 * n, n) for n in range(8)]


def test_media_sink_keeps_pitch_of_a_second_voice_with_another_rate(tmp_path: Path) -> None:
    """A fallback voice with another rate keeps its pitch and does not shift what follows."""
    cause = answer()
    low = Speech(Stamp(0, 0, cause), np.full(22_050, 1_000, np.int16), 22_050, "low")
    played(tmp_path, [speech(cause, 100 * ms), low])
    samples, rate = heard(tmp_path)
    assert rate == RATE
    assert samples.size == 1_600 + 16_000
    assert np.abs(samples[3_200:-1_600].astype(int) - 1_000).max() <= 2


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 24_000, 44_100])
def test_media_sink_writes_every_sample_once_at_any_rate(rate: int, tmp_path: Path) -> None:
    """20 ms are not a whole number of samples at every rate: no click at the seams."""
    cause = answer()
    one = speech(cause, 333 * ms, rate=rate)
    played(tmp_path, [one, one])
    samples, _ = heard(tmp_path)
    np.testing.assert_array_equal(samples, np.tile(one.samples, 2))


def test_media_sink_places_face_frames_where_the_sentence_was_heard(tmp_path: Path) -> None:
    """Frames get the time at which their sentence was played, not that at which they were made."""
    cause = answer()
    sentences: list[Packet] = [speech(cause, 200 * ms, pts=7 * SECOND), speech(cause, 200 * ms, pts=8 * SECOND)]
    batches: list[Packet] = [frames(cause, 7 * SECOND, 10), frames(cause, 8 * SECOND, 10, first=10)]
    played(tmp_path, {"audio": sentences, "avatar": batches})
    assert seen(tmp_path) == [(20 * n, n) for n in range(20)]
    with np.load(tmp_path / "avatar.npz") as file:
        assert int(file["rate"]) == 50
        assert tuple(file["names"]) == NAMES


def test_media_sink_ends_face_frames_where_the_sentence_was_cut(tmp_path: Path) -> None:
    """The face stops with the voice."""
    cause, new = answer("old"), answer("new")
    feed = {
        "audio": [speech(cause, SECOND), speech(new, 100 * ms, pts=3 * SECOND)],
        "avatar": [frames(cause, 0, 50), frames(new, 3 * SECOND, 5, first=100)],
    }
    played(tmp_path, feed, {110 * ms: revoke(cause)})
    assert seen(tmp_path) == [(20 * n, n) for n in range(6)] + [(110 + 20 * n, 100 + n) for n in range(5)]


def test_media_sink_keeps_face_frames_that_come_after_sentence_start(tmp_path: Path) -> None:
    """Frames may come while their sentence already plays."""
    cause = answer()

    def late(n: int) -> Callable[[Harness], Any]:
        batch = frames(cause, n * 80 * ms, 4, first=4 * n)

        def add(bench: Harness) -> None:
            assert isinstance(bench.node, MediaSink) and bench.node.recording is not None
            bench.node.recording.faces.add(batch)

        return add

    sentences = [speech(cause, 320 * ms), speech(cause, SECOND, pts=SECOND)]
    played(tmp_path, sentences, {(n + 1) * 100 * ms: late(n) for n in range(4)})
    assert seen(tmp_path) == [(20 * n, n) for n in range(16)]


def test_media_sink_without_face_writes_no_face_file(tmp_path: Path) -> None:
    """A file of an earlier run is removed."""
    (tmp_path / "avatar.npz").write_bytes(b"old")
    played(tmp_path, [speech(answer(), 100 * ms)])
    assert [path.name for path in tmp_path.iterdir()] == ["answer.wav"]


def test_media_sink_without_speech_writes_an_empty_file(tmp_path: Path) -> None:
    """A file of an earlier run is overwritten."""
    (tmp_path / "answer.wav").write_bytes(b"old")
    played(tmp_path, {"audio": [], "avatar": []})
    assert heard(tmp_path)[0].size == 0


def test_media_sink_plays_plain_audio(tmp_path: Path) -> None:
    """Packets of plain audio join without a gap."""
    root = Causes().root
    wave_in = np.arange(1, 3_201).astype(np.int16)
    packets = [
        Audio(Stamp(duration_of(n, RATE), 20 * ms, root), wave_in[n : n + 320], RATE) for n in range(0, 3_200, 320)
    ]
    out = played(tmp_path, packets)
    np.testing.assert_array_equal(heard(tmp_path)[0], wave_in)
    assert told(out) == []


def test_media_sink_long_pause_fills_neither_memory_nor_disk(tmp_path: Path) -> None:
    """Audio after an hour of silence is an hour into the file, which stays sparse."""
    cause = answer()
    one = speech(cause, 100 * ms)
    run_node(MediaSink(path=str(tmp_path)), [Speech(Stamp(3600 * SECOND, 0, cause), one.samples, RATE, "x")])
    path = tmp_path / "answer.wav"
    assert path.stat().st_size == 44 + 2 * (3600 * RATE + 1_600)
    assert path.stat().st_blocks * 512 < 1_000_000
    with wave.open(str(path)) as file:
        file.setpos(3600 * RATE)
        assert file.readframes(1) == b"\x01\x00"


def test_media_sink_full_disk_does_not_stop_playback(tmp_path: Path) -> None:
    """Playback and its reports continue, and the error says why the file is short."""
    (tmp_path / "answer.wav").symlink_to("/dev/full")
    cause = answer()
    out = run_node(MediaSink(path=str(tmp_path)), [speech(cause, SECOND), speech(cause, SECOND, last=True)])
    assert told(out)[-1] == ("one two", 1000, True, True)
    assert {failure.category for failure in out.errors} == {"resource"}
    assert "the disk is full" in out.errors[0].hint


def test_media_sink_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    """The error comes before the session runs."""
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match=r"cannot write .*file/out"):
        run_node(MediaSink(path=str(tmp_path / "file" / "out")), [])


def test_media_sink_same_run_gives_the_same_files(tmp_path: Path) -> None:
    """Two runs can be compared byte by byte."""
    for name in ("a", "b"):
        cause = answer()
        voices = [speech(cause, 100 * ms), speech(cause, 100 * ms, rate=22_050)]
        played(tmp_path / name, {"audio": voices, "avatar": [frames(cause, 0, 5)]})
    for name in ("answer.wav", "avatar.npz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
