"""The host of `short_calls.py`, a process of its own.

    python -m benchmarks._short_calls_host

It writes its address, then answers each line with what it holds, as a JSON object: `calls`, `tasks`, `files`,
`threads`, and `memory` in bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import aioice.ice
import uvloop

from nodes.webrtc.transport.opus import library
from vitagraph.host.admission import Thresholds
from vitagraph.host.app import make_app
from vitagraph.host.call_manager import CallManager
from vitagraph.host.graph_catalogue import GraphCatalogue
from vitagraph.host.headroom import AssumedCosts
from vitagraph.host.listening import listen
from vitagraph.host.server import HttpServer
from vitagraph.host.settings import HostSettings

GRAPH = """
vitagraph: 1
description: Answers by rules, with tones for a voice.
nodes:
  caller: webrtc.source
  vad: vad.energy
  turn: turn.endpoint
  asr: asr.sorry
  chat: {use: dialogue.script, otherwise: Yes.}
  sentences: text.sentences
  tts: benchmarks._short_calls_nodes:Tone
  face: face.visemes
  playback: webrtc.sink
links:
  - caller -> vad -> turn -> asr -> chat -> sentences -> tts -> playback.audio
  - turn.typed -> chat
  - tts -> face -> playback.avatar
"""
ROOMY = Thresholds(1e6, 1e6, 1e6, 1e6, 1e6, assumed=AssumedCosts(heavy=0, light=0, pool=0, crowded=1e6, full=1e6))
"""The machine may be busy: that is not what is looked at."""


def holds(calls: CallManager) -> dict[str, int]:
    """What the process holds once all garbage is collected."""
    for _ in range(2):
        gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what was freed and is only kept for later is no growth
    return {
        "calls": calls.count,
        "tasks": len(asyncio.all_tasks()),
        "files": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "memory": int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"),
    }


async def answer(calls: CallManager) -> None:
    """Answers lines until the last one."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    with contextlib.closing(transport):
        while await reader.readline():
            print(json.dumps(holds(calls)), flush=True)


async def main(graph: Path) -> None:
    """Serves until stdin ends."""
    library()
    workers = min(32, (os.cpu_count() or 1) + 4)  # as many as asyncio's executor starts, one after the other
    await asyncio.gather(*(asyncio.to_thread(time.sleep, 0.2) for _ in range(workers)))
    settings = HostSettings(
        port=0,
        calls=1_000,
        calls_per_address=1_000,
        health=0,
        new_calls="1000000/second",
        proxies=("127.0.0.1",),
        thresholds=ROOMY,
        avatar=Path("none.glb"),
    )
    async with CallManager(settings, GraphCatalogue(graph)) as calls:
        with listen(settings) as listening:
            server = HttpServer(make_app(settings, calls), settings)
            serving = asyncio.create_task(server.serve([listening]))
            await server.ready.wait()
            print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
            await answer(calls)
            server.should_exit = True
            await serving


if __name__ == "__main__":
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "short.yaml"
        file.write_text(GRAPH, encoding="utf-8")
        uvloop.run(main(file))
