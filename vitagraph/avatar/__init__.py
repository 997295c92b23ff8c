"""The default face: a head with the 52 ARKit blendshapes, built from CC0 data into a GLB.

    head()          the file, built on first use if the data is present
    build(folder)   the bytes, from the folder of the data

The sources of the data: docs/avatar.md.
"""

from vitagraph.avatar.build import build
from vitagraph.avatar.file import DATA, default, head, write

__all__ = ["DATA", "build", "default", "head", "write"]
