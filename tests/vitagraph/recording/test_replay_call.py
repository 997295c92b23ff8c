"""A recorded call replays as it was, and what changed is shown."""

from __future__ import annotations

import json
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pipeline.graph.loader import load
from pipeline.graph.plan import Plan
from pipeline.graph.planner import plan
from tests.vitagraph.conftest import Run
from tests.vitagraph.host.dialling import SCRIPTED, scripted
from tests.vitagraph.recording.recorded import record, samples_of
from vitagraph import exits
from vitagraph.recording.reader import Recording
from vitagraph.recording.wave import wave_bytes
from vitagraph.replay.file_endpoints import REPLACEMENTS, FileRegistry, find_file_endpoints

RATE = 16_000
SINK, TYPIST = "media.sink", "tests.vitagraph.recording.clients:Typist"
BURSTS = ((1.0, 1.0), (7.0, 1.5), (13.0, 0.8))
"""Start and length in seconds of what the caller says."""
LONG = "This is an answer that takes several seconds to say, so that somebody can speak over it."


def question(folder: Path, bursts: Sequence[tuple[float, float]] = BURSTS) -> Path:
    """A caller who speaks three times."""
    samples = np.zeros(17 * RATE, np.int16)
    noise = np.random.default_rng(1)
    for start, length in bursts:
        first, count = int(start * RATE), int(length * RATE)
        samples[first : first + count] = noise.normal(0, 4000, count).astype(np.int16)
    file = folder / "caller.wav"
    file.write_bytes(wave_bytes(samples, RATE))
    return file


def file_plan(graph: Path, clip: Path, folder: Path, sink: str = SINK) -> Plan:
    """A graph for calls, planned to read a file."""
    registry = FileRegistry({**REPLACEMENTS, "webrtc.sink": sink})
    settings = find_file_endpoints(graph, registry, {}).settings(clip, folder / "played")
    return plan(load(graph, registry=registry, settings=settings), registry)


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """A conversation without a model."""
    return scripted(tmp_path)


@pytest.fixture
def call(tmp_path: Path, graph: Path) -> Recording:
    """A recorded call of three turns."""
    return record(file_plan(graph, question(tmp_path), tmp_path), tmp_path / "recordings")


def told(folder: Path) -> list[dict[str, object]]:
    """The turns of a replay."""
    turns: list[dict[str, object]] = json.loads((folder / "turns.json").read_text(encoding="utf-8"))["turns"]
    return turns


def test_recorded_call_replays_to_the_same_turns(call: Recording, graph: Path, run: Run) -> None:
    """A bad turn can be looked at again, as it was."""
    assert [turn.outcome for turn in call.turns] == ["answered"] * 3
    ran = run("replay", graph, call.path, "--latency", "zero", "--compare", "--json")
    assert (ran.code, ran.err) == (exits.OK, "")
    [clip] = json.loads(ran.out)["clips"]
    assert clip["comparison"]["differences"] == []
    assert clip["comparison"]["turns"] == 3
    for turn, again in zip(call.turns, clip["turns"], strict=True):
        assert (turn.heard, turn.said, turn.voice_end) == (again["heard"], again["said"], again["voice_end"])
        assert turn.reached == again["reached"]


def test_compare_names_what_changed(call: Recording, graph: Path, run: Run) -> None:
    """Whoever changes a graph sees what that does to a call."""
    graph.write_text(
        SCRIPTED.replace("was heard", "was understood").replace("200ms", "400ms").replace("300ms", "500ms")
    )
    ran = run("replay", graph, call.path, "--latency", "zero", "--compare")
    assert ran.code == exits.OK
    assert "That was heard." in ran.out and "That was understood." in ran.out
    assert "+200 ms" in ran.out


def test_compare_takes_the_results_of_an_earlier_replay(call: Recording, graph: Path, run: Run) -> None:
    """Two versions of a graph are compared without a recording's own turns."""
    run("replay", graph, call.path, "--latency", "zero", "--out", "before")
    ran = run("replay", graph, call.path, "--latency", "zero", "--against", "before")
    assert ran.code == exits.OK
    assert "the same as" in ran.out
    missing = run("replay", graph, call.path, "--against", "nowhere")
    assert missing.code == exits.INPUT
    assert "hint: name the folder that an earlier replay wrote" in missing.err


def test_until_ends_the_input_with_a_turn(call: Recording, graph: Path, run: Run) -> None:
    """From there another graph can go its own way."""
    ran = run("replay", graph, call.path, "--latency", "zero", "--until", "2", "--compare")
    assert ran.code == exits.OK
    assert "the same as" in ran.out
    turns = told(Path("out") / call.path.stem)
    assert [turn["said"] for turn in turns] == [turn.said for turn in call.turns[:2]]
    refused = run("replay", graph, call.path, "--until", "9")
    assert refused.code == exits.INPUT
    assert "has no turn 9" in refused.err and "its turns are 1 to 3" in refused.err


@pytest.mark.parametrize("option", [("--until", "1"), ("--compare",)])
def test_sound_file_has_no_turns_to_end_at_or_compare_with(
    option: tuple[str, ...], graph: Path, tmp_path: Path, run: Run
) -> None:
    """The error says which files have."""
    ran = run("replay", graph, question(tmp_path), *option)
    assert ran.code == exits.INPUT
    assert "hint:" in ran.err and "Traceback" not in ran.err


@pytest.mark.parametrize(("over", "client"), [((), SINK), (((3.0, 2.0),), SINK), ((), TYPIST)])
def test_assistant_is_recorded_as_it_was_played(
    over: tuple[tuple[float, float], ...], client: str, tmp_path: Path
) -> None:
    """Also where it paused because somebody spoke over it, and where it was cut."""
    graph = scripted(tmp_path, text=SCRIPTED.replace("That was heard.", LONG))
    plan = file_plan(graph, question(tmp_path, (*BURSTS[:1], *over)), tmp_path, client)
    recorded = record(plan, tmp_path / "recordings")
    with wave.open(str(tmp_path / "played" / "answer.wav")) as file:
        played = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    heard = samples_of(recorded.wav("assistant"))
    paused = [event for event in recorded.events() if event.fields.get("what") == "held"]
    assert bool(paused) == bool(over)
    assert (recorded.turns[0].outcome == "interrupted") == (client == TYPIST)
    until = 24 * paused[0].at // 1_000_000 if paused else played.size
    assert (heard[:until] == played[:until]).all()
    for mark in (0, -1):  # a pause begins at the end of a frame of 20 ms, of which nothing is reported
        assert abs(int(np.flatnonzero(heard)[mark]) - int(np.flatnonzero(played)[mark])) <= 480 * len(paused)


def test_typed_text_and_cancellations_are_replayed(tmp_path: Path, run: Run) -> None:
    """What the client did besides speaking changed the call, too."""
    graph = scripted(tmp_path, text=SCRIPTED.replace("That was heard.", LONG))
    recorded = record(file_plan(graph, question(tmp_path, BURSTS[:1]), tmp_path, TYPIST), tmp_path / "recordings")
    assert [turn.said for turn in recorded.turns][1:] == ["It is nine o'clock."]
    ran = run("replay", graph, recorded.path, "--latency", "zero", "--compare", "--json")
    [clip] = json.loads(ran.out)["clips"]
    assert (clip["comparison"]["differences"], clip["comparison"]["turns"]) == ([], 2)
