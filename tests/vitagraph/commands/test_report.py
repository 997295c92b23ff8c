"""`vitagraph report`."""

from __future__ import annotations

import json
import time  # noqa: TID251 - a report is about the time before now
from pathlib import Path

import pytest

from tests.vitagraph.conftest import Run
from tests.vitagraph.quality.synthetic import DAY, calls, keep
from vitagraph import exits


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A month of calls, of which the silence grows by 12 ms a day."""
    now = time.time()
    return keep(tmp_path / "q.db", calls(now, 60, 20, slower=12), {now - DAY: 4})


def test_report_prints_measures_and_trends(run: Run, database: Path) -> None:
    """What an operator asks for first."""
    ran = run("report", "--since", "30d", "--db", database)
    assert ran.code == exits.OK
    assert "sessions" in ran.out and "4 offers refused" in ran.out
    assert "Silence: +1" in ran.out and "worse" in ran.out


def test_report_gives_json(run: Run, database: Path) -> None:
    """For programs: the same numbers, with their trend."""
    made = json.loads(run("report", "--since", "30d", "--db", database, "--json").out)
    measures = {each["key"]: each for each in made["measures"]}
    silence = measures["silence_ms"]
    assert made["version"] == 1 and made["sessions"] > 500 and silence["unit"] == "ms"
    assert silence["trend"]["p"] < 0.001 and silence["trend"]["slope"] == pytest.approx(12, abs=3)
    assert silence["p50"] < silence["p95"] and silence["before"] < silence["value"]


def test_report_writes_a_page(run: Run, database: Path, tmp_path: Path) -> None:
    """Of one graph only."""
    ran = run("report", "--graph", "assistant-zh", "--html", tmp_path / "r.html", "--db", database)
    assert ran.code == exits.OK and "r.html" in ran.err
    assert "assistant-zh" in (tmp_path / "r.html").read_text(encoding="utf-8")
    ran = run("report", "--html", tmp_path / "no" / "r.html", "--db", database)
    assert ran.code == exits.INPUT and "cannot be written" in ran.err


def test_report_without_records_says_what_to_do(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the first day, and for a time in which nobody called."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    ran = run("report", "--html", "r.html")
    assert ran.code == exits.OK and "vitagraph serve" in ran.out and "--since 30d" in ran.out
    assert not (tmp_path / "r.html").exists() and not (tmp_path / "vitagraph").exists()
    assert json.loads(run("report", "--json").out)["sessions"] == 0
    empty = keep(tmp_path / "empty.db", [])
    assert "vitagraph serve" in run("report", "--db", empty).out


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--db", "nowhere.db"), exits.INPUT, "there is no file"),
        (("--db", "other.txt"), exits.INPUT, "no file of session records"),
        (("--since", "soon"), exits.USAGE, "7d"),
        (("--since", "2999-01-01"), exits.USAGE, "not in the past"),
        (("--since", "0d"), exits.USAGE, "7d"),
        (("--graph", "asistant"), exits.INPUT, "did you mean `assistant`?"),
    ],
)
def test_report_explains_wrong_options(
    run: Run, database: Path, options: tuple[str, str], code: int, told: str
) -> None:
    """Each with what would be right."""
    Path("other.txt").write_text("hello, this is a text, and no database at all\n" * 20)
    ran = run("report", "--db", database, *options)
    assert ran.code == code and told in ran.err
