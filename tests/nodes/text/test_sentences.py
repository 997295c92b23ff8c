"""`text.sentences`: a streamed answer in, sentences out."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nodes.packets import Sentence, TextDelta
from nodes.text.sentences import Sentences
from pipeline.cause import Causes
from pipeline.packet import Packet, Stamp
from pipeline.port import MAX_OUTPUTS
from pipeline.testing import root_stamp, run_node

Row = tuple[str, str, bool]


def spoken(*deltas: str, node: Sentences | None = None) -> list[Row]:
    """Spoken text, displayed text and `last` of each sentence of an answer in these pieces."""
    node = node or Sentences()
    node.reset()
    feed = [*(TextDelta(root_stamp(), delta) for delta in deltas), TextDelta(root_stamp(), "", end=True)]
    return [(s.text, s.shown, s.last) for delta in feed for s in node.split(delta)]


def test_sentences_leave_as_soon_as_they_are_complete() -> None:
    """The voice starts while the model is still generating."""
    node = Sentences()
    node.reset()
    given = ["Hello", " there", ".", " How", " are you?"]
    left = [[s.shown for s in node.split(TextDelta(root_stamp(), delta))] for delta in given]
    assert left == [[], [], [], ["Hello there."], []]


def test_sentences_cut_at_a_clause_only_for_the_first_of_an_answer() -> None:
    """The first sound comes early; later sentences keep their intonation."""
    text = "Well, I am quite sure of it, my friend. If it rains tomorrow morning, we stay."
    assert [shown for _, shown, _ in spoken(text)] == [
        "Well, I am quite sure of it,",
        "my friend.",
        "If it rains tomorrow morning, we stay.",
    ]
    whole = spoken(text, node=Sentences(first_clause=False))
    assert whole[0][1] == "Well, I am quite sure of it, my friend."


def test_sentences_state_is_reset_for_each_answer() -> None:
    """The second answer starts as early as the first."""
    node = Sentences()
    node.reset()
    for _ in range(2):
        left = [*node.split(TextDelta(root_stamp(), "I am quite sure of it, my friend", end=True))]
        assert [(s.shown, s.last) for s in left] == [("I am quite sure of it,", False), ("my friend", True)]


def test_sentences_mark_the_last_of_an_answer() -> None:
    """Playback knows when the answer is over, and the next turn may start."""
    assert spoken("One. Two.") == [("One.", "One.", False), ("Two.", "Two.", True)]


@pytest.mark.parametrize("text", ["", "  ", "---", "\n\n"])
def test_sentences_end_an_empty_answer(text: str) -> None:
    """Otherwise a session would wait forever for its end."""
    assert spoken(text) == [("", "", True)]


def test_sentences_send_an_empty_last_sentence_for_a_lone_end() -> None:
    """No sentence is held back only to mark it as the last."""
    assert spoken("Hello there. ", " " * 16) == [("Hello there.", "Hello there.", False), ("", "", True)]


def test_sentences_show_emoji_and_do_not_speak_them() -> None:
    """A voice would say `smiling face with open mouth`."""
    assert spoken("😀") == [("", "😀", True)]


def test_sentences_show_code_and_only_mention_it() -> None:
    assert spoken("Look:\n```python\nx = [1]\n\nprint(x)\n```\nDone.") == [
        ("Look:", "Look:", False),
        ("Here is some code.", "Here is some code.", False),
        ("", "x = [1]\n\nprint(x)", False),
        ("Done.", "Done.", True),
    ]


def test_sentences_code_mention_can_be_empty() -> None:
    """The default is English; graphs in other languages replace or empty it."""
    assert spoken("```\nx\n```", node=Sentences(code="")) == [("", "x", True)]


def test_sentences_unclosed_code_block_is_bounded() -> None:
    """An endless answer must not fill memory."""
    node = Sentences()
    node.reset()
    shown = ""
    for delta in ["```\n", *["x = 12345\n"] * 1000]:
        shown += "\n".join(s.shown for s in node.split(TextDelta(root_stamp(), delta)) if not s.text) + "\n"
        assert len(node.state.buffer) < 2100
    left = [*node.split(TextDelta(root_stamp(), "", end=True))]
    assert shown.count("x = 12345") + left[-1].shown.count("x = 12345") == 1000
    assert left[-1].last


def test_sentences_backticks_inside_a_line_open_no_code_block() -> None:
    """A sentence must not be swallowed because of its punctuation."""
    assert spoken("```x``` is a name. Yes.") == [("x is a name.", "x is a name.", False), ("Yes.", "Yes.", True)]


def test_sentences_speak_lists_item_by_item() -> None:
    """Each item is a sentence, without its dash."""
    rows = spoken("You need:\n\n- **2 eggs**\n- milk\n\n1. Mix. 2. Bake.")
    assert [said for said, _, _ in rows] == ["You need:", "two eggs", "milk", "one. Mix.", "two. Bake."]


def test_sentences_of_a_long_prepared_answer_stay_within_the_output_limit() -> None:
    rows = spoken(" ".join(f"This is {word}." for word in "abcdefghijklmnopqrstuvwxy"))
    delta_rows = rows[:MAX_OUTPUTS]
    assert len(delta_rows) == MAX_OUTPUTS
    assert (
        " ".join(shown for _, shown, _ in rows).split()
        == " ".join(f"This is {word}." for word in "abcdefghijklmnopqrstuvwxy").split()
    )


def test_sentences_drop_the_rest_of_a_failed_answer() -> None:
    """After a failure in mid-word, the next answer is clean."""
    causes = Causes()
    node = Sentences()
    node.reset()
    first, second = causes.begin("turn"), causes.begin("turn")
    assert list(node.split(TextDelta(Stamp(0, 0, first), "The capital of Fra"))) == []
    left = list(node.split(TextDelta(Stamp(1, 0, second), "Yes.", end=True)))
    assert [(s.shown, s.at.cause) for s in left] == [("Yes.", second)]


def test_sentences_flush_clears_the_buffer() -> None:
    """Interrupted text is not spoken with the next answer."""
    node = Sentences()
    node.reset()
    causes = Causes()
    answer = causes.begin("turn")
    list(node.split(TextDelta(Stamp(0, 0, answer), "I was about to say that")))
    causes.revoke(answer, "turn")
    node.reset()
    assert spoken("Yes.", node=node) == [("Yes.", "Yes.", True)]


def test_sentences_flush_of_another_turn_keeps_the_buffer() -> None:
    """The "mm-hm" of a listener is revoked; the answer loses no words by that."""
    node = Sentences()
    node.reset()
    list(node.split(TextDelta(root_stamp(), "I was about to")))
    node.reset()
    ended = node.split(TextDelta(root_stamp(), " say that.", end=True))
    assert [sentence.text for sentence in ended] == ["I was about to say that."]


def test_sentences_session_ends_answer_at_end_of_stream() -> None:
    """An answer that was never marked as ended is spoken at the end of the stream."""
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
    """The text split at these places."""
    places = sorted({min(cut, len(text)) for cut in cuts})
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


@given(TEXTS, st.lists(st.integers(0, 200), max_size=12), st.booleans())
def test_sentences_do_not_depend_on_chunking(text: str, cuts: list[int], first_clause: bool) -> None:
    """The speed of a model must not change what is spoken."""
    node = Sentences(longest=40, first_clause=first_clause)
    letters = spoken(*text, node=node)
    assume(len(letters) < MAX_OUTPUTS)
    assert spoken(text, node=node) == letters
    assert spoken(*pieces_of(text, cuts), node=node) == letters


@given(st.lists(st.sampled_from(PLAIN.split()), max_size=60))
def test_sentences_lose_no_shown_text(words: list[str]) -> None:
    """Captions and history have every word of the answer, once and in order."""
    text = " ".join(words)
    shown = " ".join(shown for _, shown, _ in spoken(*text, node=Sentences(longest=40)))
    assert "".join(shown.split()) == "".join(text.split())


@given(st.text(alphabet="ab. \n`-#", max_size=300))
def test_sentences_buffer_is_bounded(text: str) -> None:
    node = Sentences(longest=40)
    node.reset()
    for letter in text:
        list(node.split(TextDelta(root_stamp(), letter)))
        assert len(node.state.buffer) < 100 or node.state.fence or node.state.buffer.startswith("```")


def test_sentences_have_the_language_of_their_answer() -> None:
    """Numbers are read in the language of the answer, and the right voice speaks it."""
    node = Sentences(language="en")
    feed = [TextDelta(root_stamp(), "Es sind 3. ", language="de"), TextDelta(root_stamp(), "Gut.", True, "de")]
    assert [(s.text, s.language) for s in run_node(node, feed).of(Sentence)] == [
        ("Es sind drei.", "de"),
        ("Gut.", "de"),
    ]
    unknown = run_node(node, [TextDelta(root_stamp(), "There are 3.", True)]).of(Sentence)
    assert [(s.text, s.language) for s in unknown] == [("There are three.", "")]


@pytest.mark.parametrize(
    "line", ["This is line {} of the story, and the cat sat on the mat.\n", "the line {} goes on\n"]
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_sentences_of_a_long_text_without_blank_lines_are_all_spoken(line: str, newline: str) -> None:
    """Of 400 lines, 385 were one sentence, at which the voice gave up."""
    written = "".join(line.format(number) for number in range(400)).replace("\n", newline)
    deltas = [written[start : start + 400] for start in range(0, len(written), 400)]
    rows = spoken(*deltas)
    assert sum(len(shown.split()) for _, shown, _ in rows) == len(written.split())
    assert max(len(shown) for _, shown, _ in rows) <= 280
    assert not any(letter.isdigit() for said, _, _ in rows for letter in said)


def test_sentences_leave_out_the_one_in_which_the_model_was_stopped() -> None:
    """Half a sentence is worse than none."""
    node = Sentences()
    node.reset()
    feed = [TextDelta(root_stamp(), "It is big. It is"), TextDelta(root_stamp(), "", end=True, truncated=True)]
    rows = [(s.shown, s.last) for delta in feed for s in node.split(delta)]
    assert [shown for shown, _ in rows if shown] == ["It is big."] and rows[-1][1]
    feed = [TextDelta(root_stamp(), "It is big."), TextDelta(root_stamp(), "", end=True, truncated=True)]
    assert [s.shown for delta in feed for s in node.split(delta)] == ["It is big."]


def test_sentences_have_no_reasoning_and_no_control_tokens() -> None:
    """Also where another node than those of the dialogue family gives the text."""
    assert [shown for _, shown, _ in spoken("<think>They ask.</thi", "nk>Paris.<|im_end|>")] == ["Paris."]
