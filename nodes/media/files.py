"""Errors about files that a user named, with hints on what to do."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path
from typing import TextIO

from pipeline.errors import ResourceError, UserInputError


def existing(name: str) -> Path:
    """The path of a file that exists and is not empty; otherwise raises UserInputError."""
    path = Path(name).expanduser()
    if path.is_dir():
        raise UserInputError(f"{path} is a folder", hint="name a file in it")
    if not path.exists():
        raise UserInputError(f"there is no file {path}", hint=similar(path))
    if not path.stat().st_size and path.is_file():
        raise UserInputError(f"{path} is empty: it has 0 bytes", hint="record or download it again")
    return path


def similar(path: Path) -> str:
    """A hint for a file that does not exist: similar names, or where it was looked for."""
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder} either: correct the path (the present folder is {Path.cwd()})"
    near = get_close_matches(path.name, [each.name for each in folder.iterdir()], n=3)
    return f"did you mean {', '.join(near)}?" if near else f"correct the path (it was looked for in {folder.resolve()})"


def private(path: str, flags: int) -> int:
    """An opener for `open`: only the owner of the file may read it, for it has what people said."""
    file = os.open(path, flags, 0o600)
    if stat.S_ISREG(os.fstat(file).st_mode):
        with suppress(PermissionError):  # an existing file of another owner
            os.fchmod(file, 0o600)
    return file


def open_private(name: str, example: str) -> TextIO:
    """Opens a text file for writing, which only its owner may read, with the folders above it.

    Raises UserInputError for a folder, with an example of a name, and ResourceError if it cannot be written.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        raise UserInputError(f"{path} is a folder", hint=f"name the file to write, such as {example}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Half a character, which some sources give, has no encoding; JSON reads what stands for it.
        return open(path, "w", encoding="utf-8", errors="backslashreplace", opener=private)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns an OSError from writing a file into a ResourceError with a hint."""
    try:
        yield
    except OSError as error:
        raise ResourceError(f"cannot write {path}: {error.strerror or error}", hint=_remedy(error)) from error


def is_full(error: BaseException) -> bool:
    """Whether an error means that the disk is full, or a quota reached."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _remedy(error: OSError) -> str:
    if is_full(error):
        return "the disk is full: free some space, or name a path on another one; what was written before is kept"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "you may not write there: change the permissions, or name another path"
    return "name a path that can be written"
