"""libopus, called directly.

FFmpeg's wrapper decodes to 48 kHz stereo whatever is asked, which costs twice the time and
then a resampler. PyAV's wheel has the whole library beside it, so it is used through ctypes.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np

from nodes.packets import Samples
from pipeline.errors import DependencyError, ResourceError, UserInputError

Use = Literal["voip", "low_delay"]
_APPLICATION = {"voip": 2048, "low_delay": 2051}
_SET_BITRATE = 4002
_SET_COMPLEXITY = 4010
_BAD_ARGUMENT = -1
_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
_MOST_BYTES = 1275
"""The longest frame that Opus has."""
_MOST_SECONDS = 0.12
"""The longest packet."""
_BESIDE = ("av.libs/libopus*.so*", "av/.dylibs/libopus*.dylib", "av.libs/*opus*.dll")
"""Where PyAV's wheels keep it on Linux, macOS and Windows, beside the package."""


@cache
def library() -> ctypes.CDLL:
    """The loaded library; raises DependencyError. Reads files the first time: call it in a thread."""
    for candidate in _candidates():
        try:
            opus = ctypes.CDLL(candidate)
        except OSError:
            continue
        _declare(opus)
        return opus
    raise DependencyError(
        "calls need the Opus codec, and no libopus was found",
        hint="pip install --only-binary :all: av (its wheel has it inside), or install libopus: apt install libopus0",
    )


def _candidates() -> Iterator[str]:
    spec = find_spec("av")
    if spec is not None and spec.origin is not None:
        for pattern in _BESIDE:
            yield from map(str, sorted(Path(spec.origin).parent.parent.glob(pattern)))
    if found := ctypes.util.find_library("opus"):
        yield found


def _declare(opus: ctypes.CDLL) -> None:
    number, handle, data, pcm = ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
    error = ctypes.POINTER(ctypes.c_int)
    for name, result, arguments in (
        ("opus_decoder_create", handle, (number, number, error)),
        ("opus_decoder_destroy", None, (handle,)),
        ("opus_decode", number, (handle, data, number, pcm, number, number)),
        ("opus_packet_has_lbrr", number, (data, number)),
        ("opus_encoder_create", handle, (number, number, number, error)),
        ("opus_encoder_destroy", None, (handle,)),
        ("opus_encoder_ctl", number, (handle, number)),
        ("opus_encode", number, (handle, pcm, number, data, number)),
        ("opus_strerror", data, (number,)),
    ):
        function = getattr(opus, name)
        function.restype, function.argtypes = result, arguments


def _reason(code: int) -> str:
    text: bytes = library().opus_strerror(code)
    return text.decode()


class OpusDecoder:
    """Packets of one stream to int16 mono at one rate."""

    def __init__(self, rate: int = 16_000) -> None:
        self.rate = _checked(rate)
        self._opus = library()
        error = ctypes.c_int()
        self._handle = self._opus.opus_decoder_create(rate, 1, ctypes.byref(error))
        _require(self._handle, error, "decoder")
        self._size = round(rate * _MOST_SECONDS)
        self._pcm = np.empty(self._size, np.int16)
        self._address = self._pcm.ctypes.data

    def decode(self, packet: bytes) -> Samples:
        """The sound of a packet; raises UserInputError where it is malformed."""
        return self._decoded(packet, self._size, fec=0)

    def conceal(self, samples: int) -> Samples:
        """What the lost sound may have been; the length must be a multiple of 2.5 ms, 120 ms at most."""
        return self._decoded(None, samples, fec=0)

    def recover(self, packet: bytes, samples: int) -> Samples:
        """The lost sound just before this packet, from the copy that it carries."""
        return self._decoded(packet, samples, fec=1)

    def recovers(self, packet: bytes) -> bool:
        """Whether a packet carries a copy of what came before it."""
        return bool(self._opus.opus_packet_has_lbrr(packet, len(packet)) == 1)

    def _decoded(self, packet: bytes | None, samples: int, fec: int) -> Samples:
        if packet == b"":
            raise UserInputError("an Opus packet is empty", hint="it was cut off on its way")
        size = 0 if packet is None else len(packet)
        count = self._opus.opus_decode(self._handle, packet, size, self._address, samples, fec)
        if count < 0:
            raise UserInputError(
                f"a packet of {size} bytes cannot be decoded: {_reason(count)}",
                hint="it is no Opus packet, or was damaged on its way",
            )
        return self._pcm[:count].copy()

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._opus.opus_decoder_destroy(self._handle)


class OpusEncoder:
    """Int16 mono to packets of 20 ms.

    `low_delay` is CELT alone: a third of the work of `voip`, and 4 ms less delay.
    """

    def __init__(self, rate: int = 24_000, *, use: Use = "low_delay", bitrate: int = 32_000, complexity: int = 5):
        self.rate = _checked(rate)
        self.frame = rate // 50
        """Samples in a packet."""
        self._opus = library()
        error = ctypes.c_int()
        self._handle = self._opus.opus_encoder_create(rate, 1, _APPLICATION[use], ctypes.byref(error))
        _require(self._handle, error, "encoder")
        self._set(_SET_BITRATE, bitrate)
        self._set(_SET_COMPLEXITY, complexity)
        self._out = ctypes.create_string_buffer(_MOST_BYTES)

    def encode(self, samples: Samples) -> bytes:
        """One packet; raises ValueError unless there are exactly `frame` samples."""
        if samples.size != self.frame or samples.dtype != np.int16:
            raise ValueError(f"a packet takes {self.frame} int16 samples, not {samples.size} of {samples.dtype}")
        samples = np.ascontiguousarray(samples)
        size = self._opus.opus_encode(self._handle, samples.ctypes.data, self.frame, self._out, _MOST_BYTES)
        if size < 0:
            raise ResourceError(f"sound cannot be encoded: {_reason(size)}", hint="the process may be out of memory")
        return self._out.raw[:size]

    def _set(self, request: int, value: int) -> None:
        code = self._opus.opus_encoder_ctl(self._handle, request, ctypes.c_int(value))
        if code == _BAD_ARGUMENT:
            raise ValueError(f"the Opus encoder does not take {value}: bitrate is 500 to 512000, complexity 0 to 10")

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._opus.opus_encoder_destroy(self._handle)


def _checked(rate: int) -> int:
    if rate not in _RATES:
        raise ValueError(f"Opus has no rate of {rate} Hz: choose one of {', '.join(map(str, _RATES))}")
    return rate


def _require(handle: int | None, error: ctypes.c_int, what: str) -> None:
    if not handle or error.value:
        raise ResourceError(f"no Opus {what}: {_reason(error.value)}", hint="the process may be out of memory")
