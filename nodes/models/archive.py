"""Extracts named files from a wheel or a source distribution.

Names in the archive never become paths: each wanted member is looked up by its exact name and
written where the catalogue says, so that an archive cannot write anywhere else.
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
    """Appends each wanted member that the archive contains to its target file.

    Appending joins a file that is split into parts, if the parts are extracted in order.
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
    # One pass in archive order: seeking back in a compressed stream would decompress it again.
    with tarfile.open(archive, "r|gz") as content:
        for member in content:
            if member.name in wanted and member.isfile():
                source = content.extractfile(member)
                assert source is not None
                append(source, wanted[member.name])


def append(source: IO[bytes], target: Path) -> None:
    """Appends a stream to a file and syncs it to disk.

    Without the sync, a later rename could reach the disk before the content, and a power cut
    in between would leave a file that looks complete.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("ab") as file:
        shutil.copyfileobj(source, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())
