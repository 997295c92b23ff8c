"""What the nodes of this family share: no node by itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from pipeline.node import Transform
from pipeline.params import Params
from pipeline.port import Input, Output
from tests.pipeline.graph.some_nodes import Sound

P = TypeVar("P", bound=Params)


class Listening(Transform[P]):
    """Passes sound on."""

    sound = Input(Sound)
    speech = Output(Sound)

    @sound.each
    def mark(self, heard: Sound) -> Iterable[Sound]:
        """Passes it on."""
        return (heard,)
