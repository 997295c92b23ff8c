"""libopus, called directly through ctypes.

FFmpeg's wrapper always decodes to 48 kHz stereo, which takes twice the time and a resampler
on top. PyAV's wheel ships the whole library.
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
_MAX_BYTES = 1275
"""The longest frame of Opus."""
_MAX_SECONDS = 0.12
"""The longest packet."""
_IN_WHEELS = ("av.libs/libopus*.so*", "av/.dylibs/libopus*.dylib", "av.libs/*opus*.dll")
"""Where PyAV's wheels have it on Linux, macOS and Windows, relative to site-packages."""


@cache
def library() -> ctypes.CDLL:
    """The loaded library; raises DependencyError if there is none. Make the first call in a thread: it reads files."""
    for candidate in candidates():
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


def candidates() -> Iterator[str]:
    """Paths and names to load libopus from, in order of preference."""
    spec = find_spec("av")
    if spec is not None and spec.origin is not None:
        for pattern in _IN_WHEELS:
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
    """Decodes the packets of one stream to int16 mono, of shape (n,), at `rate` Hz."""

    def __init__(self, rate: int = 16_000) -> None:
        self.rate = _checked(rate)
        self._opus = library()
        error = ctypes.c_int()
        self._handle = self._opus.opus_decoder_create(rate, 1, ctypes.byref(error))
        _require(self._handle, error, "decoder")
        self._size = round(rate * _MAX_SECONDS)
        self._pcm = np.empty(self._size, np.int16)
        self._address = self._pcm.ctypes.data

    def decode(self, packet: bytes) -> Samples:
        """The audio of a packet; raises UserInputError if it is malformed."""
        return self._decoded(packet, self._size, fec=0)

    def conceal(self, samples: int) -> Samples:
        """A guess at lost audio; `samples` must be a multiple of 2.5 ms, at most 120 ms."""
        return self._decoded(None, samples, fec=0)

    def decode_fec(self, packet: bytes, samples: int) -> Samples:
        """The lost audio just before this packet, from the copy that it carries (forward error correction)."""
        return self._decoded(packet, samples, fec=1)

    def has_fec(self, packet: bytes) -> bool:
        """Whether a packet carries a copy of the audio before it."""
        return bool(self._opus.opus_packet_has_lbrr(packet, len(packet)) == 1)

    def _decoded(self, packet: bytes | None, samples: int, fec: int) -> Samples:
        if packet == b"":
            raise UserInputError("an Opus packet is empty", hint="it was truncated on its way")
        size = 0 if packet is None else len(packet)
        count = self._opus.opus_decode(self._handle, packet, size, self._address, samples, fec)
        if count < 0:
            raise UserInputError(
                f"a packet of {size} bytes cannot be decoded: {_reason(count)}",
                hint="it is not an Opus packet, or was damaged on its way",
            )
        return self._pcm[:count].copy()

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._opus.opus_decoder_destroy(self._handle)


class OpusEncoder:
    """Encodes int16 mono at `rate` Hz into packets of 20 ms.

    `use="low_delay"` uses CELT alone: a third of the work of `voip`, and 4 ms less delay. `bitrate` is
    500 to 512,000 bits per second, `complexity` 0 to 10.
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
        self._out = ctypes.create_string_buffer(_MAX_BYTES)

    def encode(self, samples: Samples) -> bytes:
        """One packet; raises ValueError unless there are exactly `frame` int16 samples."""
        if samples.size != self.frame or samples.dtype != np.int16:
            raise ValueError(f"a packet takes {self.frame} int16 samples, not {samples.size} of {samples.dtype}")
        samples = np.ascontiguousarray(samples)
        size = self._opus.opus_encode(self._handle, samples.ctypes.data, self.frame, self._out, _MAX_BYTES)
        if size < 0:
            raise ResourceError(f"audio cannot be encoded: {_reason(size)}", hint="the process may be out of memory")
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
