"""The Opus codec by ctypes."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import random

import numpy as np
import pytest

from nodes.packets import Samples
from nodes.webrtc.transport import opus
from nodes.webrtc.transport.opus import OpusDecoder, OpusEncoder, Use
from pipeline.errors import DependencyError, UserInputError


def tone(rate: int, seconds: float = 0.4, pitch: float = 440) -> Samples:
    return (8000 * np.sin(2 * np.pi * pitch * np.arange(round(rate * seconds)) / rate)).astype(np.int16)


def packets(encoder: OpusEncoder, samples: Samples) -> list[bytes]:
    return [encoder.encode(samples[at : at + encoder.frame]) for at in range(0, samples.size, encoder.frame)]


def pitch(samples: Samples, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(np.argmax(spectrum)) * rate / samples.size


@pytest.mark.parametrize("use", ["voip", "low_delay"])
@pytest.mark.parametrize("rate", [24_000, 48_000])
def test_opus_tone_survives_encode_and_decode(rate: int, use: Use) -> None:
    """A tone keeps its pitch and loudness."""
    decoder = OpusDecoder(16_000)
    heard = np.concatenate([decoder.decode(each) for each in packets(OpusEncoder(rate, use=use), tone(rate))])
    assert heard.size == 16_000 * 0.4
    assert abs(pitch(heard[1600:], 16_000) - 440) < 5
    assert 4000 < np.abs(heard[1600:]).max() < 12_000


def test_opus_bitrate_is_kept() -> None:
    """The encoder keeps to the bitrate that was set."""
    noise = np.random.default_rng(1).normal(0, 3000, 24_000).astype(np.int16)
    sizes = {rate: sum(map(len, packets(OpusEncoder(bitrate=rate), noise))) * 8 for rate in (16_000, 64_000)}
    assert sizes[16_000] < 22_000 < 48_000 < sizes[64_000] < 80_000


def test_opus_lost_packet_is_concealed() -> None:
    """A lost packet is neither a click nor silence."""
    decoder = OpusDecoder()
    for each in packets(OpusEncoder(), tone(24_000)):
        decoder.decode(each)
    guess = decoder.conceal(320)
    assert guess.size == 320
    assert np.abs(guess).max() > 2000


def test_opus_packet_without_fec_copy_is_recognised() -> None:
    assert not OpusDecoder().has_fec(packets(OpusEncoder(), tone(24_000))[-1])


@pytest.mark.parametrize("packet", [b"", b"\xff" * 3, b"\x03"])
def test_opus_malformed_packet_is_a_typed_error(packet: bytes) -> None:
    """Malformed packets must not end a call with a foreign exception."""
    with pytest.raises(UserInputError, match=r"packet"):
        OpusDecoder().decode(packet)


def test_opus_decoder_survives_random_bytes() -> None:
    """The library runs inside this process: it must survive anything."""
    decoder, source = OpusDecoder(), random.Random(3)
    for _ in range(2000):
        with contextlib.suppress(UserInputError):
            assert decoder.decode(source.randbytes(source.randrange(1, 200))).size <= 1920


def test_opus_refuses_wrong_lengths_and_settings() -> None:
    with pytest.raises(ValueError, match="480 int16 samples, not 100"):
        OpusEncoder(24_000).encode(np.zeros(100, np.int16))
    with pytest.raises(ValueError, match="no rate of 22050 Hz"):
        OpusEncoder(22_050)
    with pytest.raises(ValueError, match="complexity 0 to 10"):
        OpusEncoder(complexity=11)


def test_opus_missing_library_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyAV's wheels the error says how to get libopus."""
    monkeypatch.setattr(opus, "find_spec", lambda name: None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    with pytest.raises(DependencyError, match="no libopus was found") as caught:
        opus.library.__wrapped__()
    assert "pip install" in caught.value.hint and "apt install libopus0" in caught.value.hint


def test_opus_falls_back_to_the_system_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """If PyAV was built from source, the system's libopus is used."""
    loaded: list[str] = []
    real = ctypes.CDLL
    ours = next(opus.candidates())

    def load(name: str) -> ctypes.CDLL:
        loaded.append(name)
        if name == ours:
            raise OSError
        return real(ours)

    monkeypatch.setattr(ctypes.util, "find_library", lambda name: "libopus.so.0")
    monkeypatch.setattr(ctypes, "CDLL", load)
    opus.library.__wrapped__()
    assert loaded[0] == ours and loaded[-1] == "libopus.so.0"
