"""`vad.silero`: the most reliable detector, and how the others compare."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nodes.packets import Audio
from nodes.silero import CONTEXT, WINDOW, load_silero
from nodes.vad.energy import EnergyVad
from nodes.vad.silero import SileroVad, SileroVadParams
from nodes.vad.webrtc import WebRtcVad
from pipeline.cause import Causes
from pipeline.errors import DependencyError
from pipeline.node import Context, Node
from pipeline.testing import run_node
from tests.nodes.vad.sounds import heard, hiss, mask, recorded, spans

FIRST_WORD, LAST_WORD = 1.35, 9.9
"""Where the speaker begins and ends, in seconds, with the second of silence before."""

pytestmark = pytest.mark.real_model


@pytest.mark.parametrize("level", [-70, -45, -35])
def test_silero_vad_finds_a_recorded_speaker_in_any_noise(level: int) -> None:
    """The same span in quiet and in noise, and none before or after."""
    voice = recorded("speech-beckett", "beckett.wav")
    room = hiss(2 + len(voice) / 16_000, level=level)[: len(voice) + 32_000]
    samples = np.clip(np.pad(voice, 16_000).astype(np.int32) + room, -32768, 32767).astype(np.int16)
    found = spans(heard(SileroVad(), samples))
    assert found[0][0] == pytest.approx(FIRST_WORD, abs=0.15)
    assert found[-1][1] == pytest.approx(LAST_WORD, abs=0.15)


@pytest.mark.parametrize("size", [160, 320, 512, 777, 3_200])
def test_silero_vad_does_not_depend_on_packet_size(size: int) -> None:
    """Windows of 32 ms do not align with packets of 20 ms."""
    voice = np.concatenate([recorded("speech-cards", "001.wav"), np.zeros(8_000, np.int16)])
    expected = spans(heard(SileroVad(), voice, size=len(voice)))
    out = heard(SileroVad(), voice, size=size)
    assert expected
    assert spans(out) == expected
    np.testing.assert_array_equal(np.concatenate([packet.samples for packet in out.of(Audio)]), voice)


def test_silero_vad_windowed_result_equals_that_of_the_whole() -> None:
    """A wrong recurrent state would only make the detector worse, without an error."""
    voice = recorded("speech-cards", "001.wav")
    windows = voice[: voice.size // WINDOW * WINDOW].reshape(-1, WINDOW)
    model = load_silero(SileroVadParams())
    scaled = windows.astype(np.float32) / 32768
    before = np.concatenate([np.zeros((1, CONTEXT), np.float32), scaled[:-1, -CONTEXT:]])
    nothing = np.zeros((1, 1, 128), np.float32)
    (expected, *_) = model.run(None, {"input": np.hstack([before, scaled]), "h": nothing, "c": nothing})
    node = SileroVad()
    clock: Any = None
    engine = SimpleNamespace(member=model)
    node.start(Context("vad", clock, Causes(), lambda _: None, lambda _: None, pools={"engine": engine}))
    np.testing.assert_allclose([node.probability(window) for window in windows], expected, atol=1e-4)


@pytest.mark.parametrize("level", [-60, -40, -25])
def test_silero_vad_ignores_noise(level: int) -> None:
    """Not even loud noise."""
    assert spans(heard(SileroVad(), hiss(4.0, level=level))) == []


AGREEMENT = {
    "webrtc 1": (WebRtcVad(aggressiveness=1), 0.84),
    "webrtc 2": (WebRtcVad(aggressiveness=2), 0.86),
    "webrtc 3": (WebRtcVad(aggressiveness=3), 0.91),
    "energy": (EnergyVad(), 0.88),
}


@pytest.mark.parametrize(("other", "least"), AGREEMENT.values(), ids=AGREEMENT.keys())
def test_silero_vad_agrees_with_the_cheaper_detectors(other: Node[Any], least: float) -> None:
    """On a minute of recorded speech with pauses."""
    minute = recorded("speech-silero", "test.wav")
    surest = mask(heard(SileroVad(), minute), len(minute))
    found = mask(heard(other, minute), len(minute))
    assert surest.mean() == pytest.approx(0.786, abs=0.01)
    assert (surest == found).mean() >= least
    assert found[surest].mean() >= 0.9


def test_silero_vad_missing_package_error_has_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a fallback can take over."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(DependencyError) as caught:
        run_node(SileroVad(), [])
    assert "onnxruntime and faster-whisper" in caught.value.message
