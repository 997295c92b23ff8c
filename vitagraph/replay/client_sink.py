"""The sink of a replayed call: it also sends what the client typed, cancelled and instructed, at its time."""

from __future__ import annotations

import asyncio

from nodes.media.sink import MediaSink
from nodes.packets import CancelResponse, InstructionsChanged, TextInput
from pipeline.port import Sends
from vitagraph.replay.recorded_call import RecordedCall


class ClientSink(MediaSink):
    """Plays to files as `media.sink` does, and sends the events of the client of a recorded call."""

    typed = Sends(TextInput)
    hush = Sends(CancelResponse)
    instructed = Sends(InstructionsChanged)

    telling: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Creates the files, and begins to wait for the time of each event."""
        await super().open()
        self.telling = asyncio.create_task(self._tell(self.provided(RecordedCall)), name="client of a recorded call")

    async def close(self) -> None:
        """Completes the files."""
        if self.telling is not None:
            self.telling.cancel()
        await super().close()

    async def _tell(self, call: RecordedCall) -> None:
        events = await asyncio.to_thread(call.client_events)
        await call.running.wait()
        for at, event in events:
            await self.clock.sleep_until(at)
            self.send_upstream(event)
