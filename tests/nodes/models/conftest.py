"""A package index with one model, and an empty home."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.nodes.models.registry import Registry, serve, sha256, wheel

WEIGHTS = bytes(range(256)) * 800
FILE = "a_model-1.0-py3-none-any.whl"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """Serves the wheel of the model `a-model`, with pip configured to use it."""
    own = Registry({FILE: wheel({"a_model/weights.bin": WEIGHTS, "a_model/sub/words.txt": b"one\ntwo\n"})})
    server = serve(own)
    monkeypatch.setenv("PIP_INDEX_URL", own.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield own
    own.go_on.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty VITAGRAPH_HOME."""
    monkeypatch.setenv("VITAGRAPH_HOME", str(tmp_path))
    return tmp_path


Describe = Callable[..., dict[str, Any]]


@pytest.fixture
def described(registry: Registry, home: Path) -> Describe:
    """Writes HOME/catalogue.yaml with the entry `toy`; keywords override its fields."""

    def write(**changes: Any) -> dict[str, Any]:
        content = registry.files[FILE]
        distribution = {"name": "a_model", "file": FILE, "sha256": sha256(content), "size": len(content)}
        toy = {
            "description": "a toy",
            "licence": "MIT",
            "size": len(WEIGHTS) + 8,
            "files": {"weights.bin": sha256(WEIGHTS), "sub/words.txt": sha256(b"one\ntwo\n")},
            "sources": [{"from": "registry", "distributions": [{**distribution, "root": "a_model"}]}],
        } | changes
        YAML(typ="safe", pure=True).dump({"toy": toy}, home / "catalogue.yaml")
        return toy

    return write


@pytest.fixture
def toy(described: Describe) -> str:
    """The name of an entry that the index has."""
    described()
    return "toy"
