"""Writes PNG images: 8 bits per channel, or a palette of at most 256 colours."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


def rgb(pixels: Bytes) -> bytes:
    """Encodes an image of shape (height, width, 3), or with alpha (height, width, 4)."""
    return _png(pixels, kind=2 if pixels.shape[2] == 3 else 6)


def indexed(indices: Bytes, palette: Bytes) -> bytes:
    """Encodes an image of shape (height, width) whose values are palette indices."""
    return _png(indices[:, :, None], kind=3, palette=_chunk(b"PLTE", palette.tobytes()))


def _png(pixels: Bytes, kind: int, palette: bytes = b"") -> bytes:
    height, width, channels = pixels.shape
    rows = pixels.reshape(height, width * channels).astype(np.int16)
    # Filter 1 stores the difference from the left neighbour; palette indices are stored unfiltered.
    filtered = rows if kind == 3 else rows - np.pad(rows, ((0, 0), (channels, 0)))[:, : width * channels]
    tagged = np.concatenate([np.full((height, 1), 0 if kind == 3 else 1), filtered], axis=1).astype(np.uint8)
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))
    content = _chunk(b"IDAT", zlib.compress(tagged.tobytes(), 9))
    return b"\x89PNG\r\n\x1a\n" + header + palette + content + _chunk(b"IEND", b"")


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
