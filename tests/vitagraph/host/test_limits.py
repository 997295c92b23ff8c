"""How much and how often one client may send."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from pipeline.errors import UserInputError
from tests.vitagraph.host.fakes import CALLS, SECRETS, Host
from vitagraph.host import limits
from vitagraph.host.errors import ApiError
from vitagraph.host.limits import RateLimit, network_of


def test_rate_limit_window_slides() -> None:
    """Waiting as long as one is told is enough, and bursts at the turn of a minute are none the greater."""
    now = 0.0
    rate = RateLimit("2/minute", lambda: now)
    assert rate.take("a") == 0
    now = 50
    assert rate.take("a") == 0
    now = 59
    assert rate.take("a") == 1
    now = 60
    assert rate.take("a") == 0
    assert rate.take("a") == 50


def test_rate_limit_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has many addresses fills no memory, and the busiest are not forgotten."""
    monkeypatch.setattr(limits, "MOST_ADDRESSES", 3)
    rate = RateLimit("1/hour")
    for network in ("a", "b", "c", "a", "d"):
        rate.take(network)
    assert [rate.take(network) > 0 for network in ("a", "d", "b")] == [True, True, False]


@pytest.mark.parametrize("text", ["", "30", "0/minute", "-1/minute", "1/week", "a/minute"])
def test_rate_limit_invalid_rate_is_reported_at_start(text: str) -> None:
    """At the start, not at the first call."""
    with pytest.raises(UserInputError, match="no rate"):
        RateLimit(text)


def test_rate_limit_accepts_several_notations() -> None:
    """As people do."""
    for text in ("5/second", "5 / minute", "5 per hour", " 5/day "):
        assert RateLimit(text).take("a") == 0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_rate_limit_groups_addresses_of_one_subscriber(address: str, network: str) -> None:
    """An IPv6 subscriber has 2^64 addresses and is one all the same."""
    assert network_of(address) == network


def test_body_limit_refuses_by_content_length_before_reading() -> None:
    """By its Content-Length: nothing of it is asked for."""

    async def receive() -> Message:
        raise AssertionError

    request = Request({"type": "http", "headers": [(b"content-length", b"101")]}, receive)
    with pytest.raises(ApiError) as refusal:
        asyncio.run(limits.read_body(request, 100))
    assert (refusal.value.status_code, refusal.value.code) == (413, "too_large")


@pytest.mark.parametrize(("path", "kind"), [(CALLS, "application/sdp"), (SECRETS, "application/json")])
def test_body_limit_refuses_while_reading(path: str, kind: str) -> None:
    """It says nothing of its length: only the beginning is taken."""
    taken, sent = 0, []

    async def receive() -> Message:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b"x" * 10_000, "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", kind.encode())]
    scope = {"type": "http", "method": "POST", "path": path, "scheme": "http", "headers": headers, "query_string": b""}
    asyncio.run(Host().app(scope, receive, send))
    assert sent[0]["status"] == 413
    assert taken == 7


def test_body_limit_gives_up_a_slow_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that never finish hold no memory for ever."""
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.01)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(ApiError) as refusal:
        asyncio.run(limits.read_body(Request({"type": "http", "headers": []}, receive), 100))
    assert refusal.value.status_code == 408
