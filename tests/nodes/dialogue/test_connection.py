"""Connections to an endpoint: kept from one answer to the next, shared by sessions, and never too many."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from nodes.dialogue.openai import OpenAiChat
from nodes.packets import TextDelta
from pipeline.clock import give_way
from pipeline.compute.errors import PoolExhausted
from pipeline.compute.pool_spec import PoolBounds
from pipeline.errors import NetworkError
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import run_virtual
from pipeline.testing import Harness
from tests.nodes.dialogue.endpoint import Reply, Script, endpoint, says
from tests.nodes.dialogue.talk import heard, said, start, talk


async def session(runner: Runner, url: str, **settings: Any) -> str:
    """What a session of its own answers to one question."""
    out = await Harness(OpenAiChat(base_url=url, **{"model": "m", **settings}), [heard("Hello?")]).run(runner)
    assert not out.errors
    return said(out.of(TextDelta))


async def opened(runner: Runner, url: str, bounds: PoolBounds | None = None) -> OpenAiChat:
    """A node of one more session."""
    node = OpenAiChat(model="m", base_url=url)
    pool = await runner.resources.get(OpenAiChat.connections, node.params, bounds=bounds)
    start(node, {"connections": pool})
    return node


async def answer(node: OpenAiChat) -> str:
    """Its answer to nothing."""
    return "".join([piece async for piece in node.generate([])])


def test_connection_is_shared_by_sessions() -> None:
    """The first answer of a call does not wait for a connection to be made, nor for its encryption."""

    async def main(url: str) -> list[str]:
        async with Runner() as runner:
            return [await session(runner, url), await session(runner, url, model="other")]

    with endpoint(says("Yes.")) as served:
        assert run_virtual(main(served.url)) == ["Yes.", "Yes."]
    assert len(served.connections) == 1


def test_connection_is_not_shared_between_api_keys() -> None:
    """Nobody asks with the key of somebody else."""

    async def main(url: str) -> list[str]:
        async with Runner() as runner:
            return [await session(runner, url), await session(runner, url, api_key_env="ANOTHER")]

    with endpoint(says("Yes.")) as served:
        assert run_virtual(main(served.url)) == ["Yes.", "Yes."]
    assert len(served.connections) == 2


def test_connection_is_not_shared_between_endpoints() -> None:
    """Whoever has two of them is answered by the one that the session names."""

    async def main(*urls: str) -> list[str]:
        async with Runner() as runner:
            return [await session(runner, url) for url in urls]

    with endpoint(says("one")) as first, endpoint(says("two")) as second:
        assert run_virtual(main(first.url, second.url)) == ["one", "two"]


def test_connection_count_stays_within_the_limit() -> None:
    """A small server is not asked for more than it has slots; whoever waits is answered when it is their turn."""
    at_once, most, lock = 0, 0, threading.Lock()

    def script(reply: Reply) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        reply.begin()
        reply.send("Yes.")
        reply.endpoint.left.wait(0.01)
        with lock:
            at_once -= 1
        reply.raw("[DONE]")

    async def main(url: str) -> list[str]:
        async with Runner() as runner:
            nodes = [await opened(runner, url, PoolBounds(max=2)) for _ in range(7)]
            return await asyncio.gather(*map(answer, nodes))

    with endpoint(script) as served:
        assert run_virtual(main(served.url)) == ["Yes."] * 7
    assert most == 2
    assert len(served.connections) == 2


def test_connection_wait_too_long_is_an_error() -> None:
    """So a fallback answers in time. The one who has it may wait for time to pass: nobody holds it meanwhile."""

    async def main(url: str) -> None:
        async with Runner() as runner:
            first, second = [await opened(runner, url, PoolBounds(max=1)) for _ in range(2)]
            pieces = first.generate([])
            assert await anext(pieces) == "Hel"
            with pytest.raises(
                PoolExhausted, match=r"all 1 connections to http.*\nhint: raise `max` of its `pool`"
            ) as raised:
                await answer(second)
            assert raised.value.retryable
            assert asyncio.get_running_loop().time() == 2
            await pieces.aclose()
            assert await answer(second) == "Hello"
            lent = second.connections.statistics()
            assert (lent.size, lent.active, lent.requests, lent.exhausted) == (1, 0, 3, 1)

    with endpoint(says("Hel", "lo")) as served:
        run_virtual(main(served.url))


def test_connection_closed_while_idle_costs_no_answer() -> None:
    """Endpoints close connections that are idle for some seconds, as they are while a person speaks."""
    with endpoint(says("Yes.")) as served:
        node = OpenAiChat(model="m", base_url=served.url)
        answers = talk(node, heard("one"), served.hang_up, heard("two"))
    assert [said(each) for each in answers] == ["Yes.", "Yes."]
    assert len(served.connections) == 2


def hangs_up(*numbers: int) -> Script:
    """Answers some requests, by their number from 1 on, with nothing."""

    def script(reply: Reply) -> None:
        (Reply.hang_up if len(reply.endpoint.bodies) in numbers else says("Yes."))(reply)

    return script


def test_connection_closed_during_request_is_retried_once() -> None:
    """The question and the end of an idle connection may cross: it is asked once more, on a new one."""
    with endpoint(hangs_up(2)) as served:
        answers = talk(OpenAiChat(model="m", base_url=served.url), heard("one"), heard("two"))
    assert [said(each) for each in answers] == ["Yes.", "Yes."]
    assert len(served.bodies) == 3


@pytest.mark.parametrize(("numbers", "asked"), [((1,), 1), ((2, 3), 3)])
def test_connection_to_endpoint_that_always_hangs_up_is_retried_once(numbers: tuple[int, ...], asked: int) -> None:
    """It is broken, and the policies shall know of it."""
    with endpoint(hangs_up(*numbers)) as served, pytest.raises(NetworkError, match="connection to"):
        talk(OpenAiChat(model="m", base_url=served.url), *(heard(str(number)) for number in range(asked)))
    assert len(served.bodies) == asked


def test_connection_is_returned_when_answer_is_cancelled() -> None:
    """Barge-in does not use up what there is."""

    async def main(url: str) -> list[str]:
        async with Runner() as runner:
            node = await opened(runner, url, PoolBounds(max=1))
            for _ in range(3):
                pieces = node.generate([])
                await anext(pieces)
                await pieces.aclose()
            asking = asyncio.create_task(answer(node))
            await give_way()
            asking.cancel()
            await asyncio.wait([asking])
            assert asking.cancelled()
            return [await answer(node)]

    with endpoint(says("Hel", "lo")) as served:
        assert run_virtual(main(served.url)) == ["Hello"]


def test_connection_is_not_used_in_another_event_loop() -> None:
    """A connection ends with its loop: an answer in another one would wait for it for ever."""
    runner = Runner()

    async def load() -> OpenAiChat:
        return await opened(runner, "http://127.0.0.1:9/v1")

    node = run_virtual(load())
    with pytest.raises(RuntimeError, match="make a Runner in each loop"):
        run_virtual(answer(node))
    runner.executor.shutdown()
