"""Causes: what happens happens because of something, and can be called off.

Every packet points to its cause: a turn of the conversation, or the root cause of a
source, which never dies. A cause is begun; then it is committed (its output may be
heard) or revoked (nothing of it may leave any more). The fence everywhere is
`packet.at.cause.live`: revoking is one store, in force at once for every packet
wherever it lies. `open` is the gate before a sink: closed while a turn is only guessed,
and closed again while an answer is held because somebody may be interrupting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Cause:
    """Why a packet exists. Made by `Causes`, never by hand."""

    __slots__ = ("_waiting", "committed", "id", "live", "name", "open", "trace")

    def __init__(self, id: int, name: str, *, committed: bool = False) -> None:
        self.id = id
        """Counts up within a session; the epoch on the wire."""
        self.name = name
        self.live = True
        """False once revoked: the fence."""
        self.committed = committed
        self.open = committed
        """Whether a sink may let it out just now: the gate."""
        self.trace = ""
        """The W3C traceparent of its trace; empty without tracing."""
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def decided(self) -> bool:
        """Whether a sink need not wait: it may let the packet out, or drop it."""
        return self.open or not self.live

    async def wait_until_decided(self) -> None:
        """Returns when the gate is open or the cause is dead."""
        while not self.decided:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self._waiting:
                    self._waiting.remove(waiter)

    def _set(self, *, live: bool, open: bool) -> None:
        self.live, self.open = live, open
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    def __repr__(self) -> str:
        state = "dead" if not self.live else "open" if self.open else "held" if self.committed else "tentative"
        return f"<Cause {self.id} {self.name} {state}>"


class Causes:
    """The causes of one session. `interrupt` is told of each cause that is revoked."""

    def __init__(self) -> None:
        self.root = Cause(0, "root", committed=True)
        self.interrupt: Callable[[str, Cause], None] = lambda _origin, _cause: None
        """Set by the session: starts the flush of what is downstream of the origin."""
        self._last_id = 0

    def begin(self, name: str) -> Cause:
        """A new tentative cause: work may run for it, its output waits at the gate."""
        self._last_id += 1
        return Cause(self._last_id, name)

    def commit(self, cause: Cause) -> None:
        """The decision has fallen: its output may be heard."""
        if cause.live:
            cause.committed = True
            cause._set(live=True, open=True)

    def hold(self, cause: Cause) -> None:
        """Closes the gate of a committed cause; `release` opens it again."""
        if cause.live and cause.committed:
            cause._set(live=True, open=False)

    def release(self, cause: Cause) -> None:
        """Opens the gate that `hold` closed."""
        if cause.live and cause.committed:
            cause._set(live=True, open=True)

    def revoke(self, cause: Cause, origin: str) -> None:
        """Calls a cause off: fences at once, then flushes downstream of `origin`.

        Synchronous; runs no node's handler. Revoking a dead cause does nothing.
        """
        if cause is self.root or not cause.live:
            return
        cause._set(live=False, open=False)
        self.interrupt(origin, cause)
