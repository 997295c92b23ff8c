"""The base classes of dialogue nodes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from nodes.apologies import apologies
from nodes.dialogue._history import ChatMessage
from nodes.dialogue._pieces import Pieces, read_ahead, without_repetition, word_by_word
from nodes.dialogue._service import (
    Chat,
    ChatParams,
    DialogueService,
    PromptTooLong,
)
from nodes.packets import InstructionsChanged, PlaybackProgress, TextDelta, Transcript
from pipeline.cause import Cause, Causes
from pipeline.clock import give_way
from pipeline.errors import NodeError
from pipeline.params import NoParams
from pipeline.runtime.virtual import run_virtual
from pipeline.testing import run_node
from tests.nodes.dialogue.talk import heard, said, start, talk


class Parrot(Chat[ChatParams]):
    """Answers with the last message of its prompt, word by word, and records its prompts."""

    def __init__(self, params: ChatParams | None = None, **settings: object) -> None:
        super().__init__(params, **settings)
        self.prompts: list[list[ChatMessage]] = []
        self.longest = 1000

    async def generate(self, messages: list[ChatMessage]) -> Pieces:
        """Rejects prompts that are too long."""
        self.prompts.append(messages)
        if len(messages) > self.longest:
            raise PromptTooLong("too long")
        async for word in word_by_word(messages[-1]["content"].upper()):
            yield word


def test_dialogue_answer_streams_and_ends() -> None:
    """The voice starts with the first word and knows when the answer ends."""
    out = run_node(Parrot(), [heard("how are you")])
    assert [(delta.text, delta.end) for delta in out.of(TextDelta)] == [
        ("HOW", False),
        (" ARE", False),
        (" YOU", False),
        ("", True),
    ]


def test_dialogue_answer_has_the_cause_of_its_question() -> None:
    """An interruption stops this answer and no other."""
    cause = Causes().begin("turn")
    (answer,) = talk(Parrot(), heard("Yes.", cause))
    assert {delta.at.cause for delta in answer} == {cause}


def test_dialogue_answers_tentative_turn_only_when_committed() -> None:
    """No answer is generated while a person only takes a breath."""
    causes, node = Causes(), Parrot()
    turn = causes.begin("turn")

    async def main() -> list[TextDelta]:
        start(node)
        reply = cast(AsyncGenerator[TextDelta, None], node.reply(heard("tell me the", turn)))
        first = asyncio.ensure_future(anext(reply))
        for _ in range(5):
            await give_way()
        assert not first.done() and node.prompts == []
        causes.commit(turn)
        return [await first, *[delta async for delta in reply]]

    assert said(run_virtual(main())) == "TELL ME THE"


def test_dialogue_answers_only_whole_transcripts_with_words() -> None:
    """A person is not interrupted in mid-sentence, and a cough gets no answer."""
    assert talk(Parrot(), heard("how are", whole=False), heard(""), heard("  ")) == [[], [], []]


def test_dialogue_speaks_prepared_answer_word_for_word() -> None:
    """`I did not catch that` does not go through the model."""
    node = Parrot()
    answers = talk(node, heard("", answer="Sorry,  I did not\ncatch that. "), heard("mumble", answer="Pardon?"))
    assert [said(answer) for answer in answers] == ["Sorry,  I did not\ncatch that. ", "Pardon?"]
    assert [answer[-1].end for answer in answers] == [True, True]
    assert node.prompts == []


def test_dialogue_history_keeps_apology_only_beside_a_question() -> None:
    """A small model that reads its own apologies repeats them."""
    node = Parrot(system="")
    talk(node, heard("", answer="Sorry?"), heard("mumble", answer="Pardon?"), heard("hello"))
    assert [message["content"] for message in node.prompts[0]] == ["mumble", "Pardon?", "hello"]


def test_dialogue_prompt_contains_the_conversation() -> None:
    """`And his wife?` can be answered."""
    node = Parrot(system="Be kind.")
    talk(node, heard("one"), heard("two "))
    assert [message["content"] for message in node.prompts[1]] == ["Be kind.", "one", "ONE", "two"]


def test_dialogue_instructions_of_the_client_replace_those_of_the_graph() -> None:
    """They replace the system prompt of the graph from the next answer on."""
    node = Parrot(system="Be kind.")
    talk(node, heard("one"), InstructionsChanged("Be brief."), heard("two"))
    assert [prompt[0]["content"] for prompt in node.prompts] == ["Be kind.", "Be brief."]


def test_dialogue_instructions_of_the_session_are_in_force_from_the_first_answer() -> None:
    """They belong to a call, not to the plan that all calls share."""
    node = Parrot(system="Be kind.")
    talk(node, heard("one"), InstructionsChanged("Be quick."), heard("two"), provide=[InstructionsChanged("Be brief.")])
    assert [prompt[0]["content"] for prompt in node.prompts] == ["Be brief.", "Be quick."]


def test_dialogue_member_that_joins_late_keeps_changed_instructions() -> None:
    """It shares the memory of its chain, which newer instructions may have changed."""
    late = Parrot(system="Be kind.")

    async def main() -> None:
        first = Parrot(system="Be kind.")
        for node in (first, late):
            start(node, provide=[InstructionsChanged("Be brief.")], memory=None if node is first else first.memory)
            first.follow(InstructionsChanged("Be quick."))
        assert [delta async for delta in late.reply(heard("one"))]

    run_virtual(main())
    assert late.prompts[0][0]["content"] == "Be quick."


def test_dialogue_prompt_has_only_the_heard_part_of_interrupted_answer() -> None:
    """The model must not assume that the rest was heard."""
    causes, node = Causes(), Parrot(system="")
    turn = causes.begin("turn")
    talk(
        node,
        heard("Tell me a story.", turn),
        lambda: causes.commit(turn),
        PlaybackProgress(turn, "TELL ME", 5, True, False),
        lambda: causes.revoke(turn, "turn"),
        heard("stop"),
    )
    assert [message["content"] for message in node.prompts[1]] == ["Tell me a story.", "TELL ME", "stop"]


def test_dialogue_history_receives_playback_progress_from_the_sink() -> None:
    """In a session, the reports of the sink reach the history."""
    node = Parrot()
    cause = Causes().begin("turn")
    run_node(node, [heard("Hello there.", cause), PlaybackProgress(cause, "HELLO", 5, True, False)])
    cause.live, cause.committed = False, True
    assert node.memory.messages()[-1]["content"] == "HELLO"


def test_dialogue_history_survives_a_flush() -> None:
    """An interruption does not erase the conversation."""
    node = Parrot(system="")
    talk(node, heard("one"), node.reset, heard("two"))
    assert len(node.prompts[1]) == 3


def test_dialogue_prompt_too_long_drops_older_half() -> None:
    """Otherwise a long call would fail at every question from then on."""
    node = Parrot(system="")
    node.longest = 5
    answers = talk(node, *(heard(str(number)) for number in range(8)))
    assert [said(answer) for answer in answers] == list("01234567")
    assert max(map(len, node.prompts)) == 7


def test_dialogue_question_too_long_by_itself_is_an_error() -> None:
    """It is reported instead of retried forever."""
    node = Parrot()
    node.longest = 1
    with pytest.raises(PromptTooLong):
        talk(node, heard("one"))


def test_dialogue_answer_cancelled_early_is_not_complete() -> None:
    """Its generator is closed at once, so that the model stops."""
    closed: list[bool] = []

    class Endless(DialogueService[NoParams]):
        async def generate_reply(self, heard: object) -> Pieces:
            try:
                while True:
                    yield "on "
            finally:
                closed.append(True)

    async def leave() -> None:
        node = Endless()
        start(node)
        async with aclosing(cast(AsyncGenerator[TextDelta, None], node.reply(heard("go")))) as answer:
            await anext(answer)
        assert closed == [True]

    run_virtual(leave())


@given(st.text())
def test_dialogue_deltas_concatenate_to_the_text(text: str) -> None:
    async def together() -> str:
        return "".join([word async for word in word_by_word(text)])

    assert asyncio.run(together()) == text


def test_dialogue_parameters_are_validated() -> None:
    """A limit of zero is a mistake."""
    with pytest.raises(ValueError, match="turns"):
        ChatParams(turns=0)


async def collected(pieces: AsyncGenerator[str, None]) -> str:
    """All pieces."""
    async with aclosing(pieces) as all_of_them:
        return "".join([piece async for piece in all_of_them])


@pytest.mark.parametrize(
    ("said", "again", "rest"),
    [
        ("The sun", "The sun is hot.", " is hot."),
        ("The sun,", "the Sun is hot.", " is hot."),
        ("The sun", "is hot.", "is hot."),
        ("The sun", "The moon is not.", " moon is not."),
        ("The sun", "The sun", ""),
        ("", "The sun", "The sun"),
    ],
)
def test_dialogue_continuation_does_not_repeat_spoken_text(said: str, again: str, rest: str) -> None:
    """A model that is asked to continue often starts over."""
    assert run_virtual(collected(without_repetition(said, word_by_word(again)))) == rest


def test_dialogue_fallback_model_continues_where_the_first_failed() -> None:
    """And the history has one answer, not two."""

    class Restarts(Parrot):
        def generate(self, messages: list[ChatMessage]) -> Pieces:
            return word_by_word("The sun is hot")

    node = Restarts(system="")
    question = heard("how is the sun")
    made = [TextDelta(question.at, "THE"), TextDelta(question.at, " SUN")]

    async def main() -> str:
        start(node)
        return "".join([delta.text async for delta in node.resume(question, made)])

    assert run_virtual(main()) == " is hot"
    assert [message["content"] for message in node.memory.messages()] == ["how is the sun", "THE SUN is hot"]


def test_dialogue_last_resort_apologises_and_ends_the_answer() -> None:
    """Before the first word as well as midway, the last delta ends the answer."""
    node = Parrot()
    talk(node)
    question = heard("how are you")
    assert (
        node.requires_output(question)
        and not node.requires_output(heard("how", whole=False))
        and not node.requires_output(heard(" "))
    )
    for made, words in (([], apologies().no_answer), ([TextDelta(question.at, "I am")], apologies().lost)):
        (apology,) = node.last_resort(question, made)
        assert isinstance(apology, TextDelta) and (apology.text, apology.end) == (words, True)


def test_dialogue_complete_answer_is_not_continued_by_fallback() -> None:
    """A connection that breaks after the last word needs no apology."""
    node = Parrot()
    talk(node)
    question = heard("how are you")
    made = [TextDelta(question.at, "I am well."), TextDelta(question.at, "", end=True)]

    async def rest() -> list[TextDelta]:
        start(node)
        return [delta async for delta in node.resume(question, made)]

    assert run_virtual(rest()) == [] and list(node.last_resort(question, made)) == []


def test_dialogue_generation_does_not_wait_for_playback() -> None:
    """Otherwise one long answer would occupy the only model while it is spoken."""
    made: list[str] = []

    async def pieces() -> Pieces:
        for piece in "abc":
            made.append(piece)
            yield piece
        made.append("rest")

    async def main() -> list[str]:
        taken = []
        async with aclosing(read_ahead(pieces())) as ready:
            async for piece in ready:
                taken.append(piece)
                for _ in range(10):
                    await give_way()
                assert made == ["a", "b", "c", "rest"]
        return taken

    assert run_virtual(main()) == ["a", "b", "c"]


def test_dialogue_generation_stops_on_cancel_and_propagates_errors() -> None:
    """An interrupted answer releases the model at once; a failed one goes to the next member."""
    ended: list[str] = []

    async def pieces(error: bool) -> Pieces:
        try:
            yield "a"
            if error:
                raise NodeError("broken")
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("closed")

    async def main() -> None:
        async with aclosing(read_ahead(pieces(error=False))) as ready:
            async for _ in ready:
                break
        assert ended == ["closed"]
        with pytest.raises(NodeError, match="broken"):
            assert [piece async for piece in read_ahead(pieces(error=True))] == ["a"]

    run_virtual(main())


def test_dialogue_answer_has_the_language_of_its_question() -> None:
    """Sentences, numbers and the voice follow the person from one language to another."""
    asked = [structs.replace(heard("wie geht es"), language="de"), structs.replace(heard("how are you"), language="en")]
    deltas = run_node(Parrot(), asked).of(TextDelta)
    assert list(dict.fromkeys(delta.language for delta in deltas)) == ["de", "en"]


def _asked(text: str, language: str, cause: Cause) -> Transcript:
    return structs.replace(heard(text, cause), language=language)


def test_dialogue_answers_in_a_language_that_the_voice_speaks() -> None:
    """A person who speaks German is told why the answer is English, once; French is answered in French."""
    node = Parrot(languages=("en", "fr"), system="Be brief.")
    turns = [("wie geht es", "de"), ("und nun", "de"), ("bonjour", "fr"), ("hello", "en")]
    asked = [_asked(text, language, Cause(n, "turn", committed=True)) for n, (text, language) in enumerate(turns, 1)]
    answers = talk(node, *asked)
    assert [answer[0].language for answer in answers] == ["en", "en", "fr", "en"]
    assert [said(answer).startswith("I understand German, but") for answer in answers] == [True, False, False, False]
    told = [prompt[0]["content"] for prompt in node.prompts]
    assert told[0] == told[1] == told[3] == "Be brief. Answer only in English."
    assert told[2] == "Be brief. Answer only in French."


def test_dialogue_with_one_language_has_it_also_for_text_of_unknown_language() -> None:
    """A typed question to a Chinese voice, and its greeting, are spoken with Chinese numbers."""
    for languages, expected in ((("zh",), "zh"), (("en", "zh"), ""), ((), "")):
        (answer,) = talk(Parrot(languages=languages), _asked("12?", "", Cause(1, "turn", committed=True)))
        assert {delta.language for delta in answer} == {expected} and not said(answer).startswith("I understand")


def test_dialogue_apologises_in_the_language_of_the_question() -> None:
    """An English apology in a Chinese call would be spoken by a Chinese voice."""
    node = Parrot()
    run_node(node, [])
    for language in ("zh", "de", "fr", "es", "it", "pt"):
        question = structs.replace(heard("?"), language=language)
        assert [delta.text for delta in node.last_resort(question, ()) if isinstance(delta, TextDelta)] == [
            apologies(language).no_answer
        ]
        assert apologies(language) != apologies("en") == apologies("nl")
