"""PNG files that any decoder reads."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from vitagraph.avatar import png


@pytest.mark.parametrize(("channels", "name"), [(3, "rgb24"), (4, "rgba")])
def test_png_picture_round_trips(channels: int, name: str) -> None:
    """A wrong filter or length would garble the texture."""
    pixels = np.random.default_rng(0).integers(0, 256, (13, 7, channels), dtype=np.uint8)
    with av.open(io.BytesIO(png.rgb(pixels)), "r", format="png_pipe") as file:
        (frame,) = file.decode(video=0)
        assert (frame.to_ndarray(format=name) == pixels).all()
