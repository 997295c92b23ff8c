"""A text is given unchanged; a file that is not text is a clear error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nodes.media.text import MediaText, paragraphs
from nodes.packets import TextDelta
from pipeline.errors import UserInputError
from pipeline.testing import run_node


def pieces(**params: Any) -> list[tuple[str, bool]]:
    """What the node gives."""
    return [(delta.text, delta.end) for delta in run_node(MediaText(**params)).of(TextDelta)]


def test_text_source_sends_each_paragraph_and_marks_the_last(tmp_path: Path) -> None:
    """Speech begins with the first paragraph, and the last one is marked as the end."""
    path = tmp_path / "story.txt"
    path.write_text("One day\nit rained.\n\n\nThen it stopped.\n \nEnd.", encoding="utf-8")
    assert pieces(path=str(path)) == [
        ("One day\nit rained.\n\n\n", False),
        ("Then it stopped.\n \n", False),
        ("End.", True),
    ]


def test_text_source_accepts_inline_text() -> None:
    """A greeting is written where it is used."""
    assert pieces(text="Good evening.") == [("Good evening.", True)]


@given(st.text(alphabet="ab \t\n", max_size=60))
def test_text_source_loses_and_doubles_no_letter(text: str) -> None:
    """The pieces together are the text, however it is laid out."""
    assert "".join(paragraphs(text)) == text
    assert paragraphs(text)


def test_text_source_skips_a_byte_order_mark(tmp_path: Path) -> None:
    """Some editors write a byte order mark; it must not be spoken."""
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfHello.")
    assert pieces(path=str(tmp_path / "a.txt")) == [("Hello.", True)]


@pytest.mark.parametrize(
    ("content", "byte", "encoding"),
    [
        ("Über\n".encode() + "Café".encode("latin-1"), "line 2 has the byte 0xe9", "WINDOWS-1252"),
        ("Café".encode("utf-16"), "line 1 has the byte 0xff", "UTF-16"),
    ],
)
def test_text_source_refuses_another_encoding_with_a_hint(
    content: bytes, byte: str, encoding: str, tmp_path: Path
) -> None:
    """The error names the line, the byte and a remedy."""
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(UserInputError) as caught:
        pieces(path=str(path))
    assert caught.value.message == f"{path} is not UTF-8 text: {byte}"
    assert f"iconv -f {encoding} -t UTF-8 a.txt" in caught.value.hint


def test_text_source_refuses_a_file_that_is_too_large(tmp_path: Path) -> None:
    """A wrong path, to a film, must not fill the memory."""
    path = tmp_path / "film.mkv"
    with path.open("wb") as file:
        file.truncate(17_000_000)
    with pytest.raises(UserInputError, match="more than 16 MB"):
        pieces(path=str(path))


def test_text_source_missing_file_suggests_a_similar_name(tmp_path: Path) -> None:
    """The error suggests a similar name."""
    (tmp_path / "story.txt").write_text("Once.", encoding="utf-8")
    with pytest.raises(UserInputError) as caught:
        pieces(path=str(tmp_path / "storry.txt"))
    assert caught.value.hint == "did you mean story.txt?"


@pytest.mark.parametrize("params", [{}, {"path": "a.txt", "text": "Hello."}])
def test_text_source_requires_exactly_one_of_path_and_text(params: dict[str, Any]) -> None:
    """Both or neither is an error before anything runs."""
    with pytest.raises(ValidationError, match="either `path` or `text`"):
        MediaText(**params)
