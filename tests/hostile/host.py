"""A host in a process of its own, on this machine only."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nodes.webrtc.transport.opus import library
from tests.nodes.webrtc.client import loopback
from tests.vitagraph.host.dialling import ROOMY
from vitagraph import logs
from vitagraph.host.graph_catalogue import GraphCatalogue
from vitagraph.host.server import run
from vitagraph.host.settings import HostSettings

ROOT = Path(__file__).resolve().parents[2]
STOP_TIMEOUT = 10
"""Seconds in which a host ends after SIGTERM."""


class HostProcess:
    """A host that serves one graph at `address`; `log` is what it has written to stderr."""

    def __init__(self, graph: Path, log: Path) -> None:
        self._log = log
        command = [sys.executable, "-m", "tests.hostile.host", str(graph)]
        with log.open("w") as stderr:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr, text=True)
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().rpartition(" ")[2].strip()
        assert self.address, self.log

    @property
    def log(self) -> str:
        """Everything on stderr."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def memory(self) -> float:
        """The resident set, MB."""
        size = subprocess.run(["ps", "-o", "rss=", "-p", str(self._process.pid)], capture_output=True, check=True)
        return int(size.stdout) / 1000

    def stop(self) -> None:
        """Ends it; one that hangs is killed."""
        self._process.terminate()
        try:
            self._process.communicate(timeout=STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


@contextmanager
def hosting(graph: Path, log: Path) -> Iterator[HostProcess]:
    """A host for the block."""
    host = HostProcess(graph, log)
    try:
        yield host
    finally:
        host.stop()


def main(graph: Path) -> None:
    """The process: no admission control by load, no limit of calls from one address."""
    logs.set_up()
    library()
    settings = HostSettings(port=0, health=0, drain=0, new_calls="100000/second", thresholds=ROOMY)
    with loopback():
        run(settings, GraphCatalogue(graph), lambda line: print(line, flush=True))  # noqa: T201 - the address, for the parent


if __name__ == "__main__":
    main(Path(sys.argv[1]))
