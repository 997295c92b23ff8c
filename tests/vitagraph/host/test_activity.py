"""Activity: what counts as a word against `--idle`, and as a turn for admission."""

from __future__ import annotations

import pytest

from nodes.packets import PlaybackProgress, SpeechStart, Transcript, TurnChanged
from pipeline.cause import Cause, Causes
from pipeline.clock import Clock
from pipeline.graph.loader import loads
from pipeline.graph.plan import Plan
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from pipeline.packet import Event, Stamp
from pipeline.runtime.bus import Bus
from pipeline.runtime.virtual import VirtualLoop
from tests.vitagraph.host.dialling import SCRIPTED
from vitagraph.host.activity import TALKING, Activity, takes_text

ECHO = """
vitagraph: 1
description: Says it back.
nodes:
  caller: webrtc.source
  vad: vad.energy
  turn: turn.endpoint
  echo: dialogue.echo
  playback: webrtc.sink
links:
  - caller -> vad -> turn -> echo -> playback.audio
"""


class Scene:
    """A call whose clock is in seconds."""

    def __init__(self, graph: str) -> None:
        registry = Registry()
        self.plan: Plan = plan(loads(graph, registry=registry), registry)
        self.time = 0.0
        self.activity = Activity(self.plan, lambda: self.time)
        self.causes = Causes()
        loop = VirtualLoop()
        loop.close()
        self.bus = Bus(_raise, Clock(loop))
        self.activity.listen(self.bus)

    def turn(self, text: str) -> Cause:
        """Somebody, or something, was heard to the end, and it was transcribed."""
        cause = self.causes.begin("turn")
        self.causes.commit(cause)
        self.bus.post(TurnChanged(0, cause, "committed"))
        self.activity.observe(SpeechStart(Stamp(0, 0, self.causes.root)))
        self.activity.observe(Transcript(Stamp(0, 0, cause), text, True))
        return cause

    def play(self, cause: Cause) -> None:
        """A piece of an answer is heard."""
        self.bus.post(PlaybackProgress(cause, "", 0, ended=True, last=False))


def _raise(error: Exception, _kind: type[Event]) -> None:
    raise error


def test_activity_noise_is_no_word() -> None:
    """Nor is the apology for it: else a television would keep a call alive for hours."""
    scene = Scene(SCRIPTED)
    scene.time = 10
    cause = scene.turn("  ")
    scene.play(cause)
    scene.play(scene.causes.root)
    assert scene.activity.last_word == 0
    scene.play(scene.turn("Hello."))
    assert scene.activity.last_word == 10


def test_activity_answer_that_is_heard_keeps_a_call_alive() -> None:
    """A long story is not broken off because nobody interrupts it."""
    scene = Scene(SCRIPTED)
    cause = scene.turn("Tell me a story.")
    for scene.time in (100.0, 200.0, 300.0):
        scene.play(cause)
    assert scene.activity.last_word == 300


def test_activity_speech_is_a_word_where_nothing_is_transcribed() -> None:
    scene = Scene(ECHO)
    scene.time = 10
    scene.activity.observe(SpeechStart(Stamp(0, 0, scene.causes.root)))
    assert scene.activity.last_word == 10


def test_activity_knows_when_the_latest_voice_began() -> None:
    """From there on it counts how soon an interrupted answer is silent, transcribed or not."""
    for graph in (SCRIPTED, ECHO):
        scene = Scene(graph)
        for at in (3, 7):
            scene.activity.observe(SpeechStart(Stamp(at, 0, scene.causes.root)))
        assert scene.activity.voice_began == 7


def test_activity_call_talks_for_a_while_after_a_turn() -> None:
    """What costs is what counts for admission, whether it had words or not."""
    scene = Scene(SCRIPTED)
    assert not scene.activity.talking and not scene.activity.spoken
    cause = scene.turn("")
    assert scene.activity.talking and scene.activity.spoken
    scene.time = TALKING + 1
    assert not scene.activity.talking and scene.activity.spoken
    scene.play(cause)
    assert scene.activity.talking


@pytest.mark.parametrize(("graph", "takes"), [(SCRIPTED, True), (ECHO, False)])
def test_activity_knows_which_graphs_take_text(graph: str, takes: bool) -> None:
    assert takes_text(Scene(graph).plan) is takes
