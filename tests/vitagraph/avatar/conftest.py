"""The head, built once from the real data."""

from __future__ import annotations

import pytest

from nodes.models import path
from tests.vitagraph.avatar.reader import Glb, parse
from vitagraph.avatar import DATA, build


@pytest.fixture(scope="package")
def content() -> bytes:
    """The bytes of the head."""
    return build(path(DATA))


@pytest.fixture(scope="package")
def glb(content: bytes) -> Glb:
    """The parsed head."""
    return parse(content)
