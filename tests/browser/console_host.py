"""A host for the operator's pages: the real routes and the real page, over data that are known."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from tests.vitagraph.host.fakes import FakeCallManager, Host
from tests.vitagraph.host.sample_source import SampleSource
from tests.vitagraph.observe import sample
from vitagraph.host.app import STATIC

SESSION = f"/console/sessions/{sample.timeline().id}"


@contextmanager
def console_host(source: SampleSource, key: str = "") -> Iterator[str]:
    """Serves it on a free port; gives the address."""
    host = Host(STATIC, manager=FakeCallManager(console=source), **({"key": key} if key else {}))
    taken = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(host.app, lifespan="off", log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
    thread.start()
    try:
        # The socket listens already: who connects before the server runs waits for it.
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        taken.close()
        host.close()
