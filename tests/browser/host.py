"""A host of its own for a test: `vitagraph serve` on a free port, stopped at the end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
READY = 90
"""Seconds until it must be ready: it loads the models first."""
DOWN = 20
"""Seconds in which it must have ended after it was asked to."""


@dataclass(frozen=True)
class Host:
    """A host that runs."""

    url: str
    log: Path
    pid: int

    def tail(self) -> str:
        """The end of its log, for a test that failed."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-60:])


@contextmanager
def serving(folder: Path, graph: str, *more: str, **environment: str) -> Iterator[Host]:
    """Serves a folder of graphs, with more options and environment variables; the log is kept beside them."""
    port = _free_port()
    log = folder / "host.log"
    command = [sys.executable, "-m", "vitagraph", "serve", graph, "--log", "human"]
    options = ["--host", "127.0.0.1", "--port", str(port), "--graphs", str(folder)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, *options, *more],
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "NO_COLOR": "1", **environment},
        )
    host = Host(f"http://127.0.0.1:{port}", log, process.pid)
    try:
        _wait(host, process)
        yield host
    finally:
        process.terminate()
        try:
            process.wait(DOWN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _wait(host: Host, process: subprocess.Popen[bytes]) -> None:
    for _ in range(READY * 10):
        try:
            with urllib.request.urlopen(f"{host.url}/readyz", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
                break
    raise AssertionError(f"the host is not ready (exit code {process.poll()}):\n{host.tail()}")
