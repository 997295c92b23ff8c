"""Second attempts: only where they may help, after pauses that spread, and never past the budget."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import DependencyError, NetworkError, NodeError, ResourceError, UserInputError
from pipeline.params import ms, seconds
from pipeline.policies.retry import Backoff
from pipeline.policies.spec import RetrySpec

LOST = NetworkError("the connection was lost")


def busy(retry_after: float | None) -> NetworkError:
    """What a remote party says with status 429."""
    return NetworkError("too many requests", retry_after=retry_after)


def backoff(seed: int = 0, **spec: object) -> Backoff:
    return Backoff(RetrySpec.model_validate({"attempts": 5, **spec}), Random(seed))


@given(st.integers(), st.integers(1, 5))
def test_retry_pauses_grow_up_to_the_cap(seed: int, attempt: int) -> None:
    """A service in trouble would be hammered; or a person would wait for minutes."""
    pause = backoff(seed, first=ms(200), factor=3.0, most=seconds(2)).delay(attempt, LOST)
    assert pause is not None and 0 <= pause <= min(ms(200) * 3 ** (attempt - 1), seconds(2))


def test_retry_pauses_are_spread_over_the_span_and_repeatable() -> None:
    """All calls that failed together would come back together; or a drill differ from run to run."""
    tried = backoff(first=ms(100))
    pauses = [tried.delay(1, LOST) or 0 for _ in range(200)]
    assert min(pauses) < ms(10) and max(pauses) > ms(90) and ms(40) < sum(pauses) / 200 < ms(60)
    capped = backoff(first=ms(100), most=ms(100))
    assert sum(capped.delay(5, LOST) == ms(100) for _ in range(200)) < 3
    again = backoff(first=ms(100))
    assert pauses == [again.delay(1, LOST) or 0 for _ in range(200)]


@pytest.mark.parametrize(("attempts", "tries"), [(0, 1), (1, 2), (5, 6)])
def test_retry_stops_after_its_number_of_attempts(attempts: int, tries: int) -> None:
    """The next member would never have its turn; or a blip would end the answer."""
    tried = backoff(attempts=attempts)
    made = next(attempt for attempt in range(1, 10) if tried.delay(attempt, LOST) is None)
    assert made == tries


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (LOST, True),
        (ConnectionResetError(), True),
        (RuntimeError("request timed out"), True),
        (ResourceError("out of memory"), False),
        (DependencyError("no such package"), False),
        (UserInputError("not audio"), False),
        (ValueError("a bug"), False),
    ],
)
def test_retry_applies_only_to_retryable_errors(error: Exception, again: bool) -> None:
    """A person would wait for second attempts that must fail as the first."""
    assert (backoff().delay(1, error) is not None) == again


def test_retry_categories_are_set_by_the_graph() -> None:
    """`on:` in the YAML would do nothing."""
    on = ("resource", "unknown")
    assert backoff(on=on).delay(1, MemoryError()) is not None
    assert backoff(on=on).delay(1, ValueError("flaky")) is not None
    assert backoff(on=on).delay(1, LOST) is None


def test_retry_skips_errors_marked_not_retryable() -> None:
    """A model that is missing would be asked for again and again."""
    assert backoff(on=("resource", "unknown")).delay(1, ResourceError("the model is missing")) is None
    assert backoff(on=("resource", "unknown")).delay(1, NodeError("broken")) is None


@given(st.integers(), st.integers(1, 5), st.floats(0, 4))
def test_retry_waits_at_least_retry_after(seed: int, attempt: int, after: float) -> None:
    """A remote party that counts requests would go on refusing, and may ban the caller."""
    pause = backoff(seed, most=seconds(4)).delay(attempt, busy(after))
    assert pause is not None and round(after * 1e9) <= pause <= seconds(4)


@pytest.mark.parametrize("after", [5.1, 60, math.inf, math.nan])
def test_retry_gives_up_when_retry_after_exceeds_the_cap(after: float) -> None:
    """A person would hear nothing for a minute, though another member could answer at once."""
    assert backoff(most=seconds(5)).delay(1, busy(after)) is None


@pytest.mark.parametrize("after", [None, -3, 0])
def test_retry_ignores_an_invalid_retry_after(after: float | None) -> None:
    """A header that a server made up would break the retry."""
    pause = backoff(first=ms(200)).delay(1, busy(after))
    assert pause is not None and 0 <= pause <= ms(200)


@given(st.integers(), st.integers(-1, ms(400)))
def test_retry_pause_never_exceeds_the_remaining_budget(seed: int, left: int) -> None:
    """An attempt that can only come too late would be waited for."""
    unbounded = backoff(seed, first=ms(300)).delay(1, LOST)
    bounded = backoff(seed, first=ms(300)).delay(1, LOST, left)
    assert unbounded is not None
    assert bounded == (unbounded if unbounded < left else None)
