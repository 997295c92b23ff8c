"""Compute threads. They are daemons: a stuck job must not keep the process alive."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor as BaseExecutor
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

from pipeline.await_chain import thread_stack
from pipeline.compute.errors import Crashed

A = ParamSpec("A")
T = TypeVar("T")
_Job = tuple[Future[Any], Callable[[], Any]]


class Executor(BaseExecutor):
    """So many named daemon threads, by default one a core; jobs start in the order in which they were submitted."""

    def __init__(self, workers: int = 0, name: str = "compute") -> None:
        self.workers = workers or os.cpu_count() or 1
        self.name = name
        # Bounded by its caller: the scheduler submits a job only when a thread is free.
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._open = True
        self._busy: set[threading.Thread] = set()
        self.threads = tuple(
            threading.Thread(target=self._work, name=f"{name}-{n}", daemon=True) for n in range(self.workers)
        )
        for thread in self.threads:
            thread.start()

    def submit(self, fn: Callable[A, T], /, *args: A.args, **kwargs: A.kwargs) -> Future[T]:
        """Queues a job; what it returns or raises is in the future. Raises a RuntimeError after `shutdown`."""
        if not self._open:
            raise RuntimeError(f"the executor {self.name!r} has been shut down")
        future: Future[T] = Future()
        self._jobs.put((future, lambda: fn(*args, **kwargs)))
        return future

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = False) -> None:
        """Takes no more jobs and lets the threads end; waits at most a second for each."""
        self._open = False
        with suppress(queue.Empty):
            while cancel_futures:
                if (item := self._jobs.get_nowait()) is not None:
                    item[0].cancel()
        for _ in self.threads:
            self._jobs.put(None)
        if wait:
            for thread in self.threads:
                thread.join(timeout=1)

    def stacks(self) -> dict[str, tuple[str, ...]]:
        """The stack of each thread that runs a job now, by the thread's name; the innermost call first."""
        return {thread.name: thread_stack(thread.ident or 0) for thread in self.threads if thread in self._busy}

    def _work(self) -> None:
        thread = threading.current_thread()
        while (item := self._jobs.get()) is not None:
            future, job = item
            if future.set_running_or_notify_cancel():
                self._busy.add(thread)
                with _ErrorTo(future):
                    future.set_result(job())
                self._busy.discard(thread)
            del item, future, job


class _ErrorTo:
    """Gives whatever its block raises to a future.

    As a RuntimeError, where it is a SystemExit or a Rust panic, which would end the thread, or
    a StopIteration, which no asyncio future takes: its caller would wait for ever.
    """

    def __init__(self, future: Future[Any]) -> None:
        self._future = future

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        if kind is None:
            return True
        if not issubclass(kind, Exception) or issubclass(kind, StopIteration):
            known = RuntimeError if issubclass(kind, StopIteration) else Crashed
            error, cause = known(f"a compute job raised {kind.__name__}"), error
            error.__cause__ = cause
        self._future.set_exception(error)
        return True
