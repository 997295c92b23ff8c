"""A recording has what was said and done, at its time, for any reader of MCAP."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]
from mcap.reader import make_reader

from tests.vitagraph.recording.recorded import BEGAN, CALL, planned, record, samples_of
from tests.vitagraph.scripted import GRAPH, LEAD, PLAYING, RATE, VOICE_END
from vitagraph.recording import raw_audio
from vitagraph.recording.reader import Recording


@pytest.fixture
def scripted(tmp_path: Path) -> Recording:
    """The recording of the scripted conversation."""
    return record(planned(GRAPH, tmp_path), tmp_path / "recordings", "Be brief.")


def test_recording_has_session_graph_turns_and_end(scripted: Recording) -> None:
    """Without them nobody knows whose call it is."""
    assert (scripted.session, scripted.graph, scripted.began) == (CALL, "graph", BEGAN / 1e9)
    assert scripted.info["instructions"] == "Be brief."
    assert scripted.end is not None and scripted.end["outcome"] == "completed"
    [turn] = scripted.turns
    assert (turn.heard, turn.said, turn.voice_end) == ("what is it", "It is nine.", VOICE_END / 1e6)
    assert turn.reached["decided"] == 1400.0
    assert scripted.damage == ""


def test_recording_places_both_sides_on_the_clock(scripted: Recording) -> None:
    """Who listens to both sides hears the call as it was."""
    caller, assistant = (samples_of(scripted.wav(side)) for side in ("caller", "assistant"))
    assert caller.size == assistant.size
    assert (caller[:RATE] == 1000).all() and not caller[RATE:].any()
    loud = np.flatnonzero(assistant)
    audible = (PLAYING + LEAD) * RATE // 10**9
    assert (loud[0], loud.size) == (audible, RATE // 2)


def test_recording_opens_in_the_public_reader(scripted: Recording) -> None:
    """Nobody needs our program to read what is theirs."""
    with scripted.path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        topics = {channel.topic for _, channel, _ in reader.iter_messages()}
        summary = reader.get_summary()
    assert {"/caller/audio", "/assistant/audio", "/turns", "/packets/talk", "/events/TurnChanged"} <= topics
    assert summary is not None and summary.statistics is not None


def test_recording_has_the_packets_of_the_chosen_nodes(tmp_path: Path) -> None:
    """Who records for months keeps the words and not the drafts; sound, events and turns are there in any case."""
    recording = record(planned(GRAPH, tmp_path), tmp_path / "recordings", nodes=["other"])
    with recording.path.open("rb") as file:
        topics = {channel.topic for _, channel, _ in make_reader(file).iter_messages()}
    assert {"/caller/audio", "/assistant/audio", "/turns", "/events/TurnChanged"} <= topics
    assert not any(topic.startswith("/packets/") for topic in topics)


def test_recording_belongs_to_its_owner_alone(scripted: Recording) -> None:
    """It has voices in it."""
    assert stat.S_IMODE(scripted.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(scripted.path.parent.stat().st_mode) == 0o700


def test_sound_is_read_by_any_protobuf_reader(scripted: Recording) -> None:
    """The schema in the file is all that a viewer needs to play it."""
    files = descriptor_pb2.FileDescriptorSet.FromString(raw_audio.SCHEMA).file
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName(raw_audio.NAME))
    with scripted.path.open("rb") as stream:
        _, _, message = next(make_reader(stream).iter_messages("/caller/audio"))
    sound = kind.FromString(message.data)
    assert (sound.format, sound.sample_rate, sound.number_of_channels) == ("pcm-s16", RATE, 1)
    assert sound.timestamp.seconds * 10**9 + sound.timestamp.nanos == message.log_time == BEGAN
    assert len(sound.data) == 2 * RATE // 5
