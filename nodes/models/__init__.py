"""Models and recordings by name: locating, downloading and verifying them.

    path("whisper-tiny.en")     its folder or file; raises ResourceError if it is missing
    pull("whisper-tiny.en")     downloads it unless it is there
    verify("whisper-tiny.en")   compares the checksum of every file with the catalogue
    catalogue()                 all entries by name

Nothing is downloaded while a session runs: `path` only looks on disk.
"""

from nodes.models.entries import Distribution, HubSource, LocalSource, ModelEntry, RegistrySource, catalogue, home
from nodes.models.fetch import pull
from nodes.models.sources import Progress
from nodes.models.store import path, verify

__all__ = [
    "Distribution",
    "HubSource",
    "LocalSource",
    "ModelEntry",
    "Progress",
    "RegistrySource",
    "catalogue",
    "home",
    "path",
    "pull",
    "verify",
]
