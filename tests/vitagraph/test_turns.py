"""Milestones and ends of turns."""

from __future__ import annotations

import numpy as np
import pytest

from nodes.packets import AUDIBLE, PlaybackProgress, Speech, Transcript, TurnChanged
from pipeline.cause import Cause, Causes
from pipeline.events import BudgetExceeded
from pipeline.graph.loader import loads
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from pipeline.packet import Stamp
from pipeline.params import ms
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import run_virtual
from tests.vitagraph.scripted import LEAD, PLAYING, VOICE_END
from vitagraph.turns import TurnTracker, quiet_lead
from vitagraph.waterfall import TurnRecord


def test_turn_latency_includes_the_quiet_beginning_of_the_speech() -> None:
    """A voice that starts with 200 ms of silence is 200 ms slower."""
    samples = np.concatenate([np.full(3200, AUDIBLE, np.int16), np.full(10, -32768, np.int16)])
    assert quiet_lead(samples, 16_000) == ms(200)


def test_silent_speech_is_quiet_to_its_end() -> None:
    """Also without samples."""
    assert quiet_lead(np.zeros(1600, np.int16), 16_000) == ms(100)
    assert quiet_lead(np.zeros(0, np.int16), 16_000) == 0


def test_turn_answer_cut_off_while_quiet_was_not_heard() -> None:
    """Otherwise an early interruption would count as a fast answer."""
    turns = TurnTracker()
    now = ms(0)
    turns.now = lambda: now
    cause = Causes().begin("turn")
    quiet = np.concatenate([np.zeros(1600, np.int16), np.full(1600, 9000, np.int16)])
    for _ in ("first", "second"):
        turns.observe(Speech(Stamp(0, ms(200), cause), quiet, 16_000, "hello"))
    turns.played(PlaybackProgress(cause, "", 0, ended=False, last=False))
    now = ms(50)
    turns.played(PlaybackProgress(cause, "", ms(50), ended=True, last=False))
    turns.turn_changed(TurnChanged(now, cause, "committed"))
    [turn] = turns.committed
    assert turn.silence is None
    turns.played(PlaybackProgress(cause, "", 0, ended=False, last=False))
    assert turn.silence == ms(150)


def committed(turns: TurnTracker, cause: Cause) -> None:
    """Commits a turn."""
    turns.turn_changed(TurnChanged(0, cause, "committed"))


def test_turn_is_over_once_when_its_last_speech_was_played() -> None:
    over: list[TurnRecord] = []
    turns, causes = TurnTracker(on_finished=over.append), Causes()
    committed(turns, first := causes.begin("turn"))
    turns.played(PlaybackProgress(first, "", 0, ended=False, last=False))
    turns.played(PlaybackProgress(first, "hello", ms(200), ended=True, last=True))
    committed(turns, causes.begin("turn"))
    assert [(turn.said, turn.outcome) for turn in over] == [("hello", "answered")]


def test_interrupted_turn_is_over_when_the_heard_part_is_known() -> None:
    """Its record contains what was said up to there."""
    over: list[TurnRecord] = []
    turns, causes = TurnTracker(on_finished=over.append), Causes()
    committed(turns, cause := causes.begin("turn"))
    turns.played(PlaybackProgress(cause, "", 0, ended=False, last=False))
    turns.turn_changed(TurnChanged(0, cause, "interrupted"))
    assert over == []
    turns.played(PlaybackProgress(cause, "hel", ms(100), ended=True, last=False))
    assert [(turn.said, turn.outcome) for turn in over] == [("hel", "interrupted")]


def test_unanswered_turn_is_over_when_the_next_is_committed() -> None:
    """Unanswered turns must be counted too."""
    over: list[TurnRecord] = []
    turns, causes = TurnTracker(on_finished=over.append), Causes()
    committed(turns, causes.begin("turn"))
    committed(turns, causes.begin("turn"))
    assert [turn.outcome for turn in over] == ["unanswered"]


def test_turns_of_a_long_call_are_bounded() -> None:
    """Memory must not grow with every turn."""
    turns, causes = TurnTracker(keep=8), Causes()
    for number in range(1000):
        cause = causes.begin("turn")
        turns.observe(Transcript(Stamp(0, 0, cause), str(number), whole=True))
        committed(turns, cause)
    assert [turn.heard for turn in turns.committed] == [str(number) for number in range(992, 1000)]
    assert len(turns.committed) == sum(turn.finished for turn in turns.committed) + 1 == 8


def budgets_exceeded(budget: str) -> list[BudgetExceeded]:
    """What is posted in a scripted conversation whose answer is heard 1050 ms after the voice."""
    graph = loads(
        f"""
vitagraph: 1
budget: {budget}
nodes:
  caller: tests.vitagraph.scripted:Scripted
  playback: tests.vitagraph.scripted:Listener
links:
  - caller.audio -> playback.audio
  - caller.words -> playback.words
  - caller.answer -> playback.answer
""",
        registry=Registry(installed=False),
    )
    seen: list[BudgetExceeded] = []

    async def main() -> None:
        turns = TurnTracker()
        async with Runner(workers=1) as runner:
            session = runner.session(plan(graph, Registry(installed=False)), lambda _, packet: turns.observe(packet))
            turns.listen(session)
            session.bus.of(BudgetExceeded).subscribe(seen.append)
            await session.run()

    run_virtual(main())
    return seen


def test_turn_over_its_budget_is_posted_once_when_its_answer_begins() -> None:
    """An operator sees each turn over budget, and by how much."""
    took = PLAYING + LEAD - VOICE_END
    [event] = budgets_exceeded("{voice_to_voice: 700ms}")
    assert (event.name, event.budget, event.took, event.pts) == ("voice_to_voice", ms(700), took, PLAYING)
    assert (event.cause.name, event.cause.committed) == ("turn", True)


@pytest.mark.parametrize("budget", ["{voice_to_voice: 1050ms}", "{voice_to_voice: null}", "{}", ""])
def test_turn_within_its_budget_or_without_one_posts_nothing(budget: str) -> None:
    """A budget that is exactly met is met."""
    assert budgets_exceeded(budget) == []
