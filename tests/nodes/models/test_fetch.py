"""A model is complete or absent, whatever happens to the process, the disk or a second pull."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from nodes.models import path, pull, verify
from pipeline.errors import ResourceError
from tests.nodes.models.conftest import FILE, WEIGHTS, Describe
from tests.nodes.models.registry import Registry, sha256

PULL = "from nodes.models import pull; pull('toy')"


PAUSE = threading.Event()
"""Never set: something to wait for while another process gets on."""


def _process() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PULL], stderr=subprocess.PIPE)


def test_pull_does_not_fetch_a_complete_model_again(toy: str, registry: Registry) -> None:
    pull(toy)
    pull(toy)
    assert registry.asked[FILE] == 1


def test_pull_fetches_a_damaged_model_again(toy: str) -> None:
    (pull(toy) / "weights.bin").write_bytes(b"?")
    pull(toy)
    verify(toy)


def test_pull_killed_half_way_leaves_no_usable_model(toy: str, home: Path, registry: Registry) -> None:
    """After a power cut, half a model must not be loaded."""
    registry.fault = "hangs"
    process = _process()
    assert registry.half_sent.wait(30)
    partial = home / "models" / ".toy.partial" / FILE
    assert any(partial.exists() or PAUSE.wait(0.02) for _ in range(1000))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    with pytest.raises(ResourceError, match="is missing"):
        path(toy)
    registry.fault = ""
    pull(toy)
    verify(toy)
    assert not (home / "models" / ".toy.partial").exists()


def test_pull_by_two_processes_fetches_once(toy: str, registry: Registry) -> None:
    processes = [_process(), _process()]
    for process in processes:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said.decode()
    verify(toy)
    assert registry.asked[FILE] == 1


def test_pull_checks_disk_space_before_fetching(toy: str, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(".")._replace(free=100_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(ResourceError, match=r"the disk is full: 0\.4 MB needed, 0\.1 MB free") as caught:
        pull(toy)
    assert "VITAGRAPH_HOME" in caught.value.hint
    assert registry.asked[FILE] == 0


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """A disk of 256 KB at HOME/models."""
    disk = home / "models"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_pull_reports_a_disk_that_fills_up_meanwhile(described: Describe, small_disk: Path) -> None:
    """Other programs write too, so space that was free before may be gone."""
    big = small_disk.parent / "big"
    big.mkdir()
    (big / "weights.bin").write_bytes(WEIGHTS * 2)
    described(size=1000, files={"weights.bin": sha256(WEIGHTS)}, sources=[{"from": "local", "root": str(big)}])
    with pytest.raises(ResourceError, match="the disk is full"):
        pull("toy")
    assert [file for file in small_disk.iterdir() if file.suffix != ".lock"] == []


def test_pull_reports_disk_full_while_copying(toy: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(ResourceError, match="the disk is full"):
        pull(toy)
    assert not (home / "models" / ".toy.partial").exists()


def test_pull_reports_a_home_that_is_not_writable(toy: str, home: Path) -> None:
    """As a message, not as a traceback."""
    (home / "models").write_text("a file where the folder should be")
    with pytest.raises(ResourceError, match="cannot be used") as caught:
        pull(toy)
    assert "VITAGRAPH_HOME" in caught.value.hint


def test_pull_reports_another_process_that_never_finishes(
    toy: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filelock import FileLock

    monkeypatch.setattr("nodes.models.fetch.LOCK_TIMEOUT", 0.0)
    (home / "models").mkdir()
    with (
        FileLock(home / "models" / ".toy.lock"),
        pytest.raises(ResourceError, match="another process has been fetching toy"),
    ):
        pull(toy)
