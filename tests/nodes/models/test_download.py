"""Failures of the package index, and their messages."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from nodes.models import pull
from nodes.models.index import index_url
from pipeline.errors import NetworkError, ResourceError
from tests.nodes.models.registry import Fault, Registry


@pytest.fixture
def closed_port(monkeypatch: pytest.MonkeyPatch) -> str:
    """An index that does not listen; its URL contains a password."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("PIP_INDEX_URL", f"http://me:secret@127.0.0.1:{port}/simple")
    return index_url()


def test_download_without_network_has_a_hint(toy: str, home: Path, closed_port: str) -> None:
    with pytest.raises(NetworkError, match=r"could not be fetched from 127\.0\.0\.1") as caught:
        pull(toy)
    for way in ("copy the folder", "VITAGRAPH_HOME", "local"):
        assert way in caught.value.hint
    assert not (home / "models" / toy).exists()


def test_download_error_hides_the_password_of_the_index_address(toy: str, closed_port: str) -> None:
    """It would end up in logs and bug reports."""
    with pytest.raises(NetworkError) as caught:
        pull(toy)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        ("truncated", NetworkError, "could not be fetched"),
        ("500", NetworkError, "answered 500"),
        ("other", ResourceError, "it was deleted"),
    ],
)
def test_download_with_bad_content_is_not_kept(
    toy: str, home: Path, registry: Registry, fault: Fault, error: type[Exception], says: str
) -> None:
    registry.fault = fault
    with pytest.raises(error, match=says):
        pull(toy)
    assert [file for file in (home / "models").iterdir() if file.suffix != ".lock"] == []


def test_download_of_a_file_the_registry_lacks_names_the_registry(toy: str, registry: Registry) -> None:
    registry.files.clear()
    with pytest.raises(ResourceError, match=r"the registry at 127\.0\.0\.1 does not have a_model-1\.0"):
        pull(toy)
