"""Accepts TCP connections, within bounds in total and for each address, and ends those that are overdue.

Beyond a bound the oldest connection without a complete request makes room, since the newest is
most likely to bring one. So half-open connections never keep others out.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket
import ssl
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from vitagraph.host.connection import TIMEOUT, ClientConnection, ReadScheduler
from vitagraph.host.limits import network_of
from vitagraph.host.proxies import Network, is_within

log = logging.getLogger(__name__)

MOST = 1_024
"""Connections at once, if the limit of open files allows; else a quarter of that limit."""
PER_ADDRESS = 100
"""Connections of one address at once."""
BATCH = 16
"""Connections that are accepted in one turn of the event loop."""
PAUSE = 0.5
"""Seconds without accepting after files have run out."""
LOG_INTERVAL = 60.0
"""Seconds after which running out of files is logged again."""
SWEEP_INTERVAL = 1.0
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_FILES_WANTED = 65_536


def raise_file_limit() -> int:
    """Raises the soft limit of open files as far as it is of use; returns the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, _FILES_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # some systems have a lower bound than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return _FILES_WANTED if soft == resource.RLIM_INFINITY else soft


class Acceptor:
    """Accepts on `sockets` from `start` to `close`. `make_protocol` makes uvicorn's protocol for each connection.

    The connections of `proxies` bring many clients, so that they are bounded only in total.
    """

    def __init__(
        self,
        sockets: Iterable[socket.socket],
        make_protocol: Callable[[], asyncio.Protocol],
        context: ssl.SSLContext | None,
        proxies: Sequence[Network] = (),
    ) -> None:
        self._sockets = tuple(sockets)
        self._make_protocol = make_protocol
        self._context = context
        self._proxies = proxies
        self._loop = asyncio.get_running_loop()
        self._scheduler = ReadScheduler(self._loop)
        self._most = min(MOST, raise_file_limit() // 4)
        self._connections: defaultdict[str, dict[ClientConnection, None]] = defaultdict(dict)
        """By address, the oldest first."""
        self._count = 0
        self._last_logged = -LOG_INTERVAL
        self._timers: dict[socket.socket, asyncio.TimerHandle] = {}
        """For sockets on which nothing is accepted for now."""
        self._sweeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to accept."""
        for each in self._sockets:
            each.setblocking(False)
            self._loop.add_reader(each, self._accept, each)
        self._sweeping = asyncio.create_task(self._sweep(), name="sweep connections")

    async def close(self) -> None:
        """Accepts nothing more, and ends what is in the TLS handshake; open connections stay."""
        for each in self._sockets:
            self._loop.remove_reader(each)
        for timer in self._timers.values():
            timer.cancel()
        opening = [each.opening for each in self._all() if each.opening is not None and not each.opening.done()]
        tasks = [*opening, *filter(None, [self._sweeping])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    # --- accepting

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(BATCH):
            try:
                accepted, peer = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._pause(listening, error)
                    return
                continue  # the client has gone already
            self._admit(accepted, str(peer[0]))

    def _pause(self, listening: socket.socket, error: OSError) -> None:
        """No file is left for a connection: frees one, and tries again a little later."""
        if self._loop.time() - self._last_logged >= LOG_INTERVAL:
            log.error("no connection can be accepted for now: %s; raise the limit (ulimit -n)", error.strerror)
        self._last_logged = self._loop.time()
        self._evict(self._all())
        self._loop.remove_reader(listening)
        self._timers[listening] = self._loop.call_later(PAUSE, self._resume, listening)

    def _resume(self, listening: socket.socket) -> None:
        del self._timers[listening]
        self._loop.add_reader(listening, self._accept, listening)

    def _admit(self, accepted: socket.socket, peer: str) -> None:
        """Sets up a connection, if there is room for it or an older one makes room."""
        address, crowd = network_of(peer), None
        if len(self._connections.get(address, ())) >= PER_ADDRESS and not is_within(peer, self._proxies):
            crowd = self._connections[address]
        elif self._count >= self._most:
            crowd = max(self._connections.values(), key=len)
        if crowd is not None and not self._evict(crowd):
            accepted.close()
            return
        accepted.setblocking(False)
        connection = ClientConnection(address, self._make_protocol(), self._scheduler, self._lost)
        self._connections[address][connection] = None
        self._count += 1
        connection.opening = self._loop.create_task(self._open(connection, accepted), name="accept")
        connection.opening.add_done_callback(lambda _: self._opened(connection, accepted))

    async def _open(self, connection: ClientConnection, accepted: socket.socket) -> None:
        with suppress(OSError):  # no TLS, too slow, or gone already
            await self._loop.connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=TIMEOUT if self._context else None,
                ssl_shutdown_timeout=TIMEOUT if self._context else None,
            )

    def _opened(self, connection: ClientConnection, accepted: socket.socket) -> None:
        """The connection is set up, or was given up, perhaps before it was begun."""
        if not connection.made:
            accepted.close()
            self._lost(connection)

    # --- ending

    def _all(self) -> list[ClientConnection]:
        return [each for those in self._connections.values() for each in those]

    def _evict(self, connections: Iterable[ClientConnection]) -> bool:
        """Ends the oldest idle one of these connections, if possible one that has brought nothing so far.

        Returns whether there was one.
        """
        idle = [each for each in connections if each.idle]
        if not idle:
            return False
        oldest = next((each for each in idle if not each.proven), idle[0])
        self._lost(oldest)
        oldest.abort()
        return True

    def _lost(self, connection: ClientConnection) -> None:
        """Forgets a connection; safe to call twice."""
        those = self._connections[connection.address]
        if connection in those:
            del those[connection]
            self._count -= 1
        if not those:
            del self._connections[connection.address]

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_INTERVAL)
            now = self._loop.time()
            for connection in self._all():
                if connection.overdue(now):
                    connection.abort()
