"""What a soak counts, and what it computes from that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

MINUTE = 60.0


@dataclass(slots=True)
class Outage:
    """A time in which a call was dead. Seconds on one clock."""

    began: float
    """When the last packet of the host arrived."""
    ended: float
    """When the caller was connected again, or would have hung up."""
    why: str
    killed: bool = False
    """Whether the soak itself had killed the host."""


@dataclass(slots=True)
class CallRecord:
    """One call as its caller planned it: interruptions belong to it."""

    began: float
    ended: float = 0.0
    outages: list[Outage] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How long it lasted, outages included."""
        return self.ended - self.began

    def dead(self, *, killed: bool) -> float:
        """Seconds of its outages, with or without those that the soak has caused."""
        chosen = (each for each in self.outages if killed or not each.killed)
        return sum(min(each.ended, self.ended) - each.began for each in chosen)

    def failed_minutes(self, *, killed: bool) -> set[int]:
        """Which of its minutes, counted from 0, have an outage."""
        chosen = (each for each in self.outages if killed or not each.killed)
        return {
            minute
            for each in chosen
            for minute in range(
                int((each.began - self.began) // MINUTE), int((min(each.ended, self.ended) - self.began) // MINUTE) + 1
            )
        }


@dataclass(slots=True)
class Ledger:
    """Everything that happened to all callers."""

    calls: list[CallRecord] = field(default_factory=list)
    asked: int = 0
    answered: int = 0
    cut: int = 0
    """Questions that were under way when the soak killed the host; neither asked nor answered."""
    strangers: Counter[str] = field(default_factory=Counter)
    """Requests of strangers, by kind and answer."""
    refusals: Counter[str] = field(default_factory=Counter)
    """Calls that were refused as they should be, by status and code."""
    wrong: list[str] = field(default_factory=list)
    """What no client should meet: a 500, an answer that never came, a call that broke off."""
    back: list[float] = field(default_factory=list)
    """For each call that was connected when the soak killed the host: seconds until it was connected again."""
    healthz: list[float] = field(default_factory=list)
    """Seconds that each probe took."""

    @property
    def minutes(self) -> float:
        """Minutes of all calls together."""
        return sum(call.seconds for call in self.calls) / MINUTE

    def dead_minutes(self, *, killed: bool) -> float:
        """Minutes of all outages together."""
        return sum(call.dead(killed=killed) for call in self.calls) / MINUTE

    def failed_minutes(self, *, killed: bool) -> int:
        """Minutes of calls that have an outage, however short."""
        return sum(len(call.failed_minutes(killed=killed)) for call in self.calls)

    def availability(self, *, killed: bool) -> float:
        """The share of the time of all calls in which they were not dead, 0 to 1."""
        return 1 - self.dead_minutes(killed=killed) / self.minutes if self.minutes else 0.0

    @property
    def success(self) -> float:
        """The share of questions that were answered, 0 to 1."""
        return self.answered / self.asked if self.asked else 0.0


def percentile(values: Iterable[float], share: float) -> float:
    """The value that a share of the others does not exceed; 0 if there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def table(ledger: Ledger, *, killed: bool) -> list[str]:
    """The figures as lines."""
    lines = [
        f"calls {len(ledger.calls)}, {ledger.minutes:.1f} minutes of calls; "
        f"dead {ledger.dead_minutes(killed=False) * MINUTE:.1f} s, in {ledger.failed_minutes(killed=False)} minutes",
        f"availability of call-minutes  {ledger.availability(killed=False):.4%}",
        f"success of turns              {ledger.success:.2%}  ({ledger.answered} of {ledger.asked} answered)",
        f"healthz                       {percentile(ledger.healthz, 0.5) * 1000:.0f} ms median, "
        f"{percentile(ledger.healthz, 0.99) * 1000:.0f} ms at 99 %, "
        f"{max(ledger.healthz, default=0) * 1000:.0f} ms at most",
    ]
    if killed:
        times = ", ".join(f"{seconds:.1f}" for seconds in sorted(ledger.back)) or "no call was connected"
        lines += [
            f"after SIGKILL, callers were back after {times} s; {ledger.cut} questions were cut off",
            f"with the SIGKILL counted      {ledger.availability(killed=True):.4%} of call-minutes",
        ]
    lines += [
        f"refused callers: {_counts(ledger.refusals)}",
        f"strangers: {_counts(ledger.strangers)}",
        f"wrong: {len(ledger.wrong)}",
        *(f"    {text}" for text in ledger.wrong[:10]),
    ]
    return lines


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items())) or "none"
