"""The memory guard: gives memory back before the system takes the whole process.

above 80 % of the limit   the garbage is collected, once; caches are kept small, micro-batches are of one,
                          no models are added
above 90 %                no new calls (that is a threshold of the admission)
below 75 %                all is as before
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

TIGHT = 0.8
"""The share of its memory above which the process gives some back."""
EASY = 0.75
"""The share below which it may have it again."""


class MemoryGuard:
    """Looks whenever it is told how much of its memory the process uses.

    `shrink` makes caches small, `spare` says whether to do with less from now on; both are quick.
    """

    def __init__(self, shrink: Callable[[], None], spare: Callable[[bool], None]) -> None:
        self.tight = False
        self._shrink = shrink
        self._spare = spare

    def look(self, share: float) -> None:
        """`share` is 0 to 1; from the event loop."""
        if not self.tight and share > TIGHT:
            self._become(tight=True)
            log.warning("%.0f %% of the memory are used: caches shrink, batches too, garbage is collected", 100 * share)
            self._shrink()
            gc.collect()
        elif self.tight and share < EASY:
            self._become(tight=False)
            log.warning("%.0f %% of the memory are used: all is as before", 100 * share)
        elif self.tight:
            self._shrink()

    def close(self) -> None:
        """Ends it; nobody has to spare any more."""
        self._become(tight=False)

    def _become(self, *, tight: bool) -> None:
        self.tight = tight
        self._spare(tight)
