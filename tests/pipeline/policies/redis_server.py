"""A real Redis server on a port of its own, that a test may kill and start again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator

import pytest

PROGRAM = "redis-server"


class RedisServer:
    """Keeps nothing on disk: what it held is gone when it is killed."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns when it takes connections."""
        settings = {"port": self.port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": "/tmp"}
        command = [PROGRAM, *(word for key, value in settings.items() for word in (f"--{key}", str(value)))]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if "Ready to accept connections" in line:
                return
        pytest.fail(f"{PROGRAM} did not start:\n{''.join(said)}", pytrace=False)

    def freeze(self) -> None:
        """It takes connections, and answers nothing, until `thaw` or `kill`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on after `freeze`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Ends it at once, as a crash would."""
        if self._process is not None and self._process.stdout is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
            self._process = None


@pytest.fixture
def redis_server(no_leaks: None) -> Iterator[RedisServer]:
    """A running server; skipped where the program is not installed, but under CI."""
    if shutil.which(PROGRAM) is None:
        reason = f"needs {PROGRAM}: install the package redis-server"
        pytest.fail(reason, pytrace=False) if os.environ.get("CI") == "true" else pytest.skip(reason)
    server = RedisServer()
    server.start()
    try:
        yield server
    finally:
        server.kill()
