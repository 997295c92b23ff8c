"""Models on disk: `HOME/models/NAME/`, which exists only when it is complete."""

from __future__ import annotations

import hashlib
from pathlib import Path

from nodes.models.entries import ModelEntry, catalogue, entry, home
from pipeline.errors import ResourceError


def folder(name: str) -> Path:
    """The folder of an entry, whether or not it exists."""
    return home() / "models" / name


def path(name: str) -> Path:
    """The file or folder of a model, given by name or by path.

    Checks only that the files exist. Raises ResourceError if the model is missing.
    """
    if "/" in name or "\\" in name:
        return _own(name)
    if name not in catalogue() and Path(name).exists():
        return Path(name)
    model = entry(name)
    if lacking := missing(folder(name), model):
        what = "is missing" if len(lacking) == len(model.files) else f"lacks {', '.join(lacking[:3])}"
        raise ResourceError(f"the model {name} {what}: {folder(name)}", hint=f"vitagraph models pull {name}")
    return folder(name) / model.main


def verify(name: str) -> None:
    """Compares every file of an entry with its checksum; raises ResourceError if one is missing or differs."""
    path(name)
    if wrong := differing(folder(name), entry(name)):
        raise ResourceError(
            f"the model {name} is damaged: {', '.join(wrong)} in {folder(name)}",
            hint=f"`vitagraph models pull {name}` downloads it again",
        )


def missing(where: Path, model: ModelEntry) -> list[str]:
    """The files of an entry that a folder lacks."""
    return [file for file in model.files if not (where / file).is_file()]


def differing(where: Path, model: ModelEntry) -> list[str]:
    """The files of an entry that a folder lacks or has with other content."""
    absent = missing(where, model)
    return absent + [
        file for file, expected in model.files.items() if file not in absent and sha256_of(where / file) != expected
    ]


def sha256_of(file: Path) -> str:
    """The sha256 of a file, in hex."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _own(name: str) -> Path:
    own = Path(name).expanduser()
    if own.exists():
        return own
    raise ResourceError(f"there is no model at {name}", hint="correct the path, or use a name in the catalogue")
