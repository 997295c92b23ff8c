"""What is said aloud, by tables of cases in each language."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.text._speakable import speakable
from tests.nodes.text.spoken_table import LANGUAGES, Case, cases, is_right, said

RIGHT = 0.98
"""The part of each table that must be right."""
KINDS = [(language, kind) for language in LANGUAGES for kind in sorted({case.kind for case in cases(language)})]


@pytest.mark.parametrize("language", LANGUAGES)
def test_table_of_spoken_readings_is_right(language: str) -> None:
    """What a voice says is what a person would read out."""
    table = list(cases(language))
    wrong = [(case.written, sentences) for case, sentences in _said(table) if not is_right(case, sentences)]
    assert len(wrong) <= (1 - RIGHT) * len(table), wrong


@pytest.mark.parametrize(("language", "kind"), KINDS)
def test_most_cases_of_each_kind_are_right(language: str, kind: str) -> None:
    """No kind of text is given up for the others."""
    table = [case for case in cases(language) if case.kind == kind]
    wrong = [(case.written, sentences) for case, sentences in _said(table) if not is_right(case, sentences)]
    assert len(wrong) <= max(1, len(table) // 10), wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_readings_do_not_depend_on_how_the_text_is_streamed(language: str) -> None:
    """A model that is slower says the same words."""
    for case in cases(language):
        assert said(case.deltas, language) == said([case.written], language)


def test_tables_have_as_many_cases_as_they_promise() -> None:
    """A table that shrinks shows less."""
    assert sum(len(list(cases(language))) for language in LANGUAGES) >= 600


def _said(table: list[Case]) -> list[tuple[Case, list[str]]]:
    return [(case, said(case.deltas, case.language)) for case in table]


PARTS = [part for language in LANGUAGES for case in cases(language) for part in case.written.split(" ")]
TEXTS = st.one_of(
    st.text(max_size=80),
    st.lists(st.sampled_from(PARTS), max_size=8).map(" ".join),
    st.lists(st.sampled_from(PARTS), max_size=8).map("".join),
)


@pytest.mark.parametrize("language", [*LANGUAGES, "ja", "ru", "hi", "pt-BR", "it", "xx", ""])
@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
def test_any_text_is_said_somehow_in_any_language(language: str, text: str) -> None:
    """A number that no rule expects must not lose its sentence."""
    spoken = speakable(text, language)
    assert not spoken or any(map(str.isalnum, spoken))
    assert not any(0xF0000 <= ord(letter) <= 0xFFFFF for letter in spoken)
    if any(letter.isascii() and letter.isalpha() for letter in text) and "[" not in text and "【" not in text:
        assert spoken or ":" in text or ";" in text  # what has letters is heard; :-D is a smile
    said([text[:40], text[40:]], language)
