"""The latency waterfall of a turn: how the silence before an answer divides into parts.

Each part ends at a milestone, from the last voiced sample in to the first audible sample out.
A milestone reached early adds nothing, such as a transcript that was ready before the turn was
committed. So the parts add up to the silence heard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any, Literal

from pipeline.packet import MILLISECOND

WaterfallPart = Literal["decided", "transcript", "text", "sentence", "speech", "playing", "audible"]
PARTS: tuple[WaterfallPart, ...] = ("decided", "transcript", "text", "sentence", "speech", "playing", "audible")
"""The parts in order. `playing` ends when playback starts, `audible` at the first audible sample."""

TurnOutcome = Literal["answered", "interrupted", "unanswered"]


@dataclass(slots=True)
class TurnRecord:
    """One turn of a person and the answer to it; times in nanoseconds."""

    cause: int
    voice_end: int
    """The end of the last voiced sample."""
    reached: dict[WaterfallPart, int] = field(default_factory=dict)
    """When the milestone of each part was first reached; parts that the graph lacks are absent."""
    heard: str = ""
    """The transcript of the turn."""
    said: str = ""
    """The answer, as far as it was played."""
    committed: bool = False
    interrupted: bool = False
    trace: str = ""
    """The id of its trace, 32 hexadecimal digits; empty without tracing."""
    over_budget: str = ""
    """The part that took longest, once BudgetExceeded was posted for it."""
    finished: bool = False
    """True once the record will not change any more."""

    @property
    def silence(self) -> int | None:
        """Time from the end of the voice to the first audible sample of the answer; None without an answer."""
        return max(0, self.reached["audible"] - self.voice_end) if "audible" in self.reached else None

    @property
    def outcome(self) -> TurnOutcome:
        """How the turn ended."""
        if self.interrupted:
            return "interrupted"
        return "answered" if "audible" in self.reached else "unanswered"

    def parts(self) -> dict[WaterfallPart, int]:
        """Duration of each part; they add up to the silence."""
        parts = [part for part in PARTS if part in self.reached]
        end = max(self.voice_end, self.reached.get("audible", max(self.reached.values(), default=0)))
        latest = accumulate((min(end, self.reached[part]) for part in parts), max, initial=self.voice_end)
        return {part: after - before for part, (before, after) in zip(parts, pairwise(latest), strict=True)}

    def as_json(self, number: int) -> dict[str, Any]:
        """The entry in turns.json, in milliseconds."""
        return {
            "turn": number,
            "cause": self.cause,
            "outcome": self.outcome,
            "heard": self.heard,
            "said": self.said,
            "voice_end": _ms(self.voice_end),
            "silence": None if self.silence is None else _ms(self.silence),
            "parts": {part: _ms(duration) for part, duration in self.parts().items()},
            "reached": {part: _ms(at) for part, at in self.reached.items()},
        }


def percentile(values: Sequence[int], share: float) -> int | None:
    """The value below which a share (0 to 1) of the values lies; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return round(ordered[below] + (ordered[above] - ordered[below]) * (position - below))


def voice_to_voice(turns: Sequence[TurnRecord]) -> Mapping[str, float | None]:
    """Percentiles of the silence before an answer over all answered turns, in milliseconds."""
    silences = [turn.silence for turn in turns if turn.silence is not None]
    values = {name: percentile(silences, share) for name, share in (("p50", 0.5), ("p95", 0.95))}
    return {name: None if value is None else _ms(value) for name, value in values.items()}


def _ms(nanoseconds: int) -> float:
    return nanoseconds / MILLISECOND
