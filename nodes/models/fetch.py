"""Downloads a model atomically.

All work happens in `models/.NAME.partial`, under a lock that is released when its process
ends; the folder is renamed once every checksum matches. A killed pull therefore never leaves
an incomplete model, and the next pull deletes its remains.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from nodes.models.entries import ModelEntry, ModelSource, RegistrySource, entry
from nodes.models.reasons import Unusable, check_space, writing
from nodes.models.sources import Progress, fill
from nodes.models.store import differing, folder
from pipeline.errors import DependencyError, NetworkError, NodeError, ResourceError

LOCK_TIMEOUT = 1800.0
"""Seconds to wait for another process that is fetching the same model."""


def _silent(_file: str, _done: int, _total: int) -> None:
    """Ignores progress."""


def pull(name: str, progress: Progress = _silent) -> Path:
    """Downloads an entry unless it is present and undamaged; returns its folder.

    `progress(file, done, total)` is called for every block, with sizes in bytes. Raises
    ResourceError (unknown name, full disk, wrong content), NetworkError or DependencyError;
    if all sources fail, the error of the first.
    """
    model, target = entry(name), folder(name)
    with writing(target.parent, model.size):
        target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target, model.size):
        if differing(target, model):
            _fetch(target, model, progress)
    return target


@contextmanager
def _alone(target: Path, needed: int) -> Iterator[None]:
    with writing(target.parent, needed):
        lock = _locked(target)
    try:
        yield
    finally:
        lock.release()


def _locked(target: Path) -> BaseFileLock:
    lock = FileLock(target.with_name(f".{target.name}.lock"), timeout=LOCK_TIMEOUT)
    try:
        lock.acquire()
    except Timeout as error:
        raise ResourceError(
            f"another process has been fetching {target.name} for {LOCK_TIMEOUT / 60:.0f} minutes",
            hint="stop that process, then pull again",
        ) from error
    return lock


def _fetch(target: Path, model: ModelEntry, progress: Progress) -> None:
    partial = target.with_name(f".{target.name}.partial")
    failures: list[NodeError] = []
    for source in model.sources:
        try:
            with writing(target.parent, model.size), _cleared(partial):
                _fill(partial, model, source, progress)
                # We hold the lock and the checksums differed, so only a damaged folder can be there.
                shutil.rmtree(target, ignore_errors=True)
                partial.rename(target)
                return
        except (Unusable, NetworkError, DependencyError) as error:
            failures.append(error)
    first = failures[0]
    raise type(first)(f"cannot get the model {target.name}: {first.message}", hint=first.hint) from first


@contextmanager
def _cleared(partial: Path) -> Iterator[None]:
    """Provides an empty folder and deletes it afterwards, unless it was renamed."""
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fill(partial: Path, model: ModelEntry, source: ModelSource, progress: Progress) -> None:
    needed = model.size + (source.size if isinstance(source, RegistrySource) else 0)
    check_space(partial.parent, needed)
    with writing(partial.parent, needed):
        fill(partial, model, source, progress)
    if wrong := differing(partial, model):
        raise Unusable(
            f"{', '.join(wrong)}: the checksum differs from the catalogue",
            hint="the source has changed or is damaged; nothing was kept",
        )
