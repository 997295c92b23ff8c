"""Reverse proxies: whose word counts for where a request came from."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from pipeline.errors import UserInputError
from tests.vitagraph.host.fakes import SECRETS, Host, bearer, code
from vitagraph.host.proxies import networks

PROXY = "10.0.0.1"
PROXIES = ("10.0.0.0/8", "2001:db8::1")


def limited(host: Host, forwarded: str | None, peer: str = PROXY) -> bool:
    """Whether a secret is refused because another one was asked for from the same address."""
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    status = host.post(SECRETS, headers=headers, client=peer).status_code
    assert status in (200, 429)
    return status == 429


def same(one: str | None, other: str | None, *, peer: str = PROXY, proxies: tuple[str, ...] = PROXIES) -> bool:
    """Whether two requests count as those of one client."""
    host = Host(new_calls="1/hour", proxies=proxies)
    assert not limited(host, one, peer)
    return limited(host, other, peer)


def test_proxy_clients_are_told_apart() -> None:
    """Each caller behind the proxy has limits of its own."""
    assert not same("203.0.113.1", "203.0.113.2")
    assert same("203.0.113.1", "203.0.113.1")
    assert not same("203.0.113.1", None), "the proxy itself"


@pytest.mark.parametrize("peer", ["192.0.2.1", "127.0.0.1", "11.0.0.1", "2001:db8::2"])
def test_proxy_headers_of_strangers_are_not_believed(peer: str) -> None:
    """Whoever could write the header would have as many addresses as they like."""
    assert same("203.0.113.1", "203.0.113.2", peer=peer)


def test_proxy_headers_are_not_believed_by_default() -> None:
    """Not even of this machine, where other programs may run."""
    assert same("203.0.113.1", "203.0.113.2", peer="127.0.0.1", proxies=())


def test_proxy_rightmost_untrusted_address_counts() -> None:
    """What is left of it was sent by the client, who can write anything."""
    assert same("198.51.100.1, 203.0.113.1", "198.51.100.2, 203.0.113.1")
    assert same("203.0.113.1, 10.2.2.2", "203.0.113.1, 2001:db8::1"), "two proxies in a row"
    assert not same("203.0.113.1, 10.2.2.2", "203.0.113.2, 10.2.2.2")


@pytest.mark.parametrize("wrong", ["", "unknown", "localhost", "203.0.113.1.5", "1" * 60_000, "' OR 1=1", ",,,", "::g"])
def test_proxy_values_that_are_no_address_are_ignored(wrong: str) -> None:
    """With everything left of them: the proxy itself counts as the client."""
    assert same(f"203.0.113.1, {wrong}", None)
    assert same(f"203.0.113.1, {wrong}, 203.0.113.9", "203.0.113.9")


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("203.0.113.1:4711", "203.0.113.1"),
        ("[2001:db8:5::1]:443", "2001:db8:5::1"),
        ("::ffff:203.0.113.1", "203.0.113.1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_proxy_addresses_may_be_written_with_a_port(written: str, plain: str) -> None:
    """Some proxies do so."""
    assert same(written, plain)


def test_proxy_by_ipv6_socket_is_known_by_its_ipv4_address() -> None:
    """A host that listens at `::` sees IPv4 addresses within IPv6."""
    assert not same("203.0.113.1", "203.0.113.2", peer="::ffff:10.0.0.1")


def test_proxy_several_headers_are_one_list() -> None:
    """A client's own header line comes first, and the proxy's after it."""
    host = Host(new_calls="1/hour", proxies=PROXIES)

    def ask(first: str) -> int:
        headers = [("X-Forwarded-For", first), ("X-Forwarded-For", "203.0.113.1")]
        return host.post(SECRETS, headers=headers, client=PROXY).status_code

    assert [ask("198.51.100.1"), ask("198.51.100.2")] == [200, 429]


@pytest.mark.parametrize(
    ("peer", "given", "origin", "status"),
    [
        (PROXY, {"X-Forwarded-Proto": "https"}, "https://localhost:8080", 201),
        (PROXY, {"X-Forwarded-Proto": "https"}, "http://localhost:8080", 403),
        (PROXY, {"X-Forwarded-Proto": "gopher"}, "http://localhost:8080", 201),
        (PROXY, {}, "http://localhost:8080", 201),
        ("192.0.2.1", {"X-Forwarded-Proto": "https"}, "https://localhost:8080", 403),
    ],
)
def test_proxy_tells_the_scheme(peer: str, given: dict[str, str], origin: str, status: int) -> None:
    """The page behind a proxy with https is of the host's own origin, without being named."""
    host = Host(proxies=PROXIES)
    assert host.call(headers={"Origin": origin, **given}, client=peer).status_code == status


def test_proxy_that_is_not_named_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Else all its callers would share one limit, and the operator would wonder why."""
    host = Host()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            host.get("/graphs", headers={"X-Forwarded-For": "203.0.113.1"}, client="127.0.0.1")
    assert len(caplog.records) == 1 and "--proxy 127.0.0.1" in caplog.text


def test_proxy_clients_that_guess_keys_lock_out_only_themselves() -> None:
    """The limits of wrong keys are those of the client, not of the proxy."""
    host = Host(key="the-right-key", proxies=PROXIES)

    def mint(key: str, client: str) -> Any:
        return host.post(SECRETS, headers={**bearer(key), "X-Forwarded-For": client}, client=PROXY)

    assert code([mint("guess", "203.0.113.1") for _ in range(11)][-1]) == "too_many_wrong_keys"
    assert mint("the-right-key", "203.0.113.2").status_code == 200


@pytest.mark.parametrize("text", ["", "proxy.example", "10.0.0.1/8", "10.0.0", "0.0.0.0/0", "::/0", "10.0.0.1:80"])
def test_proxy_setting_that_is_invalid_is_reported(text: str) -> None:
    """At the start; and nobody believes the whole Internet by mistake."""
    with pytest.raises(UserInputError) as error:
        networks((text,))
    assert error.value.hint
    assert len(networks(("10.0.0.0/8", "127.0.0.1", "::1", "2001:db8::/32"))) == 4
