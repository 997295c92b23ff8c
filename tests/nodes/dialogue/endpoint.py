"""An OpenAI-compatible endpoint that does what a test says, in a thread of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Script = Callable[["Reply"], None]


@dataclass(slots=True)
class Reply:
    """One request, and how it is answered."""

    handler: BaseHTTPRequestHandler
    body: dict[str, Any]
    endpoint: Endpoint

    def error(self, status: int, message: str = "no", **fields: Any) -> None:
        """An error as OpenAI writes it."""
        content = json.dumps({"error": {"message": message, **fields}}).encode()
        self.handler.send_response(status)
        self.handler.send_header("Content-Type", "application/json")
        self.handler.send_header("Content-Length", str(len(content)))
        self.handler.end_headers()
        self.handler.wfile.write(content)

    def begin(self) -> None:
        """The head of a stream."""
        self.handler.send_response(200)
        self.handler.send_header("Content-Type", "text/event-stream")
        self.handler.end_headers()

    def send(self, text: str) -> None:
        """A piece of the answer."""
        self.raw(json.dumps({"id": "x", "choices": [{"index": 0, "delta": {"content": text}}]}))

    def raw(self, data: str) -> None:
        """An event of the stream."""
        self.handler.wfile.write(f"data: {data}\n\n".encode())
        self.handler.wfile.flush()


@dataclass(slots=True)
class Endpoint:
    """What was asked of it."""

    url: str
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)
    """Set when a client has hung up in the middle of an answer."""


def says(*pieces: str) -> Script:
    """Streams these pieces."""

    def script(reply: Reply) -> None:
        reply.begin()
        reply.raw(json.dumps({"id": "x", "choices": []}))
        for piece in pieces:
            reply.send(piece)
        reply.raw("[DONE]")

    return script


@contextmanager
def endpoint(script: Script) -> Iterator[Endpoint]:
    """Serves until the block is left."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.bodies.append(body)
            served.keys.append(self.headers["Authorization"])
            try:
                script(Reply(self, body, served))
            except ConnectionError:
                served.left.set()
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Endpoint(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
