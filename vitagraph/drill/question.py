"""The recording of a drill, one short question several times, and the plan that reads it."""

from __future__ import annotations

import wave
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nodes.media.decoder import AudioFileDecoder
from nodes.media.files import private, writing
from nodes.packets import Samples
from nodes.tts.hibari import HibariParams, load_hibari
from pipeline.graph.loader import load
from pipeline.graph.plan import Plan
from pipeline.graph.planner import plan
from pipeline.packet import SECOND
from vitagraph.drill.matrix import LENGTH, QUESTIONS
from vitagraph.replay.file_endpoints import FileRegistry, find_file_endpoints

RATE = 16_000
WORDS = "Tell me about the sea."
"""A question whose answer has several sentences."""


def drill_plan(graph: Path, folder: Path, question: Path | None, settings: Mapping[str, str]) -> Plan:
    """Writes the recording and plans the graph to read it; without `question`, a synthetic voice asks."""
    recording, registry = write_questions(folder, question), FileRegistry()
    ends = find_file_endpoints(graph, registry, settings)
    return plan(load(graph, registry=registry, settings={**settings, **ends.settings(recording, folder)}), registry)


def write_questions(folder: Path, question: Path | None) -> Path:
    """Writes the recording and returns its path; without `question`, a synthetic voice asks."""
    samples = _spoken() if question is None else _recorded(question)
    whole = np.zeros(LENGTH * RATE // SECOND, np.int16)
    for at in QUESTIONS:
        begin = at * RATE // SECOND
        whole[begin : begin + samples.size] = samples[: whole.size - begin]
    file = folder / "questions.wav"
    with writing(file), open(file, "wb", opener=private) as target, wave.open(target, "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes(whole.tobytes())
    return file


def _recorded(file: Path) -> Samples:
    decoder = AudioFileDecoder(str(file), RATE)
    try:
        return decoder.read(20 * RATE)
    finally:
        decoder.close()


def _spoken() -> Samples:
    import soxr

    params = HibariParams()
    spoken = load_hibari(params).speak(WORDS, params, 0)
    made: Samples = soxr.resample(spoken.samples, spoken.rate, RATE)
    return made
