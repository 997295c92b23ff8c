"""Markdown as shown in captions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.text._markdown import plain


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Just text, with 3.14 and a_b.", "Just text, with 3.14 and a_b."),
        ("**bold** and __bold__", "bold and bold"),
        ("*slanted* and _slanted_", "slanted and slanted"),
        ("***both***", "both"),
        ("**half of it was", "half of it was"),
        ("cut away.**", "cut away."),
        ("2 * 3 * 4 and 2*3", "2 * 3 * 4 and 2*3"),
        ("snake_case_name", "snake_case_name"),
        ("`code` and ``more``", "code and more"),
        ("~~gone~~", "gone"),
        ("# Title", "Title"),
        ("### Title ###", "Title"),
        ("#hashtag stays", "#hashtag stays"),
        ("- item", "item"),
        ("* item", "item"),
        ("+ item", "item"),
        ("• item", "item"),
        ("- [x] done", "done"),
        ("1. item", "1. item"),
        ("> quoted\n> twice", "quoted twice"),
        ("[a link](https://example.com/a_b)", "a link"),
        ("[wiki](https://example.com/a_(b))", "wiki"),
        ('[titled](https://example.com "title")', "titled"),
        ("![a picture](cat.png)", "a picture"),
        ("[text][ref]", "text"),
        ("<https://example.com>", "https://example.com"),
        ("link end](https://example.com)", "link end"),
        ("a fact[^1]", "a fact"),
        ("line<br>break <b>bold</b>", "line break bold"),
        ("a < b and c > d", "a < b and c > d"),
        ("fish &amp; chips", "fish & chips"),
        ("AT&T", "AT&T"),
        (r"\*stars\*", "*stars*"),
        (r"\(x + y\)", "x + y"),
        ("---", ""),
        ("* * *", ""),
        ("Title\n=====", "Title"),
        ("| a | b |", "a, b"),
        ("|---|:--:|", ""),
        ("two\nlines", "two lines"),
        ("  spaces \t ", "spaces"),
        ("", ""),
    ],
)
def test_markdown_markup_is_removed(written: str, shown: str) -> None:
    assert plain(written) == shown


@given(st.text(alphabet="abc XYZ.,!?'0123456789äß你", max_size=80))
def test_markdown_leaves_plain_text_unchanged(text: str) -> None:
    """Words that are no markup are kept."""
    assert plain(text) == " ".join(text.split())


@given(st.text(alphabet="a*_`[](){}<>#|~\\-+ \n&;:/!1.", max_size=60))
def test_markdown_output_is_always_one_line(text: str) -> None:
    """Broken markup of a truncated answer must not break the captions."""
    assert "\n" not in plain(text)
