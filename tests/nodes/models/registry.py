"""A small local package index with one model."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Fault = Literal["", "truncated", "other", "hangs", "500"]
"""What goes wrong with the files that it serves."""


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wheel(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def sdist(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


@dataclass
class Registry:
    """What is served, how, and what was requested."""

    files: dict[str, bytes] = field(default_factory=dict)
    html: bool = False
    fault: Fault = ""
    asked: Counter[str] = field(default_factory=Counter)
    half_sent: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def listing(self) -> tuple[str, bytes]:
        if self.html:
            links = "".join(f'<a href="../../files/{name}#sha256=0">{name}</a><br/>' for name in self.files)
            return "text/html; charset=utf-8", f"<html><body>{links}</body></html>".encode()
        files = [{"filename": name, "url": f"../../files/{name}", "hashes": {}} for name in self.files]
        return "application/vnd.pypi.simple.v1+json", json.dumps({"files": files}).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: Registry

    def do_GET(self) -> None:
        name = self.path.rstrip("/").rsplit("/", 1)[-1]
        self.registry.asked[name] += 1
        if self.path.startswith("/simple/"):
            kind, content = self.registry.listing()
            self._answer(200 if name == "a-model" else 404, kind, content)
        else:
            self._file(name)

    def _file(self, name: str) -> None:
        content = self.registry.files.get(name)
        if content is None:
            self._answer(404, "text/plain", b"not here")
            return
        match self.registry.fault:
            case "truncated":
                self._head(200, "application/zip", len(content))
                self.wfile.write(content[: len(content) // 2])
                self.close_connection = True
            case "hangs":
                self._head(200, "application/zip", len(content))
                self.wfile.write(content[: len(content) // 2])
                self.registry.half_sent.set()
                self.registry.go_on.wait(30)
                self.close_connection = True
            case "other":
                self._answer(200, "application/zip", content[:-1] + b"?")
            case "500":
                self._answer(500, "text/plain", b"out of order")
            case _:
                self._answer(200, "application/zip", content)

    def _answer(self, status: int, kind: str, content: bytes) -> None:
        self._head(status, kind, len(content))
        self.wfile.write(content)

    def _head(self, status: int, kind: str, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Suppresses logging."""


def serve(registry: Registry) -> ThreadingHTTPServer:
    """Serves on a free port until `shutdown` and `server_close`."""
    handler = type("Handler", (_Handler,), {"registry": registry})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    registry.url = f"http://127.0.0.1:{server.server_port}/simple"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return server
