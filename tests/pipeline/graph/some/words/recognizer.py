"""A node with a parameter that must be given."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pipeline.node import Service
from pipeline.port import Input, Output
from tests.pipeline.graph.some_nodes import RecognizerParams, Sound, Words


class Recognizer(Service[RecognizerParams]):
    """Turns speech into words."""

    speech = Input(Sound)
    text = Output(Words)

    @speech.each
    async def transcribe(self, heard: Sound) -> AsyncIterator[Words]:
        """Says how much it heard."""
        yield Words(heard.at, str(heard.number))
