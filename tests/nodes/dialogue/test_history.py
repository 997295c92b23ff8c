"""The conversation that a model sees: what the person has heard, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from nodes.dialogue._history import OPENING, ChatExchange, History
from nodes.packets import GREETING, PlaybackProgress
from pipeline.cause import Cause, Causes
from tests.growth import check_linear, check_within

MANY = 1000


def played(cause: Cause, text: str, *, ended: bool = True, last: bool = False) -> PlaybackProgress:
    """A report of the playing sink."""
    return PlaybackProgress(cause, text, 0, ended, last)


def lines(history: History) -> list[tuple[str, str]]:
    """The prompt as pairs of role and content."""
    return [(message["role"], message["content"]) for message in history.messages()]


def ask(history: History, cause: Cause, question: str, answer: str = "", *, complete: bool = True) -> ChatExchange:
    """Adds a question with a generated answer."""
    exchange = history.ask(cause, question, turns=MANY, budget=MANY * MANY)
    exchange.answer, exchange.complete = answer, complete
    return exchange


def test_history_orders_the_conversation_by_turns() -> None:
    causes, history = Causes(), History()
    ask(history, causes.begin("turn"), "Hello?", "Hi.")
    ask(history, causes.begin("turn"), "And you?")
    assert history.messages("Be kind.") == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello?"},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "And you?"},
    ]


def test_history_drops_revoked_tentative_turn() -> None:
    """Half a question and its answer would confuse the model."""
    causes, history = Causes(), History()
    guess = causes.begin("turn")
    ask(history, guess, "What is the", "It is.")
    causes.revoke(guess, "turn")
    ask(history, causes.begin("turn"), "What is the time?")
    assert lines(history) == [("user", "What is the time?")]


def test_history_cuts_interrupted_answer_where_playback_stopped() -> None:
    """`What did you say last?` is answered with what was heard."""
    causes, history = Causes(), History()
    turn = causes.begin("turn")
    ask(history, turn, "Tell me.", "One thing. Another thing. A third.", complete=False)
    causes.commit(turn)
    history.played(played(turn, "", ended=False))
    history.played(played(turn, "One thing."))
    history.played(played(turn, "", ended=False))
    history.played(played(turn, "Another"))
    causes.revoke(turn, "turn")
    assert lines(history) == [("user", "Tell me."), ("assistant", "One thing. Another")]


def test_history_drops_answer_of_which_nothing_was_heard() -> None:
    """After an interruption before the first sound, only the question stays."""
    causes, history = Causes(), History()
    turn = causes.begin("turn")
    ask(history, turn, "Tell me.", "One thing.")
    causes.commit(turn)
    causes.revoke(turn, "turn")
    ask(history, causes.begin("turn"), "Well?")
    assert lines(history) == [("user", "Tell me.\nWell?")]


def test_history_counts_playing_answer_up_to_its_progress() -> None:
    """A speech that is still playing counts as far as reported."""
    causes, history = Causes(), History()
    turn = causes.begin("turn")
    ask(history, turn, "Tell me.", "One thing.")
    causes.commit(turn)
    history.played(played(turn, "One", ended=False))
    causes.revoke(turn, "turn")
    assert lines(history)[-1] == ("assistant", "One")


def test_history_has_no_words_that_the_model_did_not_generate() -> None:
    """A model takes the apology, or the sentence of the scripted fallback, for its own words and repeats them."""
    causes, history = Causes(), History()
    turn, other = causes.begin("turn"), causes.begin("turn")
    ask(history, turn, "Tell me.", "One thing", complete=False)
    causes.commit(turn)
    assert lines(history)[-1] == ("assistant", "One thing")
    history.played(played(turn, "One thing ... Sorry, I lost my thread there.", last=True))
    assert lines(history)[-1] == ("assistant", "One thing")
    ask(history, other, "And then?", complete=False)
    history.played(played(other, "I heard you say: And then."))
    assert lines(history)[-1] == ("user", "And then?")
    causes.commit(other)
    causes.revoke(other, "turn")
    assert lines(history)[-1] == ("user", "And then?")


def test_history_adds_question_once_for_a_second_attempt() -> None:
    """A retry or a fallback must not see the question twice."""
    causes, history = Causes(), History()
    turn = causes.begin("turn")
    ask(history, turn, "Tell me.", "One", complete=False)
    ask(history, turn, "Tell me.", "Two.")
    assert lines(history) == [("user", "Tell me."), ("assistant", "Two.")]
    ask(history, turn, "Tell me.")
    assert lines(history)[2:] == [("user", "Tell me.")]


def test_history_assigns_playback_progress_to_the_playing_answer() -> None:
    """With one cause for all answers, playback of the first must not be counted for the second."""
    causes, history = Causes(), History()
    turn = causes.begin("turn")
    first, second = ask(history, turn, "a", "A."), ask(history, turn, "b", "B.")
    history.played(played(turn, "A.", last=True))
    history.played(played(turn, "B."))
    history.played(played(causes.begin("other"), "C."))
    assert (first.heard, second.heard) == ("A.", "B.")


def test_history_drops_older_half_when_there_are_too_many_turns() -> None:
    """A long call stays fast, and the prompt prefix changes rarely, so that it stays cached."""
    causes, history = Causes(), History()
    starts = []
    for number in range(20):
        history.ask(causes.begin("turn"), chr(ord("a") + number), turns=8, budget=MANY)
        starts.append(lines(history)[0][1].split("\n")[0])
    assert sorted(set(starts)) == ["a", "f", "k", "p"]


def test_history_drops_older_turns_when_there_is_too_much_text() -> None:
    """Long answers must not push the question out of the context."""
    causes, history = Causes(), History()
    for number in range(9):
        exchange = history.ask(causes.begin("turn"), chr(ord("a") + number), turns=MANY, budget=100)
        exchange.answer, exchange.complete = "x" * 30, True
    assert sum(len(content) for _, content in lines(history)) <= 131
    assert lines(history)[-2][1] == "i"


def test_history_never_drops_the_newest_question() -> None:
    causes, history = Causes(), History()
    ask(history, causes.begin("turn"), "a", "A.")
    history.ask(causes.begin("turn"), "x" * 500, turns=1, budget=100)
    assert lines(history) == [("user", "x" * 500)]


def test_history_shortens_until_only_the_question_is_left() -> None:
    """A prompt rejected as too long gets shorter each time, at last without the facts, until that is reported."""
    causes, history = Causes(), History()
    for number in range(5):
        ask(history, causes.begin("turn"), f"It is {number}.", "x")
    left = []
    while history.shorten():
        left.append([content for role, content in lines(history) if role != "assistant"])
    facts = 'The person said: "It is 0." "It is 1." "It is 2."'
    assert left == [[facts, "It is 3.", "It is 4."], [f'{facts} "It is 3."', "It is 4."], ["It is 4."]]


class Conversation(RuleBasedStateMachine):
    """Turns begin, are committed, spoken, interrupted and revoked in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.causes, self.history = Causes(), History()
        self.asked: list[tuple[ChatExchange, list[str]]] = []
        self.number = 0

    def word(self) -> str:
        self.number += 1
        return f"w{self.number}"

    @rule(commit=st.booleans())
    def question(self, commit: bool) -> None:
        cause = self.causes.begin("turn")
        if commit:
            self.causes.commit(cause)
        exchange = self.history.ask(cause, self.word(), turns=MANY, budget=MANY * MANY)
        exchange.answer = f"{self.word()} " + "generated " * MANY  # no more is heard than was generated
        self.asked.append((exchange, []))

    @precondition(lambda self: self.asked)
    @rule(which=st.integers(0, 20), complete=st.booleans())
    def generate(self, which: int, complete: bool) -> None:
        exchange, _ = self.asked[which % len(self.asked)]
        exchange.answer += self.word()
        exchange.complete = complete

    @precondition(lambda self: self.asked)
    @rule(which=st.integers(0, 20))
    def commit(self, which: int) -> None:
        self.causes.commit(self.asked[which % len(self.asked)][0].cause)

    @precondition(lambda self: self.asked)
    @rule(which=st.integers(0, 20))
    def revoke(self, which: int) -> None:
        self.causes.revoke(self.asked[which % len(self.asked)][0].cause, "turn")

    @precondition(lambda self: self.asked)
    @rule(which=st.integers(0, 20))
    def play(self, which: int) -> None:
        exchange, heard = self.asked[which % len(self.asked)]
        if exchange.kept:  # A guess is never played: its gate is closed.
            heard.append(self.word())
            self.history.played(played(exchange.cause, heard[-1]))

    @invariant()
    def the_prompt_is_what_the_person_knows(self) -> None:
        text = "\n".join(content for _, content in lines(self.history))
        said = text.split()
        for exchange, heard in self.asked:
            cause = exchange.cause
            assert (exchange.question in said) == (cause.live or cause.committed)
            if not cause.live:
                assert [word for word in said if word in heard] == (heard if cause.committed else [])
                assert not exchange.answer or exchange.answer not in text
            elif exchange.complete:
                assert exchange.answer in text

    @invariant()
    def the_sides_take_turns(self) -> None:
        roles = [role for role, _ in lines(self.history)]
        assert roles == ["user" if number % 2 == 0 else "assistant" for number in range(len(roles))]


TestConversation = Conversation.TestCase


@given(st.lists(st.integers(1, 60), max_size=40), st.integers(1, 6), st.integers(50, 200))
def test_history_size_stays_within_its_limits(lengths: list[int], turns: int, characters: int) -> None:
    """Memory must not grow with the length of a call."""
    causes, history = Causes(), History()
    for length in lengths:
        exchange = history.ask(causes.begin("turn"), "q" * length, turns=turns, budget=characters)
        questions = sum(content.count("q") for role, content in lines(history) if role == "user")
        assert sum(role == "user" for role, _ in lines(history)) <= turns
        assert questions <= max(characters, length)
        exchange.answer, exchange.complete = "a", True


def test_history_of_many_turns_is_shortened_in_a_moment() -> None:
    """Each of the dropped turns had the size of all others counted anew, in the event loop of all calls."""
    causes, history = Causes(), History()
    for number in range(MANY):
        ask(history, causes.begin("turn"), f"Question {number}.", "word " * 100)
    check_within(lambda: history.ask(causes.begin("turn"), "And?", turns=MANY, budget=MANY * MANY), 0.05)
    assert len(history.messages()) == MANY  # the facts, half of the questions with their answers, and the new one


def test_history_collects_many_pieces_of_an_answer_in_linear_time() -> None:
    """Adding each piece to the text so far takes time in the square of the answer."""

    def collect(count: int) -> str:
        exchange = ChatExchange(Causes().root, "Go on.")
        for _ in range(count):
            exchange.add("word ")
        return exchange.answer

    check_linear(lambda count: lambda: collect(count), 20_000)
    assert collect(3) == "word word word "


def test_history_begins_with_the_greeting_if_it_was_heard() -> None:
    """`What did you ask me?` has an answer; chat templates want a person to begin, who has said nothing yet."""
    causes, history = Causes(), History()
    greeting = causes.begin(GREETING)
    causes.commit(greeting)
    ask(history, greeting, OPENING, "Hello! What is your name?")
    ask(history, causes.begin("turn"), "Ada.")
    assert lines(history) == [("user", "…"), ("assistant", "Hello! What is your name?"), ("user", "Ada.")]


def test_history_has_no_greeting_that_nobody_heard() -> None:
    causes, history = Causes(), History()
    greeting = causes.begin(GREETING)
    causes.commit(greeting)
    ask(history, greeting, OPENING, "Hello! What is your name?")
    causes.revoke(greeting, "turn")
    ask(history, causes.begin("turn"), "What is the time?")
    assert lines(history) == [("user", "What is the time?")]
