"""The runner: what all sessions of a process share, such as models and compute threads."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from pipeline.compute.executor import Executor
from pipeline.compute.resources import Resources
from pipeline.errors import Stuck
from pipeline.graph.plan import Plan
from pipeline.packet import SECOND
from pipeline.runtime.policy_store import PolicyStore
from pipeline.runtime.report import Observer
from pipeline.runtime.session import CLOSE_DEADLINE, Session


class Runner:
    """Makes sessions; closes what they shared when it is left.

    async with Runner() as runner:
        report = await runner.session(plan).run()
    """

    def __init__(self, *, workers: int = 0, executor: Executor | None = None, start_within: int | None = None) -> None:
        """`executor`: compute threads of the caller, which stay open; by default `workers` threads, or one a core.

        `start_within`: nanoseconds that a session waits for a primary to open where a fallback is open.

        None: as long as it takes, which is what a recording wants; a caller would hear nothing meanwhile.
        """
        self.executor = executor or Executor(workers)
        self._owns_executor = executor is None
        self.resources = Resources(self.executor)
        self.policies = PolicyStore()
        self._start_within = start_within

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        gc.unfreeze()  # what `settle` froze may be garbage from now on
        await self.policies.close()
        closing = asyncio.ensure_future(self.resources.close())
        await asyncio.wait([closing], timeout=CLOSE_DEADLINE / SECOND)
        stacks = self.executor.stacks()
        if self._owns_executor:
            self.executor.shutdown()
        if closing.done():
            return closing.result()
        closing.cancel()
        if error is None:
            where = tuple(f"{name}: {' < '.join(stack)}" for name, stack in stacks.items())
            raise Stuck("a compute job did not end in time", where=where)

    def session(
        self, plan: Plan, observe: Observer | None = None, *, provide: Sequence[object] = (), name: str = ""
    ) -> Session:
        """A session of this plan; `observe(node, packet)` sees every output of every node once.

        `provide` is what its nodes find with `self.provided(Kind)`, such as the transport of a call. `name`
        replaces `${call}` in the paths of files that its nodes write.
        """
        return Session(plan, self.resources, self.policies, observe, self._start_within, provide, name)

    def settle(self) -> None:
        """Excludes what is loaded now from garbage collection, until the runner is closed.

        Call it when the models are loaded; without it a full collection stops the loop for 30-100 ms.
        """
        gc.collect()
        gc.freeze()
