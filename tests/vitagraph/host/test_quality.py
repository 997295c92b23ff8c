"""The quality of real calls, as a host keeps it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nodes.packets import Samples
from pipeline.errors import UserInputError
from tests.nodes.webrtc.transport.test_peer import tone
from tests.vitagraph.host.dialling import RECITING, dial, gone, hosting, scripted
from vitagraph.host.admission import CallRefused, Refusal
from vitagraph.host.call_manager import CallManager
from vitagraph.quality import archive
from vitagraph.quality.archive import Period
from vitagraph.quality.schema import open_for_reading


def kept(path: Path) -> Period:
    """What the host wrote."""
    with open_for_reading(path) as connection:
        return archive.read(connection, 0, 1e12)


def quiet(seconds: float, level: float = 60) -> Samples:
    """The noise of a room, 48 kHz."""
    return np.random.default_rng(1).normal(0, level, round(48_000 * seconds)).astype(np.int16)


def test_call_leaves_one_record(tmp_path: Path) -> None:
    """A spoken turn, a typed turn and a rating: each number is what the caller would say."""
    path = tmp_path / "quality.db"

    async def scene(manager: CallManager) -> None:
        caller = await dial(manager)
        await caller.speak(quiet(1.2))
        await caller.speak(np.clip(tone(1.0, 48_000) + quiet(1.0), -32768, 32767).astype(np.int16))
        await caller.speak(quiet(1.5))
        done = await caller.wait_for("response.done")
        caller.tell(type="vitagraph.rating", response=done["response"]["id"], value=1)
        caller.type("What time is it?")
        await caller.wait_for("response.done", 2)
        await caller.close()
        await gone(manager)

    hosting(scene, scripted(tmp_path), quality=path)
    (record,) = kept(path).sessions
    assert record.session.startswith("rtc_") and record.graph == "scripted" and record.outcome == "completed"
    assert (record.turns, record.answered, record.unanswered) == (2, 2, 0)
    assert 4 < record.duration_s < 15
    assert record.silence_p50_ms is not None and 200 < record.silence_p50_ms < 1_000
    assert len(record.silences_ms) == 1, "the typed turn has no silence"
    assert record.snr_db is not None and record.snr_db > 25
    assert record.loss is not None and record.loss < 0.05 and record.concealed is not None and record.concealed < 0.1
    assert record.jitter_ms is not None and record.jitter_ms < 20
    assert record.mos is not None and 4 < record.mos < 4.42
    assert (record.liked, record.disliked, record.fallbacks) == (1, 0, ())
    written = b"".join(file.read_bytes() for file in tmp_path.glob("quality.db*"))
    assert not any(word in written for word in (b"What time", b"nine o'clock", b"That was heard", b"127.0.0.1"))


def test_record_names_fallbacks_and_how_a_call_ended(tmp_path: Path) -> None:
    """The chat model fails, so that its fallback answers; then the host shuts down."""
    path = tmp_path / "quality.db"

    async def scene(manager: CallManager) -> None:
        caller = await dial(manager)
        caller.type("Anything?")
        await caller.wait_for("response.done")
        await manager.drain(0)
        await gone(manager)

    hosting(scene, scripted(tmp_path, text=RECITING), quality=path)
    (record,) = kept(path).sessions
    assert record.fallbacks == ("chat",) and record.outcome == "shutdown"


def test_interrupted_answer_is_recorded(tmp_path: Path) -> None:
    """By a command of the client, which has no voice to measure from."""
    path = tmp_path / "quality.db"

    async def scene(manager: CallManager) -> None:
        caller = await dial(manager)
        caller.type("Anything?")
        await caller.wait_for("output_audio_buffer.started")
        caller.tell(type="response.cancel")
        await caller.wait_for("response.done")
        await caller.close()
        await gone(manager)

    hosting(scene, scripted(tmp_path), quality=path)
    (record,) = kept(path).sessions
    assert record.interruptions == 1 and record.barge_in_ms is None


def test_refused_offers_are_kept_if_the_host_is_to_blame(tmp_path: Path) -> None:
    """A full host is less available; a client that sends nonsense does not make it so."""
    path = tmp_path / "quality.db"

    async def scene(manager: CallManager) -> None:
        for error in (
            CallRefused(Refusal("all lines are busy", "", 1, "full")),
            CallRefused(Refusal("it is shutting down", "", 1, "shutdown")),
            UserInputError("that is no offer"),
        ):
            with pytest.raises(type(error)), manager.metrics.counting_refusals():
                raise error

    hosting(scene, scripted(tmp_path), quality=path)
    assert [count for _, count in kept(path).refused] == [2]


def test_host_keeps_nothing_unless_it_is_told_to(tmp_path: Path) -> None:
    """And has no trend to show then."""

    async def scene(manager: CallManager) -> None:
        caller = await dial(manager)
        await caller.close()
        await gone(manager)
        assert manager.observation.quality.trend(24) == []

    hosting(scene, scripted(tmp_path))
    assert list(tmp_path.iterdir()) == [tmp_path / "scripted.yaml"]


def test_call_goes_on_though_its_record_cannot_be_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The file's folder is a file: one warning, and the person notices nothing."""
    (tmp_path / "folder").write_text("in the way")

    async def scene(manager: CallManager) -> None:
        for _ in range(2):
            caller = await dial(manager)
            caller.type("Anything?")
            await caller.wait_for("response.done")
            await caller.close()
            await gone(manager)

    hosting(scene, scripted(tmp_path), quality=tmp_path / "folder" / "q.db")
    assert [each.name for each in caplog.records if each.levelname == "WARNING"] == ["vitagraph.quality.store"]
