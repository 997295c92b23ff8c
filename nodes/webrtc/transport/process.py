"""Settings of the whole process that calls need, and that go with the last user of them."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from types import TracebackType
from typing import ClassVar, Self

from nodes.webrtc.transport.aiortc_hooks import drop_malformed_stun

SWITCH_INTERVAL = 0.0005
"""Seconds for which a thread may hold the interpreter while the media path waits for it."""


class CallProcess:
    """Makes the process fit for calls within a `with` block, and undoes that after the last of them.

    - Threads switch every 0.5 ms: a model's thread would delay packets, which are due every 20 ms.
    - Malformed STUN is dropped quietly, so that it cannot flood the log.

    The blocks may nest and overlap, as those of several hosts in one process do.
    """

    _entered: ClassVar[int] = 0
    _undo: ClassVar[ExitStack] = ExitStack()

    def __enter__(self) -> Self:
        if not self._entered:
            self._undo.callback(sys.setswitchinterval, sys.getswitchinterval())
            sys.setswitchinterval(SWITCH_INTERVAL)
            self._undo.enter_context(drop_malformed_stun())
        CallProcess._entered += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        CallProcess._entered -= 1
        if not self._entered:
            self._undo.close()
