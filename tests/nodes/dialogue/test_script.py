"""`dialogue.script`: it always has an answer."""

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
    """What it says to each."""
    deltas = run_node(node, [heard(text) for text in texts]).of(TextDelta)
    return "".join(delta.text + "\n" * delta.end for delta in deltas).splitlines()


def test_it_answers_from_the_file_that_comes_with_it() -> None:
    """A graph works before anybody has written a rule."""
    assert answers(ScriptedDialogue(), "Hello!", "Bye") == ["Hello! What can I do for you?", "Goodbye!"]


def test_several_answers_take_turns() -> None:
    """It does not say the same three times; and a replay says the same again."""
    node = ScriptedDialogue(rules=[Rule(when="hi", say=("One.", "Two.")), Rule(when="yo", say=("Yo.",))])
    assert answers(node, "hi", "yo", "hi", "hi") == ["One.", "Yo.", "Two.", "One."]


def test_an_answer_streams_word_by_word() -> None:
    """So it is cut into sentences, and interrupted, as a model's answer is."""
    out = run_node(ScriptedDialogue(otherwise="Very well then."), [heard("x")])
    assert [delta.text for delta in out.of(TextDelta)] == ["Very", " well", " then.", ""]


def test_one_sentence_is_enough_for_a_fallback() -> None:
    """`otherwise` alone is what it always says."""
    assert answers(ScriptedDialogue(otherwise="Please wait."), "x", "y") == ["Please wait."] * 2


def test_a_graph_may_list_several_answers() -> None:
    """As the file of rules may: a list in YAML is a list there too."""
    rules = "rules: [{when: hi, say: [A., B.]}], otherwise: [C., D.]"
    graph = loads(f"{{vitagraph: 1, nodes: {{chat: {{use: dialogue.script, {rules}}}}}}}", registry=Registry())
    params = graph.nodes["chat"].primary.params
    assert isinstance(params, ScriptParams)
    assert (params.rules[0].say, params.otherwise) == (("A.", "B."), ("C.", "D."))


def test_rules_may_be_in_a_file_of_ones_own(tmp_path: Path) -> None:
    """The author of a graph writes answers without touching Python."""
    file = tmp_path / "mine.yaml"
    file.write_text("rules:\n  - when: colou?r\n    say: Blue.\notherwise: Hm.\n")
    assert answers(ScriptedDialogue(path=str(file)), "What colour?", "x") == ["Blue.", "Hm."]


def test_a_broken_file_is_told_when_the_session_opens(tmp_path: Path) -> None:
    """Before anybody speaks, not at the first question."""
    file = tmp_path / "mine.yaml"
    file.write_text("rules: 5\n")
    with pytest.raises(UserInputError, match=r"mine\.yaml:1:1"):
        run_node(ScriptedDialogue(path=str(file)))


def test_a_file_and_rules_at_once_are_refused() -> None:
    """Nobody has to guess which of them counts."""
    with pytest.raises(ValueError, match="but not both"):
        ScriptParams(path="mine.yaml", otherwise=("x",))
