"""Detects tasks, threads and open files that a test leaves behind."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from asyncio import runners
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest import mock
from weakref import WeakSet

import uvloop

from pipeline.await_chain import await_chain, thread_stack
from pipeline.clock import give_way
from pipeline.compute.executor import Executor

_FILES = "/proc/self/fd"
_ROUNDS = 10
"""Loop iterations in which cancelled tasks may end."""
_THREAD_GRACE = 1.0
"""Seconds in which stopped threads may end."""

_shared: WeakSet[threading.Thread] = WeakSet()


class Leak(AssertionError):
    """A test left something behind; the message names it."""


def share(executor: Executor) -> Executor:
    """Marks an executor as shared between tests, so that its threads do not count as leaks."""
    _shared.update(executor.threads)
    return executor


@contextmanager
def no_leaks() -> Iterator[None]:
    """Raises `Leak` if its body leaves tasks, threads or open files behind.

    Tasks are checked where `asyncio.run` or `run_virtual` would cancel them, unless an error
    ended the run. A body that raises is not checked.
    """
    _open_signal_pipe()
    tasks: list[str] = []
    threads, files = set(threading.enumerate()), _open_files()
    with mock.patch.object(runners, "_cancel_all_tasks", _noting(tasks, runners._cancel_all_tasks)):  # type: ignore[attr-defined]
        yield
    left = [*tasks, *_new_threads(threads), *_new_files(files)]
    if left:
        raise Leak("left behind:\n" + "\n".join(f"  {line}" for line in left))


def _noting(left: list[str], cancel_all: Any) -> Any:
    def noting(loop: asyncio.AbstractEventLoop) -> None:
        if sys.exc_info()[1] is None:
            loop.run_until_complete(_let_end(loop))
            left.extend(f"task {task.get_name()}: {' > '.join(await_chain(task))}" for task in asyncio.all_tasks(loop))
        cancel_all(loop)

    return noting


async def _let_end(loop: asyncio.AbstractEventLoop) -> None:
    for _ in range(_ROUNDS):
        if len(asyncio.all_tasks(loop)) == 1:
            return
        await give_way()


def _new_threads(before: set[threading.Thread]) -> Iterator[str]:
    for thread in threading.enumerate():
        if thread not in before and thread not in _shared:
            thread.join(_THREAD_GRACE)
            if thread.is_alive():
                yield f"thread {thread.name}: {' < '.join(thread_stack(thread.ident or 0))}"


def _new_files(before: dict[str, str]) -> list[str]:
    if _open_files().items() <= before.items():
        return []
    gc.collect()  # closes files in garbage cycles, with a ResourceWarning
    return [f"file {name}" for number, name in _open_files().items() if before.get(number) != name]


@cache
def _open_signal_pipe() -> None:
    """Creates a uvloop: the first one of a process opens a signal pipe that stays open."""
    uvloop.new_event_loop().close()


def _open_files() -> dict[str, str]:
    names = {}
    for number in os.listdir(_FILES) if os.path.isdir(_FILES) else ():
        try:
            names[number] = os.readlink(f"{_FILES}/{number}")
        except FileNotFoundError:
            continue  # the descriptor of the listing itself
    return names
