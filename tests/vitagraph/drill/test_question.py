"""The recording of a drill: the same question at each of its times."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserInputError
from pipeline.packet import SECOND
from tests.vitagraph.drill.graphs import noise
from vitagraph.drill.matrix import LENGTH, QUESTIONS
from vitagraph.drill.question import RATE, write_questions


@pytest.mark.parametrize("recorded", [True, False])
def test_question_recording_has_the_question_at_its_times_only(tmp_path: Path, recorded: bool) -> None:
    """Sound at another time would be an unexpected turn."""
    file = write_questions(tmp_path, noise(tmp_path) if recorded else None)
    with wave.open(str(file)) as sound:
        assert (sound.getframerate(), sound.getnframes()) == (RATE, LENGTH * RATE // SECOND)
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    loud = np.abs(samples.reshape(-1, RATE).astype(int)).max(axis=1) > 1000
    seconds = set(np.flatnonzero(loud).tolist())
    begins = {at // SECOND for at in QUESTIONS}
    assert begins <= seconds <= {begin + after for begin in begins for after in range(3)}


def test_question_recording_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match=r"there is no file .*ask\.wav"):
        write_questions(tmp_path, tmp_path / "ask.wav")
