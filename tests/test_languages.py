"""The assistant of several languages hears, answers and speaks each turn in the language of the person."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soxr

from nodes.packets import Samples, Speech, Transcript
from nodes.tts.espeak import EspeakParams, load_espeak
from nodes.tts.kokoro import KokoroParams, load_kokoro
from pipeline.graph.loader import load
from pipeline.graph.planner import plan
from pipeline.packet import Packet
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import run_virtual
from vitagraph.replay.file_endpoints import FileRegistry, find_file_endpoints
from vitagraph.replay.scenario import word_error_rate

pytestmark = pytest.mark.real_model

GRAPH = Path(__file__).parent.parent / "graphs" / "assistant-multi.yaml"
SMALL = {"brain": "smollm2-135m", "spare": "smollm2-135m", "chat.max_tokens": "8"}
"""Its words do not matter here, only their language; it would answer for a minute."""
RATE = 16_000
GAP = 25
"""Seconds for an answer, so that the next question does not interrupt it."""
GERMAN = "Entschuldigung, ich verstehe das nicht ganz. Wie heißt die Hauptstadt von Frankreich?"
QUESTIONS = [
    ("fr", "Bonjour, je voudrais deux billets pour le train de demain matin."),
    ("es", "Buenos días, me gustaría reservar una mesa para dos personas."),
    ("de", GERMAN),
    ("de", GERMAN),
]
MISHEARD = 0.35
"""Of the words, so many may be wrong: the voices are synthetic and the model is small."""
EXCUSE = "I understand German, but I have no voice that speaks it, so I will answer in English."


def voice(text: str, language: str) -> Samples:
    """A sentence as somebody might say it, at 16 kHz; that of espeak-ng is so robotic that few are taken for German."""
    if language == "de":
        params = EspeakParams(voice=language, speed=0.85)
        spoken = load_espeak(params).speak(text, params, 0)
    else:
        spoken = load_kokoro(KokoroParams()).speak(text, language, KokoroParams(), 0)
    return np.asarray(soxr.resample(spoken.samples, spoken.rate, RATE), np.int16)


def conversation(file: Path, questions: Sequence[Samples]) -> list[Packet]:
    """What the nodes give when these questions are asked one after the other."""
    parts = [np.zeros(RATE // 2, np.int16)]
    for question in questions:
        parts += [question, np.zeros(GAP * RATE, np.int16)]
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(np.concatenate(parts).tobytes())
    registry = FileRegistry()
    ends = find_file_endpoints(GRAPH, registry, SMALL)
    settings = {**SMALL, **ends.settings(file, file.parent / "out")}
    planned = plan(load(GRAPH, registry=registry, settings=settings), registry)
    (file.parent / "out").mkdir()
    packets: list[Packet] = []

    async def main() -> None:
        async with Runner() as runner:
            report = await runner.session(planned, lambda _, packet: packets.append(packet)).run()
            assert report.error is None

    run_virtual(main())
    return packets


def test_assistant_answers_each_question_in_its_language(tmp_path: Path) -> None:
    """French is answered in French; German, which no voice speaks, in English, after one sentence that says so."""
    packets = conversation(tmp_path / "question.wav", [voice(text, language) for language, text in QUESTIONS])
    heard: dict[int, Transcript] = {}
    answers: dict[int, list[Speech]] = {}
    for packet in packets:
        if isinstance(packet, Transcript) and packet.whole and packet.at.cause.committed:
            heard[packet.at.cause.id] = packet
        elif isinstance(packet, Speech) and packet.at.cause.committed:
            answers.setdefault(packet.at.cause.id, []).append(packet)
    assert [transcript.language for transcript in heard.values()] == ["fr", "es", "de", "de"]
    for (_, text), transcript in zip(QUESTIONS, heard.values(), strict=True):
        assert word_error_rate(text, transcript.text) <= MISHEARD, transcript.text
    assert list(answers) == list(heard)
    languages = [{speech.language for speech in answer} for answer in answers.values()]
    assert languages == [{"fr"}, {"es"}, {"en"}, {"en"}]
    assert all(sum(len(speech.samples) for speech in answer) for answer in answers.values())
    said = [" ".join(speech.text for speech in answer) for answer in answers.values()]
    assert [EXCUSE in text for text in said] == [False, False, True, False], said
