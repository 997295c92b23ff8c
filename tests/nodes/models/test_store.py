"""Locating models, and the errors of missing ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodes.models import path, pull, verify
from pipeline.errors import ResourceError
from tests.nodes.models.conftest import Describe


def test_store_missing_model_error_has_the_pull_command(home: Path) -> None:
    with pytest.raises(ResourceError, match="smollm2-135m is missing") as caught:
        path("smollm2-135m")
    assert caught.value.hint == "vitagraph models pull smollm2-135m"


def test_store_path_of_a_single_file_model_is_the_file(described: Describe) -> None:
    described(main="weights.bin")
    assert pull("toy") == path("toy").parent
    assert path("toy").name == "weights.bin"


def test_store_ignores_a_model_that_lacks_a_file(toy: str) -> None:
    """Otherwise the first call would fail while loading it."""
    (pull(toy) / "weights.bin").unlink()
    with pytest.raises(ResourceError, match=r"lacks weights\.bin"):
        path(toy)


def test_store_accepts_a_path_on_disk_as_a_model(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = home / "own"
    own.mkdir()
    monkeypatch.chdir(home)
    assert path(str(own)) == own
    assert path("own") == Path("own")


def test_store_missing_path_is_reported(home: Path) -> None:
    with pytest.raises(ResourceError, match="there is no model at /no/such/place"):
        path("/no/such/place")


def test_store_verify_finds_a_damaged_file(toy: str) -> None:
    """A flipped bit would give nonsense without an error."""
    verify_before = pull(toy)
    verify(toy)
    with (verify_before / "weights.bin").open("r+b") as file:
        file.write(b"?")
    with pytest.raises(ResourceError, match=r"damaged: weights\.bin") as caught:
        verify(toy)
    assert "pull toy" in caught.value.hint
