"""What is on disk: `HOME/models/NAME/`, there only when it is whole."""

from __future__ import annotations

import hashlib
from pathlib import Path

from nodes.models.entries import ModelEntry, catalogue, entry, home
from pipeline.errors import ResourceError


def folder(name: str) -> Path:
    """Where an entry is kept, or would be."""
    return home() / "models" / name


def path(name: str) -> Path:
    """The file or folder of a model: an entry's name, or a path on disk.

    Reads nothing but the directory. Raises ResourceError where the model is not here.
    """
    if "/" in name or "\\" in name:
        return _own(name)
    if name not in catalogue() and Path(name).exists():
        return Path(name)
    model = entry(name)
    if lacking := missing(folder(name), model):
        what = "is not here" if len(lacking) == len(model.files) else f"lacks {', '.join(lacking[:3])}"
        raise ResourceError(f"the model {name} {what}: {folder(name)}", hint=f"vitagraph models pull {name}")
    return folder(name) / model.main


def verify(name: str) -> None:
    """Reads every file of an entry and compares; raises ResourceError where one is missing or differs."""
    path(name)
    if wrong := differing(folder(name), entry(name)):
        raise ResourceError(
            f"the model {name} is damaged: {', '.join(wrong)} in {folder(name)}",
            hint=f"vitagraph models pull {name} fetches it again",
        )


def missing(where: Path, model: ModelEntry) -> list[str]:
    """The files of an entry that are not in a folder."""
    return [file for file in model.files if not (where / file).is_file()]


def differing(where: Path, model: ModelEntry) -> list[str]:
    """The files of an entry that are missing from a folder or have another content."""
    absent = missing(where, model)
    return absent + [
        file for file, expected in model.files.items() if file not in absent and sha256_of(where / file) != expected
    ]


def sha256_of(file: Path) -> str:
    """The digest of a file's content, in hex."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _own(name: str) -> Path:
    own = Path(name).expanduser()
    if own.exists():
        return own
    raise ResourceError(f"there is no model at {name}", hint="correct the path, or give a name of the catalogue")
