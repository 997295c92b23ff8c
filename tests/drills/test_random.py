"""Five hundred turns of conversation with random faults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from nodes.apologies import apologies
from pipeline.graph.loader import loads
from pipeline.graph.plan import Plan
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from pipeline.packet import SECOND
from pipeline.params import seconds
from pipeline.runtime.policy_store import PolicyStore
from pipeline.runtime.report import SessionReport
from pipeline.runtime.runner import Runner
from pipeline.runtime.virtual import run_virtual
from tests.drills.scripted import GRAPH, answer_to
from vitagraph.chaos.inject import inject_faults
from vitagraph.chaos.spec import FAULTS, TIMED_FAULTS, Chaos, FaultName, FaultSpec, why_not_applicable
from vitagraph.drill.invariants import dead_air, of_answer, of_session, plain_words
from vitagraph.drill.record import Answer, Record

CALLS, TURNS, EVERY = 10, 50, 30
SERVICES = ("asr", "chat", "tts", "face")
FAULTS_A_CALL = 150
WORST = seconds(16)
"""When both members of every node hang: the sum of their deadlines, and what the others take."""


@dataclass
class Tally:
    """The totals of all calls."""

    asked: int = 0
    answered: int = 0
    faults: int = 0
    failures: int = 0
    dead_air: int = 0
    """The longest wait for an answer, or for more of it, nanoseconds."""
    problems: list[str] = field(default_factory=list)


def the_plan() -> Plan:
    registry = Registry()
    settings = {"caller.questions": str(TURNS), "caller.every": f"{EVERY}s"}
    return plan(loads(GRAPH, registry=registry, path=Path("scripted.yaml"), settings=settings), registry)


def random_chaos(plan: Plan, random: Random) -> Chaos:
    """Faults of all kinds at any time; mostly in primaries, sometimes in both members at once."""
    return Chaos(tuple(random_fault(plan, random) for _ in range(FAULTS_A_CALL)), random.randrange(1 << 30))


def random_fault(plan: Plan, random: Random) -> FaultSpec:
    node = random.choice((*SERVICES, *SERVICES, "vad"))
    spec = plan.graph.nodes[node]
    place = int(random.random() < 0.2 and len(spec.members) > 1)
    fault = random.choice([each for each in FAULTS if possible(plan, each, node, place)])
    begin = random.randrange(TURNS * EVERY) * SECOND
    return FaultSpec(
        node=node,
        member=place,
        fault=fault,
        begin=begin,
        until=begin + random.randint(1, 45) * SECOND,
        chance=random.choice((1.0, 0.5, 0.2)),
        **({"latency": round(random.uniform(0.2, 4) * SECOND)} if fault in TIMED_FAULTS else {}),
        **({"category": random.choice(("network", "resource", "unknown"))} if fault == "error" else {}),
    )


def possible(plan: Plan, fault: FaultName, node: str, place: int) -> bool:
    """Whether a fault is a fault: a detector may find nothing, and a transcript may be empty."""
    spec = plan.graph.nodes[node]
    if node == "vad" and fault not in ("error", "load_error"):
        return False
    return not why_not_applicable(fault, spec, spec.members[place]) and (node, fault) != ("asr", "empty")


async def call(runner: Runner, plan: Plan, chaos: Chaos) -> tuple[Record, SessionReport]:
    """One call with its own policies."""
    runner.policies = PolicyStore(Random(chaos.seed))
    record = Record()
    session = runner.session(inject_faults(plan, chaos), record.observe)
    record.listen(session)
    return record, await session.run()


def wrong(number: int, answer: Answer) -> Iterator[str]:
    """What was heard must be the whole answer, its beginning and an apology, or an apology; nothing twice."""
    heard, right = plain_words(" ".join(text for _, _, text in answer.played)), plain_words(answer_to(number))
    lost = plain_words(apologies().lost)
    broken_off = heard[-len(lost) :] == lost and heard[: -len(lost)] == right[: len(heard) - len(lost)]
    if (
        heard != right
        and not broken_off
        and heard not in (plain_words(apologies().no_answer), plain_words(apologies().not_heard))
    ):
        yield f"heard {' '.join(heard)!r}"


@pytest.mark.timeout(180)
def test_random_faults_leave_99_of_100_turns_answered() -> None:
    """No call dies, nothing is left behind or said twice, queues stay small."""
    tally, made = Tally(), the_plan()

    async def main() -> None:
        async with Runner(workers=2) as runner:
            for seed in range(CALLS):
                chaos = random_chaos(made, Random(seed))
                record, report = await call(runner, made, chaos)
                judge(tally, made, record, report, f"call {seed}")
                tally.faults += len(chaos.faults)

    run_virtual(main())
    assert tally.problems == []
    assert tally.asked == CALLS * TURNS
    assert tally.answered >= 0.99 * tally.asked, tally
    assert tally.dead_air <= WORST
    assert tally.failures > CALLS * TURNS / 4, "chaos must have struck"


def judge(tally: Tally, made: Plan, record: Record, report: SessionReport, name: str) -> None:
    """Counts, and records violations."""
    tally.asked += TURNS
    tally.failures += report.failure_count
    problems = list(of_session(made, report))
    for turn in record.turns.committed:
        answer = record.answer(turn)
        tally.answered += bool(plain_words(" ".join(text for _, _, text in answer.played)))
        if not turn.interrupted:
            at = f"turn at {turn.voice_end / seconds(1):.1f} s"
            problems += [f"{at}: {problem}" for problem in (*of_answer(answer), *wrong(turn.cause, answer))]
        tally.dead_air = max(tally.dead_air, dead_air(record, turn) or 0)
    tally.problems += [f"{name}: {problem}" for problem in problems]
