"""Records sessions in virtual time, without a host."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nodes.packets import InstructionsChanged, Samples
from pipeline.graph.loader import load
from pipeline.graph.plan import Plan
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from pipeline.packet import SECOND, Packet
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import run_virtual
from vitagraph.observe.watcher import CallEnd, Watchers
from vitagraph.recording.reader import Recording, open_recording
from vitagraph.recording.recordings import Recordings
from vitagraph.turns import TurnTracker

BEGAN = 1_800_000_000 * SECOND
"""When virtual time begins on the wall clock, nanoseconds since 1970."""
CALL = "rtc_0123"


def samples_of(wav: bytes) -> Samples:
    """The samples of a WAV file."""
    with wave.open(io.BytesIO(wav)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def planned(text: str, folder: Path, registry: Registry | None = None) -> Plan:
    """The plan of a graph."""
    file = folder / "graph.yaml"
    file.write_text(text, encoding="utf-8")
    return plan(load(file, registry=registry or Registry()), registry or Registry())


def record(
    the_plan: Plan,
    folder: Path,
    instructions: str = "",
    nodes: Sequence[str] = (),
) -> Recording:
    """Runs a session as a call runs, and gives its recording."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        recordings = Recordings(folder, 86_400, lambda: BEGAN + round(loop.time() * SECOND), nodes)
        recordings.start()
        watchers = Watchers([recordings.attend(CALL, "graph", the_plan, instructions)])
        turns = TurnTracker(on_finished=watchers.turn_over)

        def observe(node: str, packet: Packet) -> None:
            turns.observe(packet)
            watchers.observe(node, packet)

        async with Runner() as runner:
            provide = [InstructionsChanged(instructions)] if instructions else []
            session = runner.session(the_plan, observe, provide=provide)
            turns.listen(session)
            watchers.listen(session)
            await session.run()
        for turn in turns.committed:
            if not turn.finished:
                watchers.turn_over(turn, abandoned=True)
        watchers.ended(CallEnd("completed", "the caller hung up"))
        await recordings.stop()

    run_virtual(main(), "zero")
    [file] = folder.glob("*.mcap")
    return open_recording(file)
