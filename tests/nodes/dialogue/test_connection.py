"""Connections to an endpoint: kept between answers, shared by sessions, limited in number."""

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
    """Runs a session of its own with one question."""
    out = await Harness(OpenAiChat(base_url=url, **{"model": "m", **settings}), [heard("Hello?")]).run(runner)
    assert not out.errors
    return said(out.of(TextDelta))


async def opened(runner: Runner, url: str, bounds: PoolBounds | None = None) -> OpenAiChat:
    """The node of another session."""
    node = OpenAiChat(model="m", base_url=url)
    pool = await runner.resources.get(OpenAiChat.connections, node.params, bounds=bounds)
    start(node, {"connections": pool})
    return node


async def answer(node: OpenAiChat) -> str:
    """Generates an answer to an empty conversation."""
    return "".join([piece async for piece in node.generate([])])


def test_connection_is_shared_by_sessions() -> None:
    """The first answer of a call does not wait for a new connection and its TLS handshake."""

    async def main(url: str) -> list[str]:
        async with Runner() as runner:
            return [await session(runner, url), await session(runner, url, model="other")]

    with endpoint(says("Yes.")) as served:
        assert run_virtual(main(served.url)) == ["Yes.", "Yes."]
    assert len(served.connections) == 1


def test_connection_is_not_shared_between_api_keys() -> None:
    """A request must never use the key of another session."""

    async def main(url: str) -> list[str]:
        async with Runner() as runner:
            return [await session(runner, url), await session(runner, url, api_key_env="ANOTHER")]

    with endpoint(says("Yes.")) as served:
        assert run_virtual(main(served.url)) == ["Yes.", "Yes."]
    assert len(served.connections) == 2


def test_connection_is_not_shared_between_endpoints() -> None:
    """Each session is answered by the endpoint that it names."""

    async def main(*urls: str) -> list[str]:
        async with Runner() as runner:
            return [await session(runner, url) for url in urls]

    with endpoint(says("one")) as first, endpoint(says("two")) as second:
        assert run_virtual(main(first.url, second.url)) == ["one", "two"]


def test_connection_count_stays_within_the_limit() -> None:
    """A small server gets no more requests than it has slots; further ones wait in turn."""
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
    """A fallback then answers in time. Virtual time advances, as the holder of the connection may wait for it."""

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
    """Endpoints close connections that idle for some seconds, as they do while a person speaks."""
    with endpoint(says("Yes.")) as served:
        node = OpenAiChat(model="m", base_url=served.url)
        answers = talk(node, heard("one"), served.hang_up, heard("two"))
    assert [said(each) for each in answers] == ["Yes.", "Yes."]
    assert len(served.connections) == 2


def hangs_up(*numbers: int) -> Script:
    """Drops the connection instead of answering the requests of these numbers, from 1 on."""

    def script(reply: Reply) -> None:
        (Reply.hang_up if len(reply.endpoint.bodies) in numbers else says("Yes."))(reply)

    return script


def test_connection_closed_during_request_is_retried_once() -> None:
    """The request may cross the close of an idle connection; it is sent again on a new one."""
    with endpoint(hangs_up(2)) as served:
        answers = talk(OpenAiChat(model="m", base_url=served.url), heard("one"), heard("two"))
    assert [said(each) for each in answers] == ["Yes.", "Yes."]
    assert len(served.bodies) == 3


@pytest.mark.parametrize(("numbers", "asked"), [((1,), 1), ((2, 3), 3)])
def test_connection_to_endpoint_that_always_hangs_up_is_retried_once(numbers: tuple[int, ...], asked: int) -> None:
    """The endpoint is broken, and policies must see that."""
    with endpoint(hangs_up(*numbers)) as served, pytest.raises(NetworkError, match="connection to"):
        talk(OpenAiChat(model="m", base_url=served.url), *(heard(str(number)) for number in range(asked)))
    assert len(served.bodies) == asked


def test_connection_is_returned_when_answer_is_cancelled() -> None:
    """Interrupted answers must not exhaust the pool."""

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
    """A connection ends with its loop; an answer in another loop would wait forever."""
    runner = Runner()

    async def load() -> OpenAiChat:
        return await opened(runner, "http://127.0.0.1:9/v1")

    node = run_virtual(load())
    with pytest.raises(RuntimeError, match="make a Runner in each loop"):
        run_virtual(answer(node))
    runner.executor.shutdown()
