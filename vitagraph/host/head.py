"""The avatar's head, as the page fetches it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from pipeline.errors import UserInputError, VitagraphError
from vitagraph.host.errors import ApiError
from vitagraph.host.site import Asset, read

_log = logging.getLogger("vitagraph.host")
_MAGIC = b"glTF"


class Head:
    """Made ready in a thread when the host starts: building it takes seconds the first time."""

    def __init__(self, file: Path | None) -> None:
        """`file` is a GLB in place of the head that `vitagraph avatar build` makes."""
        self._file = file
        self._asset: Asset | None = None
        self._tried = asyncio.Event()

    async def load(self) -> None:
        """Builds and reads it; where that fails, calls go on without a face."""
        try:
            self._asset = await asyncio.to_thread(_load, self._file)
        except (VitagraphError, OSError) as error:
            _log.warning("there is no face: %s", error)
        finally:
            self._tried.set()

    async def asset(self) -> Asset:
        """The GLB, once it is there; raises an ApiError (503) where it cannot be had."""
        await self._tried.wait()
        if self._asset is None:
            raise ApiError(503, "no_avatar", "The host has no face to show. Its log says why.")
        return self._asset


def _load(file: Path | None) -> Asset:
    if file is not None:
        return read_glb(file)
    from vitagraph import avatar

    return read(avatar.head())


def read_glb(file: Path) -> Asset:
    """Reads a GLB; raises UserInputError where it is none."""
    try:
        asset = read(file)
    except OSError as error:
        raise UserInputError(f"the avatar {file} cannot be read: {error.strerror}", hint="--avatar FILE.glb") from error
    if not asset.body.startswith(_MAGIC):
        raise UserInputError(f"the avatar {file} is no GLB", hint="give a binary glTF file (.glb)")
    return asset
