"""What can go wrong with computing, besides what a job itself raises.

NodeError
 ├─ Late            its deadline passed before it could start
 ├─ PoolExhausted   every member was taken for too long: retry_after
 └─ Broken          raised by a job whose resource must not be used again
Crashed             a job raised what is no ordinary exception, such as SystemExit or a Rust panic
"""

from __future__ import annotations

from pipeline.errors import Category, NodeError


class Late(NodeError):
    """Work that was dropped because its deadline passed before it could start."""

    category: Category = "resource"


class PoolExhausted(NodeError):
    """Every member of a pool was taken for as long as the caller would wait; has a `retry_after`."""

    category: Category = "resource"
    retryable = True


class Broken(NodeError):
    """A job raises it when its resource must not be used again: the pool replaces it."""

    category: Category = "resource"
    retryable = True


class Crashed(RuntimeError):
    """A job raised what would have ended its thread; `__cause__` is that."""


_BREAKING = (Broken, Crashed, MemoryError, SystemError)


def breaks(error: BaseException) -> bool:
    """Whether the resource of the job that raised this is to be replaced.

    So after `Broken`, lack of memory, an error within Python's own C interface and a crash.
    """
    return isinstance(error, _BREAKING)
