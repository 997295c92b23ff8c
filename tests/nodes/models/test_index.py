"""Which package index is used: the one that pip uses."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from nodes.models import index
from nodes.models.index import PUBLIC, PUBLIC_NPM, configured_index, configured_registry, find, index_url, npm_url
from nodes.models.reasons import Unusable
from tests.nodes.models.conftest import FILE
from tests.nodes.models.registry import Registry


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.delenv("NPM_CONFIG_REGISTRY", raising=False)
    configured_index.cache_clear()
    configured_registry.cache_clear()
    yield
    configured_index.cache_clear()
    configured_registry.cache_clear()


def _pip_says(monkeypatch: pytest.MonkeyPatch, output: str) -> None:
    answer = subprocess.CompletedProcess([], 0, stdout=output)
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_options: answer)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("", PUBLIC),
        ("global.timeout='60'\n", PUBLIC),
        ("global.index-url='https://mirror.example/simple/'\n", "https://mirror.example/simple"),
        ("global.index-url='https://a.example/s'\n:env:.index-url='https://b.example/s'\n", "https://b.example/s"),
        ("global.index-url='https://a.example/s'\ndownload.index-url='https://c.example/s'\n", "https://c.example/s"),
        ("global.extra-index-url='file:///opt/packages'\nglobal.find-links='/opt/wheels'\n", PUBLIC),
        ("global.index-url='file:///opt/packages'\n", PUBLIC),
    ],
)
def test_index_url_comes_from_pips_settings(monkeypatch: pytest.MonkeyPatch, output: str, expected: str) -> None:
    """Behind a company mirror the public index is unreachable."""
    _pip_says(monkeypatch, output)
    assert index_url() == expected


def test_index_url_prefers_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    _pip_says(monkeypatch, "global.index-url='https://a.example/s'\n")
    monkeypatch.setenv("PIP_INDEX_URL", "https://b.example/simple/")
    assert index_url() == "https://b.example/simple"


def test_index_url_is_read_from_real_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """If pip changed the output format, a mirror would be ignored."""
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    assert configured_index() == "https://mirror.example/simple"


def test_index_url_reports_pip_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another source may work; the public index must not replace a mirror silently."""

    def hangs(*_args: Any, **_options: Any) -> None:
        raise subprocess.TimeoutExpired("pip", index.TIMEOUT)

    monkeypatch.setattr(subprocess, "run", hangs)
    with pytest.raises(Unusable, match="pip did not answer within 60 s") as caught:
        index_url()
    assert "PIP_INDEX_URL" in caught.value.hint


@pytest.mark.parametrize("html", [False, True])
def test_index_find_reads_html_and_json_listings(
    registry: Registry, html: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", registry.url)
    registry.html = html
    with httpx.Client() as client:
        address = find(client, "A.Model", FILE)
        assert address is not None
        assert address.split("#")[0] == registry.url.replace("simple", f"files/{FILE}")
        assert find(client, "a_model", "a_model-2.0.whl") is None
        assert find(client, "another", FILE) is None


@pytest.mark.parametrize(
    ("output", "expected"),
    [("https://mirror.example/npm/\n", "https://mirror.example/npm"), ("undefined\n", PUBLIC_NPM), ("", PUBLIC_NPM)],
)
def test_npm_url_comes_from_npms_settings(monkeypatch: pytest.MonkeyPatch, output: str, expected: str) -> None:
    """Behind a company mirror the public registry is unreachable."""
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/npm")
    _pip_says(monkeypatch, output)
    assert npm_url() == expected


def test_npm_url_without_npm_is_the_public_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert npm_url() == PUBLIC_NPM
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://b.example/")
    assert npm_url() == "https://b.example"
