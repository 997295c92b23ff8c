"""Edits of ONNX models, tested in onnxruntime."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from nodes.tts._onnx import PERIOD, encode_node, expose, freeze_noise, message_field, number_field, text_field


def model(*nodes: bytes, output: str = "y") -> bytes:
    """A model from `x` of any shape (a, b, c) to `output`."""
    sizes = b"".join(message_field(1, text_field(2, letter)) for letter in "abc")
    floats = message_field(2, message_field(1, number_field(1, 1) + message_field(2, sizes)))
    graph = (
        b"".join(nodes)
        + text_field(2, "g")
        + message_field(11, text_field(1, "x") + floats)
        + message_field(12, text_field(1, output))
    )
    return number_field(1, 8) + message_field(7, graph) + message_field(8, number_field(2, 17))


NOISY = model(encode_node("RandomNormalLike", ["x"], "noise"), encode_node("Add", ["x", "noise"], "y"))


def run(raw: bytes, shape: tuple[int, int, int]) -> list[Any]:
    session = onnxruntime.InferenceSession(raw, providers=["CPUExecutionProvider"])
    first, second = (session.run(None, {"x": np.zeros(shape, np.float32)}) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    return list(first)


def frozen(seed: int, shape: tuple[int, int, int] = (1, 2, 50)) -> NDArray[np.float32]:
    noise: NDArray[np.float32] = run(freeze_noise(NOISY, seed), shape)[0]
    return noise


def test_onnx_frozen_noise_is_the_same_in_every_run_and_session() -> None:
    """A replay must give the same bytes, whatever was spoken before in the process."""
    assert np.array_equal(frozen(3), frozen(3))
    assert not np.array_equal(frozen(3), frozen(4))
    assert np.array_equal(frozen(3)[:, :, :20], frozen(3, (1, 2, 20)))


def test_onnx_frozen_noise_is_still_random() -> None:
    """Otherwise the voice sounds flat."""
    noise = frozen(0, (1, 192, 500))
    assert noise.shape == (1, 192, 500)
    assert abs(float(noise.mean())) < 0.02
    assert float(noise.std()) == pytest.approx(1, abs=0.02)


def test_onnx_frozen_noise_repeats_when_exhausted() -> None:
    """Long texts and wide models work too."""
    noise = frozen(0, (1, 300, PERIOD + 10))
    assert np.array_equal(noise[:, :, PERIOD:], noise[:, :, :10])
    assert np.array_equal(noise[:, 256:], noise[:, :44])


def test_onnx_hidden_result_becomes_an_output() -> None:
    """This gives the phoneme durations of a voice."""
    raw = model(encode_node("Ceil", ["x"], "hidden"), encode_node("Neg", ["hidden"], "y"))
    shown, name = expose(raw, "Ceil")
    assert name == "hidden"
    assert len(run(shown, (1, 1, 4))) == 2


def test_onnx_model_with_no_or_two_candidates_is_unchanged() -> None:
    """The face then follows the loudness."""
    assert expose(NOISY, "Ceil") == (NOISY, "")
    two = model(encode_node("Ceil", ["x"], "a"), encode_node("Ceil", ["a"], "y"))
    assert expose(two, "Ceil") == (two, "")


def test_onnx_freezing_does_not_change_a_real_model_without_noise() -> None:
    """Every field is preserved, weights included."""
    raw = files("hibari").joinpath("assets/hibari.onnx").read_bytes()
    assert freeze_noise(raw, 0).startswith(raw)
