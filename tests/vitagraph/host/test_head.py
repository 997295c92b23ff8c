"""The face that the page fetches."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import httpx
import pytest

from pipeline.errors import ResourceError, UserInputError
from tests.vitagraph.host.fakes import Host, code
from vitagraph import avatar
from vitagraph.host.head import read_glb

PATH = "/avatar/head.glb"


def fetch(host: Host) -> httpx.Response:
    """The face, from a host that was started and is stopped."""

    async def main() -> httpx.Response:
        async with host.app.router.lifespan_context(host.app):
            return await host.send("GET", PATH)

    return asyncio.run(main())


def glb(folder: Path) -> Path:
    """Something that begins like one."""
    file = folder / "other.glb"
    file.write_bytes(b"glTF" + bytes(1000))
    return file


def test_head_endpoint_serves_the_given_file(tmp_path: Path) -> None:
    """At the same path as ours."""
    file = glb(tmp_path)
    answer = fetch(Host(avatar=file))
    assert answer.content == file.read_bytes()
    assert answer.headers["content-type"] == "model/gltf-binary"
    assert answer.headers["cache-control"] == "no-cache"


def test_head_endpoint_builds_the_default_head_in_the_background(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first time it takes seconds: in a thread, and who asks meanwhile waits."""
    asked = threading.Event()

    def head() -> Path:
        assert threading.current_thread() is not threading.main_thread()
        assert asked.wait(10)
        return glb(tmp_path)

    monkeypatch.setattr(avatar, "head", head)
    host = Host()

    async def main() -> httpx.Response:
        async with host.app.router.lifespan_context(host.app):
            waiting = asyncio.create_task(host.send("GET", PATH))
            assert (await host.send("GET", "/healthz")).status_code == 200
            assert not waiting.done()
            asked.set()
            return await waiting

    assert asyncio.run(main()).status_code == 200


def test_head_endpoint_without_data_does_not_stop_calls(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its data is missing: the page is told, and the log says why."""

    def head() -> Path:
        raise ResourceError("the data is not here", hint="vitagraph avatar build")

    monkeypatch.setattr(avatar, "head", head)
    answer = fetch(Host())
    assert (answer.status_code, code(answer)) == (503, "no_avatar")
    assert "the data is not here" in caplog.text


def test_head_file_that_is_invalid_is_reported_at_start(tmp_path: Path) -> None:
    """At the start, with the file's name."""
    with pytest.raises(UserInputError, match="cannot be read"):
        read_glb(tmp_path / "none.glb")
    (tmp_path / "a.glb").write_text("<html>")
    with pytest.raises(UserInputError, match="no GLB"):
        read_glb(tmp_path / "a.glb")
