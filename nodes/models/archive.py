"""Takes named files out of a wheel or a source distribution, and nothing else.

The archive's own names never become paths: each wanted file is asked for by its exact
name and written where the catalogue says, so an archive cannot write elsewhere.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO


def extract(archive: Path, wanted: Mapping[str, Path]) -> None:
    """Appends each wanted member that the archive has to its file.

    Appends, so that a file that is cut into parts is joined by asking for them in order.
    """
    if archive.suffix == ".whl":
        _from_zip(archive, wanted)
    else:
        _from_tar(archive, wanted)


def _from_zip(archive: Path, wanted: Mapping[str, Path]) -> None:
    with zipfile.ZipFile(archive) as content:
        there = set(content.namelist())
        for member, target in wanted.items():
            if member in there:
                with content.open(member) as source:
                    append(source, target)


def _from_tar(archive: Path, wanted: Mapping[str, Path]) -> None:
    # In one pass in the archive's order: going back in a compressed stream decompresses it again.
    with tarfile.open(archive, "r|gz") as content:
        for member in content:
            if member.name in wanted and member.isfile():
                source = content.extractfile(member)
                assert source is not None
                append(source, wanted[member.name])


def append(source: IO[bytes], target: Path) -> None:
    """Adds a stream to the end of a file, and waits until the disk has it.

    A rename may reach the disk before the content does, and a power cut between the two
    would leave a file that looks finished.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("ab") as file:
        shutil.copyfileobj(source, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())
