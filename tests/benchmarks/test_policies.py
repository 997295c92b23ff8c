"""The policies' benchmark: its cases are what they are called."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from benchmarks import policies
from pipeline.runtime.policy_store import PolicyStore


def test_policy_benchmark_cases_have_the_policies_they_name(tmp_path: Path) -> None:
    """Else the figures would compare a session with itself."""

    async def limited() -> dict[str, bool]:
        store = PolicyStore()
        nodes = {name: (plan.graph.path, plan.nodes["answer"]) for name, plan in plans.items()}
        return {name: store.of_node(*node, 0).limit is not None for name, node in nodes.items()}

    plans = policies.plans(tmp_path)
    assert [name for name, has in asyncio.run(limited()).items() if has] == ["limit", "all"]
    members = {name: plan.nodes["answer"].members[0] for name, plan in plans.items()}
    assert [name for name, each in members.items() if each.deadline.first] == ["breaker and deadlines", "all"]
    assert policies.NoPolicies().of_member(members["all"]) is None


def test_policy_benchmark_cases_run_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A packet that was lost would stop the benchmark for ever."""
    monkeypatch.setattr(policies, "CALLS", 20)
    for name, plan in policies.plans(tmp_path).items():
        assert asyncio.run(policies.call(plan, with_policies=policies.CASES[name][1])) > 0
