"""Disks that are really full, or cannot be written to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[int, str], Path]]:
    """Mounts a disk of so many bytes, with further options."""
    made: list[Path] = []

    def mount(size: int, options: str = "rw") -> Path:
        folder = tmp_path / "disk"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size},{options}", "tmpfs", str(folder)]
        may = sys.platform == "linux" and os.geteuid() == 0
        if not may or subprocess.run(command, capture_output=True, check=False).returncode:
            why = "a small disk can be mounted by root alone, on Linux"
            pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
        made.append(folder)
        return folder

    yield mount
    for folder in made:
        subprocess.run(["umount", str(folder)], check=True)
