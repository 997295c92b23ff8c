"""What survives of a recording when the host dies, the disk is full or slow, or the file is damaged."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time  # noqa: TID251 - the host is a process of its own
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcap.exceptions import EndOfFile
from mcap.reader import NonSeekingReader

from nodes.packets import Speech
from pipeline.cause import Causes
from pipeline.packet import SECOND, Stamp
from tests.disks import disk  # noqa: F401 - a fixture
from tests.vitagraph.conftest import Run
from tests.vitagraph.host.dialling import scripted
from tests.vitagraph.recording.recorded import planned, record, samples_of
from tests.vitagraph.scripted import GRAPH
from vitagraph import exits
from vitagraph.recording.reader import Recording, RecordingDamaged, open_recording
from vitagraph.recording.recordings import Recordings

ROOT = Path(__file__).resolve().parents[3]
WAIT = 40
"""Seconds in which a host must have recorded enough."""


def recorded(file: Path) -> int:
    """Nanoseconds that are in a recording, 0 if there is none yet."""
    try:
        return open_recording(file).duration
    except RecordingDamaged:
        return 0


@contextmanager
def killed_host(folder: Path, seconds: float) -> Iterator[tuple[Path, float]]:
    """The recording of a call whose host was killed after so many seconds of it, and when that was."""
    command = (sys.executable, "-m", "tests.vitagraph.recording.killed", str(folder))
    host = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
    try:
        end = time.monotonic() + WAIT
        while recorded(file := next(folder.glob("recordings/*.mcap"), folder)) < seconds * SECOND:
            assert host.poll() is None and time.monotonic() < end, host.stderr and host.stderr.read()
            time.sleep(0.05)
        time.sleep(1.2)
        at = time.time()
        host.send_signal(signal.SIGKILL)
        host.wait()
        yield file, at
    finally:
        host.kill()
        host.communicate()


def test_killed_host_leaves_all_but_the_last_second(tmp_path: Path, run: Run) -> None:
    """The call in which a host died is the one that everybody wants to hear."""
    with killed_host(tmp_path, 4) as (file, at):
        recording = open_recording(file)
    assert (recording.end, recording.damage) == (None, "")
    assert at - recording.began - recording.duration / SECOND <= 1.0
    caller, assistant = (samples_of(recording.wav(side)) for side in ("caller", "assistant"))
    assert np.abs(caller).max() > 2000
    assert assistant.size - np.flatnonzero(assistant)[-1] < assistant.size // 4
    with file.open("rb") as stream:
        messages = NonSeekingReader(stream).iter_messages(log_time_order=False)
        topics: list[str] = []
        with pytest.raises(EndOfFile):
            topics.extend(channel.topic for _, channel, _ in messages)
    assert {"/caller/audio", "/assistant/audio", "/events/TurnChanged"} <= set(topics)
    ran = run("replay", scripted(tmp_path), file, "--latency", "zero")
    assert ran.code == exits.OK
    assert "That was heard." in ran.out


def test_full_disk_stops_the_recording_and_not_the_call(
    disk: Callable[[int, str], Path],  # noqa: F811
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A call goes on, with one warning, and what was written before is kept."""
    recording = record(planned(GRAPH, tmp_path), disk(24_000, "rw"))
    assert recording.session
    warnings = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "is not recorded any further" in warnings[0] and "No space left on device" in warnings[0]


def test_slow_disk_stops_the_recording(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What waits must not fill the memory of the host."""
    recordings = Recordings(tmp_path / "recordings", 60)  # nothing writes, as while a disk hangs
    the_plan = planned(GRAPH, tmp_path)
    recorders = [recordings.attend(f"rtc_{number}", "graph", the_plan) for number in range(2)]
    sound = np.zeros(16_000 * 60, np.int16)
    for _ in range(100):
        for each in recorders:
            each.observe("talk", Speech(Stamp(0, 60 * SECOND, Causes().root), sound, 16_000, ""))
    assert [each.getMessage().partition(": ")[2] for each in caplog.records] == [
        "the disk is too slow for all that is recorded"
    ] * 2


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A recording that is whole."""
    folder = tmp_path_factory.mktemp("good")
    return record(planned(GRAPH, folder), folder / "recordings").path.read_bytes()


def read_all(file: Path) -> Recording:
    """Reads everything of a recording."""
    recording = open_recording(file)
    for side in ("caller", "assistant"):
        samples_of(recording.wav(side))
    list(recording.events())
    return recording


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_recording_is_read_as_far_as_it_goes(good: bytes, tmp_path: Path, data: st.DataObject) -> None:
    """Or refused with an error that says so; never with a traceback."""
    damaged = bytearray(good[: data.draw(st.integers(0, len(good)))])
    for _ in range(data.draw(st.integers(0, 3)) if damaged else 0):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path / "damaged.mcap"
    file.write_bytes(damaged)
    with suppress(RecordingDamaged):
        assert len(read_all(file).turns) <= 1


@pytest.mark.parametrize("size", [0, 8, 20, 300])
def test_replay_of_a_file_that_is_no_recording_says_so(good: bytes, size: int, tmp_path: Path, run: Run) -> None:
    """With a hint, and the exit code of wrong input."""
    file = tmp_path / "cut.mcap"
    file.write_bytes(good[:size])
    ran = run("replay", scripted(tmp_path), file)
    assert ran.code == exits.INPUT
    assert "hint:" in ran.err and "Traceback" not in ran.err


def test_reader_of_a_missing_recording_says_so(tmp_path: Path) -> None:
    """Not with an error of Python."""
    with pytest.raises(RecordingDamaged, match="is not a recording"):
        open_recording(tmp_path / "nowhere.mcap")
    assert os.listdir(tmp_path) == []


def test_replay_of_a_damaged_recording_says_what_it_used(good: bytes, tmp_path: Path, run: Run) -> None:
    """Half a call is better than none, if one knows that it is half."""
    damaged = bytearray(good)
    damaged[good.index(b"/packets/talk") + 200] ^= 0xFF
    file = tmp_path / "damaged.mcap"
    file.write_bytes(damaged)
    ran = run("replay", scripted(tmp_path), file)
    assert "warning: damaged: the recording is damaged; what is before that was used (crc validation failed" in ran.err


def test_recording_that_is_cut_in_a_record_is_not_called_damaged(good: bytes, tmp_path: Path) -> None:
    """So is every recording of a host that was killed while it wrote."""
    file = tmp_path / "cut.mcap"
    for size in range(good.index(b"/packets/talk"), good.index(b"/packets/talk") + 3_000, 500):
        file.write_bytes(good[:size])
        assert open_recording(file).damage == ""
