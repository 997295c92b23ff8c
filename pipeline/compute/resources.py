"""Loads what nodes share, once a process, however many sessions ask at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from functools import partial
from typing import Any, TypeVar

from pipeline.compute.executor import Executor
from pipeline.compute.pool import Pool, Pooled
from pipeline.errors import Category, DependencyError, NetworkError, NodeError, ResourceError, classify

M = TypeVar("M")

_ERRORS: dict[Category, tuple[type[NodeError], str]] = {
    "dependency": (DependencyError, "install the package that has what is missing"),
    "network": (NetworkError, "check the connection, or put the model's files in place beforehand"),
}
_ANY_ERROR = (ResourceError, "check that the model's files are whole and that memory suffices")


class Resources:
    """Every loaded resource of a process, by its key."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._pools: dict[Hashable, asyncio.Future[Pool[Any]]] = {}

    async def get(self, pooled: Pooled[M], params: Any) -> Pool[M]:
        """The pool of what `pooled` loads for these params; raises a NodeError.

        Whoever asks while it loads waits for that load, and gets its error. After an error
        the next one to ask loads again. A load goes on when those who asked have left.
        """
        loop = asyncio.get_running_loop()
        key = pooled.key(params)
        ready = self._pools.get(key)
        if ready is None or _lost(ready):
            ready = self._pools[key] = loop.create_future()
            load = loop.run_in_executor(self._executor, pooled.load, params)
            load.add_done_callback(partial(self._loaded, key, ready))
        return await asyncio.shield(ready)

    async def close(self) -> None:
        """Closes what has a `close()`, each when nobody computes with it any more.

        That may be never: the caller sets the limit. Raises the first error, after the last.
        """
        pools, self._pools = [ready for ready in self._pools.values() if not _lost(ready)], {}
        ends = await asyncio.gather(*map(_close, pools), return_exceptions=True)
        for error in ends:
            if error is not None:
                raise error

    def _loaded(self, key: Hashable, ready: asyncio.Future[Pool[Any]], load: asyncio.Future[Any]) -> None:
        error = load.exception()
        if error is None:
            ready.set_result(Pool(load.result(), self._executor))
            return
        if self._pools.get(key) is ready:
            del self._pools[key]
        ready.set_exception(_as_node_error(error))


async def _close(ready: asyncio.Future[Pool[Any]]) -> None:
    await asyncio.wait([ready])
    if ready.exception() is None:
        await ready.result().close()


def _lost(ready: asyncio.Future[Any]) -> bool:
    """Whether its loop was closed while it loaded."""
    return not ready.done() and ready.get_loop().is_closed()


def _as_node_error(error: BaseException) -> NodeError:
    if isinstance(error, NodeError):
        return error
    kind, hint = _ERRORS.get(classify(error), _ANY_ERROR)
    known = kind(f"loading failed: {type(error).__name__}: {error}", hint=hint)
    known.__cause__ = error
    return known
