"""The problems and the exit code of a clip."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nodes.media.source import MediaDamaged
from pipeline.errors import Category, NetworkError, Stuck
from pipeline.events import NodeFailed
from pipeline.runtime.report import Ended, SessionReport
from vitagraph import exits
from vitagraph.replay.clip import Clip
from vitagraph.replay.result import Result, code_of


def result(**changes: object) -> Result:
    """A result without problems, with these changes."""
    made = Result(Clip(Path("a.wav"), Path("out/a")), report=SessionReport())
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def failure(category: Category, answered_by: str = "") -> NodeFailed:
    """A failure of the node `asr`."""
    return NodeFailed(0, "asr", "asr.whisper", category, "oh", "do this", answered_by)


def test_result_of_a_clip_without_faults_is_success() -> None:
    assert (result().code, result().problems) == (exits.OK, [])


@pytest.mark.parametrize(
    ("category", "code"),
    [("user_input", exits.INPUT), ("network", exits.UNAVAILABLE), ("unknown", exits.FAILED)],
)
def test_result_exit_code_comes_from_the_unhandled_failure(category: Category, code: int) -> None:
    """By its category."""
    made = result()
    made.recorder.failures += [failure(category), failure("unknown"), failure(category)]
    assert made.code == code
    assert made.problems == ["asr: oh\nhint: do this"]


def test_result_failure_handled_by_a_fallback_is_no_problem() -> None:
    """The turn was answered."""
    made = result()
    made.recorder.failures.append(failure("network", answered_by="asr.sorry"))
    assert (made.code, made.problems) == (exits.OK, [])
    assert made.warnings == ["asr: oh\nhint: do this\nasr.sorry took over"]


def test_result_damage_in_a_file_is_a_warning() -> None:
    """The rest of the file was used."""
    made = result()
    made.recorder.damages.append(MediaDamaged("a.mp3", 3))
    assert made.code == exits.OK
    assert made.warnings == ["3 parts of the file could not be decoded; the rest was used"]


def test_result_start_failure_has_priority() -> None:
    """It is what the user can fix."""
    assert result(error=NetworkError("no answer"), report=None).code == exits.UNAVAILABLE


@pytest.mark.parametrize("report", [SessionReport(stuck=[Stuck("asr did not stop")]), SessionReport("drained late")])
def test_result_of_a_session_that_did_not_end_is_failure(report: SessionReport) -> None:
    """Even if all words are there."""
    assert result(report=report).code == exits.FAILED


def test_result_first_failed_clip_decides_the_exit_code() -> None:
    assert code_of([result(), result(error=NetworkError("x")), result(error=ValueError("x"))]) == exits.UNAVAILABLE
    assert code_of([]) == exits.OK


@pytest.mark.parametrize(("ended", "told"), [("eos", "eos"), ("stopped", "stopped")])
def test_result_files_are_written_however_the_session_ended(ended: Ended, told: str, tmp_path: Path) -> None:
    """An empty transcript is an empty file, not a missing one."""
    made = result(report=SessionReport(ended), clip=Clip(Path("a.wav"), tmp_path / "deep" / "a"))
    made.write()
    assert json.loads((tmp_path / "deep/a/turns.json").read_text(encoding="utf-8"))["ended"] == told
    assert (tmp_path / "deep/a/transcript.jsonl").read_text(encoding="utf-8") == ""
