"""Sounds over an answer, with real voices and models: `python -m benchmarks.overlaps` runs the whole table."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks._overlap_cases import DETECTORS, Case, cases, run
from benchmarks.overlaps import verdict

pytestmark = pytest.mark.real_model

CHOSEN = ("noise:sneeze", "say:joe:That's right.", "say:joe:Hold on.")
"""One of each kind; the longest pauses and the words that are easiest to mistake are in the benchmark."""


def test_table_of_sounds_has_enough_of_each_kind() -> None:
    kinds = [case.kind for case in cases()]
    assert kinds.count("noise") + kinds.count("backchannel") >= 30
    assert kinds.count("interruption") >= 12 and kinds.count("answer") >= 4


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("case", [case for case in cases() if case.sound in CHOSEN], ids=lambda case: case.sound)
def test_sound_over_an_answer(case: Case, detector: str, tmp_path: Path) -> None:
    """A machine that a sneeze or an "mm-hm" silences is unusable in a living room, and so is one that talks on."""
    assert verdict(case, run(case, detector, tmp_path)) == ""
