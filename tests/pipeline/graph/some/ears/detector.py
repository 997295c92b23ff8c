"""A node whose base is in a private module."""

from __future__ import annotations

from tests.pipeline.graph.some.ears._shared import Listening
from tests.pipeline.graph.some_nodes import DetectorParams


class Detector(Listening[DetectorParams]):
    """Finds speech
    in sound.

    However quiet it is.
    """
