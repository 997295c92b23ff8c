"""Calls of a host: recorded, replayed, and each with files of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from nodes.packets import Audio
from pipeline.node import Source
from pipeline.packet import MILLISECOND, SECOND, Stamp
from pipeline.params import NoParams
from pipeline.port import Output
from tests.vitagraph.conftest import Run
from tests.vitagraph.host.dialling import SCRIPTED, Caller, dial, gone, hosting, scripted
from tests.vitagraph.recording.recorded import planned, record
from vitagraph import exits
from vitagraph.host.call_manager import CallManager
from vitagraph.recording.reader import open_recording
from vitagraph.recording.recordings import Recordings
from vitagraph.recording.retention import find_recording
from vitagraph.replay.comparison import TOLERANCE

DAY = 86_400.0


async def ask(caller: Caller, times: int = 1) -> None:
    """Speaks so often, and hears each answer."""
    noise = np.random.default_rng(1)
    for number in range(times):
        sound = np.zeros(48_000 * 3, np.int16)
        sound[4_800:38_400] = noise.normal(0, 4000, 33_600).astype(np.int16)
        await caller.speak(sound)
        await caller.wait_for("response.done", number + 1)


def test_recorded_call_of_a_host_replays_to_the_same_turns(tmp_path: Path, run: Run) -> None:
    """A call of three turns in real time, by WebRTC, and again from its recording."""
    graph = scripted(tmp_path)

    async def scene(manager: CallManager) -> None:
        caller = await dial(manager)
        await ask(caller, 3)
        await caller.close()
        await gone(manager)

    hosting(scene, graph, record=tmp_path / "recordings")
    [file] = (tmp_path / "recordings").iterdir()
    recording = open_recording(file)
    assert recording.end is not None and recording.end["outcome"] == "completed"
    assert [turn.said for turn in recording.turns] == ["That was heard."] * 3
    ran = run("replay", graph, file, "--latency", "zero", "--compare", "--json")
    assert ran.code == exits.OK
    [clip] = json.loads(ran.out)["clips"]
    assert clip["comparison"]["turns"] == 3
    wrong = [each for each in clip["comparison"]["differences"] if each["what"] not in ("silence", "decided")]
    assert wrong == []
    for turn, again in zip(recording.turns, clip["turns"], strict=True):
        assert abs(turn.voice_end - again["voice_end"]) <= 1
        # Without latency nothing is decided later, and a busy machine decides late.
        assert again["reached"]["decided"] <= turn.reached["decided"] + TOLERANCE


def test_calls_of_a_host_write_files_of_their_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Two calls at once do not destroy each other's lines, with `${call}` in a path or without."""
    sinks = (
        f"  mine: {{use: media.jsonl, path: '{tmp_path}/${{call}}.jsonl', kinds: [TextDelta]}}\n"
        f"  shared: {{use: media.jsonl, path: '{tmp_path}/all.jsonl', kinds: [TextDelta]}}\n"
    )
    graph = scripted(
        tmp_path, text=SCRIPTED.replace("links:\n", f"{sinks}links:\n  - chat -> mine\n  - chat -> shared\n")
    )

    async def scene(manager: CallManager) -> list[str]:
        callers = [await dial(manager), await dial(manager)]
        await asyncio.gather(*(ask(caller) for caller in callers))
        ids = [caller.call_.id for caller in callers]
        for caller in callers:
            await caller.close()
        await gone(manager)
        return ids

    ids = hosting(scene, graph)
    names = [*(f"{id}.jsonl" for id in ids), "all.jsonl", "all-2.jsonl"]
    for name in names:
        lines = (tmp_path / name).read_text(encoding="utf-8").splitlines()
        assert "".join(json.loads(line)["text"] for line in lines).strip() == "That was heard."
    [warning] = [each.getMessage() for each in caplog.records if "another session" in each.getMessage()]
    assert "all-2.jsonl" in warning and "${call}" in warning


def test_replay_calls_a_clip_by_its_name(tmp_path: Path, run: Run) -> None:
    """In a replay `${call}` is the name of the clip."""
    text = SCRIPTED.replace(
        "links:\n", "  words: {use: media.jsonl, path: 'x/${call}.jsonl'}\nlinks:\n  - asr -> words\n"
    )
    clip = record(planned(QUIET, tmp_path), tmp_path / "recordings").path
    assert run("replay", scripted(tmp_path, text=text), clip).code == exits.OK
    assert (tmp_path / "out" / clip.stem / f"{clip.stem}.jsonl").is_file()


def test_old_recordings_are_deleted(tmp_path: Path) -> None:
    """What was promised to callers is kept; files of others are not touched."""
    recordings = Recordings(tmp_path, 30 * DAY, wall=lambda: round(100 * DAY * SECOND))
    old, kept = "20260101T000000-rtc_1.mcap", "20260101T000000-rtc_2.mcap"
    for name, age in ((old, 31), (kept, 29), ("mine.mcap", 99), ("20260101T000000-rtc_3.mcap.txt", 99)):
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (DAY * (100 - age),) * 2)
    (tmp_path / "20260101T000000-rtc_4.mcap").symlink_to(tmp_path / "mine.mcap")
    recordings.clean()
    assert not (tmp_path / old).exists()
    assert len(list(tmp_path.iterdir())) == 4
    assert find_recording(tmp_path, "rtc_2") == tmp_path / kept
    assert find_recording(tmp_path, "rtc_1") is find_recording(tmp_path, "../rtc_2") is None


@pytest.mark.parametrize(("option", "value"), [("--record-keep", "soon"), ("--record", "file")])
def test_serve_refuses_what_it_cannot_record_to(option: str, value: str, tmp_path: Path, run: Run) -> None:
    """At its start, and not in the first call."""
    (tmp_path / "file").touch()
    ran = run("serve", scripted(tmp_path), "--port", "0", "--offline", option, value)
    assert ran.code in (exits.INPUT, exits.USAGE)
    assert re.search("needs a number and a unit|is not a folder", ran.err)


class Drifting(Source[NoParams]):
    """An hour of sound of a client whose clock is 100 ms an hour slow, in packets of 100 ms."""

    audio = Output(Audio, rate=8_000, channels=1)

    async def run(self) -> AsyncIterator[Audio]:
        """Packets whose samples tell their place in the second."""
        for number in range(36_000):
            at = number * 100 * MILLISECOND + number * SECOND // 360_000
            await self.clock.sleep_until(at + 100 * MILLISECOND)
            samples = np.full(800, number % 32_000, np.int16)
            yield Audio(Stamp(at, 100 * MILLISECOND, self.causes.root), samples, 8_000)


HOUR = """
vitagraph: 1
nodes:
  caller: tests.vitagraph.recording.test_calls:Drifting
  lines: {use: media.jsonl, path: lines.jsonl}
links:
  - caller -> lines
"""
QUIET = HOUR.replace("test_calls:Drifting", "test_calls:Quiet")


class Quiet(Drifting):
    """A second of silence."""

    async def run(self) -> AsyncIterator[Audio]:
        """Ten packets."""
        for number in range(10):
            at = Stamp(number * 100 * MILLISECOND, 100 * MILLISECOND, self.causes.root)
            yield Audio(at, np.zeros(800, np.int16), 8_000)


def test_recording_of_an_hour_does_not_drift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each packet lies where its time is, whatever its client's clock does."""
    monkeypatch.chdir(tmp_path)
    recording = record(planned(HOUR, tmp_path), tmp_path / "recordings")
    places = [sound.at for sound in recording.sound("caller")]
    assert len(places) == 36_000
    drift = max(abs(at - number * 100 * MILLISECOND - number * SECOND // 360_000) for number, at in enumerate(places))
    assert drift == 0
    assert recording.duration >= 3_600 * SECOND
