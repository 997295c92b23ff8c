"""Endings of transcripts: a wrong one cuts people off in the middle of their number, or keeps them waiting."""

from __future__ import annotations

import pytest

from nodes.turn._ending import Ending, ending_of

TABLE: list[tuple[Ending, str]] = [
    ("answer", "Yes."),
    ("answer", "No."),
    ("answer", "Okay, I see."),
    ("answer", "好的。"),
    ("answer", "No, thank you."),
    ("answer", "Yes please."),
    ("question", "What time is it?"),
    ("question", "what time is it"),
    ("question", "Who is it?"),
    ("question", "Where were they?"),
    ("question", "Who wrote Hamlet."),
    ("question", "Where are you from?"),
    ("question", "What is five times seven?"),
    ("question", "What are you looking for?"),
    ("question", "你好吗？"),
    ("complete", "I would like to hear a story."),
    ("complete", "Tell me about the weather."),
    ("complete", "Ich habe eine Frage."),
    ("unclear", "tell me more about it"),
    ("list", "My number is 555."),
    ("list", "555-0123."),
    ("list", "five five five"),
    ("list", "It is spelled S-M-I-T-H."),
    ("list", "My name is Smith, S M."),
    ("list", "The code is B."),
    ("list", "BCD"),
    ("list", "john dot smith at"),
    ("list", "My number is 138."),
    ("list", "我的电话是一三八"),
    ("list", "Flat 12B."),
    ("list", "0, 1, 7, 2,"[:-1]),
    ("open", "I want to go to the."),
    ("open", "Could you please."),
    ("open", "How do I."),
    ("open", "I think that we should."),
    ("open", "Because I need."),
    ("open", "I was thinking..."),
    ("open", "first,"),
    ("open", "I am looking for."),
    ("open", "What is the name of?"),
    ("open", "Can you tell me if?"),
    ("open", "If it rains tomorrow."),
    ("open", "Let me think."),
    ("open", "Um."),
    ("open", "What I mean is."),
    ("open", ""),
]


@pytest.mark.parametrize(("ending", "text"), TABLE)
def test_ending_of_a_transcript(ending: Ending, text: str) -> None:
    assert ending_of(text) == ending
