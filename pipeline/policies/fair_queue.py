"""Who waits for something: sessions take turns, and within a session the first to come is the first served."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")

WAITING = 256
"""The most that may wait in one queue."""
WAITING_EACH = 32
"""The most of one session among them, so that none can take every place."""


class FairQueue(Generic[T]):
    """A queue for each session; the session served goes to the end of the ring."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[Hashable, deque[T]] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def full(self, session: Hashable) -> bool:
        """Whether there is no place for one more of this session."""
        return self._size >= WAITING or len(self._sessions.get(session, ())) >= WAITING_EACH

    def add(self, session: Hashable, waiter: T) -> None:
        """Puts one behind those of its session; a session that had none goes to the end of the ring."""
        self._sessions.setdefault(session, deque()).append(waiter)
        self._size += 1

    def pop(self) -> T:
        """Takes out whose turn it is; IndexError if nobody waits."""
        if not self._sessions:
            raise IndexError("nobody waits")
        session, waiters = self._sessions.popitem(last=False)
        waiter = waiters.popleft()
        if waiters:
            self._sessions[session] = waiters
        self._size -= 1
        return waiter

    def remove(self, session: Hashable, waiter: T) -> None:
        """Takes out one that waits no longer; nothing if it has been taken out already."""
        waiters = self._sessions.get(session)
        if waiters is None or waiter not in waiters:
            return
        waiters.remove(waiter)
        self._size -= 1
        if not waiters:
            del self._sessions[session]
