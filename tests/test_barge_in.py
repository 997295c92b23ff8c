"""A person speaks over the answer: it stops, and none of their words are lost."""

from __future__ import annotations

import wave
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nodes.models import path
from nodes.packets import PlaybackProgress, Samples, Speech, TextDelta, Transcript, TurnChanged
from pipeline import Packet, Runner, SessionReport, load, plan, run_virtual
from pipeline.events import Flushed
from pipeline.packet import SECOND
from vitagraph.replay.file_endpoints import FileRegistry

pytestmark = pytest.mark.real_model

RATE = 16_000
GRAPH = Path(__file__).parent.parent / "graphs" / "assistant.yaml"


def clip(name: str) -> Samples:
    from faster_whisper import decode_audio

    sound: Any = decode_audio(str(path("speech-audioeval") / "en" / name))
    samples: Samples = (sound * 32767).astype(np.int16)
    return samples


def write(file: Path, parts: list[Samples]) -> None:
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(np.concatenate(parts).tobytes())


@dataclass
class Seen:
    """What one replay did."""

    packets: list[tuple[int, str, Packet, bool]] = field(default_factory=list)
    """When, where, what, and whether its cause was live then."""
    turns: list[TurnChanged] = field(default_factory=list)
    played: list[PlaybackProgress] = field(default_factory=list)
    flushed: list[Flushed] = field(default_factory=list)
    history: list[Any] = field(default_factory=list)
    report: SessionReport = field(default_factory=SessionReport)

    def of(self, what: str) -> list[TurnChanged]:
        return [turn for turn in self.turns if turn.what == what]

    def texts(self) -> list[str]:
        return [packet.text for _, _, packet, _ in self.packets if isinstance(packet, Transcript) and packet.whole]


def replay(recording: Path, out: Path) -> Seen:
    registry = FileRegistry()
    settings = {"caller.path": str(recording), "playback.path": str(out), "turn.greeting": ""}
    planned = plan(load(GRAPH, registry=registry, settings=settings), registry)

    async def main() -> Seen:
        seen = Seen()
        async with Runner() as runner:

            def observe(node: str, packet: Packet) -> None:
                seen.packets.append((session.clock.now(), node, packet, packet.at.cause.live))

            session = runner.session(planned, observe)
            session.bus.of(TurnChanged).subscribe(seen.turns.append)
            session.bus.of(Flushed).subscribe(seen.flushed.append)
            session.bus.of(PlaybackProgress).subscribe(seen.played.append)
            seen.report = await session.run()
            history: Any = session.node("chat").memory
            seen.history = history.messages()
        return seen

    return run_virtual(main())


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> tuple[Seen, Path]:
    folder = tmp_path_factory.mktemp("talk")
    recording = folder / "talk.wav"
    pause = np.zeros(round(2.2 * RATE), np.int16)
    write(recording, [clip("hello_world.wav"), pause, clip("quick_brown_fox.wav"), pause])
    return replay(recording, folder), folder


def test_barge_in_stops_the_answer(talk: tuple[Seen, Path]) -> None:
    seen, _ = talk
    (interrupted,) = [turn for turn in seen.of("interrupted") if turn.cause.id == seen.of("committed")[0].cause.id]
    began = clip("hello_world.wav").size / RATE + 2.2
    assert began <= interrupted.pts / SECOND <= began + 1.0
    (flushed,) = [flush for flush in seen.flushed if flush.cause is interrupted.cause]
    assert flushed.late == ()


def test_barge_in_leaves_no_output_of_the_interrupted_answer(talk: tuple[Seen, Path]) -> None:
    seen, folder = talk
    interrupted = seen.of("interrupted")[0]
    late = [
        packet for at, _, packet, _ in seen.packets if packet.at.cause is interrupted.cause and at > interrupted.pts
    ]
    assert [packet for packet in late if not packet.survives_flush] == []
    with wave.open(str(folder / "answer.wav")) as answer:
        rate = answer.getframerate()
        sound = np.frombuffer(answer.readframes(answer.getnframes()), np.int16)
    # A first sound may have been taken for noise: the answer goes on for a moment, until the words begin.
    held = max(turn.pts for turn in seen.of("held") if turn.pts <= interrupted.pts)
    second = seen.of("committed")[1].pts
    silence = sound[held * rate // SECOND + rate // 50 : second * rate // SECOND]
    assert silence.size > rate and not np.any(silence)


def test_barge_in_words_are_transcribed_completely(talk: tuple[Seen, Path]) -> None:
    seen, _ = talk
    assert seen.texts()[-1].lower().strip(".") == "the quick brown fox jumps over the lazy dog"


def test_barge_in_question_is_answered(talk: tuple[Seen, Path]) -> None:
    seen, _ = talk
    second = seen.of("committed")[1].cause
    assert any(isinstance(packet, Speech) and packet.at.cause is second for _, _, packet, _ in seen.packets)
    assert seen.report.ended == "eos" and seen.report.failures == []


def test_barge_in_history_holds_only_what_was_heard(talk: tuple[Seen, Path]) -> None:
    seen, _ = talk
    first = seen.of("committed")[0].cause
    made = "".join(
        packet.text for _, _, packet, _ in seen.packets if isinstance(packet, TextDelta) and packet.at.cause is first
    )
    answers = [line["content"] for line in seen.history if line["role"] == "assistant"]
    assert made.startswith(answers[0].rstrip(".")[:10])
    assert 0 < len(answers[0].split()) < len(made.split())


def test_barge_in_replay_is_deterministic(talk: tuple[Seen, Path], tmp_path: Path) -> None:
    seen, folder = talk
    again = replay(folder / "talk.wav", tmp_path)
    assert again.texts() == seen.texts()
    assert [(turn.pts, turn.what) for turn in again.turns] == [(turn.pts, turn.what) for turn in seen.turns]
    for name in ("answer.wav", "avatar.npz"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
