"""Static files: the page's and the avatar's, from memory."""

from __future__ import annotations

import asyncio
import gzip
import threading
from pathlib import Path

import httpx
import pytest

from pipeline.errors import ResourceError, UserInputError
from tests.vitagraph.host.fakes import Host, code
from vitagraph import avatar
from vitagraph.host.site import read_folder, read_glb

SCRIPT = b"let answer = 42;\n" * 100


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A page as it is built."""
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>")
    (folder / "assets" / "index-Ab12.js").write_bytes(SCRIPT)
    (folder / "icon.svg").write_text("<svg/>")
    (tmp_path / "secret").write_text("no")
    return folder


def test_site_caches_assets_and_revalidates_the_page(built: Path) -> None:
    """After an update nobody sees the old page, and nobody fetches twice what has not changed."""
    host = Host(built)
    page, script = host.get("/"), host.get("/assets/index-Ab12.js")
    assert (page.status_code, page.text, page.headers["cache-control"]) == (200, "<!doctype html>", "no-cache")
    assert page.headers["content-type"].startswith("text/html")
    assert "immutable" in script.headers["cache-control"]
    assert script.headers["content-type"].startswith("text/javascript")
    again = host.get("/", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_site_compresses_files_where_that_helps(built: Path) -> None:
    """The page is there sooner; whoever cannot unpack gets it plain."""
    host = Host(built)
    packed = host.get("/assets/index-Ab12.js", headers={"Accept-Encoding": "br, gzip"})
    plain = host.get("/assets/index-Ab12.js", headers={"Accept-Encoding": "identity"})
    assert packed.content == plain.content == SCRIPT  # httpx unpacks
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(SCRIPT) / 5
    assert "content-encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["vary"]
    assert "content-encoding" not in host.get("/icon.svg", headers={"Accept-Encoding": "gzip"}).headers


def test_site_head_request_has_no_body(built: Path) -> None:
    """As probes ask."""
    answer = Host(built).request("HEAD", "/")
    assert (answer.status_code, answer.headers["content-length"]) == (200, "15")


@pytest.mark.parametrize("path", ["/../secret", "/%2e%2e/secret", "/assets/../../secret", "/assets", "/assets/"])
def test_site_serves_no_other_files(path: str, built: Path) -> None:
    """Whatever the path: it is looked up among what was read at the start."""
    answer = Host(built).get(path)
    assert (answer.status_code, code(answer)) == (404, "not_found")


def test_site_page_that_was_not_built_is_explained(tmp_path: Path) -> None:
    """Whoever runs the program from its source meets no bare 404."""
    answer = Host(tmp_path / "none").get("/")
    assert answer.status_code == 503
    assert "bin/serve" in answer.text
    assert read_folder(tmp_path) == {}


def test_site_contents_match_the_files_on_disk(built: Path) -> None:
    """Compressed the same each time, so that caches agree."""
    first, second = read_folder(built), read_folder(built)
    assert first == second
    assert gzip.decompress(first["assets/index-Ab12.js"].packed) == SCRIPT


# --- the avatar


HEAD = "/avatar/head.glb"


def fetch(host: Host) -> httpx.Response:
    """The face, from a host that was started and is stopped."""

    async def main() -> httpx.Response:
        async with host.app.router.lifespan_context(host.app):
            return await host.send("GET", HEAD)

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
            waiting = asyncio.create_task(host.send("GET", HEAD))
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
