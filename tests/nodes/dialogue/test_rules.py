"""The rules of `dialogue.script`, and the errors of invalid files."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodes.dialogue._rules import LONGEST, Answers, Rule, Script, compiled, read_answers
from nodes.dialogue.script import DEFAULT
from pipeline.errors import UserInputError


def answer(text: str, *rules: tuple[str, str]) -> str:
    """The answer of some rules to a text."""
    return Script(Answers(rules=tuple(Rule(when=when, say=(say,)) for when, say in rules))).find(text)[1][0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello.", "first"),
        ("oh HELLO there", "first"),
        ("Othello", "I heard you say: Othello."),
        ("My name is Anna.", "Hi Anna or !"),
        ("I am Bob", "Hi  or Bob!"),
        ("What now?", "I heard you say: What now."),
        ("{text} and {0}", "I heard you say: {text} and {0}."),
    ],
)
def test_rules_first_match_answers(text: str, said: str) -> None:
    """Rules are tried in order, match whole words, and always give an answer."""
    named = (r"my name is (?P<name>\w+)|i am (?P<other>\w+)", "Hi {name} or {other}!")
    assert answer(text, ("hello|hey", "first"), named) == said


def test_rules_cut_long_text_before_matching_patterns() -> None:
    """A pattern of quadratic cost stays fast."""
    assert answer("a" * 10_000, (r"a*b", "no")) == f"I heard you say: {'a' * LONGEST}."


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a*)*", r"(\w+\s?)+$", "((a+)b?)+", "(a+|b)*", "(a{2,})+"])
def test_rules_refuse_pattern_with_catastrophic_backtracking(pattern: str) -> None:
    """One unlucky question would block every session of the process."""
    with pytest.raises(ValueError, match="could take forever"):
        compiled(pattern)


@pytest.mark.parametrize(
    "pattern", ["(very )+much", r"a+b*", "[(+)]+(a)+", r"\(a+\)+", r"(\d{3})+", "(a+)?b", "(?:a|b)+"]
)
def test_rules_allow_harmless_patterns(pattern: str) -> None:
    """The check must not reject useful patterns."""
    assert compiled(pattern).flags


BROKEN = {
    "rules:\n  - when: '(a'\n    say: x\n": "2:5: rules.0.when: `(a` is not a regular expression: missing ), "
    "unterminated subpattern at position 0",
    "rules:\n  - when: a\n    say: hi {foo}\n": "2:5: rules.0: nothing fills `{foo}` in `hi {foo}`; there is {text}",
    "rules:\n  - when: a\n    say: '{text:>10}'\n": "2:5: rules.0: `{text:>10}`: only a name may stand between braces",
    "rules:\n  - when: a\n    say: x\n  - wen: a\n    say: x\n": "4:5: there is no `wen` here; a file has `rules` and "
    "`otherwise`, a rule `when` and `say`",
    "rules:\n  - when: a\n": "2:5: rules.0.say: Field required",
    "rules:\n  - when: a\n    say: []\n": "3:5: rules.0.say: Value should have at least 1 item after validation, not 0",
    "rules:\n  - when: a\n    when: b\n    say: c\n": '3:5: not YAML: found duplicate key "when" with value "b" '
    '(original value: "a")',
    "x: [\n": "2:1: not YAML: expected the node content, but found '<stream end>'",
    "- 1\n": "1:1: a file of rules has the keys `rules` and `otherwise`",
    "": "1:1: a file of rules has the keys `rules` and `otherwise`",
    "rules: []\notherwise: '{name}'\n": "2:1: otherwise: nothing fills `{name}` in `{name}`; there is {text}",
}


@pytest.mark.parametrize(("content", "message"), BROKEN.items())
def test_rules_file_error_has_its_line(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "answers.yaml"
    file.write_text(content)
    with pytest.raises(UserInputError) as raised:
        read_answers(file)
    assert raised.value.message == f"{file}:{message}"
    assert "answers.yaml" in raised.value.hint


def test_rules_file_missing_or_not_text_is_reported_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match="no such file"):
        read_answers(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserInputError, match=r"binary\.yaml: not YAML"):
        read_answers(tmp_path / "binary.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello!", "Hello! What can I do for you?"),
        ("My name is Anna.", "Nice to meet you, Anna."),
        ("I'm called Bob", "Nice to meet you, Bob."),
        ("What is your name?", "I am a small script with a voice. I answer what I have been told to answer."),
        ("Thanks a lot", "You are welcome."),
        ("Good night", "Goodbye!"),
        (
            "Can you help me?",
            "You can greet me, tell me your name, thank me, or say goodbye. Everything else I repeat.",
        ),
        ("Repeat after me one two.", "one two."),
        ("It is raining.", "I heard you say: It is raining."),
        ("this is history", "I heard you say: this is history."),
    ],
)
def test_rules_default_file_answers(text: str, said: str) -> None:
    assert Script(read_answers(DEFAULT)).find(text)[1][0] == said
