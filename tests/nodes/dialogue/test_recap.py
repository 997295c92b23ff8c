"""What is kept of turns that a prompt no longer has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.dialogue._recap import MAX_BYTES, MAX_FACTS, Recap, facts_of, size, summary_of

BUDGET = 4000


@pytest.mark.parametrize(
    ("said", "facts"),
    [
        ("Hello. My name is Ada. How are you?", ["My name is Ada."]),
        ("My appointment is on May 5th at 3.30 p.m. I am so tired.", ["My appointment is on May 5th at 3.30 p.m."]),
        ("you can reach me at ada at example dot com", ["you can reach me at ada at example dot com"]),
        ("It is five five five, twelve, thirty four.", ["It is five five five, twelve, thirty four."]),
        ("We went to Lisbon. It was nice.", ["We went to Lisbon."]),
        ("When I was ten we moved to Rome.", ["When I was ten we moved to Rome."]),
        ("Can you call me Bob?", ["Can you call me Bob?"]),
        ("Ich heiße Jürgen und wohne in Köln.", ["Ich heiße Jürgen und wohne in Köln."]),
        ("你好。我叫小明，我住在北京。今天天气怎么样？", ["我叫小明，我住在北京。"]),
        ("我的电话是一三八零零。好的。", ["我的电话是一三八零零。"]),
        ("我们三月五日去上海。", ["我们三月五日去上海。"]),
    ],
)
def test_recap_keeps_sentences_with_names_dates_and_numbers(said: str, facts: list[str]) -> None:
    """`What is my name?` has an answer an hour later."""
    assert facts_of(said) == facts


@pytest.mark.parametrize(
    "said",
    [
        "Why is the sky blue?",
        "who wrote Hamlet",
        "What is 12 times 7?",
        "Tell me about Paris.",
        "That is very nice.",
        "I'm fine, I think.",
        "法国的首都是什么？",
        "你会说中文吗",
        "",
    ],
)
def test_recap_does_not_keep_questions_and_small_talk(said: str) -> None:
    """The few facts that have room are those of the caller."""
    assert facts_of(said) == []


def test_recap_keeps_the_clauses_of_a_very_long_sentence() -> None:
    said = "so, " + "well you know, " * 30 + "my name is Ada, and it was like that"
    assert facts_of(said) == ["my name is Ada,"]


def test_recap_without_room_keeps_what_callers_say_of_themselves() -> None:
    """A long list of numbers does not push the name out; of equal facts the newest stay."""
    recap = Recap().with_facts(["My name is Ada."], BUDGET)
    for number in range(40):
        recap = recap.with_facts([f"That makes {number}."], BUDGET)
    assert recap.facts[0] == "My name is Ada."
    assert recap.facts[1:] == tuple(f"That makes {number}." for number in range(40 - MAX_FACTS + 1, 40))


def test_recap_has_a_repeated_fact_once_as_the_newest() -> None:
    recap = Recap().with_facts(["It is 5 o'clock.", "It is 6 o'clock.", "It is 5 o'clock."], BUDGET)
    assert recap.facts == ("It is 6 o'clock.", "It is 5 o'clock.")


def test_recap_tells_summary_and_facts_in_the_language_of_the_conversation() -> None:
    recap = Recap("They spoke of rivers.", ("My name is Ada.", "I am 36."))
    assert (
        recap.text("en-GB")
        == recap.text("de")
        == ('Earlier in this conversation: They spoke of rivers.\nThe person said: "My name is Ada." "I am 36."')
    )
    assert recap.text("zh-CN").startswith("此前的谈话：They")
    assert Recap().text("en") == "" and not Recap()


def test_recap_summary_is_whole_sentences_in_one_line() -> None:
    """A summary that was cut in mid-sentence would be continued by the model."""
    assert summary_of('One "thing".\n\nTwo things. And a th', 600) == "One 'thing'. Two things."
    assert summary_of("我们谈了河流。然后谈了", 600) == "我们谈了河流。"
    assert summary_of("Without an end", 600) == summary_of("", 600) == ""
    assert summary_of("One. " * 1000, 100) == ("One. " * 20).strip()


@given(st.lists(st.text(max_size=300), max_size=30), st.integers(100, 10_000))
def test_recap_stays_within_its_bounds(questions: list[str], budget: int) -> None:
    """Whatever callers say, the system message stays short."""
    recap = Recap().with_facts(questions, budget).with_facts([f"My name is {each}." for each in questions], budget)
    assert len(recap.facts) <= MAX_FACTS
    assert sum(map(size, recap.facts)) <= min(MAX_BYTES, budget // 6)
    assert not any('"' in fact or "\n" in fact for fact in recap.facts)
