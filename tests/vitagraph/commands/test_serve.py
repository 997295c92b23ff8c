"""`vitagraph serve`: its options, and errors at the start."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from tests.vitagraph.conftest import Run
from vitagraph import exits
from vitagraph.commands import serve


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The arguments with which the command would start the host."""
    noted: dict[str, Any] = {}

    def note(
        settings: Any, graph: str | None, folders: tuple[Path, ...], chaos: Path | None, given: Any, *, offline: bool
    ) -> None:
        noted.update(settings=settings, graph=graph, folders=folders, chaos=chaos, given=given, offline=offline)

    monkeypatch.setattr(serve, "start", note)
    return noted


def test_serve_passes_on_the_chaos_file(run: Run, given: dict[str, Any]) -> None:
    assert run("serve", "--chaos", "chaos.yaml").code == exits.OK
    assert given["chaos"] == Path("chaos.yaml")


def test_serve_help_has_an_example(run: Run) -> None:
    """New users learn by example, and where secrets belong."""
    ran = run("serve", "--help")
    assert ran.code == exits.OK
    assert "vitagraph serve" in ran.out.partition("Example")[2]
    assert "VITAGRAPH_API_KEY" in ran.out


def test_serve_needs_no_options(run: Run, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The defaults are those of the settings."""
    from vitagraph.host.settings import HostSettings

    monkeypatch.delenv("VITAGRAPH_API_KEY", raising=False)
    monkeypatch.delenv("VITAGRAPH_TURN_SECRET", raising=False)
    assert run("serve").code == exits.OK
    assert given == {
        "settings": HostSettings(),
        "graph": None,
        "folders": (),
        "chaos": None,
        "given": {},
        "offline": False,
    }


@pytest.mark.parametrize(
    ("words", "file", "days"),
    [
        ("--quality off", None, 90),
        ("--quality kept.db --quality-keep 2w", Path("kept.db"), 14),
        ("", Path("/state/vitagraph/quality.db"), 90),
    ],
)
def test_serve_keeps_the_quality_of_sessions_where_it_is_told_to(
    words: str, file: Path | None, days: float, run: Run, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the user's folder for state by default, and nowhere if that is what the operator wants."""
    monkeypatch.delenv("VITAGRAPH_QUALITY")
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert run("serve", *words.split()).code == exits.OK
    assert (given["settings"].quality, given["settings"].quality_keep) == (file, days * 86_400)


def test_serve_explains_a_wrong_retention(run: Run) -> None:
    """A number needs a unit."""
    ran = run("serve", "--quality-keep", "90")
    assert ran.code == exits.USAGE and "7d" in ran.err


def test_serve_passes_on_options(run: Run, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets come only from the environment, where process lists do not show them."""
    monkeypatch.setenv("VITAGRAPH_API_KEY", "k")
    monkeypatch.setenv("VITAGRAPH_TURN_SECRET", "t")
    words = "serve echo --host 0.0.0.0 --port 1 --graphs a --graphs b --calls 2 --call-length 90 --idle 1.5m --drain 0"
    words += " --health 5 --new-calls 5/hour --origin https://a --origin https://b --ice stun:x"
    words += (
        " --certificate c --private-key p --state s --name voice.example --name voice --proxy ::1 --proxy 10.0.0.0/8"
    )
    assert run(*words.split(), "--avatar", "h.glb", "--offline").code == exits.OK
    settings = given["settings"]
    assert (given["graph"], given["folders"], given["offline"]) == ("echo", (Path("a"), Path("b")), True)
    assert (settings.host, settings.port, settings.calls, settings.new_calls) == ("0.0.0.0", 1, 2, "5/hour")
    assert (settings.call_length, settings.idle, settings.drain, settings.health) == (90, 90, 0, 5)
    assert (settings.origins, settings.ice) == (("https://a", "https://b"), ("stun:x",))
    assert (settings.names, settings.proxies) == (("voice.example", "voice"), ("::1", "10.0.0.0/8"))
    assert settings.state == Path("s")
    assert (settings.key, settings.turn_secret) == ("k", "t")
    assert (settings.certificate, settings.private_key, settings.avatar) == (Path("c"), Path("p"), Path("h.glb"))


@pytest.mark.parametrize("option", ["--idle=soon", "--drain=", "--call-length=-1", "--port=70000", "--calls=0"])
def test_serve_reports_wrong_usage(option: str, run: Run, given: dict[str, Any]) -> None:
    ran = run("serve", option)
    assert (ran.code, given) == (exits.USAGE, {})
    assert option.partition("=")[0] in ran.err


def test_serve_reports_a_port_in_use(run: Run) -> None:
    """With a hint and without a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = run("serve", "echo", "--offline", "--port", taken.getsockname()[1])
    assert ran.code == exits.UNAVAILABLE
    assert "is taken by another program\nhint: choose another port" in ran.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("no-such-graph", exits.INPUT, "no graph"),
        ("--graphs no-such-folder", exits.INPUT, "not a folder"),
        ("--origin example.com", exits.INPUT, "no origin"),
        ("--certificate chain.pem", exits.INPUT, "--private-key"),
        ("--avatar none.glb", exits.INPUT, "cannot be read"),
        ("--name https://voice.example", exits.INPUT, "no host name"),
        ("--proxy proxy.example", exits.INPUT, "no address"),
        ("--state missing/secrets", exits.INPUT, "cannot be kept"),
    ],
)
def test_serve_reports_invalid_options_before_loading(words: str, code: int, said: str, run: Run) -> None:
    """Before models are downloaded."""
    ran = run("serve", "--port", "0", *words.split())
    assert ran.code == code
    assert said in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("variable", ["VITAGRAPH_API_KEY", "VITAGRAPH_TURN_SECRET"])
@pytest.mark.parametrize("value", ["", "  "])
def test_serve_refuses_an_empty_secret(
    variable: str, value: str, run: Run, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that was to be filled in and was not must not open the host to everybody."""
    monkeypatch.setenv(variable, value)
    ran = run("serve")
    assert (ran.code, given) == (exits.INPUT, {})
    assert f"{variable} is set but empty\nhint: give it a value, or remove it" in ran.err


def test_serve_refuses_a_key_that_cannot_work(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint says how to make one; the key itself is not printed."""
    monkeypatch.setenv("VITAGRAPH_API_KEY", "correct horse")
    ran = run("serve", "--port", "0", "--offline")
    assert ran.code == exits.INPUT
    assert "white space" in ran.err and "openssl rand" in ran.err and "horse" not in ran.err
