"""A module with two nodes, so that its name means neither."""

from __future__ import annotations

from pipeline.params import Params
from tests.pipeline.graph.some.ears._shared import Listening


class Left(Listening[Params]):
    """One."""


class Right(Listening[Params]):
    """Another."""
