"""Connections: slow, silent and greedy clients lose theirs, and keep nobody else out."""

from __future__ import annotations

import asyncio
import logging
import re
import resource
import socket
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from pipeline.clock import Clock
from pipeline.packet import SECOND
from tests.hostile.wire import CONTINUATION, PING, TEXT, Wire, frame, request, web_socket
from tests.vitagraph.host.dialling import hosting
from tests.vitagraph.host.fakes import CALLS, make_certificate
from vitagraph.host import acceptor as acceptor_module
from vitagraph.host import connection as module
from vitagraph.host.acceptor import raise_file_limit
from vitagraph.host.app import make_app
from vitagraph.host.call_manager import CallManager
from vitagraph.host.listening import tls
from vitagraph.host.server import FRAMES_AT_ONCE, HEAD_BYTES, HttpServer
from vitagraph.host.settings import HostSettings

ROOT = Path(__file__).resolve().parents[3]
HEALTH = request("GET", "/healthz")
Scene = Callable[[str], Awaitable[None]]


def served(scene: Scene, **settings: Any) -> None:
    """Plays a scene with the address of a host, of which no connection is left afterwards."""
    settings = {"port": 0, "avatar": Path("/nowhere.glb"), "new_calls": "1000/second", **settings}

    async def main(manager: CallManager) -> None:
        chosen = HostSettings(**settings)
        server = HttpServer(make_app(chosen, manager, Path("/nowhere")), chosen, tls(chosen))
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
            serving = asyncio.create_task(server.serve([listening]))
            await server.ready.wait()
            try:
                await scene(f"http://127.0.0.1:{listening.getsockname()[1]}")
            finally:
                server.should_exit = True
                await serving
        assert not server.server_state.connections

    hosting(main, **settings)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow is what takes more than 0.3 s."""
    monkeypatch.setattr(module, "TIMEOUT", 0.3)
    monkeypatch.setattr(module, "CLOSE_TIMEOUT", 0.3)
    monkeypatch.setattr(acceptor_module, "TIMEOUT", 0.3)
    monkeypatch.setattr(acceptor_module, "SWEEP_INTERVAL", 0.05)


async def wait(seconds: float) -> None:
    """Lets time pass."""
    await Clock(asyncio.get_running_loop()).sleep(round(seconds * SECOND))


async def healthy(wire: Wire) -> bool:
    """Whether the host answers on a connection."""
    async with asyncio.timeout(5):
        await wire.write(HEALTH)
        return b"200 OK" in await wire.head()


async def check_healthy(address: str) -> None:
    """An honest client is served."""
    wire = await Wire.to(address)
    try:
        assert await healthy(wire)
    finally:
        wire.close()


async def closed(wire: Wire, sent: bytes = b"", then: bytes = b"") -> bytes:
    """Sends, and `then` every 50 ms until the host closes, which it must within 3 s; returns what it said."""
    reading = asyncio.create_task(wire.read())
    try:
        async with asyncio.timeout(3):
            await wire.write(sent)
            while not reading.done():
                await asyncio.wait((reading,), timeout=0.05)
                if then:
                    await wire.write(then)
            return reading.result()
    finally:
        reading.cancel()
        wire.close()


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged, but for the missing face."""
    return [record.message for record in caplog.records if "no face" not in record.message]


# --- slow clients


def test_connection_default_deadlines_are_within_ten_seconds() -> None:
    """An idle connection after an answer has 5 s; closing it may take some more if nothing is read."""
    sweep = acceptor_module.SWEEP_INTERVAL
    assert module.TIMEOUT + sweep < 10
    assert 5 + module.CLOSE_TIMEOUT + sweep <= 10


@pytest.mark.parametrize(
    ("sent", "then"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\n", b""),
        (b"GET / HTTP/1.1\r\n", b"X-More: 1\r\n"),
        (request("POST", CALLS, "Content-Type: application/sdp", "Content-Length: 60000"), b"v"),
        (request("POST", CALLS, "Content-Type: text/plain", "Content-Length: 60000"), b"v"),
        (request("POST", CALLS, "Content-Type: text/plain", "Transfer-Encoding: chunked"), b"1\r\nv\r\n"),
        (request("GET", "/healthz", "Content-Length: 60000"), b"v"),
        (request("GET", "/v1/realtime", "Upgrade: websocket")[:-2], b"A: b\r\n"),
    ],
)
@pytest.mark.usefixtures("quick")
def test_connection_of_a_slow_client_is_closed(sent: bytes, then: bytes) -> None:
    """Silence, heads that never end, bodies that are wanted or not: byte by byte does not help."""

    async def scene(address: str) -> None:
        await closed(await Wire.to(address), sent, then)
        await check_healthy(address)

    served(scene)


@pytest.mark.usefixtures("quick")
def test_connection_that_is_used_stays_open() -> None:
    """Each request has its own time."""

    async def scene(address: str) -> None:
        wire = await Wire.to(address)
        for _ in range(6):
            assert await healthy(wire)
            await wait(0.15)
        wire.close()

    served(scene)


@pytest.mark.usefixtures("quick")
def test_connection_whose_client_does_not_read_is_closed() -> None:
    """What it asked for takes no memory for long."""

    async def scene(address: str) -> None:
        wire = await Wire.to(address)
        wire.stop_reading()
        for _ in range(200):
            await wire.write(request("GET", "/openapi.json"))
            await wait(0.002)
        async with asyncio.timeout(5):
            while wire.open:
                await wire.write(b"\r\n")
                await wait(0.05)
                wire.resume_reading()

    served(scene)


@pytest.mark.usefixtures("quick")
def test_connection_without_a_tls_handshake_is_closed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Silence, plain HTTP and noise where TLS should be; an honest client is served, and told to come back by TLS."""
    chain, key = make_certificate(tmp_path)

    async def scene(address: str) -> None:
        for sent in (b"", HEALTH, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0" * 1000):
            await closed(await Wire.to(address), sent)
        trusted = ssl.create_default_context(cafile=str(chain))
        host, port = "localhost", int(address.rpartition(":")[2])
        wire = Wire(*await asyncio.open_connection(host, port, ssl=trusted))
        await wire.write(HEALTH)
        assert b"strict-transport-security: max-age=" in await wire.head()
        wire.close()

    with caplog.at_level(logging.WARNING):
        served(scene, certificate=chain, private_key=key)
    assert logged(caplog) == []


def test_connection_request_of_a_client_that_has_gone_is_acted_upon() -> None:
    """A page that is left hangs up, and does not wait for the answer."""

    async def scene(address: str) -> None:
        async with web_socket(address) as call:
            session = re.search(rb"sess_(\w+)", await call.reader.readuntil(b"}}"))
            assert session is not None
            wire = await Wire.to(address)
            await wire.write(request("DELETE", f"{CALLS}/rtc_{session[1].decode()}", "X: " + "x" * 10_000))
            wire.end()
            async with asyncio.timeout(5):
                await call.read()
            wire.close()

    served(scene)


# --- too many connections


def test_connections_of_one_address_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest that has brought nothing makes room: an honest client is served, and keeps its connection."""
    monkeypatch.setattr(acceptor_module, "PER_ADDRESS", 5)

    async def scene(address: str) -> None:
        honest = await Wire.to(address)
        assert await healthy(honest)
        silent = []
        for _ in range(20):
            silent.append(await Wire.to(address))
            await wait(0.01)
        await wait(0.1)
        assert await healthy(honest)
        await check_healthy(address)
        async with asyncio.timeout(2):
            await asyncio.gather(*(wire.read() for wire in silent[:15]))
        for wire in (honest, *silent):
            wire.close()

    served(scene)


def test_connections_are_bounded_in_total(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls by WebSocket are not ended for others."""
    monkeypatch.setattr(acceptor_module, "MOST", 3)

    async def scene(address: str) -> None:
        async with web_socket(address) as call, web_socket(address), web_socket(address):
            assert await closed(await Wire.to(address)) == b""
            assert call.open
        await wait(0.2)
        await check_healthy(address)

    served(scene)


def test_connection_requests_are_not_pipelined() -> None:
    """Thousands of requests in one packet would be answered in a row: the first is, then the client may come again."""

    async def scene(address: str) -> None:
        wire = await Wire.to(address)
        assert (await closed(wire, HEALTH * 50)).count(b"200 OK") == 1

    served(scene)


def test_connection_head_is_bounded() -> None:
    async def scene(address: str) -> None:
        said = await closed(await Wire.to(address), request("GET", "/", "X: " + "x" * 2 * HEAD_BYTES))
        assert b" 400 " in said

    served(scene)


def test_server_logs_nothing_of_malformed_requests(caplog: pytest.LogCaptureFixture) -> None:
    """A line for each would fill the disk."""

    async def scene(address: str) -> None:
        for sent in (b"\x16\x03\x01\r\n\r\n", b"GET\r\n\r\n", request("GET", "/", "Upgrade: h2c"), b"\0" * 20_000):
            await closed(await Wire.to(address), sent + b"\r\n\r\n")

    with caplog.at_level(logging.INFO):
        served(scene)
    assert [record.message for record in caplog.records if record.name.startswith(("uvicorn", "asyncio"))] == []


# --- files


def test_server_raises_the_soft_limit_of_open_files() -> None:
    """Up to what is allowed: many systems begin with 1,024, which is less than some hosts need."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(500, before[1]), before[1]))
    try:
        most = raise_file_limit()
        assert most == resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 500
        assert raise_file_limit() == most
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_server_without_files_logs_once_and_recovers(tmp_path: Path) -> None:
    """Other files are used up: connections wait, and are answered when there are files again."""
    command = [
        sys.executable,
        "-m",
        "vitagraph",
        "serve",
        "echo",
        "--port",
        "0",
        "--offline",
        "--health",
        "0",
        "--log",
        "human",
    ]
    with (tmp_path / "log").open("w") as log:
        host = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    assert host.stdout is not None
    try:
        address = host.stdout.readline().rpartition(" ")[2].strip()
        assert address, (tmp_path / "log").read_text()
        most = len(list(Path(f"/proc/{host.pid}/fd").iterdir())) + 3
        resource.prlimit(host.pid, resource.RLIMIT_NOFILE, (most, most))
        asyncio.run(_use_up_files(address, tmp_path / "log"))
    finally:
        host.terminate()
        host.communicate(timeout=10)
    lines = (tmp_path / "log").read_text().splitlines()
    assert len([line for line in lines if "no connection can be accepted" in line]) == 1, lines
    assert not [line for line in lines if "Traceback" in line], lines
    assert len(lines) < 10, lines


async def _use_up_files(address: str, log: Path) -> None:
    """Calls by WebSocket, which are not ended for others, until no file is left."""

    def refused() -> bool:
        return "no connection can be accepted" in log.read_text()

    async with AsyncExitStack() as calls, asyncio.timeout(30):
        while not refused():
            with suppress(AssertionError, TimeoutError):
                async with asyncio.timeout(1):
                    await calls.enter_async_context(web_socket(address))
        waiting = [await Wire.to(address) for _ in range(10)]
        await wait(0.5)
        for wire in waiting:
            wire.close()
    for _ in range(10):
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                return await check_healthy(address)
    await check_healthy(address)


# --- WebSockets


@pytest.mark.parametrize("flood", [frame(PING), frame(TEXT, final=False) + frame(CONTINUATION, final=False) * 10])
def test_websocket_flood_of_frames_ends_the_call(flood: bytes) -> None:
    """Empty frames cost time too; a caller who means well never sends so many."""

    async def scene(address: str) -> None:
        async with web_socket(address) as wire:
            await closed(wire, flood * round(2 * FRAMES_AT_ONCE))

    served(scene)


def test_websocket_flood_of_events_is_answered_with_an_error_then_with_hanging_up() -> None:
    """The call gets an `error` first, so that a client's author learns why; then it is over."""

    async def scene(address: str) -> None:
        async with web_socket(address) as wire:
            said = await closed(
                wire, frame(TEXT, b'{"type":"output_audio_buffer.clear"}') * 400, frame(TEXT, b"{") * 20
            )
            assert b"rate_limit_exceeded" in said
        await check_healthy(address)

    served(scene)


def test_websocket_text_that_is_no_utf8_closes_it_quietly(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(address: str) -> None:
        async with web_socket(address) as wire:
            assert b"\x03\xef" in await closed(wire, frame(TEXT, b"\xff\xfe"))  # 1007

    with caplog.at_level(logging.WARNING):
        served(scene)
    assert logged(caplog) == []


def test_websocket_that_is_refused_logs_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """Unknown graphs, other pages, wrong keys, handshakes that are none, clients that leave: nobody need look."""

    async def scene(address: str) -> None:
        url = address.replace("http://", "ws://") + "/v1/realtime"
        for query, options in (("?graph=gone", {}), ("", {"origin": "https://evil.example"}), ("", {})):
            with pytest.raises(InvalidStatus):
                await connect(url + query, proxy=None, **options)  # type: ignore[arg-type]
        for sent in (
            request("GET", "/v1/realtime", "Upgrade: websocket", "Connection: Upgrade"),
            request("GET", "/nowhere", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"),
            request("POST", "/v1/realtime", "Upgrade: websocket", "Connection: Upgrade"),
        ):
            await closed(await Wire.to(address), sent)
        with suppress(ConnectionClosed, InvalidStatus):
            gone = await connect(url, proxy=None, additional_headers={"Authorization": "Bearer k"})
            gone.transport.abort()

    with caplog.at_level(logging.INFO):
        served(scene, key="k")
    loud = [record.message for record in caplog.records if record.levelno >= logging.ERROR]
    assert loud == []


def test_websocket_half_open_ends_within_ten_seconds() -> None:
    """A client that is gone without a word answers no ping."""

    async def scene(address: str) -> None:
        async with web_socket(address) as wire:
            began = asyncio.get_running_loop().time()
            async with asyncio.timeout(10):
                await wire.read()
            assert asyncio.get_running_loop().time() - began < 6

    served(scene)
