"""Runs the host in this process, from binding its address to the end of its last call."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
import uvloop
from starlette.types import ASGIApp
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from vitagraph.host import auth, ice, proxies, secret_file, security
from vitagraph.host.acceptor import Acceptor
from vitagraph.host.app import make_app
from vitagraph.host.bucket import TokenBucket
from vitagraph.host.call_manager import CallManager
from vitagraph.host.graph_catalogue import GraphCatalogue
from vitagraph.host.handover import Handover
from vitagraph.host.limits import RateLimit
from vitagraph.host.listening import listen, tls
from vitagraph.host.settings import HostSettings
from vitagraph.host.site import read_glb
from vitagraph.recording.recordings import check_folder

SHUTDOWN_TIMEOUT = 2
"""Seconds that open requests and WebSockets have to end."""
PING = 2.0
"""Seconds between two pings of a WebSocket, and from a ping to the loss of the connection without an answer."""
MOST_EVENTS = 4
"""The longest WebSocket message, as a multiple of the longest event. The call answers an event that is too long with
an `error` event; a message beyond this closes the WebSocket."""
FRAMES = 100.0
"""WebSocket frames a second, of any kind; the rates of events are lower (`realtime.rate`)."""
FRAMES_AT_ONCE = 1_000.0
HEAD_BYTES = 16_384
"""The longest head of a request."""
INVALID_DATA = 1007
"""The close code for text that is no UTF-8."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(
    settings: HostSettings, graphs: GraphCatalogue, say: Callable[[str], None], handover: Handover | None = None
) -> None:
    """Serves until a signal; `say` gets the address once the host listens, and warnings.

    With a `handover` it first waits until it is its turn. The first SIGINT or SIGTERM lets the
    running calls go on for `settings.drain` seconds while new ones are refused; a second one ends
    them at once. Raises VitagraphError if the address or the certificate cannot be used.
    """
    context = tls(settings)
    bound = listen(settings) if handover is None else handover.listening
    with bound as listening, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, graphs, listening, context, say, handover))


def check(settings: HostSettings, *, bound: bool = False) -> None:
    """Raises VitagraphError if a setting cannot be used, before anything is loaded.

    `bound`: the address is bound already, by the supervisor.
    """
    if not bound:
        listen(settings).close()
    tls(settings)
    ice.check(settings)
    security.check(settings)
    proxies.networks(settings.proxies)
    if settings.key:
        auth.check_key(settings.key)
    if settings.state is not None:
        secret_file.check(settings.state)
    RateLimit(settings.new_calls)
    if settings.record is not None:
        check_folder(settings.record)
    if settings.avatar is not None:
        read_glb(settings.avatar)


def greeting(settings: HostSettings, port: int) -> list[str]:
    """The address, then warnings for the operator."""
    scheme = "https" if settings.tls else "http"
    everywhere = settings.host in {"0.0.0.0", "::", ""}
    name = "localhost" if settings.local or everywhere else settings.host
    address = f"{scheme}://{f'[{name}]' if ':' in name else name}:{port}"
    lines = [f"Vitagraph is ready: {address}"]
    if settings.turn_secret and not settings.key:
        lines.append(
            "warning: without a key, callers get no credentials of TURN servers, which anyone could use for other "
            "things. The host's own end of a call uses them. VITAGRAPH_API_KEY in the environment sets a key."
        )
    if settings.local:
        return lines
    if not settings.tls:
        lines.append(
            "warning: browsers give a page the microphone only over https or at localhost. For calls from other "
            "machines give --certificate and --private-key, or put a proxy with https before the host."
        )
    if not settings.key:
        lines.append(
            "warning: anyone who can reach this address may call, and so may any page in a browser that can, unless "
            "--name says by which name the host is opened. VITAGRAPH_API_KEY in the environment sets a key."
        )
    return lines


class CallWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket that is closed a while after its call, whether or not the client reads what was sent.

    One whose client sends too many frames is closed at once: each costs time, even an empty one.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._frames = TokenBucket(FRAMES, FRAMES_AT_ONCE, self.loop.time)

    def handle_events(self) -> None:
        """Called by uvicorn with what the client sent."""
        if self.handshake_complete and not self._frames.take(len(self.conn.events)):
            self.transport.abort()
            return
        super().handle_events()

    def send_receive_event_to_app(self) -> None:
        """Called by uvicorn with a whole message; one that is no UTF-8 closes the WebSocket, which uvicorn logs."""
        if self.curr_msg_data_type == "text" and not _is_utf8(b"".join(self.frames)):
            self.conn.send_close(INVALID_DATA)
            self.handle_parser_exception()
            return
        super().send_receive_event_to_app()

    async def send(self, message: ASGISendEvent) -> None:
        """Called by the app; a refused handshake is complete, which uvicorn takes for an error of the app."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = True

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """Called by uvicorn when the call is over."""
        super().on_task_complete(task)
        self.loop.call_later(SHUTDOWN_TIMEOUT, self.transport.abort)


class HttpServer(uvicorn.Server):
    """uvicorn without its signal handlers, since signals end the calls first, and with our own `Acceptor`."""

    def __init__(self, app: ASGIApp, settings: HostSettings, context: ssl.SSLContext | None = None) -> None:
        config = uvicorn.Config(
            app,
            http="h11",
            ws=CallWebSocket,
            ws_max_size=MOST_EVENTS * settings.message_bytes,
            ws_ping_interval=PING,
            ws_ping_timeout=PING,
            ws_per_message_deflate=False,
            lifespan="on",
            proxy_headers=False,  # proxies.py does it
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_TIMEOUT,
            h11_max_incomplete_event_size=HEAD_BYTES,
        )
        super().__init__(config)
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # below that it logs what clients do wrong
        self._context = context
        self._proxies = proxies.networks(settings.proxies)
        self._acceptor: Acceptor
        self.ready = asyncio.Event()
        """Set once it listens."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to listen."""
        await super().startup([])

        def make_protocol() -> asyncio.Protocol:
            return H11Protocol(self.config, self.server_state, self.lifespan.state)

        self._acceptor = Acceptor(sockets or (), make_protocol, self._context, self._proxies)
        self._acceptor.start()
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops listening, and ends open requests."""
        await self._acceptor.close()
        await super().shutdown(sockets)


class _Signals:
    """SIGINT and SIGTERM, as they come."""

    def __init__(self) -> None:
        self.count = 0
        self._queue: asyncio.Queue[None] = asyncio.Queue()

    def put(self) -> None:
        self.count += 1
        self._queue.put_nowait(None)

    async def get(self) -> None:
        """Waits for the next one."""
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


@contextmanager
def _handing_over(handover: Handover | None, signals: _Signals) -> Iterator[None]:
    if handover is None:
        yield
        return
    handover.start(signals.put)
    try:
        yield
    finally:
        handover.close()


async def _serve(
    settings: HostSettings,
    graphs: GraphCatalogue,
    listening: socket.socket,
    context: ssl.SSLContext | None,
    say: Callable[[str], None],
    handover: Handover | None,
) -> None:
    with _signals() as signals, _handing_over(handover, signals):
        async with CallManager(settings, graphs) as calls:
            await _first_of(calls.warm(), signals.get())
            if handover is not None and not signals.count:
                await _first_of(handover.turn(), signals.get())
            if signals.count:
                return
            app = await asyncio.to_thread(make_app, settings, calls)  # it reads and compresses the page
            server = HttpServer(app, settings, context)
            serving = asyncio.create_task(server.serve([listening]), name="http")
            await _first_of(serving, server.ready.wait())
            if handover is not None:
                handover.serving()
            for line in greeting(settings, listening.getsockname()[1]):
                say(line)
            await _first_of(serving, signals.get())
            # The page and the probes are answered while the calls end.
            await _first_of(serving, calls.drain(settings.drain), signals.get())
            server.should_exit = True
            await serving


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


async def _first_of(*waits: Awaitable[object]) -> None:
    """Returns when the first is done, and cancels the other coroutines; tasks go on."""
    tasks = [asyncio.ensure_future(each) for each in waits]
    done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for ours in waiting.difference(each for each in waits if isinstance(each, asyncio.Future)):
        ours.cancel()
        await asyncio.wait((ours,))
    for each in done:
        each.result()
