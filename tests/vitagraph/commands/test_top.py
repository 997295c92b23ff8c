"""`vitagraph top`: the console in a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import msgspec
import pytest
from rich.console import Console as Terminal

from pipeline.errors import NetworkError, UserInputError
from tests.vitagraph.observe import sample
from vitagraph import cli
from vitagraph.commands import top

Answer = Callable[[httpx.Request], httpx.Response]
ADDRESS = "http://127.0.0.1:9"


def client(answer: Answer) -> httpx.Client:
    """Asks a host that answers so."""
    return httpx.Client(base_url=ADDRESS, transport=httpx.MockTransport(answer))


def test_top_shows_what_is_slow_and_what_fails_within_80_columns() -> None:
    """An operator on a small terminal sees calls, nodes, turns and alerts."""
    terminal = Terminal(width=80, record=True, force_terminal=False)
    terminal.print(top.screen(sample.console()))
    text = terminal.export_text()
    for each in ("calls", "nodes of assistant", "latest turns", "ALERT", "fallback", "ms"):
        assert each in text, each
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (401, UserInputError, "VITAGRAPH_API_KEY"),
        (403, UserInputError, "VITAGRAPH_API_KEY"),
        (404, NetworkError, "is it a Vitagraph host?"),
    ],
)
def test_top_says_why_a_host_shows_nothing(status: int, kind: type[Exception], hint: str) -> None:
    """The hint is what to do about it."""
    with client(lambda request: httpx.Response(status)) as http, pytest.raises(kind, match=hint.replace("?", r"\?")):
        top.fetch(http)


def test_top_says_that_a_host_is_away() -> None:
    """And not with a traceback."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with client(refuse) as http, pytest.raises(NetworkError, match="is the host running"):
        top.fetch(http)


def test_top_prints_json_for_programs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With the key from the environment."""
    monkeypatch.setenv("VITAGRAPH_API_KEY", "sesame")
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["authorization"])
        return httpx.Response(200, content=msgspec.json.encode(sample.console()))

    usual = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **named: usual(**named, transport=httpx.MockTransport(answer)))
    with pytest.raises(SystemExit) as left:
        cli.main(["top", ADDRESS, "--once", "--json"])
    assert left.value.code == 0 and asked == ["Bearer sesame"]
    assert json.loads(capsys.readouterr().out)["host"]["version"]
