"""Ends of sentences, one row per case; a bar marks the expected cut."""

from __future__ import annotations

import pytest

from nodes.text._after import AHEAD
from nodes.text._cut import Limits, cut

CASES = [
    "Hello there.| How are you?",
    "Hello there!| How are you?",
    "Really?!| Yes.",
    "Dr. Smith came home.| He slept.",
    "Mr. and Mrs. Jones met Ms. Lee.| They talked.",
    "Prof. Adams spoke to Gen. Brown.| Good.",
    "Take fruit, e.g. Apples, with you.| Go.",
    "It is late, i.e. Ten.| Go.",
    "Red vs. Blue is a show.| It is old.",
    "Apples, pears, etc. are fruit.| Eat.",
    "Bring apples, pears, etc.| Then we can eat.",
    "The U.S. Army came.| It left.",
    "She lives in the U.S.| She likes it.",
    "He met J. R. R. Tolkien once.| He was kind.",
    "So do I.| Then we agree.",
    "Choose plan B.| Then go.",
    "Meet me at 5 p.m. Monday.| Bye.",
    "Meet me at 5 p.m.| Then we eat.",
    "Pi is 3.14 or so.| Fine.",
    "It is 3.| Fine.",
    "Version 1.2.3 is out.| Install it.",
    "At 5:30 we eat.| Come.",
    "See example.com for more.| Or call.",
    "Write to ann@example.com.| Thanks.",
    "Open main.py now.| Run it.",
    "See No. 5 and Fig. 3 on p. 7.| Good.",
    "No.| I do not.",
    "On Jan. 5 it began.| It was cold.",
    "St. John lived on Main St. in town.| He left.",
    "Wait... what was that?| Nothing.",
    "Wait...| What was that?",
    "Wait… what?| Nothing.",
    '"Really?" she asked.| "Yes."',
    '"Yes."| He left.',
    "(It was late.)| He left.",
    "He said “no.”| Then he left.",
    "**It is bold.**| Next.",
    "The min. value is 5.| Ok.",
    "hello.| how are you",
    "Inc. Magazine wrote it.| Yes.",
    "He works at Apple Inc.| She does not.",
    "First line\n|\nsecond line",
    "A heading\n|Another line",
    "roses are red\nviolets are blue.| Yes",
    "# a title\n|lower case",
    "- an apple\n|- a pear",
    "Here is a list:\n|- a pear",
    "1. Buy milk.| 2. Go home.",
    "12. Pay.| Go.",
    "你好。|我很好。",
    "你好！」|她说。",
    "¿Qué tal?| ¡Bien!",
    "Das ist z.B. Paul.| Er kommt.",
    "Yahoo!Answers is gone.| Yes.",
    "I am 5.| You are 6.",
]


@pytest.mark.parametrize("case", CASES)
def test_sentence_cut_ends_the_first_sentence_where_a_reader_would(case: str) -> None:
    """Cut too early, a voice stumbles over `Dr.`; cut too late, people wait."""
    first, _, rest = case.partition("|")
    assert (first + rest)[: cut(first + rest, Limits(250), ended=True)] == first


@pytest.mark.parametrize("case", CASES)
def test_sentence_cut_is_stable_while_the_text_grows(case: str) -> None:
    """An early decision must not change when more text arrives."""
    first, _, rest = case.partition("|")
    text = first + rest
    early = [cut(text[:length], Limits(250), ended=False) for length in range(len(text))]
    assert set(early) <= {0, len(first)}


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("Well, I think that we should go,| for it is late.", 4),
        ("Well, I| think so, yes.", 1),
        ("I am sure of it:| yes.", 4),
        ("I am sure of it -| yes.", 4),
        ("I am sure of it—|yes.", 4),
        ("It was on March 5, 2024 that we met,| I think.", 4),
        ("There are 1,000,000 people in it; |no more.", 4),
        ("我今天非常高兴见到你，|真的。", 4),
        ("A well-known fact is this,| they say.", 4),
    ],
)
def test_sentence_cut_allows_a_clause_for_the_first_sound(case: str, words: int) -> None:
    """The first words of an answer are spoken before its first sentence is complete."""
    first, _, rest = case.replace("; |", ";| ").partition("|")
    if words == 1:
        first, rest = "Well,", " I think so, yes."
    assert (first + rest)[: cut(first + rest, Limits(250, words), ended=True)] == first


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("one two three four five six seven, eight nine ten " + "x" * 99, "one two three four five six seven, "),
        ("one two three four five six and seven eight nine ten " + "x" * 99, "one two three four five six "),
        ("one two three four five six seven eight nine ten " + "x" * 99, "one two three four five six seven eight "),
        ("x" * 99, "x" * 40),
        ("天" * 99, "天" * 40),
    ],
)
def test_sentence_cut_splits_endless_text_at_the_best_place(text: str, first: str) -> None:
    """Text without full stops is spoken too, and words are not split if there is a space."""
    assert text[: cut(text, Limits(40), ended=False)] == first


def test_sentence_cut_waits_for_the_end_of_slightly_long_text() -> None:
    """A full stop just behind the limit is better than a cut just before it."""
    text = "x" * 20 + " " + "y" * 25 + "."
    assert cut(text, Limits(40), ended=False) == 0
    assert cut(text, Limits(40), ended=True) == len(text)
    assert len(text) <= 40 + AHEAD


def test_sentence_cut_waits_for_the_next_word_after_a_stop() -> None:
    """The next word after a stop decides; until then nothing is sent."""
    for text in ("Hello", "Hello.", "Hello. ", "It costs 3.", "In the U.S. T", "Line\n"):
        assert cut(text, Limits(250), ended=False) == 0
        assert cut(text, Limits(250), ended=True) == len(text)


def test_sentence_cut_ends_at_a_stop_followed_by_spaces_only() -> None:
    assert cut("Hello." + " " * AHEAD, Limits(250), ended=False) == len("Hello.")
