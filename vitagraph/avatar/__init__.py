"""The default face: a head with the 52 ARKit blendshapes, built from CC0 data into a GLB.

    head()          the file, built on first use where the data is here
    build(folder)   the bytes, from the data's folder

What comes from whom: docs/avatar.md.
"""

from vitagraph.avatar.build import build
from vitagraph.avatar.file import DATA, default, head, write

__all__ = ["DATA", "build", "default", "head", "write"]
