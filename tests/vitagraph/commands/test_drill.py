"""`vitagraph drill`: table, problems and exit code."""

from __future__ import annotations

from pathlib import Path

from tests.vitagraph.conftest import Run
from tests.vitagraph.drill.graphs import noise, scripted
from vitagraph import exits


def test_drill_command_of_a_sound_graph_exits_0(tmp_path: Path, run: Run) -> None:
    ran = run(
        "drill", scripted(tmp_path), "--question", noise(tmp_path), "--offline", "--node", "tts", "--fault", "error"
    )
    assert (ran.code, ran.err) == (exits.OK, "")
    (row,) = [line for line in ran.out.splitlines() if line.startswith("tts")]
    assert row.split()[:3] == ["tts", "error", "tests.drills.scripted:SpeaksToo"] and row.split()[-1] == "ok"
    assert "1 of 1 cells ok" in ran.out


def test_drill_command_with_a_failed_cell_exits_1_and_says_why(tmp_path: Path, run: Run) -> None:
    graph = scripted(tmp_path, "deadline: {first: 2s, total: 4s}", "deadline: {first: 10s}")
    options = ("--question", noise(tmp_path), "--offline", "--node", "asr")
    ran = run("drill", graph, *options, "--fault", "hang", "--fault", "error")
    assert ran.code == exits.FAILED
    assert "asr x hang: silent for" in ran.err and "error" not in ran.err
    assert "1 of 2 cells ok" in ran.out


def test_drill_command_reports_a_wrong_name_before_running(tmp_path: Path, run: Run) -> None:
    ran = run("drill", scripted(tmp_path), "--node", "ttts")
    assert ran.code == exits.GRAPH and "did you mean `tts`?" in ran.err
    ran = run("drill", scripted(tmp_path), "--fault", "hung", "--set", "face.rate=20")
    assert ran.code == exits.GRAPH and "did you mean `hang`?" in ran.err


def test_drill_command_help_has_an_example(run: Run) -> None:
    ran = run("drill", "--help")
    assert ran.code == exits.OK and "vitagraph drill" in ran.out.partition("Example")[2]
