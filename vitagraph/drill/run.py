"""Runs the cells, one after the other, in virtual time and with one runner: models are loaded once."""

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
from vitagraph.drill.outcome import CellResult, outcome, refused, well_again
from vitagraph.drill.record import Record
from vitagraph.host.settings import START_WITHIN
from vitagraph.waterfall import TurnRecord

Done = Callable[[CellResult], None]
"""Told of each cell as soon as it is judged."""


@dataclass(slots=True)
class Drill:
    """The cells of one graph; `plan` reads the recording of `write_questions`."""

    plan: Plan
    cells: Sequence[Cell]
    done: Done = lambda _: None
    outcomes: list[CellResult] = field(default_factory=list)
    stopped: bool = False
    _session: Session | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    def run(self, latency: Latency = "zero") -> None:
        """Runs them all; raises Stuck where one hangs so that not even virtual time goes on."""
        run_virtual(self._run(), latency)

    def stop(self) -> None:
        """From any thread or a signal: ends the cell that runs, and begins no other."""
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
        runner.policies = PolicyStore(Random(0))  # what another cell broke is forgotten

        def over(turn: TurnRecord) -> None:
            if well_again(cell, record, turn):
                asyncio.get_running_loop().call_soon(self._stop_session)

        record = Record(over)
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
        return outcome(cell, self.plan, record, report, opening)


def _uncached(plan: Plan) -> Plan:
    """Without the caches, which would answer from memory and so hide the fault."""
    return dataclasses.replace(
        plan, nodes={name: dataclasses.replace(node, cache=None) for name, node in plan.nodes.items()}
    )
