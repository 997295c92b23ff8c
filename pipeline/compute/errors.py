"""The errors of the scheduler and of pools, besides those that a job itself raises.

NodeError
 ├─ Late            its deadline passed before it could start
 ├─ PoolExhausted   no instance became free in time: retry_after
 └─ Broken          raised by a job whose resource must not be used again
Crashed             a job raised a BaseException that is no Exception, such as SystemExit or a Rust panic
"""

from __future__ import annotations

from pipeline.errors import Category, NodeError


class Late(NodeError):
    """A job was dropped because its deadline passed before it could start."""

    category: Category = "resource"


class PoolExhausted(NodeError):
    """No instance of a pool became free for as long as the caller would wait; has a `retry_after`."""

    category: Category = "resource"
    retryable = True


class Broken(NodeError):
    """Raised by a job when its resource must not be used again: the pool replaces the instance."""

    category: Category = "resource"
    retryable = True


class Crashed(RuntimeError):
    """A job raised an exception that would have ended its thread; it is the `__cause__`."""


_BREAKING = (Broken, Crashed, MemoryError, SystemError)


def breaks(error: BaseException) -> bool:
    """Whether the instance used by the job that raised this must be replaced.

    True of `Broken`, lack of memory, an error within Python's own C interface and a crash.
    """
    return isinstance(error, _BREAKING)
