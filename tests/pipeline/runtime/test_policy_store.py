"""What all sessions of a process share of their policies."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import weakref
from typing import Any

import pytest

from nodes.dialogue.script import ScriptedDialogue
from pipeline.errors import Location
from pipeline.graph.graph import Member
from pipeline.graph.plan import Plan
from pipeline.params import Params, seconds
from pipeline.policies.limit import Limit
from pipeline.policies.spec import LimitSpec
from pipeline.runtime.policy_store import PolicyStore
from pipeline.runtime.virtual import run_virtual
from tests.pipeline.kit import Tap, planned, sink


class ModelParams(Params):
    """What a graph says."""

    model: str = "a"


def member(**settings: Any) -> Member:
    """A member with these params."""
    return Member("chat", ScriptedDialogue, ModelParams(**settings), Location("graph.yaml"))


def test_breaker_is_shared_by_the_equal_members_of_all_sessions() -> None:
    """Else every call would learn anew that a model is down, and nothing would ever be forgotten."""
    policies = PolicyStore()
    breakers = {id(policies.of_member(member()).breaker) for _ in range(100)}
    assert len(breakers) == 1
    assert policies.of_member(member(model="b")).breaker is not policies.of_member(member()).breaker


def limited(spec: LimitSpec) -> Plan:
    """A graph whose `node` has that limit."""
    plan = planned({"node": Tap().node(), "end": sink([])}, "node -> end")
    node = dataclasses.replace(plan.nodes["node"], limit=spec)
    return dataclasses.replace(plan, nodes={**plan.nodes, "node": node})


def limit_of(policies: PolicyStore, plan: Plan, session: object) -> Limit:
    """That of `node` in a session."""
    limit = policies.of_node(plan.graph.path, plan.nodes["node"], session).limit
    assert limit is not None
    return limit


ADAPTIVE = LimitSpec(concurrent=10, adaptive=True)
PER = [ADAPTIVE, ADAPTIVE.model_copy(update={"per": "session"})]


@pytest.mark.parametrize("spec", PER, ids=["process", "session"])
def test_adaptive_limits_all_follow_the_load(spec: LimitSpec) -> None:
    """Each call would go on at full size on a machine that cannot bear it; or stay small when it can again."""
    policies, plan = PolicyStore(), limited(spec)
    limits = [limit_of(policies, plan, session) for session in range(3)]
    for level, factor in ((0.6, 0.4), (1.0, 0.1), (0.0, 1.0)):
        policies.pressure(level)
        assert [limit.factor for limit in limits] == pytest.approx([factor] * 3)


@pytest.mark.parametrize("ahead", [False, True], ids=["not prepared", "prepared"])
@pytest.mark.parametrize("spec", PER, ids=["process", "session"])
def test_adaptive_limit_of_a_new_session_starts_at_the_current_load(spec: LimitSpec, ahead: bool) -> None:
    """The load tells only what changes: while it stays high, each new call would make it higher."""

    async def main() -> None:
        policies, plan = PolicyStore(), limited(spec)
        policies.pressure(0.7)
        if ahead:
            await asyncio.to_thread(policies.prepare, plan)
        limit = limit_of(policies, plan, "late")
        assert [limit.try_acquire() for _ in range(4)] == [True, True, True, False]

    run_virtual(main())


def test_session_limit_is_released_with_its_session() -> None:
    """A host that serves for weeks would keep, and adapt, those of all calls that ever were."""
    policies, plan = PolicyStore(), limited(PER[1])
    ended = [weakref.ref(limit_of(policies, plan, session)) for session in range(100)]
    lives = limit_of(policies, plan, "lives")
    gc.collect()
    assert all(each() is None for each in ended)
    policies.pressure(0.5)
    assert lives.factor == 0.5


def test_non_adaptive_limit_ignores_the_load() -> None:
    policies = PolicyStore()
    policies.pressure(0.9)
    spec = LimitSpec(max=3, window=seconds(1), per="session")
    assert limit_of(policies, limited(spec), "any").factor == 1
