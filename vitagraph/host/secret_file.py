"""Client secrets in a file, so that their callers can reconnect after the host was restarted.

The file is a journal: below its first line, one JSON line for each secret and for each change of it; the
last one counts. It has the SHA-256 of the secrets, not the secrets, and only its owner can read it. A write
takes microseconds, and the system decides when it reaches the disk: that survives the end of the process,
but not a power failure.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from pipeline.errors import ResourceError, UserInputError
from vitagraph.host.tokens import MOST, MOST_BYTES, ClientSecret, LockedFields

MOST_WRITTEN = 4 * MOST_BYTES
"""Bytes after which the journal is written anew."""
MOST_LINES = 10 * MOST
"""Lines after which the journal is written anew."""

_HEADER = b"vitagraph client secrets 1\n"
_HINT = "--state names a file in a folder that can be written"
_log = logging.getLogger("vitagraph.host")


class _SavedSecret(msgspec.Struct, omit_defaults=True):
    id: str
    expires_at: float
    graph: str | None = None
    instructions: str | None = None
    owner: str = ""
    spent: bool = False
    until: float | None = None


_decode = msgspec.json.Decoder(_SavedSecret).decode
_encode = msgspec.json.Encoder().encode


class SecretFile:
    """The journal; one process at a time has it open."""

    def __init__(self, path: Path) -> None:
        """Opens the file; raises UserInputError or ResourceError if that is not possible."""
        self._path = path
        self._file = _open(path)
        self._lines = self._written = 0
        self._failed = False

    def close(self) -> None:
        """Lets another process have the file; safe to call twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def load(self) -> list[ClientSecret]:
        """The secrets of the process before, oldest first; lines that cannot be read are left out."""
        found: dict[str, ClientSecret] = {}
        for text in self._path.read_bytes().removeprefix(_HEADER).splitlines():
            try:
                line = _decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # the process was killed while it wrote, or the disk was full
            locked = LockedFields(line.graph, line.instructions)
            found[line.id] = ClientSecret(line.id, line.expires_at, locked, line.owner, line.spent, line.until)
        return list(found.values())

    def save(self, secret: ClientSecret) -> bool:
        """Appends a secret, or its new state; returns whether it is time to `rewrite`."""
        self._write(_line(secret))
        return self._written > MOST_WRITTEN or self._lines > MOST_LINES

    def rewrite(self, secrets: Iterable[ClientSecret]) -> None:
        """Keeps these secrets and no others."""
        self._lines = self._written = 0
        lines = _HEADER + b"".join(map(_line, secrets))
        beside = self._path.with_name(f"{self._path.name}.new")
        try:
            beside.unlink(missing_ok=True)
            new = _open(beside)
            os.replace(beside, self._path)
        except (OSError, ResourceError, UserInputError) as error:
            self._fail(error)
            return
        os.close(self._file)
        self._file = new
        self._write(lines)

    def _write(self, lines: bytes) -> None:
        # After a failure the last line may be without its end.
        text = b"\n" + lines if self._failed else lines
        try:
            written = os.write(self._file, text)
        except OSError as error:
            self._fail(error)
            return
        self._failed = written < len(text)
        self._lines += 1
        self._written += written

    def _fail(self, error: Exception) -> None:
        if not self._failed:
            hint = "make room on its disk" if getattr(error, "errno", 0) == errno.ENOSPC else "see whether it is there"
            _log.error(
                "client secrets are not kept for a restart: %s cannot be written: %s (%s)", self._path, error, hint
            )
        self._failed = True


def check(path: Path) -> None:
    """Raises UserInputError if the file cannot be made there, or is some other file."""
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise UserInputError(f"the client secrets cannot be kept in {path}", hint=_HINT)
    if path.is_file():
        _check_header(path)


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(len(_HEADER))
    if start and start != _HEADER:
        raise UserInputError(f"{path} is no file of client secrets", hint="--state names a file of its own")


def _open(path: Path) -> int:
    """Opens and locks the file for appending; only its owner may read it."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UserInputError(f"the client secrets cannot be kept in {path}: {error.strerror}", hint=_HINT) from error
    try:
        _check_header(path)
        os.fchmod(file, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(file)
        raise ResourceError(
            f"another host keeps its client secrets in {path}", hint="give each a file of its own"
        ) from error
    except (OSError, UserInputError):
        os.close(file)
        raise
    return file


def _line(secret: ClientSecret) -> bytes:
    locked = secret.locked
    line = _SavedSecret(
        secret.id, secret.expires_at, locked.graph, locked.instructions, secret.owner, secret.spent, secret.until
    )
    return _encode(line) + b"\n"
