"""`text.sentences`: an answer's text in, sentences out."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nodes.packets import Sentence, TextDelta
from nodes.text.sentences import Sentences
from pipeline.cause import Causes
from pipeline.packet import Packet, Stamp
from pipeline.runtime.dispatch import MAX_OUTPUTS
from pipeline.testing import root_stamp, run_node

Row = tuple[str, str, bool]


def spoken(*deltas: str, node: Sentences | None = None) -> list[Row]:
    """What is said, what is shown and whether it is the last, for an answer in these pieces."""
    node = node or Sentences()
    node.reset()
    feed = [*(TextDelta(root_stamp(), delta) for delta in deltas), TextDelta(root_stamp(), "", end=True)]
    return [(s.text, s.shown, s.last) for delta in feed for s in node.split(delta)]


def test_sentences_leave_as_soon_as_they_are_complete() -> None:
    """The voice begins while the model is still writing."""
    node = Sentences()
    node.reset()
    given = ["Hello", " there", ".", " How", " are you?"]
    left = [[s.shown for s in node.split(TextDelta(root_stamp(), delta))] for delta in given]
    assert left == [[], [], [], ["Hello there."], []]


def test_only_the_first_sentence_of_an_answer_is_cut_at_a_clause() -> None:
    """The first sound comes early; later sentences keep their melody."""
    text = "Well, I am quite sure of it, my friend. If it rains tomorrow morning, we stay."
    assert [shown for _, shown, _ in spoken(text)] == [
        "Well, I am quite sure of it,",
        "my friend.",
        "If it rains tomorrow morning, we stay.",
    ]
    whole = spoken(text, node=Sentences(first_clause=False))
    assert whole[0][1] == "Well, I am quite sure of it, my friend."


def test_each_answer_begins_anew() -> None:
    """The second answer is as quick as the first."""
    node = Sentences()
    node.reset()
    for _ in range(2):
        left = [*node.split(TextDelta(root_stamp(), "I am quite sure of it, my friend", end=True))]
        assert [(s.shown, s.last) for s in left] == [("I am quite sure of it,", False), ("my friend", True)]


def test_the_last_sentence_says_so() -> None:
    """Playback knows when the answer is over, and the next turn may begin."""
    assert spoken("One. Two.") == [("One.", "One.", False), ("Two.", "Two.", True)]


@pytest.mark.parametrize("text", ["", "  ", "---", "\n\n"])
def test_an_answer_of_nothing_still_ends(text: str) -> None:
    """Without it a session would wait for ever for the end of an empty answer."""
    assert spoken(text) == [("", "", True)]


def test_an_end_that_comes_alone_is_an_empty_last_sentence() -> None:
    """Nothing is held back only to mark it as the last."""
    assert spoken("Hello there. ", " " * 16) == [("Hello there.", "Hello there.", False), ("", "", True)]


def test_pictures_are_shown_and_not_said() -> None:
    """No voice says `smiling face with open mouth`."""
    assert spoken("😀") == [("", "😀", True)]


def test_code_is_shown_and_only_mentioned() -> None:
    """Nobody wants to hear a program read aloud."""
    assert spoken("Look:\n```python\nx = [1]\n\nprint(x)\n```\nDone.") == [
        ("Look:", "Look:", False),
        ("Here is some code.", "Here is some code.", False),
        ("", "x = [1]\n\nprint(x)", False),
        ("Done.", "Done.", True),
    ]


def test_code_may_be_passed_over_in_silence() -> None:
    """The mention is in English; who speaks another language sets or empties it."""
    assert spoken("```\nx\n```", node=Sentences(code="")) == [("", "x", True)]


def test_code_that_never_closes_is_bounded() -> None:
    """A model that goes on for ever fills no memory."""
    node = Sentences()
    node.reset()
    shown = ""
    for delta in ["```\n", *["x = 12345\n"] * 1000]:
        shown += "\n".join(s.shown for s in node.split(TextDelta(root_stamp(), delta)) if not s.text) + "\n"
        assert len(node.state.buffer) < 2100
    left = [*node.split(TextDelta(root_stamp(), "", end=True))]
    assert shown.count("x = 12345") + left[-1].shown.count("x = 12345") == 1000
    assert left[-1].last


def test_triple_marks_inside_a_line_are_no_block() -> None:
    """A sentence is not swallowed because of its marks."""
    assert spoken("```x``` is a name. Yes.") == [("x is a name.", "x is a name.", False), ("Yes.", "Yes.", True)]


def test_lists_are_spoken_item_by_item() -> None:
    """Each item is a breath, without its dash."""
    rows = spoken("You need:\n\n- **2 eggs**\n- milk\n\n1. Mix. 2. Bake.")
    assert [said for said, _, _ in rows] == ["You need:", "two eggs", "milk", "one. Mix.", "two. Bake."]


def test_many_sentences_at_once_keep_to_what_a_transform_may_give() -> None:
    """A long prepared answer is spoken to its end."""
    rows = spoken(" ".join(f"This is {word}." for word in "abcdefghijklmnopqrstuvwxy"))
    delta_rows = rows[:MAX_OUTPUTS]
    assert len(delta_rows) == MAX_OUTPUTS
    assert (
        " ".join(shown for _, shown, _ in rows).split()
        == " ".join(f"This is {word}." for word in "abcdefghijklmnopqrstuvwxy").split()
    )


def test_a_new_answer_does_not_begin_with_the_rest_of_one_that_failed() -> None:
    """After a model failed in the middle of a word, the next answer is clean."""
    causes = Causes()
    node = Sentences()
    node.reset()
    first, second = causes.begin("turn"), causes.begin("turn")
    assert list(node.split(TextDelta(Stamp(0, 0, first), "The capital of Fra"))) == []
    left = list(node.split(TextDelta(Stamp(1, 0, second), "Yes.", end=True)))
    assert [(s.shown, s.at.cause) for s in left] == [("Yes.", second)]


def test_a_flush_forgets_the_beginning() -> None:
    """What was interrupted is not spoken with the next answer."""
    node = Sentences()
    node.reset()
    list(node.split(TextDelta(root_stamp(), "I was about to say that")))
    node.reset()
    assert spoken("Yes.", node=node) == [("Yes.", "Yes.", True)]


def test_it_runs_in_a_session_to_the_end_of_the_stream() -> None:
    """An answer that was never marked as ended is spoken when its stream ends."""
    feed: list[Packet] = [TextDelta(root_stamp(), "One. Two"), TextDelta(root_stamp(), " and 3")]
    out = run_node(Sentences(), feed)
    assert not out.errors
    assert [(s.text, s.last) for s in out.of(Sentence)] == [("One.", False), ("Two and three", True)]


ORDINARY = "Hello the I it Dr. e.g. U.S. p.m. J. etc. St. No. Jan. 5 3.14 1. 2) 1 $5 said Then longerword 你好 😀"
MARKS = "... … . ! ? ?! , ; : - — ( ) 。 ， 」 \" ' ** * _ ` `` ``` # > | [a](b)"
PLAIN = "Hello Dr. 3.14 5 yes! no? so, U.S. p.m. 你好。 ok… word: (in) a; 2024-03-05"
SPACES = ["\n", "\n\n", " ", " ", " ", "  ", "\t", " " * 9, "```py\n", "\n```\n", "~~~\n", "\n- ", "\n# ", "x" * 30]
WORDS = st.sampled_from([*ORDINARY.split(), *MARKS.split(), *SPACES])
TEXTS = st.lists(WORDS, max_size=30).map("".join)


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    """The text cut at these places."""
    places = sorted({min(cut, len(text)) for cut in cuts})
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


@given(TEXTS, st.lists(st.integers(0, 200), max_size=12), st.booleans())
def test_any_way_of_streaming_gives_the_same_sentences(text: str, cuts: list[int], first_clause: bool) -> None:
    """A faster or slower model does not change what is spoken, nor does a replay."""
    node = Sentences(longest=40, first_clause=first_clause)
    letters = spoken(*text, node=node)
    assume(len(letters) < MAX_OUTPUTS)
    assert spoken(text, node=node) == letters
    assert spoken(*pieces_of(text, cuts), node=node) == letters


@given(st.lists(st.sampled_from(PLAIN.split()), max_size=60))
def test_nothing_that_is_shown_is_lost(words: list[str]) -> None:
    """The captions and the history have every word of the answer, once and in order."""
    text = " ".join(words)
    shown = " ".join(shown for _, shown, _ in spoken(*text, node=Sentences(longest=40)))
    assert "".join(shown.split()) == "".join(text.split())


@given(st.text(alphabet="ab. \n`-#", max_size=300))
def test_what_waits_is_bounded(text: str) -> None:
    """However odd the text, the buffer stays small."""
    node = Sentences(longest=40)
    node.reset()
    for letter in text:
        list(node.split(TextDelta(root_stamp(), letter)))
        assert len(node.state.buffer) < 100 or node.state.fence or node.state.buffer.startswith("```")
