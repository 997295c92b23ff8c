"""The description names the status codes that really come, and no others."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from pipeline.errors import AdmissionError
from tests.vitagraph.host.fakes import CALLS, OFFER, SDP, SECRETS, FakeCallManager, Host, bearer
from vitagraph.host import limits
from vitagraph.host.seats import TooManyFromAddress

JSON = {"Content-Type": "application/json"}
EVIL = {"Origin": "https://evil.example"}


def described() -> dict[tuple[str, str], set[int]]:
    """The status codes of each operation."""
    paths: dict[str, Any] = Host().get("/openapi.json").json()["paths"]
    return {
        (method.upper(), path): set(map(int, operation["responses"]))
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def test_openapi_describes_the_status_codes_that_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.01)
    found: dict[tuple[str, str], set[int]] = {}

    def ask(host: Host, method: str, path: str, template: str = "", **what: Any) -> str:
        answer = host.request(method, path, **what)
        found.setdefault((method, template or path), set()).add(answer.status_code)
        return str(answer.headers.get("location", ""))

    async def slow() -> Any:
        yield b"v"
        await asyncio.Event().wait()

    for path in ("/graphs", "/healthz", "/readyz"):
        ask(Host(), "GET", path)
        ask(Host(), "GET", path, headers=EVIL)
    ask(Host(manager=FakeCallManager(reason="all lines are busy")), "GET", "/readyz")

    host, keyed, limited = Host(), Host(key="k"), Host(new_calls="1/hour")
    location = ask(host, "POST", CALLS, content=OFFER, headers=SDP)
    for what in (
        {"content": "", "headers": SDP},
        {"content": OFFER},
        {"content": OFFER, "headers": {**SDP, **EVIL}},
        {"content": "x" * 100_000, "headers": SDP},
        {"content": slow(), "headers": SDP},
        {"content": OFFER, "headers": SDP, "params": {"graph": "gone"}},
    ):
        ask(host, "POST", CALLS, **what)
    ask(keyed, "POST", CALLS, content=OFFER, headers=SDP)
    for error in (AdmissionError("busy", retry_after=1), TooManyFromAddress("too many", retry_after=1)):
        ask(Host(manager=FakeCallManager(error)), "POST", CALLS, content=OFFER, headers=SDP)

    one = f"{CALLS}/{{id}}"
    for headers in ({}, EVIL):
        ask(host, "GET", location, one, headers=headers)
        ask(host, "DELETE", location, one, headers=headers)
        ask(host, "POST", f"{location}/hangup", f"{one}/hangup", headers=headers)
    ask(host, "GET", f"{CALLS}/rtc_none", one)
    ask(host, "DELETE", f"{CALLS}/rtc_none", one)
    ask(host, "POST", f"{CALLS}/rtc_none/hangup", f"{one}/hangup")

    for what in (
        {},
        {"headers": EVIL},
        {"content": "{", "headers": JSON},
        {"content": json.dumps({"session": {"x": "y" * 70_000}}), "headers": JSON},
        {"content": "{}", "headers": SDP},
        {"content": slow(), "headers": JSON},
        {"headers": bearer("wrong")},
    ):
        ask(keyed if "wrong" in str(what) else host, "POST", SECRETS, **what)
    for _ in range(2):
        ask(limited, "POST", SECRETS)

    for client in ("127.0.0.1", "192.0.2.1"):
        ask(host, "GET", "/metrics", client=client)
    for _ in range(12):
        ask(keyed, "GET", "/metrics", client="192.0.2.9", headers=bearer("wrong"))

    codes = described()
    web_socket = codes.pop(("GET", "/v1/realtime"))
    assert web_socket == {101, 401, 403, 404, 429, 503}
    assert codes == found


def test_openapi_page_lists_the_status_codes() -> None:
    page = Host().get("/docs").text
    assert "429" in page and "503" in page and "422" not in page
    assert "GET /v1/realtime<" in page.replace("</code>", "<")
