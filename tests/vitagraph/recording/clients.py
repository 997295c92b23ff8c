"""A sink of a client that types and cancels, as a caller's page does."""

from __future__ import annotations

import asyncio

from nodes.media.sink import MediaSink
from nodes.packets import CancelResponse, TextInput
from pipeline.packet import SECOND, Event
from pipeline.port import Sends


class Typist(MediaSink):
    """Cancels the first answer and types a question."""

    typed = Sends(TextInput)
    hush = Sends(CancelResponse)
    client: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begins."""
        await super().open()
        self.client = asyncio.create_task(self._act())

    async def close(self) -> None:
        """Ends."""
        if self.client is not None:
            self.client.cancel()
        await super().close()

    async def _act(self) -> None:
        events: tuple[tuple[float, Event], ...] = ((3.37, CancelResponse()), (5.0, TextInput("What time is it?")))
        for at, event in events:
            await self.clock.sleep_until(round(at * SECOND))
            self.send_upstream(event)
