"""Files that the host serves: read and compressed once, then sent from memory.

So no request touches the disk or another thread, and no path of a request is one of the disk.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request, Response

IMMUTABLE = "public, max-age=31536000, immutable"
"""For files whose names change with their content."""
REVALIDATE = "no-cache"

_TYPES = {
    ".css": "text/css",
    ".glb": "model/gltf-binary",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_WORTH_PACKING = 0.95


@dataclass(frozen=True, slots=True)
class Asset:
    """One file; `packed` is its gzip, empty where that is hardly smaller."""

    body: bytes
    packed: bytes
    type: str
    cache: str
    etag: str

    def answer(self, request: Request) -> Response:
        """The file, packed where the browser takes it so; 304 where it has it already."""
        headers = {"ETag": self.etag, "Cache-Control": self.cache, "Vary": "Accept-Encoding"}
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if self.packed and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=self.type)
        return Response(self.body, headers=headers, media_type=self.type)


def read(file: Path, cache: str = REVALIDATE) -> Asset:
    """Reads and compresses a file; some ms a megabyte, so not in the event loop once calls are on."""
    body = file.read_bytes()
    packed = gzip.compress(body, mtime=0)
    return Asset(
        body,
        packed if len(packed) < _WORTH_PACKING * len(body) else b"",
        _TYPES.get(file.suffix, "application/octet-stream"),
        cache,
        f'"{hashlib.sha256(body).hexdigest()[:32]}"',
    )


def read_folder(folder: Path) -> dict[str, Asset]:
    """All files below a folder by their paths in it; `` is `index.html`. Empty where there is no such folder."""
    paths = {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()}
    assets = {path: read(file, IMMUTABLE if path.startswith("assets/") else REVALIDATE) for path, file in paths.items()}
    return {**assets, "": assets["index.html"]} if "index.html" in assets else {}
