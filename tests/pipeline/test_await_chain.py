"""Naming what is stuck: a report that says only "task 7" helps nobody."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Generator
from typing import Any

from pipeline.await_chain import await_chain, thread_stack
from pipeline.runtime.virtual import run_virtual


class Bare:
    """Waits as a hand-written awaitable does."""

    def __await__(self) -> Generator[None, None, None]:
        while True:
            yield


async def innermost(never: asyncio.Future[None]) -> None:
    await never


async def words(never: asyncio.Future[None]) -> AsyncIterator[str]:
    await innermost(never)
    yield ""


def chain_of(main: Coroutine[Any, Any, Any]) -> list[str]:
    """The names in the chain of a task that has come to a halt."""

    async def look() -> tuple[str, ...]:
        task = asyncio.create_task(main, name="outer")
        for _ in range(5):
            await asyncio.shield(asyncio.create_task(nothing()))
        lines = await_chain(task)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return lines

    return [line.rsplit(" (", 1)[0].rsplit(".", 1)[-1] for line in run_virtual(look())]


async def nothing() -> None:
    pass


def test_await_chain_follows_coroutines() -> None:
    async def outer() -> None:
        await innermost(asyncio.get_running_loop().create_future())

    assert chain_of(outer()) == ["outer", "innermost"]


def test_await_chain_follows_async_for() -> None:
    """Every service is an async generator: a chain that stops there names none of them."""

    async def outer() -> None:
        async for _ in words(asyncio.get_running_loop().create_future()):
            pass

    assert chain_of(outer()) == ["outer", "words", "innermost"]


def test_await_chain_follows_tasks_and_gather() -> None:
    async def outer() -> None:
        never = asyncio.get_running_loop().create_future()
        one = asyncio.create_task(innermost(never), name="one")
        await asyncio.gather(one, nothing(), asyncio.create_task(innermost(never), name="two"))

    assert chain_of(outer()) == ["outer", "task one", "innermost", "task two", "innermost"]


def test_await_chain_ends_at_a_hand_written_awaitable() -> None:
    async def outer() -> None:
        await Bare()

    assert chain_of(outer()) == ["outer", "__await__"]


def test_await_chain_is_bounded_for_tasks_that_await_each_other() -> None:
    """Looking at a deadlock must not be one."""

    async def main() -> tuple[str, ...]:
        tasks: list[asyncio.Task[None]] = []

        async def waits(for_whom: int) -> None:
            await asyncio.wait([tasks[for_whom]]) if for_whom == 1 else await tasks[for_whom]

        async def both() -> tuple[str, ...]:
            tasks.extend([asyncio.create_task(waits(1)), asyncio.create_task(waits(0))])
            await nothing()
            await asyncio.shield(asyncio.create_task(nothing()))
            lines = await_chain(tasks[1])
            tasks[0].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            return lines

        return await both()

    assert 1 < len(run_virtual(main())) <= 41


def test_await_chain_of_a_finished_task_is_empty() -> None:
    async def main() -> tuple[str, ...]:
        task = asyncio.create_task(nothing())
        await task
        return await_chain(task)

    assert run_virtual(main()) == ()


def test_thread_stack_names_the_running_function() -> None:
    """A job that does not come back is named by where it is, its coroutine may be gone."""
    entered, leave = threading.Event(), threading.Event()

    def decoding() -> None:
        entered.set()
        leave.wait(10)

    thread = threading.Thread(target=decoding)
    thread.start()
    assert entered.wait(10)
    stack = thread_stack(thread.ident or 0)
    leave.set()
    thread.join()
    assert any("decoding (test_await_chain.py:" in line for line in stack)
    assert stack[-1].startswith("Thread._bootstrap ")
    assert thread_stack(thread.ident or 0) == ()
