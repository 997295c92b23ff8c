"""The operator's pages: who gets them, and what is in them."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.vitagraph.host.fakes import FakeCallManager, Host, bearer, code
from tests.vitagraph.host.sample_source import SampleSource
from tests.vitagraph.observe import sample
from vitagraph.observe.timeline import Console, Timeline

LOCAL = "127.0.0.1"
ID = sample.timeline().id
DATA = ("/console/state", f"/console/sessions/{ID}/timeline", f"/console/sessions/{ID}/caller.wav")


def console(static: Path = Path("/nowhere"), **settings: Any) -> Host:
    """A host with a console over the sample."""
    return Host(static, manager=FakeCallManager(console=SampleSource()), **settings)


@pytest.mark.parametrize("path", DATA)
def test_console_data_are_for_the_operator_only(path: str) -> None:
    """Whoever may call must not read what others said: the key is needed, and a client secret is not enough."""
    host = console(key="the-host-key")
    secret = host.secret(headers=bearer("the-host-key"))
    assert host.get(path, headers=bearer("the-host-key"), client=LOCAL).status_code == 200
    assert [host.get(path, headers=headers, client=LOCAL).status_code for headers in ({}, bearer(secret))] == [401, 401]
    host.close()


@pytest.mark.parametrize("path", DATA)
def test_console_data_without_a_key_are_for_this_machine_only(path: str) -> None:
    """A host that anybody may call does not show its calls to anybody, nor through a proxy."""
    host = console()
    assert host.get(path, client=LOCAL).status_code == 200
    assert code(host.get(path)) == "local_only"
    assert code(host.get(path, client=LOCAL, headers={"X-Forwarded-For": "192.0.2.7"})) == "local_only"


def test_console_state_and_timeline_are_the_documents() -> None:
    """The page reads what the host knows, fresh each time."""
    host = console()
    state, timeline = (host.get(path, client=LOCAL) for path in DATA[:2])
    assert msgspec.json.decode(state.content, type=Console) == SampleSource().console
    assert msgspec.json.decode(timeline.content, type=Timeline) == SampleSource().session
    assert state.headers["cache-control"] == timeline.headers["cache-control"] == "no-store"
    assert state.headers["content-type"] == "application/json"


def test_console_long_documents_are_compressed() -> None:
    """A call of an hour is followed on a telephone."""
    source = SampleSource()
    source.console = replace_turns(source.console, 400)
    host = Host(manager=FakeCallManager(console=source))
    packed = host.get("/console/state", client=LOCAL, headers={"Accept-Encoding": "gzip"})
    plain = host.get("/console/state", client=LOCAL, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert len(gzip.compress(plain.content, 1)) < len(plain.content) / 4


def replace_turns(state: Console, count: int) -> Console:
    """A state with many turns."""
    return msgspec.structs.replace(state, turns=state.turns[:1] * count)


def test_console_sound_is_a_wav_file() -> None:
    """One hears where it went wrong."""
    answer = console().get(DATA[2], client=LOCAL)
    assert answer.headers["content-type"] == "audio/wav" and answer.content.startswith(b"RIFF")
    assert answer.content != console().get(f"/console/sessions/{ID}/assistant.wav", client=LOCAL).content


@pytest.mark.parametrize("path", ["/console/sessions/rtc_other/timeline", "/console/sessions/rtc_other/caller.wav"])
def test_console_unknown_sessions_are_404(path: str) -> None:
    """The page says that the session is not known any more."""
    assert code(console().get(path, client=LOCAL)) == "not_found"


@pytest.mark.parametrize("side", ["host", "..%2fcaller", "caller%00"])
def test_console_sound_of_no_side_is_refused(side: str) -> None:
    """Nothing but the two sides is asked for."""
    assert console().get(f"/console/sessions/{ID}/{side}.wav", client=LOCAL).status_code in (400, 404)


def test_console_pages_are_served_from_the_build(tmp_path: Path) -> None:
    """Every session has its page; that page has no data, and so needs no key."""
    (tmp_path / "console" / "sessions").mkdir(parents=True)
    (tmp_path / "index.html").write_text("the call page")
    (tmp_path / "console.html").write_text("the console")
    (tmp_path / "console" / "sessions" / "session.html").write_text("a session")
    host = console(tmp_path, key="the-host-key")
    pages = [host.get(path) for path in ("/console", f"/console/sessions/{ID}", "/console/sessions/other")]
    assert [page.text for page in pages] == ["the console", "a session", "a session"]
    assert {page.headers["content-type"] for page in pages} == {"text/html; charset=utf-8"}
    host.close()


def test_console_pages_that_were_not_built_say_how_to_build_them() -> None:
    """As the call page does."""
    for path in ("/console", f"/console/sessions/{ID}"):
        answer = console().get(path)
        assert answer.status_code == 503 and "npm run build" in answer.text
