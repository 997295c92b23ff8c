"""Gives memory back before the system ends the process."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

log = logging.getLogger(__name__)

TIGHT = 0.8
"""Utilisation of the memory above which the process gives some back, 0 to 1."""
EASY = 0.75
"""Utilisation below which it may use more again."""
REFUSE = 0.9
"""Utilisation from which admission control takes no call: the default of its threshold."""


@dataclass(frozen=True, slots=True)
class MemoryStep:
    """One step of the clean-up."""

    name: str
    said: str
    """For the log."""
    take: Callable[[], object] = lambda: None
    """Quick; called in the event loop."""
    again: bool = False
    """Whether it is taken again at each measurement while memory is short: caches would grow again."""


class MemoryGuard:
    """Takes one step after the other, one at each measurement above 80 %, until there is enough memory.

    1 `collect`   the garbage is collected
    2 `caches`    expired values are dropped, and caches are kept small
    3 `batches`   batches are of one, and pools do not grow
    4 `refuse`    no call is taken, from 90 % on: admission control does it, this step only shows it
    0             below 75 % everything is as before

    `shrink` makes caches small; `economise` says whether to use less from now on. Both are quick. `taken` gets the
    name of each step, and `relieved` at the end.
    """

    def __init__(
        self,
        shrink: Callable[[], None],
        economise: Callable[[bool], None],
        taken: Callable[[str], None] = lambda step: None,
    ) -> None:
        self.step = 0
        """The last step that was taken; 0 while there is enough memory."""
        self._economise = economise
        self._taken = taken
        self._steps: Sequence[MemoryStep] = (
            MemoryStep("collect", "the garbage is collected", lambda: gc.collect()),
            MemoryStep("caches", "caches shrink", shrink, again=True),
            MemoryStep("batches", "batches and pools shrink", lambda: economise(True)),
            MemoryStep("refuse", "no call is taken"),
        )

    @property
    def name(self) -> str:
        """The name of that step; empty for none."""
        return self._steps[self.step - 1].name if self.step else ""

    @property
    def tight(self) -> bool:
        """Whether memory is short."""
        return self.step > 0

    def update(self, share: float) -> None:
        """Takes the utilisation of the memory, 0 to 1; to be called from the event loop, about once a second."""
        if share < EASY:
            self.close(share)
            return
        for each in self._steps[: self.step]:
            if each.again:
                each.take()
        if share > TIGHT and self.step < len(self._steps) - (share < REFUSE):
            self._next(share)

    def collect(self) -> None:
        """Frees what can be freed at once, whatever is in use: for an alert's action."""
        for each in self._steps[:2]:
            each.take()

    def close(self, share: float = 0.0) -> None:
        """Lifts all restrictions."""
        if self.step:
            log.warning("%.0f %% of the memory are used: all is as before", 100 * share)
            self.step = 0
            self._economise(False)
            self._taken("relieved")

    def _next(self, share: float) -> None:
        step = self._steps[self.step]
        self.step += 1
        log.warning("%.0f %% of the memory are used: %s", 100 * share, step.said)
        step.take()
        self._taken(step.name)
