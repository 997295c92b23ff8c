"""Speech recognition still works on a network that loses packets."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Iterator

import numpy as np
import pytest
import uvloop

from nodes.asr._whisper import Whisper, WhisperParams
from nodes.asr.whisper import load_whisper
from nodes.models import path
from nodes.packets import Samples
from nodes.webrtc.transport.peer import Peer, PeerStatistics
from pipeline.clock import Clock
from pipeline.packet import MILLISECOND
from tests.nodes.webrtc.client import Client, Drop, loopback
from vitagraph.replay.scenario import word_error_rate

PACE = 0.12
"""Eight times real time; the waits of the jitter buffer stay in real time."""


def recorded() -> Iterator[tuple[Samples, str]]:
    """Recorded sentences at 48 kHz, and their words."""
    from faster_whisper import decode_audio

    folder = path("speech-librivox")
    for line in (folder / "transcription").read_text().splitlines():
        words, name = re.fullmatch(r"<s> (.*) </s> \((.*)\)", line).groups()  # type: ignore[union-attr]
        sound = decode_audio(str(folder / f"{name}.wav"), sampling_rate=48_000)
        yield (sound * 32_767).astype(np.int16), words


def through(clips: list[Samples], drop: Drop) -> tuple[list[Samples], PeerStatistics]:
    """What a peer hears of some clips."""

    async def main() -> tuple[list[Samples], PeerStatistics]:
        heard: list[Samples] = []
        with loopback():
            client, peer = Client(drop=drop), Peer()
            clock = Clock(asyncio.get_running_loop())
            try:
                await client.call(peer)
                for clip in clips:
                    pieces: list[Samples] = []
                    peer.on_audio = pieces.append
                    await client.speak(clip, pace=PACE)
                    await clock.sleep(150 * MILLISECOND)
                    heard.append(np.concatenate(pieces))
            finally:
                await client.close()
                await peer.close()
        return heard, peer.statistics()

    return uvloop.run(main())


@pytest.mark.real_model
def test_webrtc_call_with_two_percent_packet_loss_keeps_the_words() -> None:
    """Stock aiortc loses one word in five; here only lost packets are concealed."""
    clips, texts = zip(*recorded(), strict=True)
    whisper = load_whisper(WhisperParams(threads=1))
    chance = random.Random(5)
    clean, _ = through(list(clips), lambda number: False)
    lossy, statistics = through(list(clips), lambda number: chance.random() < 0.02)
    assert 10 <= statistics.lost <= 0.03 * statistics.received and statistics.late == statistics.rejected == 0
    rates = [error_rate(whisper, heard, texts) for heard in (clean, lossy)]
    assert rates[0] <= 0.1 and rates[1] <= rates[0] + 0.08, rates
    for clip, each in zip(clips, lossy, strict=True):
        assert abs(each.size - clip.size / 3) <= 2 * 320


def error_rate(whisper: Whisper, heard: list[Samples], texts: tuple[str, ...]) -> float:
    found = [whisper.transcribe(each, WhisperParams()) for each in heard]
    return word_error_rate(" ".join(texts), " ".join(each.text if each else "" for each in found))
