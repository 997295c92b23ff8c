"""Alerts that are posted to a server of this machine."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from pipeline.clock import Clock
from pipeline.packet import MILLISECOND
from tests.vitagraph.alerts.rules import rule
from vitagraph.alerts import webhook as module
from vitagraph.alerts.webhook import WAITING, AlertWebhooks
from vitagraph.observe.timeline import AlertState

ALERT = AlertState("Trouble", "page", "It is 1.", "failures", 5.0, None, 1.0, 0.0, {"node": "asr"})
SECRET = "/hooks/T0KEN"


class Receiver:
    """Takes posts while it listens; answers `status` after `delay` seconds."""

    def __init__(self, status: int = 204, delay: float = 0) -> None:
        self.got: list[dict[str, Any]] = []
        self.status, self.delay = status, delay
        self._tasks: set[asyncio.Task[Any]] = set()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port = taken.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}{SECRET}"

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Takes connections, until the block ends."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        try:
            yield
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            self._tasks.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                size = int(head.partition("content-length: ")[2].partition("\r\n")[0])
                self.got.append(json.loads(await reader.readexactly(size)))
                await Clock(asyncio.get_running_loop()).sleep(round(self.delay * 1000) * MILLISECOND)
                writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        writer.close()


async def until(holds: Callable[[], object], seconds: float = 10) -> None:
    """Waits for it."""
    clock = Clock(asyncio.get_running_loop())
    async with asyncio.timeout(seconds):
        while not holds():
            await clock.sleep(5 * MILLISECOND)


def posting(scene: Callable[[AlertWebhooks], Awaitable[None]], url: str) -> None:
    """Plays a scene with a webhook."""

    async def main() -> None:
        hooks = AlertWebhooks(url)
        try:
            await scene(hooks)
        finally:
            await hooks.stop()

    asyncio.run(main())


def test_webhook_posts_an_alert_as_json() -> None:
    """When it fires and when it clears; a rule's own URL comes first, and without one nothing is posted."""
    receiver, own = Receiver(), Receiver()

    async def scene(hooks: AlertWebhooks) -> None:
        async with receiver.listening(), own.listening():
            hooks(rule(metric="a"), ALERT)
            hooks(rule(metric="a", webhook=own.url), ALERT)
            await until(lambda: receiver.got and own.got)
            await hooks.stop()

    posting(scene, receiver.url)
    (posted,) = receiver.got
    assert posted == {
        "state": "firing", "name": "Trouble", "severity": "page", "summary": "It is 1.", "runbook": "failures",
        "since": 5.0, "cleared": None, "value": 1.0, "threshold": 0.0, "labels": {"node": "asr"},
    }  # fmt: skip
    assert own.got == [posted]


def test_webhook_tries_to_connect_again() -> None:
    """A receiver that restarts just then gets it all the same."""
    receiver = Receiver()

    async def scene(hooks: AlertWebhooks) -> None:
        hooks(rule(metric="a"), ALERT)
        await Clock(asyncio.get_running_loop()).sleep(700 * MILLISECOND)
        async with receiver.listening():
            await until(lambda: receiver.got)
            await hooks.stop()

    posting(scene, receiver.url)


def test_webhook_that_is_slow_delays_nothing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Alerts go on; those that wait are bounded, and it is given up in time."""
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    receiver = Receiver(delay=5)

    async def scene(hooks: AlertWebhooks) -> None:
        async with receiver.listening():
            clock = Clock(asyncio.get_running_loop())
            for _ in range(WAITING + 10):
                hooks(rule(metric="a"), ALERT)
            assert clock.now() < 100 * MILLISECOND
            await until(lambda: len(receiver.got) >= 2)
            await hooks.stop()

    posting(scene, receiver.url)
    said = [record.getMessage() for record in caplog.records]
    assert sum("the webhook is too slow" in each for each in said) >= 9
    assert any("was not posted to 127.0.0.1" in each for each in said)


@pytest.mark.parametrize("status", [302, 404, 500])
def test_webhook_failures_are_logged_without_the_url(status: int, caplog: pytest.LogCaptureFixture) -> None:
    """Many such URLs are a secret."""
    receiver = Receiver(status=status)

    async def scene(hooks: AlertWebhooks) -> None:
        async with receiver.listening():
            hooks(rule(metric="a"), ALERT)
            await until(lambda: f"status {status}" in caplog.text)
            await hooks.stop()

    posting(scene, receiver.url)
    assert SECRET not in caplog.text and "127.0.0.1" in caplog.text
