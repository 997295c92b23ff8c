"""The summary of a long conversation, made while nobody waits."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from nodes.dialogue._history import ChatMessage
from nodes.dialogue._pieces import Pieces
from nodes.dialogue._recap import request
from nodes.dialogue._service import Chat, ChatParams
from nodes.packets import SummaryFailed
from pipeline.cause import Causes
from pipeline.compute.executor import Executor
from pipeline.compute.job_context import JOB_CONTEXT
from pipeline.compute.pool import Pool
from pipeline.compute.scheduler import Scheduler
from pipeline.errors import NodeError
from pipeline.packet import MILLISECOND, SECOND, Event
from pipeline.runtime.virtual import run_virtual
from tests.nodes.dialogue.talk import heard, said, settle, start

SUMMARY = "They spoke of rivers. They spoke of lakes."
ADA = "My name is Ada."
STEP = 100 * MILLISECOND
"""The time of a word."""


class Talker(Chat[ChatParams]):
    """Answers `Fine.`, and with a summary when it is asked for one, a word every 100 ms; notes what it is asked."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"turns": 6, "system": "Be kind.", **settings})
        self.prompts: list[list[ChatMessage]] = []
        self.read_prompts: list[list[ChatMessage]] = []
        self.lanes: list[str] = []
        self.events: list[Event] = []
        self.begun = self.ended = 0
        self.summary: Callable[[], str] = lambda: SUMMARY

    def start(self, context: Any, memory: Any = None) -> None:
        context.post = self.events.append
        super().start(context, memory)

    async def generate(self, messages: list[ChatMessage]) -> Pieces:
        """Takes an instance of the pool, if there is one."""
        if self.pool is None:
            async for word in self._words(messages):
                yield word
        else:
            async with self.pool.lease():
                async for word in self._words(messages):
                    yield word

    async def _words(self, messages: list[ChatMessage]) -> Pieces:
        is_summary = messages[-1]["content"].endswith(request("en"))
        self.prompts.append(messages)
        self.lanes.append(JOB_CONTEXT.get().lane)
        self.begun += is_summary
        for word in (self.summary() if is_summary else "Fine.").split():
            await self.clock.sleep(STEP)
            yield f"{word} "
        self.ended += is_summary

    async def read(self, messages: list[ChatMessage]) -> None:
        self.read_prompts.append(messages)
        await self.clock.sleep(STEP)

    async def say(self, text: str, pause: int = 0) -> str:
        """Says something, and is silent for a while after the answer."""
        cause = Causes().begin("turn")
        cause.committed = cause.open = True
        answer = said([delta async for delta in self.reply(heard(text, cause))])
        await self.clock.sleep(pause)
        return answer

    async def chat(self, turns: int, pause: int = 0) -> None:
        """Gives the name, then talks of nothing."""
        await self.say(ADA, pause)
        for _ in range(turns - 1):
            await self.say("Go on.", pause)


def run(node: Talker, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a conversation of one node without a pool."""

    async def main() -> None:
        start(node)
        try:
            await work()
        finally:
            await node.close()

    run_virtual(main())


def contents(prompt: list[ChatMessage]) -> list[str]:
    """The messages of a prompt."""
    return [message["content"] for message in prompt]


def test_summary_takes_the_place_of_older_turns() -> None:
    """After a long chat, what was said first is still known, and the prompt is short again."""
    node = Talker()
    run(node, lambda: node.chat(12, pause=3 * SECOND))
    last = contents(node.prompts[-1])
    assert last[0] == f'Be kind.\n\nEarlier in this conversation: {SUMMARY}\nThe person said: "{ADA}"'
    assert last[1:3] == ["Go on.", "Fine. "]
    assert max(map(len, node.prompts)) <= 12
    assert node.memory.background.failures == 0


def test_summary_begins_when_the_window_is_two_thirds_full() -> None:
    node = Talker()
    run(node, lambda: node.chat(4, pause=3 * SECOND))
    assert node.begun == 0
    node = Talker()
    run(node, lambda: node.chat(5, pause=3 * SECOND))
    assert node.begun == node.ended == 1
    node = Talker(turns=1000, history=122)
    run(node, lambda: node.chat(6, pause=3 * SECOND))
    assert node.begun == 0, "81 bytes have been said"
    node = Talker(turns=1000, history=121)
    run(node, lambda: node.chat(6, pause=3 * SECOND))
    assert node.begun == 1


def test_summary_includes_the_summary_before() -> None:
    """What was said an hour ago is in the third summary as in the first."""
    node = Talker()
    run(node, lambda: node.chat(12, pause=3 * SECOND))
    asked = [prompt for prompt in node.prompts if prompt[-1]["content"] == request("en")]
    assert len(asked) >= 3
    assert all(SUMMARY in prompt[0]["content"] and ADA in prompt[0]["content"] for prompt in asked[1:])


def test_summary_is_made_in_the_low_lane() -> None:
    """The jobs of other callers go first."""
    node = Talker()
    run(node, lambda: node.chat(5, pause=3 * SECOND))
    assert node.lanes == ["normal"] * 5 + ["low"]


def test_summary_is_adopted_when_the_model_has_read_it() -> None:
    """Otherwise the next answer would wait until the model has read a new prompt."""
    node = Talker()

    async def work() -> None:
        await node.chat(5)
        await node.clock.sleep(8 * STEP + STEP // 2)  # the summary has been made, and is being read
        assert len(node.read_prompts) == 1 and SUMMARY in node.read_prompts[0][0]["content"]
        await node.say("And now?", pause=3 * SECOND)
        assert SUMMARY not in node.prompts[-1][0]["content"]
        await node.say("And now?")
        assert SUMMARY in node.prompts[-1][0]["content"]

    run(node, work)
    assert node.begun == 1, "only the reading was done again"
    before, after = contents(node.read_prompts[1]), contents(node.prompts[-1])
    assert after[: len(before)] == before


def test_summary_never_delays_a_turn() -> None:
    """The question of the same caller stops it at once, and is answered from the history as it is."""
    node = Talker(turns=9)

    async def work() -> None:
        await node.chat(7)
        await node.clock.sleep(STEP // 2)
        assert (node.begun, node.ended) == (1, 0)
        before = node.clock.now()
        assert await node.say("What is my name?") == "Fine. "
        assert node.clock.now() - before == STEP
        assert contents(node.prompts[-1])[:2] == ["Be kind.", ADA]

    run(node, work)
    assert node.ended == 0


def test_summary_ends_when_the_person_begins_to_speak() -> None:
    """The first words of a question already free the model."""
    node = Talker()

    async def work() -> None:
        await node.chat(5)
        await node.clock.sleep(STEP // 2)
        assert [delta async for delta in node.reply(heard("what", whole=False))] == []
        await node.clock.sleep(3 * SECOND)
        assert (node.begun, node.ended) == (1, 0)

    run(node, work)


def test_summary_without_time_leaves_the_facts() -> None:
    """A caller who never pauses loses the oldest turns, as without a summary, but not their own name."""
    node = Talker()
    run(node, lambda: node.chat(12))
    assert node.ended == 0
    assert node.prompts[-1][0]["content"] == f'Be kind.\n\nThe person said: "{ADA}"'


def test_summary_can_be_switched_off() -> None:
    node = Talker(summary=False)
    run(node, lambda: node.chat(12, pause=3 * SECOND))
    assert node.begun == 0
    assert ADA in node.prompts[-1][0]["content"]


@pytest.mark.parametrize("failure", ["no whole sentence", "raises", "hangs"])
def test_summary_that_fails_is_reported_and_troubles_nobody(failure: str) -> None:
    """The oldest turns are dropped, that is counted, and a model that cannot is left alone."""
    node = Talker()

    def fail() -> str:
        if failure == "raises":
            raise NodeError("out of order")
        return "word " * (10_000 if failure == "hangs" else 3)

    async def work() -> None:
        await node.chat(14, pause=70 * SECOND)
        assert await node.say("Well?") == "Fine. "

    node.summary = fail
    run(node, work)
    failed = [event for event in node.events if isinstance(event, SummaryFailed)]
    assert [event.count for event in failed] == [1, 2, 3] == list(range(1, node.begun + 1))
    assert len({event.message for event in failed}) == 1
    assert ADA in node.prompts[-1][0]["content"]


def test_summary_gives_way_to_other_callers() -> None:
    """Who calls on another line gets the one model after the next word, and one summary is made at a time."""
    talkers = [Talker(max_tokens=1000) for _ in range(3)]
    one, other, third = talkers
    one.summary = other.summary = lambda: "word " * 100

    async def main() -> None:
        executor = Executor(1)
        pool = Pool(object(), Scheduler(executor))
        for talker in talkers:
            start(talker, {"engine": pool})
        for talker in talkers[:2]:
            await talker.chat(5)
            await settle()
        assert (one.begun, other.begun) == (1, 1) and one.memory.background.is_free
        await one.say("Well?")
        await one.clock.sleep(STEP // 2)
        assert (one.begun, other.begun) == (2, 1) and other.memory.background.is_free
        before = third.clock.now()
        assert await third.say("Hello?") == "Fine. "
        assert third.clock.now() - before <= 2 * STEP
        assert one.ended == other.ended == 0 and one.memory.background.is_free
        assert not any(isinstance(event, SummaryFailed) for talker in talkers for event in talker.events)
        for talker in talkers:
            await talker.close()
        await pool.close()
        executor.shutdown()

    run_virtual(main())


def test_summary_ends_with_the_call() -> None:
    """Closing waits for it, and leaves no task."""
    node = Talker()

    async def work() -> None:
        await node.chat(5)
        await node.clock.sleep(STEP // 2)
        assert node.begun == 1

    run(node, work)
    assert node.memory.background.is_free and node.ended == 0


def test_summary_waits_until_older_turns_are_decided() -> None:
    """A guess that is called off later must not be in a summary."""
    node = Talker(turns=9)

    async def work() -> None:
        cause = Causes().begin("turn")
        assert [delta async for delta in node.reply(heard("What is my name?", cause))]
        await node.chat(6, pause=3 * SECOND)
        assert node.begun == 0
        cause.committed = True
        await node.say("Well?", pause=3 * SECOND)
        assert node.begun == 1

    run(node, work)
