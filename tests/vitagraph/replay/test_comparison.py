"""What changed between two runs of the same input."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.errors import UserInputError
from vitagraph.recording.reader import RecordedTurn
from vitagraph.replay.comparison import Difference, Run, compare, run_of_folder
from vitagraph.replay.comparison_table import comparison_table


def turn(
    number: int, voice_end: float, decided: float = 400, silence: float | None = 900, **texts: str
) -> RecordedTurn:
    """A turn; `decided` is relative to the end of the voice."""
    said = ("outcome", "answered"), ("heard", "what is it"), ("said", "it is nine")
    outcome, heard, answer = (texts.get(name, usual) for name, usual in said)
    reached = {"decided": voice_end + decided}
    return RecordedTurn(number, number, outcome, heard, answer, voice_end, silence, reached=reached)


def found(before: Run, after: Run) -> list[Difference]:
    """The differences."""
    return list(compare(before, after, "before").differences)


def test_comparison_of_equal_runs_is_empty() -> None:
    """Within a packet of sound."""
    run = Run([turn(1, 1000), turn(2, 9000)], ["chat: dialogue.script"])
    later = Run([turn(1, 1020), turn(2, 9000, decided=410, silence=None)], ["chat: dialogue.script"])
    assert found(run, run) == []
    assert found(run, later) == [Difference(2, "silence", 900, None)]


def test_comparison_names_words_times_fallbacks_and_interruptions() -> None:
    """Whatever a person would notice."""
    before = Run([turn(1, 1000)], [])
    after = Run([turn(1, 1100, 500, heard="what is that", outcome="interrupted")], ["chat: dialogue.script"])
    assert {each.what: (each.before, each.after) for each in found(before, after)} == {
        "heard": ("what is it", "what is that"),
        "outcome": ("answered", "interrupted"),
        "voice_end": (1000, 1100),
        "decided": (1400, 1600),
        "interruptions": (0, 1),
        "fallbacks": ([], ["chat: dialogue.script"]),
    }


def test_comparison_lists_turns_that_one_run_has_alone() -> None:
    """A turn that is lost is not compared with its neighbour."""
    before = Run([turn(1, 1000), turn(2, 5000, heard="the second"), turn(3, 9000)])
    assert found(before, Run([turn(1, 1000), turn(2, 9000)])) == [Difference(2, "turn", "the second", None)]
    assert found(Run([turn(1, 1000)]), Run([turn(1, 1000), turn(2, 5000, heard="new")])) == [
        Difference(2, "turn", None, "new")
    ]


def test_comparison_leaves_out_what_comes_after_the_input() -> None:
    """A silent caller is asked whether they are there, in the silence after a call."""
    assert found(Run([turn(1, 1000)], end=4000), Run([turn(1, 1000), turn(2, 12_000)])) == []


def test_comparison_table_shows_before_after_and_change() -> None:
    """Words as they are, although they may look like markup."""
    before, after = Run([turn(1, 1000, said="[bold]no[/bold]")]), Run([turn(1, 1000, said="yes", silence=1400)])
    out = io.StringIO()
    Console(file=out, width=120).print(comparison_table(compare(before, after, "call.mcap")))
    assert "[bold]no[/bold]" in out.getvalue() and "+500 ms" in out.getvalue() and "call.mcap" in out.getvalue()


@pytest.mark.parametrize("content", [None, "", "[]", '{"turns": [{"turn": "x"}]}', '{"turns": 1}'])
def test_folder_without_results_is_refused(content: str | None, tmp_path: Path) -> None:
    """With a hint, and never with a traceback."""
    if content is not None:
        (tmp_path / "turns.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserInputError) as raised:
        run_of_folder(tmp_path)
    assert raised.value.hint


def test_folder_of_an_earlier_replay_is_read(tmp_path: Path) -> None:
    """Its turns.json."""
    entry = {"turn": 1, "cause": 1, "outcome": "answered", "heard": "a", "said": "b", "voice_end": 1.0, "silence": None}
    (tmp_path / "turns.json").write_text(json.dumps({"turns": [entry]}), encoding="utf-8")
    assert [each.heard for each in run_of_folder(tmp_path).turns] == ["a"]
