"""`turn.smart`: a turn that sounds finished is told from one that goes on."""

from __future__ import annotations

import numpy as np
import pytest

from nodes.packets import Pause, TurnCompletion, duration_of
from nodes.turn._features import features
from nodes.turn.smart import SmartTurn, SmartTurnParams, load_smart_turn
from pipeline.testing import root_stamp, run_node
from tests.nodes.vad.sounds import recorded

RATE = 16_000


def test_smart_turn_features_are_those_of_whisper() -> None:
    """Other features would only make the model worse, without an error."""
    from faster_whisper.feature_extractor import FeatureExtractor

    sound = np.random.default_rng(0).normal(0, 3_000, 8 * RATE).astype(np.int16)
    scaled = sound.astype(np.float32) / 32768
    scaled = (scaled - scaled.mean()) / np.sqrt(scaled.var() + 1e-7)
    expected = FeatureExtractor(feature_size=80)(scaled, padding=0)[:, :800]
    np.testing.assert_allclose(features(sound)[0], expected, atol=2e-3)


def test_smart_turn_features_of_a_short_sound_are_padded_in_front() -> None:
    sound = np.random.default_rng(0).normal(0, 3_000, RATE).astype(np.int16)
    made = features(sound)
    assert made.shape == (1, 80, 800) and made.dtype == np.float32
    assert made[0, :, :690].max() < made[0, :, 710:].mean()


@pytest.mark.real_model
def test_smart_turn_finds_a_whole_sentence_more_complete_than_half_of_it() -> None:
    model = load_smart_turn(SmartTurnParams())
    voice = recorded("speech-audioeval", "en/quick_brown_fox.wav")
    silence = np.zeros(RATE // 10, np.int16)
    whole = model.probability(np.concatenate([voice, silence]))
    half = model.probability(np.concatenate([voice[: voice.size // 2], silence]))
    assert whole > 0.5 > half


@pytest.mark.real_model
def test_smart_turn_answers_every_pause() -> None:
    voice = recorded("speech-audioeval", "en/quick_brown_fox.wav")
    pause = Pause(root_stamp(0, duration_of(voice.size, RATE)), voice, RATE)
    found = run_node(SmartTurn(), [pause, pause]).of(TurnCompletion)
    assert len(found) == 2 and all(0 <= each.probability <= 1 for each in found)
