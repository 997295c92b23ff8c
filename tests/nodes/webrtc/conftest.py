"""The codec is loaded before a loop runs, as a host does."""

from __future__ import annotations

import pytest

from nodes.webrtc.transport.opus import library


@pytest.fixture(scope="package", autouse=True)
def opus() -> None:
    """Reading it from the disk would block the loop."""
    library()
