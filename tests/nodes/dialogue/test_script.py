"""`dialogue.script`: answers by rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodes.dialogue._rules import Rule
from nodes.dialogue.script import ScriptedDialogue, ScriptParams
from nodes.packets import TextDelta
from pipeline.errors import UserInputError
from pipeline.graph.loader import loads
from pipeline.graph.registry import Registry
from pipeline.testing import run_node
from tests.nodes.dialogue.talk import heard


def answers(node: ScriptedDialogue, *texts: str) -> list[str]:
    """The answers to some texts."""
    deltas = run_node(node, [heard(text) for text in texts]).of(TextDelta)
    return "".join(delta.text + "\n" * delta.end for delta in deltas).splitlines()


def test_dialogue_script_answers_from_the_default_rules() -> None:
    """A graph works before its author has written a rule."""
    assert answers(ScriptedDialogue(), "Hello!", "Bye") == ["Hello! What can I do for you?", "Goodbye!"]


def test_dialogue_script_rotates_several_answers() -> None:
    """Answers do not repeat, and a replay gives the same ones."""
    node = ScriptedDialogue(rules=[Rule(when="hi", say=("One.", "Two.")), Rule(when="yo", say=("Yo.",))])
    assert answers(node, "hi", "yo", "hi", "hi") == ["One.", "Yo.", "Two.", "One."]


def test_dialogue_script_answer_streams_word_by_word() -> None:
    """It can be split into sentences and interrupted like a model's answer."""
    out = run_node(ScriptedDialogue(otherwise="Very well then."), [heard("x")])
    assert [delta.text for delta in out.of(TextDelta)] == ["Very", " well", " then.", ""]


def test_dialogue_script_otherwise_alone_is_enough() -> None:
    assert answers(ScriptedDialogue(otherwise="Please wait."), "x", "y") == ["Please wait."] * 2


def test_dialogue_script_accepts_list_of_answers_in_the_graph() -> None:
    """A YAML list in the graph works as in a file of rules."""
    rules = "rules: [{when: hi, say: [A., B.]}], otherwise: [C., D.]"
    graph = loads(f"{{vitagraph: 1, nodes: {{chat: {{use: dialogue.script, {rules}}}}}}}", registry=Registry())
    params = graph.nodes["chat"].primary.params
    assert isinstance(params, ScriptParams)
    assert (params.rules[0].say, params.otherwise) == (("A.", "B."), ("C.", "D."))


def test_dialogue_script_reads_rules_from_a_user_file(tmp_path: Path) -> None:
    """Authors of graphs can write answers without Python."""
    file = tmp_path / "mine.yaml"
    file.write_text("rules:\n  - when: colou?r\n    say: Blue.\notherwise: Hm.\n")
    assert answers(ScriptedDialogue(path=str(file)), "What colour?", "x") == ["Blue.", "Hm."]


def test_dialogue_script_broken_file_is_reported_when_the_session_opens(tmp_path: Path) -> None:
    """Reported at the start, not at the first question."""
    file = tmp_path / "mine.yaml"
    file.write_text("rules: 5\n")
    with pytest.raises(UserInputError, match=r"mine\.yaml:1:1"):
        run_node(ScriptedDialogue(path=str(file)))


def test_dialogue_script_refuses_both_file_and_rules() -> None:
    """It would be unclear which of them applies."""
    with pytest.raises(ValueError, match="but not both"):
        ScriptParams(path="mine.yaml", otherwise=("x",))
