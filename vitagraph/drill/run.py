"""Runs the cells in sequence in virtual time; one runner, so that models are loaded once."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from pipeline.errors import NodeError
from pipeline.graph.plan import Plan
from pipeline.packet import SECOND
from pipeline.runtime.policy_store import PolicyStore
from pipeline.runtime.runner import Runner
from pipeline.runtime.session import Session
from pipeline.runtime.virtual import Latency, run_virtual
from vitagraph.chaos.inject import inject_faults
from vitagraph.drill.matrix import Cell
from vitagraph.drill.outcome import CellResult, evaluate, is_settled, refused
from vitagraph.drill.record import Record
from vitagraph.host.settings import START_WITHIN
from vitagraph.waterfall import TurnRecord

Done = Callable[[CellResult], None]
"""Called with the result of each cell."""


@dataclass(slots=True)
class Drill:
    """Runs the cells of one graph; `plan` is made by `drill_plan`."""

    plan: Plan
    cells: Sequence[Cell]
    done: Done = lambda _: None
    outcomes: list[CellResult] = field(default_factory=list)
    stopped: bool = False
    _session: Session | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    def run(self, latency: Latency = "zero") -> None:
        """Runs all cells; raises Stuck if one hangs so that virtual time cannot advance."""
        run_virtual(self._run(), latency)

    def stop(self) -> None:
        """Ends the current cell and starts no other; callable from any thread or a signal handler."""
        self.stopped = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop_session)

    def _stop_session(self) -> None:
        if self._session is not None:
            self._session.stop()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with Runner(start_within=START_WITHIN) as runner:
            for cell in self.cells:
                if self.stopped:
                    break
                made = await self._one(runner, cell)
                if not self.stopped:
                    self.outcomes.append(made)
                    self.done(made)
        self._loop = None

    async def _one(self, runner: Runner, cell: Cell) -> CellResult:
        await runner.policies.close()
        runner.policies = PolicyStore(Random(0))  # no breaker state from the previous cell

        def on_finished(turn: TurnRecord) -> None:
            if is_settled(cell, record, turn):
                asyncio.get_running_loop().call_soon(self._stop_session)

        record = Record(on_finished)
        began = asyncio.get_running_loop().time()
        plan = self.plan if cell.fault == "redis_away" else _uncached(self.plan)
        session = self._session = runner.session(inject_faults(plan, cell.chaos), record.observe)
        record.listen(session)
        try:
            report = await session.run()
        except NodeError as error:
            return refused(cell, error)
        finally:
            self._session = None
        took = asyncio.get_running_loop().time() - began
        opening = round(took * SECOND) - report.duration
        return evaluate(cell, self.plan, record, report, opening)


def _uncached(plan: Plan) -> Plan:
    """Removes caches, which would hide the fault."""
    return dataclasses.replace(
        plan, nodes={name: dataclasses.replace(node, cache=None) for name, node in plan.nodes.items()}
    )
