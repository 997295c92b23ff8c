"""A host with one recorded call that goes on until it is killed: `python -m tests.vitagraph.recording.killed DIR`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import numpy as np

from tests.vitagraph.host.dialling import SCRIPTED, dial, hosting, scripted
from vitagraph.host.call_manager import CallManager

ANSWER = "That was heard. And this answer takes longer than anybody wants to listen to it as it goes on and on and on."


async def talk(manager: CallManager) -> None:
    """A caller who speaks for a second, and then listens."""
    caller = await dial(manager)
    sound = np.zeros(48_000 * 20, np.int16)
    sound[24_000:72_000] = np.random.default_rng(1).normal(0, 4000, 48_000).astype(np.int16)
    await caller.speak(sound)
    await asyncio.Event().wait()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    graph = scripted(folder, text=SCRIPTED.replace("That was heard.", ANSWER))
    hosting(talk, graph, record=folder / "recordings")
