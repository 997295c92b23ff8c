"""No text holds the event loop up: not 10^5 characters of anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.asr._hallucinations import Decoded, may_be_silence
from nodes.dialogue._pieces import MAX_DELTA, word_by_word
from nodes.dialogue._rules import Answers, Rule, Script, compiled
from nodes.dialogue.script import ScriptedDialogue
from nodes.media.text import paragraphs
from nodes.packets import Sentence, TextDelta
from nodes.text import _chinese, _english, _french, _german, _spanish
from nodes.text._cut import Limits, cut
from nodes.text._foreign import foreign
from nodes.text._markdown import plain
from nodes.text._rules import spoken_by
from nodes.text._speakable import LONGEST, speakable
from nodes.text.sentences import Sentences
from nodes.words import completeness, is_backchannel
from pipeline.port import MAX_OUTPUTS
from pipeline.testing import root_stamp
from tests.adversarial import LONG, PIECES, check
from tests.growth import check_within
from tests.nodes.dialogue.talk import heard, start
from tests.turns_of_the_loop import LONGEST as LONGEST_STEP
from tests.turns_of_the_loop import watched

FUNCTIONS: dict[str, Callable[[str], object]] = {
    "cut": lambda text: cut(text, Limits(250, 4), ended=False),
    "cut long": lambda text: cut(text, Limits(2000, 1000), ended=True),
    "completeness": completeness,
    "is_backchannel": is_backchannel,
    "paragraphs": paragraphs,
    "may_be_silence": lambda text: may_be_silence(Decoded((), text, 0.0, 0.0), 0.5, -1.0),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_text_function_takes_a_tenth_of_a_second_for_100000_characters(function: Callable[[str], object]) -> None:
    """10,000 digits took 12 s, and 100,000 twenty minutes."""
    check(function, PIECES, LONG, pairs=False, least=0.01)


@pytest.mark.parametrize("language", ["en", "de", "fr", "zh", "it"])
def test_speakable_takes_a_tenth_of_a_second_for_100000_characters(language: str) -> None:
    """What a voice speaks is made in the event loop, between the packets of all calls."""
    check(lambda text: speakable(text, language), PIECES, LONG, pairs=False, least=0.05)


def test_markdown_takes_linear_time() -> None:
    """A line of 1,000 hyphens took minutes; what a line costs, many short lines cost as well."""
    check(plain, PIECES, 1000, pairs=True, slack=5)
    check(plain, PIECES, LONG, pairs=False, slack=5)


NUMBERS = Random(7)
COSTLY = {
    "integers": " ".join(str(NUMBERS.randint(10**14, 10**15)) for _ in range(7000)),
    "fractions": " ".join(f"{NUMBERS.randint(1, 9999)}.{NUMBERS.randint(1, 99)}" for _ in range(14_000)),
    "ordinals": " ".join(f"{NUMBERS.randint(1000, 99_999)}th" for _ in range(14_000)),
    "dates": " ".join(f"{NUMBERS.randint(1000, 9999)}-0{NUMBERS.randint(1, 9)}-11" for _ in range(9000)),
    "amounts": " ".join(f"${NUMBERS.randint(1, 10**6)}.{NUMBERS.randint(10, 99)}" for _ in range(10_000)),
    "any": "".join(chr(NUMBERS.randint(1, 0xD7FF)) for _ in range(LONG)),
}


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "zh", "ja"])
@pytest.mark.parametrize("text", COSTLY.values(), ids=COSTLY)
def test_numbers_that_are_all_different_take_a_tenth_of_a_second(text: str, language: str) -> None:
    """Each is written out anew: 0.4 ms a number in some languages."""
    speakable("1.5 and 2", language)  # the language is loaded now
    check_within(lambda: speakable(text, language), 0.1)


def test_text_longer_than_a_sentence_is_spoken_to_its_end() -> None:
    """What is not written out is not lost."""
    said = speakable("It costs 5 dollars. " * 200)
    assert said.startswith("It costs five dollars. It costs five")
    assert said.endswith("It costs 5 dollars.")
    assert said.count("dollars") == 200
    assert len(said) > LONGEST


RULES = (*_english.RULES, *_german.RULES, *_french.RULES, *_spanish.RULES, *_chinese.RULES)
BITS = (
    *PIECES,
    *(
        "12",
        "1,234",
        "3.14",
        "٣",
        "１",
        "€",
        "£",
        "C",
        "km",
        "x",
        "×",
        "±",
        "→",
        "≤",
        "am",
        "pm",
        "March",
        "Jan",
        "the",
    ),
    *(
        "https://x.y/z",
        "a.com",
        "st",
        "th",
        "v2",
        "No.",
        "e.g.",
        "24/7",
        "w/o",
        "^",
        "2",
        "3",
        "≠",
        "÷",
        "§",
        "•",
        ":-)",
    ),
)


@settings(max_examples=3000, deadline=None)
@given(st.lists(st.sampled_from(BITS), max_size=9).map("".join))
def test_rule_that_is_skipped_would_not_have_matched(text: str) -> None:
    """What a rule needs is written beside its pattern, and must not be more than the pattern needs."""
    for rule in RULES:
        assert spoken_by((rule,), text) == spoken_by((rule._replace(needs=()),), text)


@pytest.mark.parametrize("text", ["&#" + "1" * 5000 + ";", "&#x" + "f" * 5000, "a &#99999999999; b"])
def test_markdown_survives_references_to_impossible_characters(text: str) -> None:
    """A number of 5,000 digits raised a ValueError, and the sentence was lost."""
    assert "#" not in plain(text)


@pytest.mark.parametrize("number", ["1.2.3", "192.168.0.1", "1.5.2024", "9" * 5000, "0." + "1" * 5000, "1,2,3"])
@pytest.mark.parametrize("language", ["it", "pt", "ar", "th"])
def test_number_that_is_none_is_left_as_it_is(number: str, language: str) -> None:
    """A date, an address or a version raised, and its sentence was lost."""
    assert speakable(f"a {number} b", language) == f"a {number} b"
    assert foreign("12", "de") == "zwölf"


# --- sentences


def split(*deltas: str, node: Sentences | None = None) -> list[list[Sentence]]:
    """The sentences of each delta of an answer, the last of which ends it."""
    node = node or Sentences()
    node.reset()
    last = len(deltas) - 1
    given = [TextDelta(root_stamp(), delta, number == last) for number, delta in enumerate(deltas)]
    results = [list(node.split(delta)) for delta in given]
    assert max(map(len, results)) <= MAX_OUTPUTS
    return results


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("longest", [40, 250, 2000])
def test_delta_of_100000_characters_is_split_in_a_moment(piece: str, longest: int) -> None:
    """A node that is not ours may give a whole answer at once, and it holds up every call of the process."""
    delta = TextDelta(root_stamp(), piece * (LONG // len(piece)), False)
    node = Sentences(longest=longest)

    def answer() -> None:
        node.reset()
        for _ in range(4):
            node.split(delta)

    check_within(answer, 4 * LONGEST_STEP)


def test_long_delta_is_carried_over_to_the_next_ones() -> None:
    """Nothing of it is lost, neither of what is said nor of what is shown."""
    text = "".join(f"This is sentence number {number}. " for number in range(400))
    rows = [row for rows in split(text, "Yes. ", *[" "] * 5, "End.") for row in rows]
    assert " ".join(row.shown for row in rows) == f"{text}Yes.  End.".replace("  ", " ")
    assert [row.last for row in rows] == [False] * (len(rows) - 1) + [True]
    assert rows[0].text == "This is sentence number zero."


def test_deltas_that_never_end_a_sentence_do_not_pile_up() -> None:
    """What waits is bounded, whatever comes."""
    node = Sentences()
    rows = [row for rows in split(*["word " * 3000] * 20, node=node) for row in rows]
    assert len(node.state.buffer) == 0
    assert sum(len(row.shown.split()) for row in rows) == 60_000


def test_long_answer_leaves_the_loop_its_turns() -> None:
    """An answer that a recogniser or a script brings along in one piece is given in small ones."""

    async def main() -> tuple[list[TextDelta] | Exception, float]:
        node = ScriptedDialogue()
        start(node)
        words = heard("", answer="x" * 50_000 + " word" * 10_000)

        async def answer() -> list[TextDelta]:
            return [delta async for delta in node.reply(words)]

        return await watched(answer())

    deltas, longest = asyncio.run(main())
    assert isinstance(deltas, list)
    assert max(len(delta.text) for delta in deltas) == MAX_DELTA
    assert longest < LONGEST_STEP


def test_words_of_a_long_text_are_all_there() -> None:
    """Also without any space, or with nothing but spaces."""

    async def words(text: str) -> str:
        return "".join([word async for word in word_by_word(text)])

    for text in ("a" * 1000, " " * 1000, " a\n b "):
        assert asyncio.run(words(text)) == text


# --- rules of an author


@pytest.mark.parametrize(
    "pattern",
    [
        ".*a.*b",
        r"\w*\w*\w*x",
        ".*.*.*.*.*x",
        ".*a.*a.*a.*a.*a.*a.*b",
        "a{1,}a{1,}a{1,}a{1,}b",
        r"(\w+) (\w+) (\w+) (\w+)x",
    ],
)
@pytest.mark.parametrize("text", ["a" * 10_000, "a " * 5_000, "! " * 5_000, "a! " * 4_000], ids=len)
def test_script_answers_in_a_moment_whatever_its_patterns(pattern: str, text: str) -> None:
    """Each repetition multiplies the time by the length of the text: 300 characters took minutes for five."""
    script = Script(Answers(rules=(Rule(when=pattern, say=("no",)),)))
    check_within(lambda: script.find(text), 0.2)


def test_script_matches_patterns_of_several_repetitions() -> None:
    """What authors write goes on to work."""
    script = Script(Answers(rules=(Rule(when="my (.+) is (.+) and (.+) is (?P<name>.+)", say=("{name}!",)),)))
    assert script.find("My dog is old and his name is Rex.")[1] == ("Rex!",)


@pytest.mark.parametrize("pattern", ["(a{1,20}){1,20}b", r"(\w{2,3}\s?)+"])
def test_pattern_that_nests_repetitions_of_any_number_is_refused(pattern: str) -> None:
    """Twenty times one to twenty are as many ways as without a bound."""
    with pytest.raises(ValueError, match="could take forever"):
        compiled(pattern)


def test_long_pattern_is_refused() -> None:
    """Checking a pattern takes time in the square of its length."""
    with pytest.raises(ValueError, match="more than 2000 characters"):
        compiled("a" * 2001)
    assert compiled("a" * 2000).pattern
