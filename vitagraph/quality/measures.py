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


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure. Its `values` are those of a session, in its unit; `overall` is the number for a whole period."""

    key: str
    title: str
    unit: str
    better: Better
    meaning: str
    values: Values
    overall: Callable[[Period], float | None]
    digits: int = 0
    """Behind the point."""
    most: float | None = None
    """The highest value that there can be."""

    def text(self, value: float | None) -> str:
        """A value with its unit."""
        if value is None:
            return "-"
        number = f"{value:,.{self.digits}f}".replace("-0" if not round(value, self.digits) else "\0", "0")
        return f"{number} {self.unit}".strip()


def _median_of(values: Values) -> Callable[[Period], float | None]:
    def overall(period: Period) -> float | None:
        found = [value for session in period.sessions for value in values(session)]
        return statistics.median(found) if found else None

    return overall


def _mean_of(values: Values) -> Callable[[Period], float | None]:
    def overall(period: Period) -> float | None:
        found = [value for session in period.sessions for value in values(session)]
        return statistics.fmean(found) if found else None

    return overall


def _share(part: float, whole: float) -> float | None:
    return 100 * part / whole if whole else None


def _one(value: float | None, factor: float = 1.0) -> tuple[float, ...]:
    return () if value is None else (value * factor,)


def _availability(period: Period) -> float | None:
    taken = [each for each in period.sessions if each.outcome != "not_connected"]
    offers = len(taken) + sum(count for _, count in period.refused)
    return _share(sum(each.outcome not in FAULTS for each in taken), offers)


def _success(sessions: Sequence[QualityRecord]) -> float | None:
    answered = sum(each.answered for each in sessions)
    return _share(answered, answered + sum(each.unanswered for each in sessions))


def _satisfaction(sessions: Sequence[QualityRecord]) -> float | None:
    liked = sum(each.liked for each in sessions)
    return _share(liked, liked + sum(each.disliked for each in sessions))


def _with_fallback(period: Period) -> float | None:
    held = [each for each in period.sessions if each.conversed]
    return _share(sum(bool(each.fallbacks) for each in held), len(held))


def _of(key: str, title: str, unit: str, better: Better, values: Values, meaning: str, *, digits: int = 0) -> Measure:
    return Measure(key, title, unit, better, meaning, values, _median_of(values), digits)


def _held(value: Callable[[QualityRecord], float]) -> Values:
    return lambda each: (value(each),) if each.conversed else ()


_turns, _stops, _lasted = (
    _held(lambda each: each.turns),
    _held(lambda each: each.interruptions),
    _held(lambda each: each.duration_s),
)

MEASURES = (
    Measure(
        "availability", "Availability", "%", "more",
        "calls that ended without a fault of ours, of all offers of calls that the host could have taken",
        lambda each: (), _availability, 2, 100,
    ),
    Measure(
        "success", "Turns answered", "%", "more", "turns whose answer began, of all turns that wanted one",
        lambda each: _one(_success([each])), lambda period: _success(period.sessions), 1, 100,
    ),
    Measure(
        "satisfaction", "Satisfaction", "%", "more", "good ratings, of all ratings that were given",
        lambda each: _one(_satisfaction([each])), lambda period: _satisfaction(period.sessions), 1, 100,
    ),
    _of("silence_ms", "Silence", "ms", "less", lambda each: each.silences_ms,
        "from the last voiced sample of a turn to the first audible sample of the answer"),
    _of("barge_in_ms", "Barge-in silence", "ms", "less", lambda each: _one(each.barge_in_ms),
        "from the start of a voice over an answer until the answer is silent"),
    _of("mos", "Sound (MOS)", "", "more", lambda each: _one(each.mos),
        "estimate of the quality of sound from loss and delay: 1 (bad) to 4.41", digits=2),
    _of("loss", "Packet loss", "%", "less", lambda each: _one(each.loss, 100),
        "packets of the caller's sound that did not come in time", digits=2),
    _of("jitter_ms", "Jitter", "ms", "less", lambda each: _one(each.jitter_ms),
        "how unevenly these packets arrive", digits=1),
    _of("concealed", "Concealed", "%", "less", lambda each: _one(each.concealed, 100),
        "the caller's sound that was made up in place of lost packets", digits=2),
    _of("rtt_ms", "Round trip", "ms", "less", lambda each: _one(each.rtt_ms),
        "to the client and back, as the client reports it"),
    _of("snr_db", "Voice to noise", "dB", "more", lambda each: _one(each.snr_db),
        "how far the caller's voice stands out from the noise around it", digits=1),
    _of("asr_confidence", "Recognition", "%", "more", lambda each: _one(each.asr_confidence, 100),
        "how sure the speech recognition was of its words", digits=1),
    Measure(
        "fallbacks", "With a fallback", "%", "less", "calls in which a fallback did the work of some node",
        lambda each: (), _with_fallback, 1, 100,
    ),
    Measure("turns", "Turns a call", "", "neither", "of the person, spoken or typed", _turns, _mean_of(_turns), 1),
    Measure("interruptions", "Interruptions a call", "", "neither", "answers that the person stopped",
            _stops, _mean_of(_stops), 2),
    Measure("duration_s", "Length of a call", "s", "neither", "from its beginning to its end",
            _lasted, _median_of(_lasted)),
)  # fmt: skip
BY_KEY = {measure.key: measure for measure in MEASURES}
