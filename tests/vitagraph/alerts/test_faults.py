"""Each fault raises exactly its alerts, in time, and they clear: the table in docs/observability.md."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import cast

import pytest

from tests.vitagraph.alerts.faults import REDIS, BlockableLoop, Fault, Scene, Step, play

PAGE = Path(__file__).resolve().parents[3] / "docs" / "observability.md"


def set_memory(used: int) -> Step:
    """Sets the memory that the process uses, percent."""
    return lambda scene: setattr(scene.machine, "used", used)


def block(scene: Scene) -> None:
    """The loop stands still for 150 ms."""
    scene.line.transport(50, 0)
    cast(BlockableLoop, asyncio.get_running_loop()).block(0.15)


async def three_more(scene: Scene) -> None:
    """Three callers join."""
    for _ in range(3):
        await scene.call()


async def fail_each_minute(scene: Scene) -> None:
    """A caller joins a broken graph once a minute."""
    if round(scene.now()) % 60 == 0:
        await scene.call("broken")


FAULTS = [
    Fault("the sentences of answers get lost", ("TurnsUnanswered",), "node: sentences, fault: no_output"),
    Fault("the language model takes 1.3 s more", ("TurnPartSlow",), "node: chat, fault: latency, latency: 1300ms"),
    Fault(
        "the language model and the speech recognition take 1 s more each",
        ("TurnsSlow",),
        "node: chat, fault: latency, latency: 1s\nnode: asr, fault: latency, latency: 1s",
    ),
    Fault(
        "the language model takes 1 s more, for which the graph's `budget` has no room",
        ("TurnsOverBudget",),
        "node: chat, fault: latency, latency: 1s",
        graph=("voice_to_voice: 3s", "voice_to_voice: 1500ms"),
    ),
    Fault(
        "the speech recognition fails, its fallback works", ("FallbackInUse", "BreakerOpen"), "node: asr, fault: error"
    ),
    Fault(
        "the only voice fails",
        ("BreakerOpen", "TurnsUnanswered", "NodeErrors"),
        "node: tts, fault: error",
    ),
    Fault("a node fails for one packet in ten", ("NodeErrors",), "node: sentences, fault: error, chance: 0.1"),
    Fault(
        "four calls at once, with a `limit` for two",
        ("LimitRefuses",),
        begin=three_more,
        end=Scene.hang_up,
        graph=("deadline: {first: 3s", "limit: {max: 2, window: 10s, when_full: shed}\n    deadline: {first: 3s"),
    ),
    Fault(
        "the Redis of a cache is away",
        ("RedisAway",),
        begin=lambda scene: scene.redis.stop(),
        end=lambda scene: scene.redis.start(),
        graph=(
            "{use: tests.drills.scripted:Speaks}",
            f"{{use: tests.drills.scripted:Speaks, cache: {{shared: '{REDIS}'}}}}",
        ),
    ),
    Fault("all lines are busy", ("SeatsGone", "NotReady"), begin=Scene.call, end=Scene.hang_up, calls=2),
    Fault(
        "all lines are busy, and somebody calls each second",
        ("SeatsGone", "NotReady", "CallsRefused"),
        begin=Scene.call,
        every=Scene.refused,
        end=Scene.hang_up,
        calls=2,
    ),
    Fault("a call fails each minute", ("CallsFailed",), every=fail_each_minute),
    Fault("one packet of sound in ten is lost", ("PacketsLost",), every=lambda scene: scene.line.transport(45, 5)),
    Fault(
        "answers stand still for 100 ms each second",
        ("AudioGaps",),
        every=lambda scene: scene.line.stand_still(100),
    ),
    Fault("the event loop is blocked for 150 ms each second", ("LoopBlocked",), every=block),
    Fault("85 % of the memory are used", ("MemoryShort",), begin=set_memory(85), end=set_memory(40)),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_raises_its_alerts_and_they_clear(fault: Fault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator is told what is wrong, nothing else, and that it is over; as soon as the documentation says."""
    scene = play(fault, tmp_path, monkeypatch)
    assert scene.problems == []
    assert set(scene.fired) == {f"Vitagraph{name}" for name in fault.alerts} == set(scene.cleared)
    assert rows(fault, scene) in PAGE.read_text(encoding="utf-8")


def rows(fault: Fault, scene: Scene) -> str:
    """The rows of the table for a fault."""
    what, made = fault.what, ""
    for name, after in sorted(scene.fired.items(), key=lambda each: each[1]):
        made += f"| {what} | `{name}` | {minutes(after)} | {minutes(scene.cleared.get(name, -1))} |\n"
        what = ""
    return made


def minutes(seconds: float) -> str:
    """`6 min 20 s`."""
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60:02} s"


def test_documented_faults_are_those_that_are_played() -> None:
    """No row of the table is left from another time."""
    table = PAGE.read_text(encoding="utf-8").partition("| fault |")[2].partition("\n\n")[0]
    found = [what for what in re.findall(r"^\| (.*?) \| `Vitagraph", table, re.MULTILINE) if what.strip()]
    assert found == [fault.what for fault in FAULTS]
