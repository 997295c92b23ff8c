"""Models and other heavy things: loaded once a process, shared by all sessions.

    engine = Pooled(load_whisper, key=lambda params: (params.model, params.device))
    ...
    text = await self.engine.run(lambda model: model.transcribe(samples))
    async for token in self.engine.stream(lambda model: model.generate(prompt)): ...

Acquiring and computing are one call: a lease ends when its holder has left *and* its job
has really ended, for a cancelled caller must not free a model whose thread is still in it.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Hashable, Iterator
from typing import Any, Generic, TypeVar, overload

from pipeline.await_chain import thread_stack
from pipeline.compute.executor import Executor

M = TypeVar("M")
T = TypeVar("T")


class Pool(Generic[M]):
    """One loaded resource and the queue of those who want to compute with it."""

    def __init__(self, member: M, executor: Executor) -> None:
        self._member = member
        self._executor = executor
        self._leased = False
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._inside = threading.Lock()

    @property
    def member(self) -> M:
        """The resource itself, for a transform that calls it for microseconds and needs no turn."""
        return self._member

    async def run(self, job: Callable[[M], T]) -> T:
        """Runs `job(member)` in a compute thread, alone with that member."""
        await self._acquire()
        running: asyncio.Future[T] | None = None
        try:
            running = self._start(job)
            return await asyncio.shield(running)
        finally:
            self._leave(running)

    async def stream(self, job: Callable[[M], Iterator[T]]) -> AsyncGenerator[T, None]:
        """Yields what the iterator `job(member)` yields, each step in a compute thread.

        When the caller leaves early the iterator is closed once its step has ended.
        """
        await self._acquire()
        steps = _Steps(job)
        running: asyncio.Future[T | _End] | None = None
        try:
            while not isinstance(item := await asyncio.shield(running := self._start(steps.next)), _End):
                yield item
        finally:
            self._leave(running, steps)

    async def close(self) -> None:
        """Closes the member, where it has a `close()`, when nobody computes with it any more."""
        if callable(close := getattr(self._member, "close", None)):
            await self.run(lambda _: close())

    def stack(self) -> tuple[str, ...]:
        """Where the thread is that computes with the member just now, the innermost call first."""
        return thread_stack(self._thread)

    async def _acquire(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._join(loop)
        if not self._leased:
            self._leased = True
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._release()  # The lease came as the caller left: pass it on.
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    def _join(self, loop: asyncio.AbstractEventLoop) -> None:
        """The loop before it may have been closed with a lease in it that nobody can end now."""
        if self._loop is not None and not self._loop.is_closed():
            raise RuntimeError("a pool serves one event loop at a time")
        self._loop, self._leased, self._waiting = loop, False, deque()

    def _release(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)  # Still leased: handed over, so that nobody comes between.
                return
        self._leased = False

    def _start(self, job: Callable[[M], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._executor, self._alone, job)

    def _alone(self, job: Callable[[M], T]) -> T:
        # The lease keeps others out; the lock also those of a loop that came after a closed one.
        with self._inside:
            self._thread = threading.get_ident()
            try:
                return job(self._member)
            finally:
                self._thread = 0

    def _leave(self, running: asyncio.Future[Any] | None, steps: _Steps[M, Any] | None = None) -> None:
        """Ends the lease as soon as the job has ended and the stream is closed."""
        if running is not None and not running.done():
            running.add_done_callback(lambda _: self._leave(None, steps))
        elif steps is not None and steps.closable:
            self._start(steps.close).add_done_callback(lambda _: self._release())
        else:
            self._release()


class _End:
    """What a stream yields last."""


class _Steps(Generic[M, T]):
    """The iterator of a stream; used in compute threads, one at a time."""

    def __init__(self, job: Callable[[M], Iterator[T]]) -> None:
        self._job = job
        self._iterator: Iterator[T] | None = None
        self.closable = False

    def next(self, member: M) -> T | _End:
        if self._iterator is None:
            self._iterator = iter(self._job(member))
            self.closable = hasattr(self._iterator, "close")
        try:
            return next(self._iterator)
        except StopIteration:
            self.closable = False
            return _End()

    def close(self, _member: M) -> None:
        self._iterator.close()  # type: ignore[union-attr]


class Pooled(Generic[M]):
    """Declares a resource of a node class; on a node it is the `Pool`."""

    name: str = ""

    def __init__(self, load: Callable[[Any], M], key: Callable[[Any], Hashable] | None = None) -> None:
        self.load = load
        """Called in a compute thread with the node's params; raises a NodeError."""
        self._key = key

    def key(self, params: Any) -> Hashable:
        """Nodes whose keys are equal share the resource; by default, whose params are."""
        return (self.load, self._key(params) if self._key else params.model_dump_json())

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, node: None, owner: type) -> Pooled[M]: ...
    @overload
    def __get__(self, node: Any, owner: type) -> Pool[M]: ...
    def __get__(self, node: Any, owner: type) -> Pooled[M] | Pool[M]:
        if node is None:
            return self
        pool: Pool[M] = node.context.pools[self.name]
        return pool
