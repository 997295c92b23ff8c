"""A session must find its own call, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.webrtc import _calls
from pipeline.errors import UserInputError


def test_calls_registry_finds_a_call_until_it_is_forgotten() -> None:
    peer: Any = object()
    _calls.register("a", peer)
    assert _calls.get("a") is peer
    with pytest.raises(ValueError, match="'a' already"):
        _calls.register("a", peer)
    _calls.forget("a")
    _calls.forget("a")
    with pytest.raises(UserInputError, match="no call 'a'") as caught:
        _calls.get("a")
    assert "bin/serve" in caught.value.hint


def test_calls_registry_error_without_a_name_says_how_to_run_the_graph() -> None:
    with pytest.raises(UserInputError, match="belongs to a call") as caught:
        _calls.get("")
    assert "vitagraph replay" in caught.value.hint
