"""Causes: begun, committed, held, revoked; and whoever waits for the decision is told."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cause import Cause, Causes
from pipeline.runtime.virtual import run_virtual
from tests.pipeline.kit import settle


def test_cause_begins_tentative_with_an_increasing_id() -> None:
    """The epoch on the wire tells a client which answer is newer."""
    causes = Causes()
    first, second = causes.begin("turn"), causes.begin("turn")
    assert (first.live, first.open, first.committed) == (True, False, False)
    assert causes.root.id < first.id < second.id
    assert causes.root.open


def test_root_cause_cannot_be_revoked() -> None:
    """A microphone's sound is never called off."""
    causes = Causes()
    causes.revoke(causes.root, "mic")
    assert causes.root.live


def test_cause_revocation_is_reported_once_after_it_takes_effect() -> None:
    """When the flush begins, the fence is up already."""
    causes = Causes()
    told: list[tuple[str, Cause, bool]] = []
    causes.interrupt = lambda origin, cause: told.append((origin, cause, cause.live))
    cause = causes.begin("turn")
    causes.revoke(cause, "turn")
    causes.revoke(cause, "turn")
    assert told == [("turn", cause, False)]


def test_cause_stays_revoked() -> None:
    """A late decision does not bring an answer back that was called off."""
    causes = Causes()
    cause = causes.begin("turn")
    causes.revoke(cause, "turn")
    causes.commit(cause)
    causes.hold(cause)
    causes.release(cause)
    assert (cause.live, cause.open, cause.committed) == (False, False, False)


def test_cause_must_be_committed_before_hold_and_release() -> None:
    """Releasing a guess would let out the answer to half a sentence."""
    causes = Causes()
    cause = causes.begin("turn")
    causes.release(cause)
    assert not cause.open
    causes.commit(cause)
    causes.hold(cause)
    assert (cause.live, cause.open, cause.decided) == (True, False, False)
    causes.release(cause)
    assert cause.open


STATES = [("begin", "tentative"), ("commit", "open"), ("hold", "held"), ("revoke", "dead")]


@pytest.mark.parametrize(("state", "words"), STATES)
def test_cause_repr_shows_its_state(state: str, words: str) -> None:
    """A log line about a cause can be read."""
    causes = Causes()
    cause = causes.begin("turn")
    if state in ("commit", "hold"):
        causes.commit(cause)
    if state == "hold":
        causes.hold(cause)
    if state == "revoke":
        causes.revoke(cause, "turn")
    assert repr(cause) == f"<Cause 1 turn {words}>"


@given(st.lists(st.sampled_from(["wait", "cancel", "commit", "hold", "release", "revoke"]), max_size=30))
def test_cause_wakes_every_waiter_once_decided_and_not_before(moves: list[str]) -> None:
    """A sink that is forgotten at the gate never plays again."""

    async def main() -> None:
        causes = Causes()
        cause = causes.begin("turn")
        waiting: list[asyncio.Task[None]] = []
        for move in moves:
            if move == "wait":
                waiting.append(asyncio.ensure_future(cause.wait_until_decided()))
            elif move == "cancel" and waiting:
                waiting.pop(0).cancel()
            elif move == "revoke":
                causes.revoke(cause, "turn")
            elif move != "cancel":
                getattr(causes, move)(cause)
            await settle(4)
            pending = [task for task in waiting if not task.done()]
            assert bool(pending) <= (not cause.decided)
            assert len(cause._waiting) == len(pending)
        causes.revoke(cause, "turn")
        await asyncio.gather(*waiting)

    run_virtual(main())
