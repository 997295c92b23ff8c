"""The supervisor: a host that dies or stands still is replaced."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from pipeline.clock import Clock
from pipeline.errors import ResourceError
from pipeline.packet import SECOND
from tests.vitagraph.host.fakes import SECRETS, bearer
from vitagraph.host import supervise
from vitagraph.host.listening import listen
from vitagraph.host.settings import HostSettings
from vitagraph.host.supervise import Supervisor

ROOT = Path(__file__).resolve().parents[3]
HOST = """
import os, signal, socket, sys, threading, time
listening, control, state = os.environ["VITAGRAPH_SUPERVISOR"].split(",")
server, control = socket.socket(fileno=int(listening)), socket.socket(fileno=int(control))
with open(state, "a") as file:
    file.write(f"{os.getpid()}\\n")
number = len(open(state).readlines())
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
if mode == "broken" or (mode == "breaks later" and number > 1):
    sys.exit(3)
def beat():
    while not (mode == "freezes" and number == 1):
        control.send(b".")
        time.sleep(0.02)
threading.Thread(target=beat, daemon=True).start()
control.send(b".w")
if control.recv(1) != b"t":
    sys.exit(0)
control.send(b"s")
def orphaned():
    control.recv(1)
    os._exit(7)
threading.Thread(target=orphaned, daemon=True).start()
server.settimeout(None)
while True:
    client, _ = server.accept()
    client.send(str(os.getpid()).encode())
    client.close()
"""
"""Speaks to the supervisor as a host does, and tells each client its process id."""


class Scene:
    """A supervisor at work."""

    def __init__(self, supervisor: Supervisor, port: int, started: Path, said: list[str]) -> None:
        self.supervisor = supervisor
        self.running = asyncio.create_task(supervisor.run())
        self.said = said
        self._port = port
        self._started = started

    @property
    def started(self) -> list[int]:
        """The process ids of the hosts that were started so far."""
        return [int(line) for line in self._started.read_text().split()] if self._started.exists() else []

    async def server(self) -> int:
        """The process id of the host that serves; a client waits until one does."""
        async with asyncio.timeout(10):
            while True:
                with suppress(ConnectionError):
                    reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                    text = await reader.read()
                    writer.close()
                    if text:
                        return int(text)

    async def until(self, what: Callable[[], bool]) -> None:
        """Waits for something."""
        async with asyncio.timeout(10):
            while not what():
                await self.sleep(0.01)

    async def sleep(self, seconds: float) -> None:
        """Waits for some time."""
        await Clock(asyncio.get_running_loop()).sleep(round(seconds * SECOND))

    async def stop(self) -> int:
        """Stops it as a service manager does; the exit code."""
        self.supervisor.stop(signal.SIGTERM)
        async with asyncio.timeout(10):
            return await self.running


@asynccontextmanager
async def supervised(folder: Path, mode: str) -> AsyncIterator[Scene]:
    """Hosts that behave in some way."""
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = (sys.executable, "-S", "-E", "-c", f"mode = {mode!r}\n{HOST}")
        state = folder / "started"
        scene = Scene(Supervisor(command, listening, state, said.append), listening.getsockname()[1], state, said)
        try:
            yield scene
        finally:
            if not scene.running.done():
                await scene.stop()


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Plays a scene with short waits."""
    monkeypatch.setattr(supervise, "STANDBY_DELAY", 0.0)
    monkeypatch.setattr(supervise, "FROZEN", 1.0)
    monkeypatch.setattr(supervise, "LOOK", 0.02)
    monkeypatch.setattr(supervise, "PAUSES", (0.0, 0.05, 0.1, 0.4))

    def run(scene: Callable[[Scene], Awaitable[None]], mode: str = "") -> None:
        async def main() -> None:
            async with asyncio.timeout(30), supervised(tmp_path, mode) as setting:
                await scene(setting)

        asyncio.run(main())

    return run


def test_supervisor_second_host_takes_over(play: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    """Who calls meanwhile waits and is not refused; and then another one is kept ready."""

    async def scene(here: Scene) -> None:
        first = await here.server()
        await here.until(lambda: len(here.said) == 1)
        os.kill(first, signal.SIGKILL)
        began = asyncio.get_running_loop().time()
        second = await here.server()
        assert asyncio.get_running_loop().time() - began < 1
        assert second != first and len(here.started) == 2
        await here.until(lambda: len(here.said) == 2)
        assert len(here.started) == 3 and await here.server() == second
        assert await here.stop() == 0

    with caplog.at_level(logging.WARNING):
        play(scene)
    assert [record.getMessage() for record in caplog.records] == [
        "the host was killed by SIGKILL; the second one takes over"
    ]


def test_supervisor_replaces_a_second_host_that_ended(play: Callable[..., None]) -> None:
    """Else nothing would be ready when it is needed."""

    async def scene(here: Scene) -> None:
        first = await here.server()
        await here.until(lambda: len(here.said) == 1)
        os.kill(here.started[1], signal.SIGKILL)
        await here.until(lambda: len(here.said) == 2)
        assert await here.server() == first

    play(scene)


def test_supervisor_replaces_a_host_that_stands_still(
    play: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """Its event loop is blocked: it lives, but it serves nobody."""

    async def scene(here: Scene) -> None:
        first = await here.server()
        await here.until(lambda: len(here.said) == 1)
        await here.until(lambda: "stood still" in caplog.text)
        assert await here.server() != first

    play(scene, "freezes")


def test_supervisor_reports_a_host_that_cannot_start(play: Callable[..., None]) -> None:
    """A wrong graph is told once, with its exit code, and not every half minute."""

    async def scene(here: Scene) -> None:
        async with asyncio.timeout(10):
            assert await here.running == 3
        assert len(here.started) == 1

    play(scene, "broken")


def test_supervisor_tries_again_with_growing_pauses(play: Callable[..., None]) -> None:
    """Something broke while the host ran, such as a graph that was edited: it comes back once that is mended."""

    async def scene(here: Scene) -> None:
        os.kill(await here.server(), signal.SIGKILL)
        await here.until(lambda: len(here.started) >= 4)
        before = len(here.started)
        await here.sleep(0.3)
        assert len(here.started) <= before + 1
        assert await here.stop() == 0

    play(scene, "breaks later")


def test_supervisor_stops_while_a_host_starts(play: Callable[..., None]) -> None:
    """The signal came between two hosts, when there was none that could get it."""

    async def scene(here: Scene) -> None:
        os.kill(await here.server(), signal.SIGKILL)
        await here.until(lambda: len(here.started) >= 2)
        await here.stop()

    async def at_once(here: Scene) -> None:
        await here.stop()

    play(scene)
    play(at_once)


def test_supervisor_reports_the_exit_code_of_a_host_that_is_signalled_again(
    play: Callable[..., None], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who presses Ctrl-C often does not make a good end a bad one: nothing but asyncio's thread takes the exit code."""

    def poll(_: object) -> None:
        raise AssertionError("this would take the exit code")

    async def scene(here: Scene) -> None:
        await here.server()
        monkeypatch.setattr(subprocess.Popen, "poll", poll)
        while not here.running.done():
            here.supervisor.stop(signal.SIGTERM)
            await here.sleep(0.0005)
        assert here.running.result() == 0

    play(scene)
    assert caplog.records == []


def test_supervisor_ends_with_a_host_that_was_stopped(play: Callable[..., None]) -> None:
    """A signal to the host itself: it has drained its calls, and was meant to."""

    async def scene(here: Scene) -> None:
        first = await here.server()
        await here.until(lambda: len(here.said) == 1)
        os.kill(first, signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await here.running == 0

    play(scene)


# --- the program


class Program:
    """`vitagraph serve echo --supervise`, with a key."""

    def __init__(self, folder: Path) -> None:
        command = [
            sys.executable,
            "-m",
            "vitagraph",
            "serve",
            "echo",
            "--port",
            "0",
            "--offline",
            "--drain",
            "0",
            "--log",
            "human",
        ]
        environment = {**os.environ, "VITAGRAPH_API_KEY": "the-right-key", "TMPDIR": str(folder)}
        command.append("--supervise")
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)
        self.address = self.line().rpartition(" ")[2].replace("localhost", "127.0.0.1")

    def line(self) -> str:
        """The next line that it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def host(self) -> int:
        """The process id of the host that was started first, of those that run."""
        found = subprocess.run(["pgrep", "-o", "-P", str(self.process.pid)], capture_output=True, text=True, check=True)
        return int(found.stdout)

    def healthy(self) -> bool:
        """Whether a host answers."""
        try:
            return httpx.get(f"{self.address}/healthz", timeout=5).is_success
        except httpx.TransportError:
            return False

    def secret(self) -> str:
        """A new client secret."""
        answer = httpx.post(f"{self.address}{SECRETS}", headers=bearer("the-right-key"), timeout=5)
        return str(answer.json()["value"])

    @asynccontextmanager
    async def call(self, secret: str) -> AsyncIterator[tuple[ClientConnection, str]]:
        """A call by WebSocket, and the secret to reconnect with."""
        protocols = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{secret}")]
        async with connect(f"{self.address.replace('http', 'ws')}/v1/realtime", subprotocols=protocols) as socket:
            event = json.loads(await socket.recv())
            assert event["type"] == "session.created"
            yield socket, event["session"]["client_secret"]["value"]

    async def refused(self, secret: str) -> int:
        """The status with which a call is refused."""
        with pytest.raises(InvalidStatus) as refusal:
            async with self.call(secret):
                pass
        return refusal.value.response.status_code


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """It runs no longer than the test."""
    running = Program(tmp_path)
    try:
        yield running
    finally:
        running.process.terminate()
        running.process.communicate(timeout=20)


def test_supervised_host_is_back_within_two_seconds(program: Program) -> None:
    """And callers reconnect with the secrets that they have, each once."""
    assert "ready to take over" in program.line()
    first, unused = program.secret(), program.secret()

    async def main() -> None:
        now = asyncio.get_running_loop().time
        async with program.call(first) as (lost, renewal):
            os.kill(program.host(), signal.SIGKILL)
            killed = now()
            await lost.wait_closed()
            while not program.healthy():
                pass
            assert now() - killed < 2
        async with program.call(renewal), program.call(unused):
            assert now() - killed < 5
            assert [await program.refused(spent) for spent in (renewal, first)] == [401, 401]

    asyncio.run(main())


def test_supervised_host_ends_with_its_supervisor(tmp_path: Path) -> None:
    """Else the address would stay taken, and nobody would know by whom."""
    running = Program(tmp_path)
    port = int(running.address.rpartition(":")[2])
    running.process.kill()
    running.process.communicate(timeout=20)

    async def main() -> None:
        async with asyncio.timeout(10):
            while True:
                with suppress(ResourceError):
                    listen(HostSettings(port=port)).close()
                    return
                await Clock(asyncio.get_running_loop()).sleep(SECOND // 10)

    asyncio.run(main())
