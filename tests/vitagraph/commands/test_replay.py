"""`vitagraph replay` with a conversation whose every step happens at a known time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.vitagraph.conftest import Run
from tests.vitagraph.scripted import GRAPH
from vitagraph import exits

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """The scripted conversation as a graph."""
    file = tmp_path / "graph.yaml"
    file.write_text(GRAPH, encoding="utf-8")
    return file


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A file that the scripted source accepts as a recording."""
    file = tmp_path / "question.wav"
    file.touch()
    return file


def turns(folder: Path) -> Any:
    """The content of turns.json."""
    return json.loads((folder / "turns.json").read_text(encoding="utf-8"))


def test_replay_prints_the_parts_of_the_response_latency(graph: Path, clip: Path, run: Run) -> None:
    """The parts are exact and add up to the wait of a person."""
    ran = run("replay", graph, clip, "--out", "results")
    assert (ran.code, ran.err) == (exits.OK, "")
    said = turns(Path("results/question"))
    assert said["voice_to_voice"] == {"p50": 1050.0, "p95": 1050.0}
    assert said["duration"] == 1000.0
    assert said["ended"] == "eos"
    [turn] = said["turns"]
    assert turn["parts"] == {
        "decided": 400.0,
        "transcript": 0.0,
        "text": 100.0,
        "sentence": 50.0,
        "speech": 350.0,
        "playing": 50.0,
        "audible": 100.0,
    }
    assert sum(turn["parts"].values()) == turn["silence"] == 1050.0
    assert (turn["heard"], turn["said"], turn["outcome"]) == ("what is it", "It is nine.", "answered")


def test_replay_prints_turns_and_a_summary_table(graph: Path, clip: Path, run: Run) -> None:
    """Question, answer, latency and totals."""
    out = run("replay", graph, clip).out
    assert "what is it  → It is nine." in out
    assert "1050 ms" in out
    assert "decided 400  text 100  sentence 50  speech 350  playing 50  audible 100" in out
    [row] = [line for line in out.splitlines() if line.startswith("question ") and "1050" in line]
    assert row.split()[:8] == ["question", "1.0", "1", "3", "1", "0.6", "1050", "1050"]


def test_replay_transcript_has_partial_and_whole_transcripts_with_times(graph: Path, clip: Path, run: Run) -> None:
    """One line each, in order of arrival."""
    run("replay", graph, clip)
    lines = Path("out/question/transcript.jsonl").read_text(encoding="utf-8").splitlines()
    first, second = map(json.loads, lines)
    assert (first["whole"], first["text"], first["at"]) == (False, "what is", 1000.0)
    assert (second["whole"], second["text"], second["at"]) == (True, "what is it", 1200.0)
    assert (second["start"], second["end"], second["language"]) == (0.0, 1000.0, "en")
    assert second["committed"] is True


def test_replay_quiet_writes_files_and_prints_nothing(graph: Path, clip: Path, run: Run) -> None:
    """For scripts."""
    ran = run("replay", graph, clip, "--quiet")
    assert (ran.code, ran.out, ran.err) == (exits.OK, "", "")
    assert Path("out/question/turns.json").is_file()


def test_replay_goes_on_after_one_broken_clip(graph: Path, clip: Path, run: Run) -> None:
    """One damaged recording must not stop a batch."""
    broken = clip.with_name("broken.wav")
    broken.touch()
    ran = run("replay", graph, broken, clip)
    assert ran.code == exits.INPUT
    assert f"error: broken: {broken} is broken" in ran.err
    assert "hint: record it again" in ran.err
    assert "Traceback" not in ran.err
    assert turns(Path("out/broken"))["problems"] != []
    assert len(turns(Path("out/question"))["turns"]) == 1


def test_replay_names_a_node_that_hangs(graph: Path, clip: Path, run: Run) -> None:
    """With its position; the results so far are kept."""
    ran = run("replay", graph, clip, "--set", "talk.forget=true")
    assert ran.code == exits.FAILED
    assert "error: question: nothing can ever happen" in ran.err
    assert "Scripted.run" in ran.err
    assert "Traceback" not in ran.err
    assert turns(Path("out/question"))["duration"] == 20.0


def test_replay_in_real_time_has_the_same_waterfall(graph: Path, clip: Path, run: Run) -> None:
    """The waterfall is equal to within a few tens of milliseconds."""
    ran = run("replay", graph, clip, "--clock", "real")
    assert ran.code == exits.OK
    [turn] = turns(Path("out/question"))["turns"]
    assert turn["silence"] == pytest.approx(1050, abs=150)


def test_replay_missing_clip_is_an_input_error(graph: Path, run: Run) -> None:
    """Reported before anything runs."""
    ran = run("replay", graph, "no.wav")
    assert ran.code == exits.INPUT
    assert ran.err.startswith("error: no.wav: no such file")


def test_replay_graph_without_a_clip_source_is_a_graph_error(clip: Path, run: Run) -> None:
    """With a hint."""
    source = "tests.vitagraph.scripted:Scripted"
    two = GRAPH.replace(f"  talk: {source}", f"  talk: &a {{use: {source}, path: x}}\n  other: *a")
    Path("graph.yaml").write_text(f"{two}  - other.audio -> listener.audio\n", encoding="utf-8")
    ran = run("replay", "graph.yaml", clip)
    assert ran.code == exits.GRAPH
    assert "no source of this graph can read the clip" in ran.err
    assert "several sources" in ran.err


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_replay_ctrl_c_keeps_the_results_so_far(graph: Path, clip: Path, clock: str) -> None:
    """Within two seconds, even while a thread is stuck, with exit code 130 and no traceback."""
    command = [sys.executable, "-m", "vitagraph", "replay", graph, clip, "--clock", clock, "--set", "talk.hang=true"]
    process = subprocess.Popen(
        [*map(str, command)],
        cwd=graph.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "stuck\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=2)
    assert process.returncode == exits.INTERRUPTED, err
    assert "Traceback" not in err
    assert err == "interrupted; the results so far are in out\n"
    assert turns(graph.parent / "out" / "question")["duration"] == 20.0
    assert "question" in out


def test_replay_injects_faults_from_a_chaos_file(graph: Path, clip: Path, run: Run) -> None:
    """The failure of a sink is reported; a fault that does not apply to the graph is an error."""
    chaos = graph.with_name("chaos.yaml")
    chaos.write_text("chaos: [{node: listener, fault: error, category: resource}]", encoding="utf-8")
    ran = run("replay", graph, clip, "--chaos", chaos)
    assert ran.code == exits.UNAVAILABLE and "it failed (injected fault: resource)" in ran.err
    chaos.write_text("chaos: [{node: listner, fault: error}]", encoding="utf-8")
    ran = run("replay", graph, clip, "--chaos", chaos)
    assert ran.code == exits.GRAPH and "chaos.yaml:1:9" in ran.err and "did you mean `listener`?" in ran.err
