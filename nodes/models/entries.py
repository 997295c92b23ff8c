"""The catalogue: which models and recordings there are, and where they come from."""

from __future__ import annotations

import difflib
import os
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
from platformdirs import user_cache_dir
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.errors import ResourceError, UserInputError


class Distribution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a Python registry: a wheel, or a source distribution (`.tar.gz`)."""

    name: str
    file: str
    sha256: str
    size: int
    root: str
    """The folder inside the archive that holds the entry's files."""


class RegistrySource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="from", tag="registry"):
    """Distributions of the Python registry that pip is set up to use."""

    distributions: tuple[Distribution, ...]
    joins: dict[str, tuple[str, ...]] = {}
    """Files that are cut into parts: the parts' names, in order."""

    @property
    def size(self) -> int:
        """Bytes to download."""
        return sum(each.size for each in self.distributions)


class HubSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="from", tag="hub"):
    """A repository of the Hugging Face hub, at one commit."""

    repository: str
    revision: str
    root: str = ""
    """The folder in the repository that holds the entry's files."""


class LocalSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="from", tag="local"):
    """A folder on this machine or on a mounted disk."""

    root: str
    """May begin with `~`; `$NAME` is replaced from the environment."""


ModelSource = RegistrySource | HubSource | LocalSource


class ModelEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model, or a set of recordings."""

    description: str
    licence: str
    size: int
    """Bytes on disk."""
    files: dict[str, str]
    """The sha256 of each file, by its path in the entry's folder."""
    sources: tuple[ModelSource, ...]
    """Tried in this order."""
    main: str = ""
    """The file that is the model; empty where the whole folder is."""

    def __post_init__(self) -> None:
        for file in (*self.files, self.main):
            if PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
                raise ValueError(f"{file!r} leads out of the folder")


def home() -> Path:
    """Where models are kept: `$VITAGRAPH_HOME`, or the user's cache folder."""
    return Path(os.environ.get("VITAGRAPH_HOME") or user_cache_dir("vitagraph")).expanduser()


def catalogue() -> dict[str, ModelEntry]:
    """Every entry by name: those that come with Vitagraph, then those of `HOME/catalogue.yaml`."""
    return _read_all(home() / "catalogue.yaml")


def entry(name: str) -> ModelEntry:
    """One entry; an unknown name raises ResourceError with the names that are near it."""
    known = catalogue()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(known)}"
    raise ResourceError(f"no model is called {name!r}", hint=hint)


@lru_cache(maxsize=4)
def _read_all(own: Path) -> dict[str, ModelEntry]:
    entries = _read(Path(__file__).with_name("catalogue.yaml"))
    return entries | _read(own) if own.is_file() else entries


def _read(file: Path) -> dict[str, ModelEntry]:
    try:
        content: Any = YAML(typ="safe", pure=True).load(file)
        return msgspec.convert(content, dict[str, ModelEntry])
    except (YAMLError, msgspec.ValidationError) as error:
        raise UserInputError(
            f"{file}: this catalogue cannot be read: {error}",
            hint="compare it with nodes/models/catalogue.yaml",
        ) from error
