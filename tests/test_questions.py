"""The questions with which chat models are compared: their form, so that every answer can be judged."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest

QUESTIONS = Path(__file__).parent / "data" / "questions"
KINDS = {"fact", "sum", "small_talk", "follow_up"}
TURNS = 4
"""Questions of a conversation with more than one."""


def rows(language: str) -> list[list[str]]:
    """The columns of each question."""
    lines = (QUESTIONS / f"{language}.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


@pytest.mark.parametrize(("language", "count", "conversations"), [("en", 40, 3), ("zh", 20, 2)])
def test_questions_have_the_form_that_their_header_describes(language: str, count: int, conversations: int) -> None:
    """A benchmark that reads them judges every answer, and asks the questions of a conversation together."""
    found = rows(language)
    assert len(found) == count and {len(row) for row in found} == {4}
    assert {kind for _, kind, _, _ in found} == KINDS
    assert all(question and all(accepted.split("|")) for _, _, question, accepted in found)
    chats = [(chat, [kind for _, kind, _, _ in group]) for chat, group in groupby(found, key=lambda row: row[0])]
    assert len({chat for chat, _ in chats}) == len(chats)
    assert sorted(len(kinds) for _, kinds in chats if len(kinds) > 1) == [TURNS] * conversations
    assert all(kinds[0] != "follow_up" for _, kinds in chats)
