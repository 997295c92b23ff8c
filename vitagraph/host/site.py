"""Static files that the host serves: the page's and the avatar's, read and compressed once, then sent from memory.

No request touches the disk or another thread, and no path of a request becomes a path on disk.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request, Response

from pipeline.errors import UserInputError, VitagraphError
from vitagraph.host.errors import ApiError

IMMUTABLE = "public, max-age=31536000, immutable"
"""Cache-Control of files whose names change with their content."""
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
_WORTH_COMPRESSING = 0.95
"""The share of its size to which gzip must shrink a file."""
_GLB_MAGIC = b"glTF"

_log = logging.getLogger("vitagraph.host")


@dataclass(frozen=True, slots=True)
class Asset:
    """One file; `packed` is its gzip, empty if that is hardly smaller."""

    body: bytes
    packed: bytes
    type: str
    cache: str
    etag: str

    def answer(self, request: Request) -> Response:
        """The response: compressed if the browser accepts it, 304 if the browser has the file."""
        headers = {"ETag": self.etag, "Cache-Control": self.cache, "Vary": "Accept-Encoding"}
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if self.packed and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=self.type)
        return Response(self.body, headers=headers, media_type=self.type)


def read(file: Path, cache: str = REVALIDATE) -> Asset:
    """Reads and compresses a file, which takes milliseconds a megabyte: not for the event loop once calls run."""
    body = file.read_bytes()
    packed = gzip.compress(body, mtime=0)
    return Asset(
        body,
        packed if len(packed) < _WORTH_COMPRESSING * len(body) else b"",
        _TYPES.get(file.suffix, "application/octet-stream"),
        cache,
        f'"{hashlib.sha256(body).hexdigest()[:32]}"',
    )


def read_folder(folder: Path) -> dict[str, Asset]:
    """All files below a folder by relative path, `index.html` also as ``; empty if there is no such folder."""
    paths = {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()}
    assets = {path: read(file, IMMUTABLE if path.startswith("assets/") else REVALIDATE) for path, file in paths.items()}
    return {**assets, "": assets["index.html"]} if "index.html" in assets else {}


def read_glb(file: Path) -> Asset:
    """Reads a GLB; raises UserInputError if it is none."""
    try:
        asset = read(file)
    except OSError as error:
        raise UserInputError(f"the avatar {file} cannot be read: {error.strerror}", hint="--avatar FILE.glb") from error
    if not asset.body.startswith(_GLB_MAGIC):
        raise UserInputError(f"the avatar {file} is no GLB", hint="give a binary glTF file (.glb)")
    return asset


class AvatarHead:
    """The avatar's head; loaded in a thread when the host starts, because building it takes seconds the first time."""

    def __init__(self, file: Path | None) -> None:
        """`file` is a GLB in place of the head that `vitagraph avatar build` makes."""
        self._file = file
        self._asset: Asset | None = None
        self._loaded = asyncio.Event()

    async def load(self) -> None:
        """Builds and reads it; if that fails, calls have no face."""
        try:
            self._asset = await asyncio.to_thread(_read_head, self._file)
        except (VitagraphError, OSError) as error:
            _log.warning("there is no face: %s", error)
        finally:
            self._loaded.set()

    async def asset(self) -> Asset:
        """The GLB, once it is loaded; raises an ApiError (503) if it could not be."""
        await self._loaded.wait()
        if self._asset is None:
            raise ApiError(503, "no_avatar", "The host has no face to show. Its log says why.")
        return self._asset


def _read_head(file: Path | None) -> Asset:
    if file is not None:
        return read_glb(file)
    from vitagraph import avatar

    return read(avatar.head())
