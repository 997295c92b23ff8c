"""What the tests put into a page: made by esbuild from the small npm package beside this file."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parent / "sdk"


@dataclass(frozen=True)
class Bundles:
    """The files, ready to be sent."""

    probe: Path
    """Watches a call from outside the page."""
    tap: Path
    """Its worker."""
    client: Path
    """The Realtime SDK and a page's few lines around it."""
    axe: Path
    """The accessibility checker."""


def bundle(out: Path) -> Bundles:
    """Installs the package where that has not been done for this lock, and bundles into a folder."""
    modules = PACKAGE / "node_modules"
    lock, done = PACKAGE / "package-lock.json", modules / ".done"
    if not done.exists() or done.read_bytes() != lock.read_bytes():
        _run("npm", "ci", "--no-progress")
        shutil.copy(lock, done)
    entries = ("probe.ts", "tap.ts", "client.ts")
    _run("node_modules/.bin/esbuild", *entries, "--bundle", "--format=iife", "--target=es2022", f"--outdir={out}")
    return Bundles(out / "probe.js", out / "tap.js", out / "client.js", modules / "axe-core" / "axe.min.js")


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}"
