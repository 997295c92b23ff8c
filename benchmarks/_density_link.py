"""The effect of packet loss: delay, recovery, and recognised words.

All calls over one kind of link run at once and in real time, each with its own seed; all callers say
the same sentences.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks._density_callers import (
    Caller,
    Drops,
    Server,
    burst_loss,
    connected,
    encoded,
    never,
    random_loss,
    read,
    speak,
)
from benchmarks._density_figures import DeliveredAudio, percentile
from benchmarks._density_sound import sentences
from nodes.packets import Samples

RATE = 16_000
PAUSE = RATE * 2 // 5
"""Samples of silence before, between and after the sentences."""
FRAME = RATE // 50
CLEAN = "clean"
LINKS = (CLEAN, "2 % random", "1 % burst")


@dataclass(frozen=True, slots=True)
class Call:
    """One call over one link, and the audio of each sentence that the graph received."""

    link: str
    heard: DeliveredAudio
    sentences: list[Samples]


def drops(link: str, seed: int) -> Drops:
    """The losses of this link."""
    if link == CLEAN:
        return never
    return random_loss(0.02, seed) if link.startswith("2") else burst_loss(0.01, 5.0, seed)


def told() -> tuple[Samples, list[tuple[int, int]]]:
    """All sentences with pauses between them, and the first and last frame of each."""
    parts, spans, at = [np.zeros(PAUSE, np.int16)], [], PAUSE
    for samples, _ in sentences():
        spans.append(((at - PAUSE // 2) // FRAME, (at + samples.size + PAUSE // 2) // FRAME))
        parts += [samples, np.zeros(PAUSE, np.int16)]
        at += samples.size + PAUSE
    return np.concatenate(parts), spans


async def calls(which: str, *, seeds: int, core: int, part: int) -> list[Call]:
    """A clean call, and `seeds` calls over each of the other links, with one `part`th of the sentences."""
    sound, spans = told()
    spans = spans[: max(1, len(spans) // part)]
    packets = encoded(sound[: (spans[-1][1] + 25) * FRAME])
    links = [CLEAN, *(link for link in LINKS[1:] for _ in range(seeds))]
    callers = [Caller(f"call-{n}", packets, drops=drops(link, n)) for n, link in enumerate(links)]
    with tempfile.TemporaryDirectory() as temporary:
        silence, heard = Path(temporary) / "silence.npy", Path(temporary) / "heard.npz"
        np.save(silence, np.zeros(0, np.int16))
        async with Server.run(which, silence, core=core, keep=True) as server, connected(callers, server):
            await speak(callers, len(packets) / 50)
            await asyncio.sleep(0.5)
            await server.ask("save", file=str(heard))
        found = zip(links, read(heard, callers), strict=True)
        return [Call(link, each, list(cut(each, samples, spans))) for link, (each, samples) in found]


def cut(heard: DeliveredAudio, samples: Samples, spans: Sequence[tuple[int, int]]) -> Iterator[Samples]:
    """The audio of each sentence as it was delivered, without gaps for missing frames."""
    frames = samples[: samples.size - samples.size % FRAME].reshape(-1, FRAME)
    for begin, end in spans:
        yield frames[(heard.numbers >= begin) & (heard.numbers < end)].reshape(-1)


@dataclass(frozen=True, slots=True)
class Delays:
    """The figures of one kind of link."""

    median: float
    """Milliseconds from sending to delivery."""
    most: float
    """The 99th percentile of that."""
    back: float
    """Milliseconds after a loss until the delay has recovered, 99th percentile."""
    slowest: float
    """The maximum of that; inf: never within the call."""
    losses: int
    unheard: float
    """The fraction of the frames that the graph did not receive."""


def delays(found: Sequence[Call], link: str) -> Delays:
    """The figures over all calls of a link; recovered means within 20 ms of the clean call's median."""
    clean = float(np.median(np.concatenate([call.heard.delays for call in found if call.link == CLEAN])))
    those = [call.heard for call in found if call.link == link]
    every = np.concatenate([heard.delays for heard in those])
    recoveries = np.concatenate([heard.recoveries(clean) for heard in those])
    sent, got = sum(heard.sent.size for heard in those), sum(heard.numbers.size for heard in those)
    return Delays(
        median=float(np.median(every)),
        most=percentile(every, 99),
        back=percentile(recoveries, 99),
        slowest=percentile(recoveries, 100),
        losses=recoveries.size,
        unheard=1 - got / sent,
    )


def word_errors(found: Sequence[Call], model: str) -> dict[str, tuple[float, int]]:
    """The word error rate and the number of spoken words, by link."""
    import jiwer

    from benchmarks.asr import normal
    from nodes.asr._whisper import WhisperParams
    from nodes.asr.whisper import load_whisper

    params = WhisperParams(model=model, language="en")
    whisper = load_whisper(params)
    said: dict[str, list[str]] = {}
    got: dict[str, list[str]] = {}
    for call in found:
        for samples, (_, words) in zip(call.sentences, sentences(), strict=False):
            text = whisper.transcribe(samples, params)
            said.setdefault(call.link, []).append(words)
            got.setdefault(call.link, []).append(normal(text.text if text else ""))
    return {
        link: (float(jiwer.wer(texts, got[link])), sum(len(text.split()) for text in texts))
        for link, texts in said.items()
    }
