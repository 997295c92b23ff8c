"""A breaker: a broken member is left alone, is tried again in time, and is never locked out."""

from __future__ import annotations

import copy
from random import Random

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from pipeline.errors import NetworkError, UserInputError
from pipeline.params import ms, seconds
from pipeline.policies.breaker import Breaker
from pipeline.policies.spec import BreakerSpec

SPEC = BreakerSpec(failures=3, window=seconds(30), rest=seconds(10))
LONGEST = round(8 * SPEC.rest * 1.2)
BROKEN = NetworkError("no answer")


class Bench:
    """A breaker, its clock, and what it told."""

    def __init__(self, spec: BreakerSpec = SPEC, seed: int = 0) -> None:
        self.time = 0
        self.told: list[tuple[str, str]] = []
        self.breaker = Breaker(spec, lambda: self.time, Random(seed), self._changed)
        self._foreseeing = False

    def _changed(self, before: str, after: str) -> None:
        if not self._foreseeing:
            self.told.append((before, after))

    def due(self) -> int:
        """When a call may next be made; 0 while it is closed. It asks copies, for asking changes a breaker."""
        time, self._foreseeing = self.time, True
        refused, allowed = -1, self.time + 2 * LONGEST
        while self.state() != "closed" and allowed - refused > 1:
            self.time = (refused + allowed) // 2
            if copy.copy(self.breaker).allows():
                allowed = self.time
            else:
                refused = self.time
        self.time, self._foreseeing = time, False
        return allowed if self.state() != "closed" else 0

    def state(self) -> str:
        """A method: what a property said once, a type checker believes for ever."""
        return self.breaker.state

    def call(self, error: Exception | None = None) -> bool:
        """One call that reports at once; whether it was let through."""
        ticket = self.breaker.allows()
        if ticket and error is not None:
            self.breaker.failed(ticket, error)
        elif ticket:
            self.breaker.succeeded(ticket)
        return bool(ticket)

    def break_it(self) -> int:
        """Fails calls until it opens; the rest that follows."""
        while self.state() != "open":
            assert self.call(BROKEN)
        return self.due() - self.time

    def rest(self) -> None:
        """Lets the rest pass."""
        self.time = self.due()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_breaker_opens_on_failures_and_closes_after_recovery(bench: Bench) -> None:
    """Each turn would first wait for a member that is down; or the primary would never return."""
    assert [bench.call(BROKEN) for _ in range(4)] == [True, True, True, False]
    assert bench.state() == "open" and bench.due() > bench.time
    bench.time = bench.due() - 1
    assert not bench.call()
    bench.time += 1
    assert bench.state() == "half_open"
    assert bench.call()
    assert bench.state() == "closed" and bench.due() == 0
    assert bench.told == [("closed", "open"), ("open", "half_open"), ("half_open", "closed")]


@example(gaps=[0, 10, 20], failures=3, window=20)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=40), st.integers(1, 5), st.integers(1, 30))
def test_breaker_opens_at_the_failure_that_fills_its_window(gaps: list[int], failures: int, window: int) -> None:
    """Failures of an hour ago would open it; or a member that fails would go on being called."""
    bench = Bench(BreakerSpec(failures=failures, window=ms(window), rest=seconds(1)))
    times: list[int] = []
    for gap in gaps:
        bench.time += ms(gap)
        bench.call(BROKEN)
        times.append(bench.time)
        recent = [time for time in times if bench.time - time <= ms(window)]
        assert (bench.state() == "open") == (len(recent) >= failures)
        if bench.state() == "open":
            break


def test_breaker_opens_despite_successes_between_failures(bench: Bench) -> None:
    """A member that fails every other turn would never be left alone."""
    for error in (BROKEN, None, BROKEN, None, BROKEN):
        assert bench.call(error)
    assert bench.state() == "open"


@given(st.integers())
def test_breaker_rest_doubles_up_to_eight_times_within_its_jitter(seed: int) -> None:
    """A service that is down for an hour would be hammered; or one that is back not be found for hours."""
    bench = Bench(seed=seed)
    rests = [bench.break_it()]
    for _ in range(5):
        bench.rest()
        assert bench.call(BROKEN)
        rests.append(bench.due() - bench.time)
    for rest, times in zip(rests, (1, 2, 4, 8, 8, 8), strict=True):
        assert 0.8 * times * SPEC.rest <= rest <= 1.2 * times * SPEC.rest


def test_breaker_rests_are_spread_and_repeatable() -> None:
    """All processes would come back to a service in one instant; or a drill differ from run to run."""
    rests = [Bench(seed=seed).break_it() for seed in range(50)]
    assert len(set(rests)) == 50 and max(rests) - min(rests) > SPEC.rest // 4
    assert rests == [Bench(seed=seed).break_it() for seed in range(50)]


def test_breaker_forgets_past_failures_once_closed(bench: Bench) -> None:
    """One slip after the recovery would open it again, for eight times as long."""
    bench.break_it()
    bench.rest()
    assert bench.call()
    assert bench.call(BROKEN) and bench.call(BROKEN)
    assert bench.state() == "closed"
    bench.break_it()
    for _ in range(3):
        bench.rest()
        bench.call(BROKEN)
    bench.rest()
    assert bench.call()
    assert bench.break_it() <= 1.2 * SPEC.rest


def test_breaker_half_open_lets_one_call_through(bench: Bench) -> None:
    """A crowd would fall upon a member that has just come up."""
    bench.break_it()
    bench.rest()
    assert [bool(bench.breaker.allows()) for _ in range(5)] == [True, False, False, False, False]


def test_breaker_trial_of_a_cancelled_caller_is_released_at_once(bench: Bench) -> None:
    """A person who interrupts the trial would keep everybody on the fallback."""
    bench.break_it()
    bench.rest()
    trial = bench.breaker.allows()
    bench.breaker.abandoned(trial)
    assert bench.call()
    assert bench.state() == "closed"


def test_breaker_recovers_from_a_trial_that_never_reports(bench: Bench) -> None:
    """A trial that never reports would keep everybody on the fallback until a restart."""
    rest = bench.break_it()
    bench.rest()
    lost = bench.breaker.allows()
    bench.time += rest - 1
    assert not bench.breaker.allows()
    bench.time += 1
    second = bench.breaker.allows()
    bench.breaker.abandoned(lost)
    bench.breaker.succeeded(lost)
    assert bench.state() == "half_open" and not bench.breaker.allows()
    bench.breaker.succeeded(second)
    assert bench.state() == "closed"


@pytest.mark.parametrize("report", ["succeeded", "failed", "abandoned"])
def test_breaker_ignores_results_of_calls_from_before_it_opened(bench: Bench, report: str) -> None:
    """A slow call of the time before would close it, or end the trial of another."""
    old = bench.breaker.allows()
    bench.break_it()

    def tell() -> None:
        if report == "failed":
            bench.breaker.failed(old, BROKEN)
        else:
            getattr(bench.breaker, report)(old)

    before = bench.due()
    tell()
    assert bench.state() == "open" and bench.due() == before
    bench.rest()
    trial = bench.breaker.allows()
    tell()
    assert bench.state() == "half_open" and not bench.breaker.allows()
    bench.breaker.succeeded(trial)
    for _ in range(5):
        tell()
    assert bench.state() == "closed"


def test_breaker_ignores_results_of_calls_it_refused(bench: Bench) -> None:
    """The last of a chain is called though its breaker says no: it would disturb the trial of another."""
    bench.break_it()
    bench.rest()
    trial = bench.breaker.allows()
    refused = bench.breaker.allows()
    bench.breaker.succeeded(refused)
    bench.breaker.failed(refused, BROKEN)
    bench.breaker.abandoned(refused)
    assert bench.state() == "half_open" and not bench.breaker.allows()
    bench.breaker.succeeded(trial)
    assert bench.state() == "closed"


def test_breaker_does_not_count_user_input_errors(bench: Bench) -> None:
    """Someone who sends noise would switch a healthy recogniser off for all calls."""
    for _ in range(10):
        assert bench.call(UserInputError("not audio"))
    bench.break_it()
    bench.rest()
    assert bench.call(UserInputError("not audio"))
    assert bench.state() == "half_open"
    assert bench.call()
    assert bench.state() == "closed"


def test_breaker_closes_early_on_a_successful_health_probe(bench: Bench) -> None:
    """Up to eight rests long, people would hear the fallback of a member that is well."""
    bench.break_it()
    probe = bench.breaker.ticket
    bench.breaker.succeeded(probe)
    assert bench.state() == "closed"
    assert bench.told == [("closed", "open"), ("open", "closed")]


def test_breaker_counts_failed_health_probes_without_delaying_the_trial(bench: Bench) -> None:
    """A member that is down would be found out by a person; or probes would keep it away for ever."""
    for _ in range(3):
        bench.breaker.failed(bench.breaker.ticket, BROKEN)
    due = bench.due()
    bench.time += ms(10)
    bench.breaker.failed(bench.breaker.ticket, BROKEN)
    assert bench.due() == due
    bench.rest()
    bench.breaker.failed(bench.breaker.ticket, BROKEN)
    assert bench.due() - bench.time >= 1.6 * SPEC.rest
    assert bench.told == [("closed", "open"), ("open", "half_open"), ("half_open", "open")]


MOVES = [
    "begin",
    "begin",
    "succeeded",
    "failed",
    "failed",
    "abandoned",
    "bad input",
    "lost",
    "well",
    "ill",
    "rest",
    "wait",
]


class Crowd:
    """Many calls at once, which report in any order, late, or never; and health probes."""

    def __init__(self, seed: int) -> None:
        self.bench = Bench(BreakerSpec(failures=2, rest=SPEC.rest), seed)
        self.calls: list[int] = []
        self.trial = 0
        self.given_up_at = 0

    def move(self, move: str, number: int) -> None:
        """One thing happens; `number` chooses among calls, or says how long to wait."""
        breaker = self.bench.breaker
        match move:
            case "begin":
                self.begin()
            case "rest":
                self.bench.time = max(self.bench.time, self.bench.due())
            case "wait":
                self.bench.time += seconds(number)
            case "well":
                breaker.succeeded(breaker.ticket)
            case "ill":
                breaker.failed(breaker.ticket, BROKEN)
            case _ if self.calls:
                self.report(self.calls.pop(number % len(self.calls)), move)

    def begin(self) -> None:
        """A call asks for leave, and has it if the state says so."""
        breaker, state, due = self.bench.breaker, self.bench.state(), self.bench.due()
        ticket = breaker.allows()
        event(f"{state}: {bool(ticket)}")
        assert bool(ticket) == (state == "closed" or self.bench.time >= due)
        if ticket:
            self.calls.append(ticket)
        if ticket and state == "half_open":
            assert self.trial not in self.calls or self.bench.time >= self.given_up_at, "two trials at once"
            self.trial, self.given_up_at = ticket, self.bench.due()

    def report(self, ticket: int, how: str) -> None:
        """A call tells how it went; what is old news changes nothing."""
        breaker, before = self.bench.breaker, (self.bench.state(), self.bench.due())
        old = ticket != breaker.ticket
        if how in {"succeeded", "abandoned"}:
            getattr(breaker, how)(ticket)
        elif how != "lost":
            breaker.failed(ticket, BROKEN if how == "failed" else UserInputError("not audio"))
        assert not old or (self.bench.state(), self.bench.due()) == before

    def check(self) -> None:
        """What was told is a chain that leads to the state, and nobody is locked out for long."""
        state = "closed"
        for before, after in self.bench.told:
            assert before == state != after and (before, after) != ("closed", "half_open")
            state = after
        # A rest that is over is told when somebody tries.
        assert self.bench.state() in {state, "half_open" if state == "open" else state}
        assert self.bench.due() <= self.bench.time + LONGEST
        if state != "half_open":
            self.trial = 0  # whoever is still out decides nothing any more


@settings(max_examples=200)
@given(st.integers(0, 1000), st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 40)), min_size=10, max_size=60))
def test_breaker_allows_one_trial_at_a_time_in_any_schedule(seed: int, moves: list[tuple[str, int]]) -> None:
    """Some order of calls, cancellations and late reports would leave a member out for good, or flood it."""
    crowd = Crowd(seed)
    for move, number in moves:
        crowd.move(move, number)
        crowd.check()
    crowd.bench.time += LONGEST
    assert crowd.bench.call()
    assert crowd.bench.state() == "closed"
