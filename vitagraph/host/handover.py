"""The host's side of its supervisor (supervise.py).

The supervisor has bound the address, so that callers wait instead of being refused while one host
takes over from another. It runs two hosts: one serves; the other has loaded its models and waits.

    to the host    TAKE_OVER   it is this host's turn
                   the end     the supervisor is gone: stop, as after a signal
    from the host  WARM        its models are loaded, it waits for its turn
                   SERVING     it listens
                   BEAT        its event loop runs; one each second
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from vitagraph.host.settings import HostSettings

VARIABLE = "VITAGRAPH_SUPERVISOR"
"""The environment variable of a host with a supervisor: file descriptors of the two sockets, a file for secrets."""
TAKE_OVER, WARM, SERVING, BEAT = b"t", b"w", b"s", b"."
INTERVAL = 1.0
"""Seconds between two beats."""


class Handover:
    """The connection to the supervisor. `start` it in the event loop, and `close` it there."""

    def __init__(self, listening: socket.socket, control: socket.socket, state: Path) -> None:
        self.listening = listening
        """Bound by the supervisor."""
        self._control = control
        self._state = state
        self._turn = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def from_environment(cls) -> Handover | None:
        """The connection of this process, once; None if it has no supervisor."""
        given = os.environ.pop(VARIABLE, "")
        if not given:
            return None
        listening, control, state = given.split(",", 2)
        return cls(socket.socket(fileno=int(listening)), socket.socket(fileno=int(control)), Path(state))

    def settings(self, settings: HostSettings) -> HostSettings:
        """The settings with the supervisor's file for client secrets, unless they name one."""
        return settings if settings.state is not None else replace(settings, state=self._state)

    def start(self, stop: Callable[[], None]) -> None:
        """Begins to beat; calls `stop` when the supervisor has gone."""
        self._control.setblocking(False)
        self._stop = stop
        loop = asyncio.get_running_loop()
        loop.add_reader(self._control, self._read)
        self._beat(loop)

    def close(self) -> None:
        """Beats no more; the supervisor sees the end."""
        asyncio.get_running_loop().remove_reader(self._control)
        if self._timer is not None:
            self._timer.cancel()
        self._control.close()

    async def turn(self) -> None:
        """Returns when it is this host's turn to serve."""
        self._send(WARM)
        await self._turn.wait()

    def serving(self) -> None:
        """Tells the supervisor that the host listens."""
        self._send(SERVING)

    def _read(self) -> None:
        try:
            received = self._control.recv(64)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if TAKE_OVER in received:
            self._turn.set()
        if not received:
            asyncio.get_running_loop().remove_reader(self._control)
            self._stop()

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        self._send(BEAT)
        self._timer = loop.call_later(INTERVAL, self._beat, loop)

    def _send(self, message: bytes) -> None:
        with suppress(OSError):  # it has gone, which `_read` notices; or it does not read, and needs no further beat
            self._control.send(message)
