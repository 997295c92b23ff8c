"""The memory guard: what can be given back is given back, once, and taken again when there is room."""

from __future__ import annotations

import gc

import pytest

from vitagraph.host.memory import MemoryGuard


def test_memory_pressure_frees_memory_above_80_percent_and_recovers_below(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else the system ends the process, and every call with it; or caches stay small for ever."""
    done: list[str] = []
    monkeypatch.setattr(gc, "collect", lambda: done.append("collect"))
    guard = MemoryGuard(lambda: done.append("shrink"), lambda _: None)
    for share in (0.5, 0.79):
        guard.look(share)
    assert done == []
    guard.look(0.81)
    assert done == ["shrink", "collect"]
    for share in (0.95, 0.78):  # to collect takes long, and helps once; caches would grow again
        guard.look(share)
    assert done == ["shrink", "collect", "shrink", "shrink"] and guard.tight
    guard.look(0.7)
    guard.look(0.6)
    assert len(done) == 4 and not guard.tight
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    guard.look(0.85)
    assert done[4:] == ["shrink", "collect"]


def test_memory_pressure_lasts_until_there_is_enough_memory() -> None:
    """What was given back would be taken again at once; or all would stay slow for ever, in the next host too."""
    told: list[bool] = []
    guard = MemoryGuard(lambda: None, told.append)
    for share in (0.5, 0.85, 0.78, 0.9, 0.7, 0.6):
        guard.look(share)
    assert told == [True, False]
    guard.look(0.85)
    guard.close()
    assert told[2:] == [True, False] and not guard.tight
