"""Runs the host in this process, from its start to the end of its last call."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import uvicorn
import uvloop
from starlette.types import ASGIApp
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from vitagraph.host import ice, security
from vitagraph.host.app import make_app
from vitagraph.host.gallery import Gallery
from vitagraph.host.head import read_glb
from vitagraph.host.limits import Rate
from vitagraph.host.listen import listen, tls
from vitagraph.host.settings import Settings
from vitagraph.host.switchboard import Switchboard

ENDING = 2
"""Seconds that answers on their way have when the host stops."""
PING = 2.0
"""Seconds between two pings of a WebSocket; as many again after one that is not answered its client is gone."""
LARGEST = 4
"""So many times the longest event a WebSocket's message may be: to what is in between the call answers by an `error`
event, what is longer ends it."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(settings: Settings, gallery: Gallery, say: Callable[[str], None]) -> None:
    """Serves until it is told to stop; `say` gets the address once it listens, and warnings.

    The first SIGINT or SIGTERM lets the running calls go on for `settings.drain` seconds while
    new ones are refused; a second one ends them at once. Raises VitagraphError where the
    address or the certificate cannot be had.
    """
    context = tls(settings)
    with listen(settings) as listening, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, gallery, listening, context, say))


def check(settings: Settings) -> None:
    """Raises VitagraphError where something that was set cannot be used, before anything is loaded."""
    listen(settings).close()
    tls(settings)
    ice.check(settings)
    security.check(settings)
    Rate(settings.new_calls)
    if settings.avatar is not None:
        read_glb(settings.avatar)


async def _serve(
    settings: Settings,
    gallery: Gallery,
    listening: socket.socket,
    context: ssl.SSLContext | None,
    say: Callable[[str], None],
) -> None:
    with _signals() as signals:
        async with Switchboard(settings, gallery) as switchboard:
            await _first(switchboard.warm(), signals.get())
            if signals.heard:
                return
            server = Server(make_app(settings, switchboard), settings, context)
            serving = asyncio.create_task(server.serve([listening]), name="http")
            await _first(serving, server.ready.wait())
            for line in greeting(settings, listening.getsockname()[1]):
                say(line)
            await _first(serving, signals.get())
            # The page and the probes are answered while the calls end.
            await _first(serving, switchboard.drain(settings.drain), signals.get())
            server.should_exit = True
            await serving


async def _first(*waits: Awaitable[object]) -> None:
    """Returns when the first is done; cancels the others that are no tasks yet."""
    tasks = [asyncio.ensure_future(each) for each in waits]
    done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for ours in waiting.difference(each for each in waits if isinstance(each, asyncio.Future)):
        ours.cancel()
        await asyncio.wait((ours,))
    for each in done:
        each.result()


class Socket(WebSocketsSansIOProtocol):
    """A WebSocket that is gone some seconds after its call, whether or not the client reads what was sent."""

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """The call is over."""
        super().on_task_complete(task)
        self.loop.call_later(ENDING, self.transport.abort)


class Server(uvicorn.Server):
    """uvicorn, but the signals are ours."""

    def __init__(self, app: ASGIApp, settings: Settings, context: ssl.SSLContext | None = None) -> None:
        config = uvicorn.Config(
            app,
            http="h11",
            ws=Socket,
            ws_max_size=LARGEST * settings.message_bytes,
            ws_ping_interval=PING,
            ws_ping_timeout=PING,
            ws_per_message_deflate=False,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=ENDING,
            ssl_context_factory=None if context is None else lambda _config, _default: context,
        )
        super().__init__(config)
        self.ready = asyncio.Event()
        """Set once it listens."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """They end calls first, and then this."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to listen."""
        await super().startup(sockets)
        self.ready.set()


def greeting(settings: Settings, port: int) -> list[str]:
    """The address, and what whoever starts the host should know of it."""
    scheme = "https" if settings.tls else "http"
    everywhere = settings.host in {"0.0.0.0", "::", ""}
    name = "localhost" if settings.local or everywhere else settings.host
    address = f"{scheme}://{f'[{name}]' if ':' in name else name}:{port}"
    lines = [f"Vitagraph is ready: {address}"]
    if settings.local:
        return lines
    if not settings.tls:
        lines.append(
            "warning: browsers give a page the microphone only over https or at localhost. For calls from other "
            "machines give --certificate and --private-key, or put a proxy with https before the host."
        )
    if not settings.key:
        lines.append(
            "warning: anybody who reaches this address may call. VITAGRAPH_API_KEY in the environment sets a key."
        )
    return lines


class _Signals:
    """The signals to stop, as they come."""

    def __init__(self) -> None:
        self.heard = 0
        self._queue: asyncio.Queue[None] = asyncio.Queue()

    def put(self) -> None:
        """One came."""
        self.heard += 1
        self._queue.put_nowait(None)

    async def get(self) -> None:
        """Waits for the next."""
        await self._queue.get()


@contextmanager
def _signals() -> Iterator[_Signals]:
    loop, signals = asyncio.get_running_loop(), _Signals()
    for each in _SIGNALS:
        loop.add_signal_handler(each, signals.put)
    try:
        yield signals
    finally:
        for each in _SIGNALS:
            loop.remove_signal_handler(each)
