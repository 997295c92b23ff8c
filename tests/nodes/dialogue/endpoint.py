"""An OpenAI-compatible endpoint, scripted by the test, in its own thread."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Script = Callable[["Reply"], None]
NO_HEADERS: Mapping[str, str] = {}


@dataclass(slots=True)
class Reply:
    """One request and its response."""

    handler: BaseHTTPRequestHandler
    body: dict[str, Any]
    endpoint: Endpoint
    begun: bool = False

    def error(
        self, status: int, message: str = "no", *, headers: Mapping[str, str] = NO_HEADERS, **fields: Any
    ) -> None:
        """Sends an error in OpenAI's format; the server adds `Date`, unless `headers` contain one."""
        self.json(status, {"error": {"message": message, **fields}}, headers)

    def json(self, status: int, value: Any, headers: Mapping[str, str] = NO_HEADERS) -> None:
        """Sends a JSON value as the whole body."""
        content = json.dumps(value).encode()
        self.handler.send_response_only(status)
        for name, value in {"Date": self.handler.date_time_string(), **headers}.items():
            self.handler.send_header(name, value)
        self.handler.send_header("Content-Type", "application/json")
        self.handler.send_header("Content-Length", str(len(content)))
        self.handler.end_headers()
        self.handler.wfile.write(content)

    def begin(self) -> None:
        """Sends the head of a stream."""
        self.handler.send_response(200)
        self.handler.send_header("Content-Type", "text/event-stream")
        self.handler.send_header("Transfer-Encoding", "chunked")
        self.handler.end_headers()
        self.begun = True

    def send(self, text: str) -> None:
        """Sends a piece of the answer."""
        self.raw(json.dumps({"id": "x", "choices": [{"index": 0, "delta": {"content": text}}]}))

    def raw(self, data: str) -> None:
        """Sends an event of the stream."""
        self.part(f"data: {data}\n\n".encode())

    def end(self) -> None:
        """Ends the stream; the connection can be used again."""
        if self.begun:
            self.part(b"")

    def hang_up(self) -> None:
        """Whatever has been sent, there will be no more."""
        self.begun = False
        self.handler.close_connection = True

    def part(self, content: bytes) -> None:
        """Sends a part of the body, in a chunk of its own."""
        self.handler.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
        self.handler.wfile.flush()


@dataclass(slots=True)
class Endpoint:
    """What was asked of it."""

    url: str
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    traces: list[str | None] = field(default_factory=list)
    """The `traceparent` of each request."""
    left: threading.Event = field(default_factory=threading.Event)
    """Set when a client has hung up in the middle of an answer."""
    connections: list[socket.socket] = field(default_factory=list)
    """All that were ever accepted."""

    def hang_up(self) -> None:
        """Closes the connections that are idle."""
        for connection in self.connections:
            connection.shutdown(socket.SHUT_RDWR)


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
    """Serves until the block ends; connections are kept as long as the client keeps them."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            served.connections.append(self.request)
            super().setup()

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.bodies.append(body)
            served.keys.append(self.headers["Authorization"])
            served.traces.append(self.headers["traceparent"])
            try:
                script(reply := Reply(self, body, served))
                reply.end()
            except ConnectionError:
                served.left.set()
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Suppresses logging."""

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
