"""The face node: frames cover the speech, join without a seam, and are deterministic."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from nodes.face.arkit import INDEX
from nodes.packets import Speech
from nodes.tts._service import TtsService
from nodes.tts.espeak import Espeak
from nodes.tts.hibari import Hibari
from nodes.tts.piper import Piper
from pipeline.packet import SECOND
from pipeline.params import ms
from tests.nodes.face.talking import TURN, batches, column, hum, phonemes, rows, sounding, speech
from tests.nodes.tts.listen import say

SAID = phonemes((" ", 40), ("h", 60), ("ə", 70), ("l", 60), ("ˈo", 120), ("ʊ", 80), (" ", 40), ("m", 90), ("ˈa", 400))
MOUTH = [column for name, column in INDEX.items() if name.startswith(("mouth", "jaw", "tongue"))]


@pytest.mark.parametrize("rate", [25, 60])
def test_visemes_frames_cover_exactly_the_speech(rate: int) -> None:
    """Batches are contiguous and none outlasts the sound."""
    spoken = speech(SAID, pts=5 * SECOND)
    made = batches(spoken, rate=rate, batch=ms(200))
    assert made[0].at.pts == spoken.at.pts
    for before, after in pairwise(made):
        assert before.at.pts + before.at.duration == after.at.pts
    end = made[-1].at.pts + made[-1].at.duration
    assert spoken.at.pts + spoken.at.duration - SECOND // rate <= end <= spoken.at.pts + spoken.at.duration
    assert sum(len(batch.weights) for batch in made) == spoken.at.duration * rate // SECOND
    assert {(batch.weights.shape[1], batch.pose.shape[1], batch.rate) for batch in made} == {(52, 7, rate)}
    assert {batch.weights.dtype for batch in made} == {np.dtype(np.float32)}
    assert all(batch.at.cause is TURN and len(batch.weights) <= 0.2 * rate for batch in made)


def test_visemes_batches_join_without_a_seam() -> None:
    """The frames do not depend on the batch size."""
    for spoken in (speech(SAID, "What?"), sounding(hum(1.0))):
        assert np.allclose(rows(spoken, batch=ms(50)), rows(spoken, batch=ms(5000)), atol=2e-5)


def test_visemes_same_speech_gives_the_same_frames() -> None:
    """And another seed gives other motion."""
    assert np.array_equal(rows(speech(SAID)), rows(speech(SAID)))
    assert not np.array_equal(rows(speech(SAID)), rows(speech(SAID), seed=1))


def test_visemes_empty_speech_gives_no_frames() -> None:
    """An empty speech that ends an answer has no frames."""
    assert batches(sounding(np.zeros(0))) == []
    assert batches(sounding(hum(0.01))) == []


def test_visemes_sentences_of_an_answer_join() -> None:
    """Between two sentences the head must not snap back."""
    first = speech(SAID)
    second = speech(SAID, pts=first.at.duration)
    frames = rows(first, second)
    seam = first.at.duration * 60 // SECOND
    steps = np.abs(np.diff(frames, axis=0))
    assert steps[seam - 1, 52:55].max() < 0.01
    assert steps[seam - 1, MOUTH].max() < 0.05


def test_visemes_face_begins_at_rest_after_a_silence() -> None:
    """The client is at rest by then; the first frame must not jump."""
    frames = rows(speech(SAID), speech(SAID, pts=10 * SECOND))
    second = len(frames) // 2
    assert np.abs(frames[second]).max() < 1e-5
    assert np.abs(frames[0]).max() < 1e-5
    assert column(frames, "mouthSmileLeft")[second - 1] > 0.03


def fit(spoken: Speech) -> tuple[int, float]:
    """By how many frames the jaw leads the loudness at their best correlation, and that correlation."""
    jaw = column(rows(spoken), "jawOpen")
    edges = np.arange(len(jaw) + 1) * spoken.rate // 60
    level = np.array([np.abs(spoken.samples[a:b].astype(float)).mean() for a, b in pairwise(edges)])
    fits = {lead: float(np.corrcoef(np.roll(jaw, lead), np.sqrt(level))[0, 1]) for lead in range(-12, 13)}
    return max(fits.items(), key=lambda pair: pair[1])


@pytest.mark.real_model
@pytest.mark.parametrize("voice", [Piper(), Hibari(), Espeak()], ids=lambda voice: type(voice).__name__)
def test_visemes_mouth_moves_with_the_voice(voice: TtsService[Any]) -> None:
    """It opens with the vowels: not late, and at most a few frames early."""
    (spoken,) = say(voice, "Bob and Mary have a big garden, and a happy dog that barks at every passing car.")
    lead, agreement = fit(spoken)
    assert 0 <= lead <= 4
    assert agreement > 0.3


@pytest.mark.real_model
def test_visemes_lips_close_for_each_plosive_of_a_real_voice() -> None:
    """Each of the eight p, b and m of this sentence is visible."""
    (spoken,) = say(Piper(), "Peter bought a maple box, maybe a copper pot.")
    pressed = column(rows(spoken), "mouthPressLeft") > 0.36
    closures = int(np.sum(pressed[1:] & ~pressed[:-1]))
    assert closures >= 7
