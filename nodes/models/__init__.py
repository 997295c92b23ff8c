"""Models and recordings by name: where they are, and how they get here.

    path("whisper-tiny.en")     the folder or file; ResourceError where it is not here
    pull("whisper-tiny.en")     fetches it; does nothing where it is here
    verify("whisper-tiny.en")   reads every file and compares it with the catalogue
    catalogue()                 what there is

Nothing is fetched while a session runs: `path` only looks.
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
