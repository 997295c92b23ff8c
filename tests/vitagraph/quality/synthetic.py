"""Sessions that were never held, with trends that are known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from vitagraph.quality import archive
from vitagraph.quality.emodel import burst_ratio, mean_opinion_score, rating
from vitagraph.quality.record import QualityRecord
from vitagraph.quality.schema import open_for_writing

DAY = 86_400.0
PLAIN: dict[str, Any] = {
    "session": "rtc_1",
    "graph": "assistant",
    "began": 1_799_990_000.0,
    "duration_s": 60.0,
    "outcome": "completed",
}


def session(**fields: Any) -> QualityRecord:
    """A session; only what is given was measured."""
    return QualityRecord(**{**PLAIN, **fields})


def calls(end: float, days: float, a_day: int, *, seed: int = 1, slower: float = 15.0) -> Iterator[QualityRecord]:
    """Sessions of the days before `end`; the silence of their answers grows by `slower` ms a day."""
    rng = np.random.default_rng(seed)
    for number, age in enumerate(np.sort(rng.uniform(0, days, round(days * a_day)))[::-1]):
        silences = rng.lognormal(np.log(900 + slower * (days - age)), 0.25, rng.integers(2, 9))
        loss = float(rng.exponential(0.004))
        unanswered = int(rng.random() < 0.06)
        answered, liked = len(silences), int(rng.random() < 0.3)
        yield session(
            session=f"rtc_{number}",
            graph="assistant" if rng.random() < 0.8 else "assistant-zh",
            began=end - float(age) * DAY,
            duration_s=float(rng.gamma(3, 40)),
            outcome=str(rng.choice(["completed", "idle", "failed", "not_connected"], p=[0.93, 0.04, 0.01, 0.02])),
            turns=answered + unanswered,
            answered=answered,
            unanswered=unanswered,
            interruptions=int(rng.poisson(0.7)),
            silences_ms=tuple(map(float, silences.round(1))),
            silence_p50_ms=float(np.percentile(silences, 50)),
            silence_p95_ms=float(np.percentile(silences, 95)),
            barge_in_ms=float(rng.normal(180, 30)),
            snr_db=float(rng.normal(27, 6)),
            asr_confidence=float(rng.beta(30, 4)),
            loss=loss,
            burst=burst_ratio(3, 2, loss),
            jitter_ms=float(rng.gamma(2, 3)),
            concealed=loss * 0.8,
            rtt_ms=float(rng.gamma(4, 14)),
            mos=mean_opinion_score(rating(loss, float(rng.gamma(4, 25)))),
            liked=liked,
            disliked=int(not liked and rng.random() < 0.05),
            fallbacks=("chat",) if rng.random() < 0.04 else (),
        )


def keep(
    path: Path, sessions: Iterator[QualityRecord] | list[QualityRecord], refused: dict[float, int] | None = None
) -> Path:
    """A file with these sessions, and so many offers refused at some times."""
    with closing(open_for_writing(path)) as connection:
        archive.insert(connection, sessions)
        for at, count in (refused or {}).items():
            for _ in range(count):
                archive.count_refusal(connection, at, "full")
    return path
