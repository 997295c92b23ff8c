"""The measures of a report: what each is, and how sessions give it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from vitagraph.quality.archive import Period
from vitagraph.quality.record import FAULTS, QualityRecord

Better = Literal["less", "more", "neither"]
Values = Callable[[QualityRecord], Iterable[float]]
Average = Callable[[Sequence[float]], float]
Counted = Callable[[Period], int]


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure. Its `values` are those of a session, in its unit; `overall` is the number for a whole period."""

    key: str
    title: str
    unit: str
    better: Better
    meaning: str
    overall: Callable[[Period], float | None]
    count: Callable[[Period], int]
    """Of what `overall` is about: values, or the whole of a share."""
    values: Values = lambda session: ()
    """None for a share, which has no spread: a session with one rating has 0 or 100 %."""
    digits: int = 0
    """Behind the point."""
    most: float | None = None
    """The highest value that there can be."""

    def number(self, value: float | None) -> str:
        """A value without its unit."""
        if value is None:
            return "-"
        return f"{round(value, self.digits) + 0.0:,.{self.digits}f}"

    def text(self, value: float | None) -> str:
        """A value with its unit."""
        return self.number(value) if value is None else f"{self.number(value)} {self.unit}".strip()


def _share(
    key: str, title: str, better: Better, part: Counted, whole: Counted, meaning: str, *, digits: int = 1
) -> Measure:
    """In percent."""

    def overall(period: Period) -> float | None:
        of = whole(period)
        return 100 * part(period) / of if of else None

    return Measure(key, title, "%", better, meaning, overall, whole, digits=digits, most=100)


def _spread(
    key: str,
    title: str,
    unit: str,
    better: Better,
    values: Values,
    meaning: str,
    *,
    digits: int = 0,
    average: Average = statistics.median,
) -> Measure:
    """Of values that sessions have; the average is their median, or their mean for counts a call."""

    def collect(period: Period) -> list[float]:
        return [value for session in period.sessions for value in values(session)]

    def overall(period: Period) -> float | None:
        found = collect(period)
        return average(found) if found else None

    return Measure(key, title, unit, better, meaning, overall, lambda period: len(collect(period)), values, digits)


def _total(count: Callable[[QualityRecord], int]) -> Counted:
    return lambda period: sum(map(count, period.sessions))


def _held(value: Callable[[QualityRecord], float]) -> Values:
    """Of calls in which somebody could be heard."""
    return lambda each: (value(each),) if each.conversed else ()


def _one(value: float | None, factor: float = 1.0) -> tuple[float, ...]:
    return () if value is None else (value * factor,)


def _offers(period: Period) -> int:
    connected = sum(each.outcome != "not_connected" for each in period.sessions)
    return connected + sum(count for _, count in period.refused)


MEASURES = (
    _share(
        "availability", "Availability", "more",
        _total(lambda each: each.outcome not in (*FAULTS, "not_connected")), _offers,
        "calls that ended without a fault of ours, of all offers of calls that the host could have taken", digits=2,
    ),
    _share(
        "success", "Turns answered", "more",
        _total(lambda each: each.answered), _total(lambda each: each.answered + each.unanswered),
        "turns whose answer began, of all turns that wanted one",
    ),
    _share(
        "satisfaction", "Satisfaction", "more",
        _total(lambda each: each.liked), _total(lambda each: each.liked + each.disliked),
        "good ratings, of all ratings that were given",
    ),
    _spread("silence_ms", "Silence", "ms", "less", lambda each: each.silences_ms,
            "from the last voiced sample of a turn to the first audible sample of the answer"),
    _spread("barge_in_ms", "Barge-in silence", "ms", "less", lambda each: _one(each.barge_in_ms),
            "from the start of a voice over an answer until the answer is silent"),
    _spread("mos", "Sound (MOS)", "", "more", lambda each: _one(each.mos),
            "estimate of the quality of sound from loss and delay: 1 (bad) to 4.41", digits=2),
    _spread("loss", "Packet loss", "%", "less", lambda each: _one(each.loss, 100),
            "packets of the caller's sound that did not come in time", digits=2),
    _spread("jitter_ms", "Jitter", "ms", "less", lambda each: _one(each.jitter_ms),
            "how unevenly these packets arrive", digits=1),
    _spread("concealed", "Concealed", "%", "less", lambda each: _one(each.concealed, 100),
            "the caller's sound that was made up in place of lost packets", digits=2),
    _spread("rtt_ms", "Round trip", "ms", "less", lambda each: _one(each.rtt_ms),
            "to the client and back, as the client reports it"),
    _spread("snr_db", "Voice to noise", "dB", "more", lambda each: _one(each.snr_db),
            "how far the caller's voice stands out from the noise around it", digits=1),
    _spread("asr_confidence", "Recognition", "%", "more", lambda each: _one(each.asr_confidence, 100),
            "how sure the speech recognition was of its words", digits=1),
    _share("fallbacks", "With a fallback", "less",
           _total(lambda each: each.conversed and bool(each.fallbacks)), _total(lambda each: each.conversed),
           "calls in which a fallback did the work of some node"),
    _spread("turns", "Turns a call", "", "neither", _held(lambda each: each.turns),
            "of the person, spoken or typed", digits=1, average=statistics.fmean),
    _spread("interruptions", "Interruptions a call", "", "neither", _held(lambda each: each.interruptions),
            "answers that the person stopped", digits=2, average=statistics.fmean),
    _spread("duration_s", "Length of a call", "s", "neither", _held(lambda each: each.duration_s),
            "from its beginning to its end"),
)  # fmt: skip
BY_KEY = {measure.key: measure for measure in MEASURES}
