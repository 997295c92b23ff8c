"""The server under measurement: a process on a core of its own, started by `density.py`.

    python -m benchmarks._density_server ours|stock|on|off CORE SPEECH.npy KEEP

It reads requests as JSON, one object a line, with `do` and for some a call's `name`, and replies the same way.

- *ours*: a `Peer` and a session of a real graph for each call, on uvloop, as in the host.
- *stock*: as in aiortc's examples: a track whose `recv` gives frames in real time, and a task that
  reads the caller's frames, resamples them to 16 kHz and runs the voice detector.
- *on*, *off*: a whole host, watched or not (`_observe_host.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import fractions
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Protocol

import aioice.ice
import aiortc
import av
import numpy as np
import uvloop
import webrtcvad
from aiortc.mediastreams import MediaStreamError

from benchmarks._density_nodes import SCRIPT, Log
from nodes.packets import Samples
from nodes.webrtc.transport.opus import library
from nodes.webrtc.transport.peer import Peer
from pipeline import Registry, Runner, plan
from pipeline.graph.loader import loads

GRAPH = """
vitagraph: 1
description: A caller, a voice detector, and a scripted bot.
params:
  call: ""
nodes:
  caller: webrtc.source
  vad: vad.webrtc
  bot: {use: "benchmarks._density_nodes:Bot", call: "${call}"}
  playback: webrtc.sink
links:
  - caller -> vad -> bot -> playback.audio
"""
RATE = 24_000


class Host(Protocol):
    """A server of calls."""

    async def answer(self, name: str, offer: str) -> str:
        """Answers an offer."""

    def counts(self) -> dict[str, int]:
        """Counters of the packets of all calls."""

    async def close(self) -> None:
        """Ends all calls."""


class Ours:
    """The media path and the engine of this project."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._registry = Registry()
        self._calls: list[tuple[Peer, asyncio.Task[Any]]] = []

    async def answer(self, name: str, offer: str) -> str:
        peer = Peer()
        answer = await peer.answer(offer)
        graph = loads(GRAPH, registry=self._registry, settings={"call": name})
        nobody = peer.on_audio
        run = asyncio.create_task(self._runner.session(plan(graph, self._registry), provide=[peer]).run())
        self._calls.append((peer, run))
        while peer.on_audio is nobody:  # else the first packets would be lost
            if run.done():
                raise SystemExit(f"the session of {name} did not start: {run.exception() or run.result()}")
            await asyncio.sleep(0.001)
        return answer

    def counts(self) -> dict[str, int]:
        all_of = [peer.statistics() for peer, _ in self._calls]
        names = ("received", "lost", "late", "rejected", "malformed", "sent")
        return {name: sum(getattr(each, name) for each in all_of) for name in names} | {
            "direct": sum(each.direct for each in all_of)
        }

    async def close(self) -> None:
        for peer, _ in self._calls:
            await peer.close()
        await asyncio.gather(*(run for _, run in self._calls))


class Stock:
    """Plain aiortc."""

    def __init__(self) -> None:
        self._peers: list[aiortc.RTCPeerConnection] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(self, name: str, offer: str) -> str:
        peer = aiortc.RTCPeerConnection()
        self._peers.append(peer)

        @peer.on("track")
        def begin(track: aiortc.MediaStreamTrack) -> None:
            task = asyncio.create_task(listen(track, SCRIPT.logs[name]))
            self._tasks.add(task)

        peer.addTrack(Voice(int(name.rpartition("-")[2])))
        await peer.setRemoteDescription(aiortc.RTCSessionDescription(sdp=offer, type="offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return peer.localDescription.sdp

    def counts(self) -> dict[str, int]:
        return {}

    async def close(self) -> None:
        for peer in self._peers:
            await peer.close()
        await asyncio.gather(*self._tasks)


class Voice(aiortc.MediaStreamTrack):
    """Gives a frame every 20 ms, like aiortc's AudioStreamTrack: speech in its turn, else silence."""

    kind = "audio"

    def __init__(self, index: int) -> None:
        super().__init__()
        self._index = index
        self._begin = 0.0
        self._count = 0
        self._turn: int | None = None
        self._position = 0

    async def recv(self) -> av.AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        if self._begin:
            await asyncio.sleep(self._begin + self._count / 50 - time.time())
        else:
            self._begin = time.time()
        frame = av.AudioFrame.from_ndarray(self._samples().reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.time_base = RATE, fractions.Fraction(1, RATE)
        frame.pts = self._count * (RATE // 50)
        self._count += 1
        return frame

    def _samples(self) -> Samples:
        turn = SCRIPT.turn(self._index)
        if turn != self._turn:
            self._turn, self._position = turn, 0
        samples = SCRIPT.speech[self._position : self._position + RATE // 50] if turn is not None else np.zeros(0)
        self._position += samples.size
        return np.pad(samples, (0, RATE // 50 - samples.size)).astype(np.int16)


async def listen(track: aiortc.MediaStreamTrack, log: Log) -> None:
    """Reads the caller's frames until the track ends."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000, frame_size=320)
    detector = webrtcvad.Vad(2)
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        assert isinstance(frame, av.AudioFrame)
        number = (frame.pts or 0) // 960
        frame.pts = None  # the resampler rejects gaps in it
        for piece in resampler.resample(frame):
            samples = piece.to_ndarray().reshape(-1).astype(np.int16, copy=False)
            detector.is_speech(samples.tobytes(), 16_000)
            log.add(number, samples)


def usage() -> dict[str, float]:
    """CPU time so far and the time, in nanoseconds; resident memory in MB."""
    status = Path("/proc/self/status").read_text()
    resident = int(status.partition("VmRSS:")[2].split()[0]) * 1024
    return {"cpu": time.process_time_ns(), "clock": time.monotonic_ns(), "memory": resident / 1e6}


def save(file: str) -> None:
    """Writes the logs of all calls to a file."""
    arrays: dict[str, Any] = {}
    for name, log in SCRIPT.logs.items():
        arrays[f"{name} times"] = np.frombuffer(log.times, np.int64)
        arrays[f"{name} numbers"] = np.frombuffer(log.numbers, np.int64)
        arrays[f"{name} samples"] = np.concatenate(log.samples) if log.samples else np.zeros(0, np.int16)
    np.savez(file, **arrays)


async def serve(host: Host, keep: bool) -> None:
    """Handles requests until the end of the input."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(1 << 22)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    with contextlib.closing(transport):
        while line := await reader.readline():
            question = json.loads(line)
            print(json.dumps(await answered(host, question, keep)), flush=True)
    await host.close()


async def answered(host: Host, question: dict[str, str], keep: bool) -> Any:
    """The reply to one request."""
    match question["do"]:
        case "answer":
            SCRIPT.logs[question["name"]] = Log(keep=keep)
            return await host.answer(question["name"], question["offer"])
        case "save":
            save(question["file"])
            return None
        case "counts":
            return host.counts()
        case _:
            return usage()


async def main(which: str, keep: bool) -> None:
    library()
    async with Runner() as runner:
        host: Host = Ours(runner) if which == "ours" else Stock()
        if which in ("on", "off"):
            from benchmarks._observe_host import Hosted

            host = hosted = Hosted(watched=which == "on")
            await hosted.open()
        runner.settle()
        await serve(host, keep)


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[2])})
    sys.setswitchinterval(0.0005)
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    SCRIPT.speech = np.load(sys.argv[3])
    uvloop.run(main(sys.argv[1], sys.argv[4] == "keep"))
