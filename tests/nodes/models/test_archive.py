"""Only requested files are extracted, and only to their targets."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from nodes.models.archive import extract
from tests.nodes.models.registry import sdist, wheel

MEMBERS = {"../../evil": b"evil", "/abs": b"evil", "x/wanted": b"good", "x/part2": b"two", "x/part1": b"one"}


@pytest.fixture(params=["it.whl", "it.tar.gz"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / "deep" / "er" / str(request.param)
    file.parent.mkdir(parents=True)
    file.write_bytes(wheel(MEMBERS) if file.suffix == ".whl" else sdist(MEMBERS))
    return file


def test_archive_extracts_only_the_requested_files(archive: Path, tmp_path: Path) -> None:
    """An archive with names outside the folder could overwrite any file of the user."""
    extract(archive, {"x/wanted": tmp_path / "out" / "file", "x/absent": tmp_path / "out" / "absent"})
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert sorted(files) == sorted([archive, tmp_path / "out" / "file"])
    assert (tmp_path / "out" / "file").read_bytes() == b"good"


def test_archive_joins_parts_in_order(archive: Path, tmp_path: Path) -> None:
    if archive.suffix == ".whl":
        extract(archive, {"x/part1": tmp_path / "whole", "x/part2": tmp_path / "whole"})
        assert (tmp_path / "whole").read_bytes() == b"onetwo"


def test_archive_does_not_follow_links(tmp_path: Path) -> None:
    """A link with the name of the file could point to secrets of the user."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as content:
        link = tarfile.TarInfo("x/wanted")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        content.addfile(link)
    (tmp_path / "it.tar.gz").write_bytes(packed.getvalue())
    extract(tmp_path / "it.tar.gz", {"x/wanted": tmp_path / "file"})
    assert not (tmp_path / "file").exists()
