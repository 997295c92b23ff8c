"""Where the silence between a question and its answer goes.

A turn passes its stages, from the last voiced sample in to the first audible one out. A
part is what a stage added to the wait: a transcript that was there before the turn was
decided (work done on a guess) added nothing. So the parts add up to the silence heard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any, Literal

from pipeline.packet import MILLISECOND

Part = Literal["decided", "transcript", "text", "sentence", "speech", "playing", "audible"]
PARTS: tuple[Part, ...] = ("decided", "transcript", "text", "sentence", "speech", "playing", "audible")
"""In the order in which an answer comes about. `playing` is when its sound begins to go
out; `audible` is when that sound stops being quiet."""

TurnOutcome = Literal["answered", "interrupted", "unanswered"]


@dataclass(slots=True)
class TurnRecord:
    """One turn of a person, and what the machine did about it; times in nanoseconds."""

    cause: int
    voice_end: int
    """The end of the last voiced sample."""
    reached: dict[Part, int] = field(default_factory=dict)
    """When each stage was first reached; a stage that the graph does not have is absent."""
    heard: str = ""
    """What the person said."""
    said: str = ""
    """What the machine said, as far as it was played."""
    interrupted: bool = False

    @property
    def silence(self) -> int | None:
        """From the end of the voice to the first sound of the answer; None where there was none."""
        return max(0, self.reached["audible"] - self.voice_end) if "audible" in self.reached else None

    @property
    def outcome(self) -> TurnOutcome:
        """What became of it."""
        if self.interrupted:
            return "interrupted"
        return "answered" if "audible" in self.reached else "unanswered"

    def parts(self) -> dict[Part, int]:
        """What each stage added to the silence; they add up to it."""
        stages = [stage for stage in PARTS if stage in self.reached]
        end = max(self.voice_end, self.reached.get("audible", max(self.reached.values(), default=0)))
        latest = accumulate((min(end, self.reached[stage]) for stage in stages), max, initial=self.voice_end)
        return {stage: after - before for stage, (before, after) in zip(stages, pairwise(latest), strict=True)}

    def as_json(self, number: int) -> dict[str, Any]:
        """What turns.json says of it, in milliseconds."""
        return {
            "turn": number,
            "cause": self.cause,
            "outcome": self.outcome,
            "heard": self.heard,
            "said": self.said,
            "voice_end": _ms(self.voice_end),
            "silence": None if self.silence is None else _ms(self.silence),
            "parts": {stage: _ms(part) for stage, part in self.parts().items()},
            "reached": {stage: _ms(at) for stage, at in self.reached.items()},
        }


def percentile(values: Sequence[int], share: float) -> int | None:
    """The value below which that share (0 to 1) of the values lies; None where there are none."""
    if not values:
        return None
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return round(ordered[below] + (ordered[above] - ordered[below]) * (position - below))


def voice_to_voice(turns: Sequence[TurnRecord]) -> Mapping[str, float | None]:
    """The silence before an answer, over all turns that got one, in milliseconds."""
    silences = [turn.silence for turn in turns if turn.silence is not None]
    values = {name: percentile(silences, share) for name, share in (("p50", 0.5), ("p95", 0.95))}
    return {name: None if value is None else _ms(value) for name, value in values.items()}


def _ms(nanoseconds: int) -> float:
    return nanoseconds / MILLISECOND
