"""Pages elsewhere cannot call, frame or read the host unless it was told so."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message

from pipeline.errors import UserInputError
from tests.vitagraph.host.fakes import CALLS, HERE, Host, code
from vitagraph.host.security import check, content_security_policy
from vitagraph.host.settings import HostSettings

ELSEWHERE = "https://example.com"


@pytest.mark.parametrize("origin", [ELSEWHERE, "http://localhost:9000", "https://localhost:8080", "null", ""])
def test_security_cross_origin_page_cannot_call(origin: str) -> None:
    """Another site, another port, another scheme, a sandboxed frame: no call, and no leave to ask for one."""
    host = Host()
    answer = host.call(headers={"Origin": origin})
    assert (answer.status_code, code(answer)) == (403, "bad_origin")
    assert "access-control-allow-origin" not in answer.headers
    asked = host.request("OPTIONS", CALLS, headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
    assert asked.status_code == 403
    assert host.manager.offers == []


def test_security_same_origin_page_can_call() -> None:
    """So can what is no browser."""
    host = Host()
    assert host.call(headers={"Origin": HERE}).status_code == 201
    assert host.call().status_code == 201


@pytest.mark.parametrize("allowed", [ELSEWHERE, "*"])
def test_security_allowed_origin_can_call(allowed: str) -> None:
    """Its browser asks first, with the SDK's own headers; then it may read what a call needs."""
    host = Host(origins=(allowed,))
    question = {
        "Origin": ELSEWHERE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-openai-agents-sdk",
    }
    asked = host.request("OPTIONS", CALLS, headers=question)
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == allowed
    assert "x-openai-agents-sdk" in asked.headers["access-control-allow-headers"]
    answer = host.call(headers={"Origin": ELSEWHERE})
    assert answer.status_code == 201
    assert answer.headers["access-control-allow-origin"] == allowed
    assert "Location" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers


def test_security_refusal_is_readable_by_an_allowed_origin() -> None:
    """Else it could not say why there is no call."""
    answer = Host(origins=(ELSEWHERE,)).call("?graph=gone", headers={"Origin": ELSEWHERE})
    assert answer.status_code == 404
    assert answer.headers["access-control-allow-origin"] == ELSEWHERE


@pytest.mark.parametrize("name", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "[::2]:8080", ""])
def test_security_local_host_refuses_other_host_names(name: str) -> None:
    """A page elsewhere can make its own name point to this machine, and would then be its own origin."""
    answer = Host().get("/graphs", headers={"Host": name, "Origin": f"http://{name}"})
    assert (answer.status_code, code(answer)) == (403, "bad_host")


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST:8080", "127.0.0.1:9999", "[::1]:8080", "[::1]"])
def test_security_local_host_names_may_have_any_port(name: str) -> None:
    """With any port: a tunnel may have another."""
    assert Host().get("/graphs", headers={"Host": name}).status_code == 200


def test_security_public_host_accepts_other_host_names() -> None:
    """On a network, or by a proxy that was named as an origin."""
    name = {"Host": "example.com"}
    assert Host(host="0.0.0.0").get("/graphs", headers=name).status_code == 200
    assert Host(origins=(ELSEWHERE,)).get("/graphs", headers=name).status_code == 200
    assert Host(origins=("https://other.example",)).get("/graphs", headers=name).status_code == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_security_named_host_refuses_other_host_names(host: str) -> None:
    """A page elsewhere whose name is made to point here is a stranger, whatever network it is opened from."""
    named = Host(host=host, names=("voice.example.com", "voice"))
    for name in ("voice.example.com", "VOICE:8080", "voice.example.com.", "localhost:8080"):
        assert named.get("/graphs", headers={"Host": name}).status_code == 200
    for name in ("evil.example", "voice.example.com.evil.example", "example.com", "", "voice@evil.example"):
        answer = named.get("/graphs", headers={"Host": name, "Origin": f"http://{name}"})
        assert (answer.status_code, code(answer)) == (403, "bad_host")


def test_security_named_host_can_be_addressed_by_ip() -> None:
    """Probes of a balancer do so, and no name can be made to be an address."""
    for name in ("192.0.2.7:8080", "[2001:db8::1]", "192.0.2.7"):
        assert Host(host="0.0.0.0", names=("voice.example.com",)).get("/healthz", headers={"Host": name}).is_success


@pytest.mark.parametrize("name", ["", "https://voice.example.com", "voice:8080", "Voice", "*.example.com", "a..b"])
def test_security_invalid_name_setting_is_reported(name: str) -> None:
    """It would never match what a browser sends."""
    with pytest.raises(UserInputError, match="no host name"):
        check(HostSettings(names=(name,)))
    check(HostSettings(names=("voice.example.com", "my-host", "192.0.2.7")))


@pytest.mark.parametrize("path", ["/graphs", "/nothing", "/docs", "/"])
def test_security_headers_are_on_every_response(path: str) -> None:
    """Whatever is in it, a browser loads nothing from elsewhere for it and lets nobody frame it."""
    headers = Host().get(path).headers
    rules = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert rules["default-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["object-src"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "microphone=(self)" in headers["permissions-policy"]


def test_security_policy_names_no_other_origin() -> None:
    """No request leaves the page's own origin."""
    assert not {"http:", "https:", "ws:", "wss:", "data:", "blob:", "*"} & set(
        content_security_policy("sha256-x").replace(";", " ").split()
    )


def test_security_cross_origin_websocket_is_closed_before_it_opens() -> None:
    """Browsers ask nobody before they open one."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"origin", ELSEWHERE.encode())]
    scope: dict[str, Any] = {"type": "websocket", "path": "/v1/realtime", "scheme": "ws", "headers": headers}
    asyncio.run(Host().app(scope, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]


@pytest.mark.parametrize(
    "origin", ["example.com", "https://example.com/", "https://Example.com", "ftp://x", "https://*"]
)
def test_security_invalid_origin_setting_is_reported(origin: str) -> None:
    """It would never match what a browser sends."""
    with pytest.raises(UserInputError, match="no origin"):
        check(HostSettings(origins=(origin,)))
    check(HostSettings(origins=("*", "https://example.com", "http://localhost:3000")))


def test_security_headers_keep_pages_elsewhere_from_embedding(tmp_path: Path) -> None:
    """On every response; and a browser that has come by https comes by https only from then on."""
    for host in (Host(), Host(certificate=tmp_path / "chain.pem", private_key=tmp_path / "key.pem")):
        for answer in (host.get("/healthz"), host.get("/nowhere"), host.call(headers={"Origin": ELSEWHERE})):
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"
            hsts = answer.headers.get("strict-transport-security")
            assert hsts == ("max-age=31536000" if host.settings.tls else None)
