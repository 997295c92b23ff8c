"""Runs the host in this process, from binding its address to the end of its last call."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import uvicorn
import uvloop
from starlette.types import ASGIApp
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from pipeline.errors import ResourceError, UserInputError
from vitagraph.host import auth, ice, proxies, secret_file, security
from vitagraph.host.app import make_app
from vitagraph.host.call_manager import CallManager
from vitagraph.host.graph_catalogue import GraphCatalogue
from vitagraph.host.limits import RateLimit
from vitagraph.host.settings import HostSettings
from vitagraph.host.site import read_glb

BACKLOG = 1024
"""Connections that wait to be accepted."""
SHUTDOWN_TIMEOUT = 2
"""Seconds that open requests and WebSockets have to end."""
PING = 2.0
"""Seconds between two pings of a WebSocket, and from a ping to the loss of the connection without an answer."""
MOST_EVENTS = 4
"""The longest WebSocket message, as a multiple of the longest event. The call answers an event that is too long with
an `error` event; a message beyond this closes the WebSocket."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(settings: HostSettings, graphs: GraphCatalogue, say: Callable[[str], None]) -> None:
    """Serves until a signal; `say` gets the address once the host listens, and warnings.

    The first SIGINT or SIGTERM lets the running calls go on for `settings.drain` seconds while
    new ones are refused; a second one ends them at once. Raises VitagraphError if the address
    or the certificate cannot be used.
    """
    context = tls(settings)
    with listen(settings) as listening, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, graphs, listening, context, say))


def check(settings: HostSettings) -> None:
    """Raises VitagraphError if a setting cannot be used, before anything is loaded."""
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
    if settings.avatar is not None:
        read_glb(settings.avatar)


def listen(settings: HostSettings) -> socket.socket:
    """Binds the address; raises ResourceError if it is in use, UserInputError if it is not of this machine."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(
            address[:2],
            family=family,
            backlog=BACKLOG,
            dualstack_ipv6=family == socket.AF_INET6 and settings.host == "::",
        )
    except OSError as error:
        raise _as_vitagraph_error(error, settings) from error


def tls(settings: HostSettings) -> ssl.SSLContext | None:
    """The context for https, None for http; raises UserInputError if a file cannot be used."""
    if settings.certificate is None and settings.private_key is None:
        return None
    if settings.certificate is None or settings.private_key is None:
        raise UserInputError(
            "https needs a certificate and its private key", hint="give both --certificate and --private-key"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Without a password OpenSSL would ask for one on the terminal.
        context.load_cert_chain(settings.certificate, settings.private_key, password="")
    except OSError as error:  # ssl.SSLError is one
        raise UserInputError(
            f"{settings.certificate} and {settings.private_key} cannot be used for https: {error.strerror or error}",
            hint="both must be PEM files that can be read, the key the certificate's own and without a password",
        ) from error
    return context


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
    """A WebSocket that is closed a while after its call, whether or not the client reads what was sent."""

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """Called by uvicorn when the call is over."""
        super().on_task_complete(task)
        self.loop.call_later(SHUTDOWN_TIMEOUT, self.transport.abort)


class HttpServer(uvicorn.Server):
    """uvicorn without its signal handlers: signals end the calls first."""

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
            ssl_context_factory=None if context is None else lambda _config, _default: context,
        )
        super().__init__(config)
        self.ready = asyncio.Event()
        """Set once it listens."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to listen."""
        await super().startup(sockets)
        self.ready.set()


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


async def _serve(
    settings: HostSettings,
    graphs: GraphCatalogue,
    listening: socket.socket,
    context: ssl.SSLContext | None,
    say: Callable[[str], None],
) -> None:
    with _signals() as signals:
        async with CallManager(settings, graphs) as calls:
            await _first_of(calls.warm(), signals.get())
            if signals.count:
                return
            server = HttpServer(make_app(settings, calls), settings, context)
            serving = asyncio.create_task(server.serve([listening]), name="http")
            await _first_of(serving, server.ready.wait())
            for line in greeting(settings, listening.getsockname()[1]):
                say(line)
            await _first_of(serving, signals.get())
            # The page and the probes are answered while the calls end.
            await _first_of(serving, calls.drain(settings.drain), signals.get())
            server.should_exit = True
            await serving


async def _first_of(*waits: Awaitable[object]) -> None:
    """Returns when the first is done, and cancels the other coroutines; tasks go on."""
    tasks = [asyncio.ensure_future(each) for each in waits]
    done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for ours in waiting.difference(each for each in waits if isinstance(each, asyncio.Future)):
        ours.cancel()
        await asyncio.wait((ours,))
    for each in done:
        each.result()


def _as_vitagraph_error(error: OSError, settings: HostSettings) -> ResourceError | UserInputError:
    where = f"{settings.host} port {settings.port}"
    if error.errno == errno.EADDRINUSE:
        return ResourceError(
            f"{where} is taken by another program",
            hint=f"choose another port, --port {settings.port + 1}, or stop the other program",
        )
    if error.errno == errno.EACCES:
        return ResourceError(f"{where} needs more rights than this program has", hint="choose a port from 1024 on")
    return UserInputError(
        f"the host cannot listen at {where}: {error.strerror}",
        hint="give an address of this machine: --host 127.0.0.1 for itself, 0.0.0.0 for all machines that can reach it",
    )
