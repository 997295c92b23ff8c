"""The catalogue of models and recordings, and their sources."""

from __future__ import annotations

import difflib
import os
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import msgspec
from platformdirs import user_cache_dir
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.errors import ResourceError, UserInputError


class Distribution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a package index: a wheel or a source distribution (`.tar.gz`) of Python, or a package of npm."""

    name: str
    file: str
    sha256: str
    size: int
    root: str
    """The folder in the archive that holds the files of the entry."""
    index: Literal["python", "npm"] = "python"


class RegistrySource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="from", tag="registry"):
    """Distributions from the package indexes that pip and npm are configured to use."""

    distributions: tuple[Distribution, ...]
    joins: dict[str, tuple[str, ...]] = {}
    """The parts of each file that is split, in order."""

    @property
    def size(self) -> int:
        """Download size in bytes."""
        return sum(each.size for each in self.distributions)


class HubSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="from", tag="hub"):
    """A repository on the Hugging Face hub, at one commit."""

    repository: str
    revision: str
    root: str = ""
    """The folder in the repository that holds the files of the entry."""


class LocalSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="from", tag="local"):
    """A local folder."""

    root: str
    """Path of the folder; `~` and `$NAME` are expanded."""


ModelSource = RegistrySource | HubSource | LocalSource


class ModelEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model, or a set of recordings."""

    description: str
    licence: str
    size: int
    """Size on disk in bytes."""
    files: dict[str, str]
    """The sha256 of each file, by its path in the folder of the entry."""
    sources: tuple[ModelSource, ...]
    """Tried in this order."""
    main: str = ""
    """The model file; empty if the model is the whole folder."""

    def __post_init__(self) -> None:
        for file in (*self.files, self.main):
            if PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
                raise ValueError(f"{file!r} leads out of the folder")


def home() -> Path:
    """The folder for models: `$VITAGRAPH_HOME`, or the cache folder of the user."""
    return Path(os.environ.get("VITAGRAPH_HOME") or user_cache_dir("vitagraph")).expanduser()


def catalogue() -> dict[str, ModelEntry]:
    """All entries by name: those shipped with Vitagraph, then those of `HOME/catalogue.yaml`."""
    return _read_all(home() / "catalogue.yaml")


def entry(name: str) -> ModelEntry:
    """One entry; raises ResourceError with similar names if there is none."""
    known = catalogue()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known models: {', '.join(known)}"
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
            f"{file}: invalid catalogue: {error}",
            hint="compare it with nodes/models/catalogue.yaml",
        ) from error
