"""Whether, and after what pause, the same member tries again."""

from __future__ import annotations

from random import Random

from pipeline.errors import NodeError, classify
from pipeline.packet import SECOND
from pipeline.policies.spec import RetrySpec


class Backoff:
    """Exponential backoff with full jitter: a random share of a pause that grows up to a cap."""

    def __init__(self, spec: RetrySpec, random: Random) -> None:
        self._spec = spec
        self._random = random

    def delay(self, attempt: int, error: BaseException, left: int | None = None) -> int | None:
        """Nanoseconds to wait after the failure of the given attempt (1 is the first); None: give up.

        `left` is what remains of the budget, in nanoseconds. Where an error's `retry_after`
        (seconds) exceeds `most`, or what is left, it gives up at once: the next member answers
        sooner, and an earlier attempt would be refused again.
        """
        spec = self._spec
        if attempt > spec.attempts or not self._may_help(error):
            return None
        least = _asked_for(error)
        if not least <= spec.most:
            return None
        span = min(spec.most, spec.first * spec.factor ** (attempt - 1))
        # On top of `retry_after`, so that callers who were given the same one do not return together.
        pause = min(spec.most, round(least + self._random.uniform(0, span)))
        return pause if left is None or pause < left else None

    def _may_help(self, error: BaseException) -> bool:
        if isinstance(error, NodeError) and not error.retryable:
            return False
        return classify(error) in self._spec.on


def _asked_for(error: BaseException) -> float:
    """The error's own `retry_after`, in nanoseconds; 0 where it has none."""
    after = error.retry_after if isinstance(error, NodeError) else None
    return max(after, 0) * SECOND if after is not None else 0
