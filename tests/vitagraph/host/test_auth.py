"""Who may call an open host, and one with a key."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import AdmissionError
from tests.vitagraph.host.fakes import SECRETS, FakeCallManager, Host, bearer, code


@pytest.mark.parametrize("headers", [{}, bearer("anything"), {"Authorization": "Basic eA=="}])
def test_auth_open_host_accepts_everybody(headers: dict[str, str]) -> None:
    """Clients that cannot do without a key may send any."""
    assert Host().call(headers=headers).status_code == 201


@pytest.mark.parametrize(
    "headers", [{}, bearer("k2"), bearer(""), {"Authorization": b"Bearer \xe9"}, {"Authorization": "k"}]
)
def test_auth_host_with_a_key_requires_it(headers: dict[str, Any]) -> None:
    """Neither calls nor secrets for others, and the answer says what kind of token is missing."""
    host = Host(key="k")
    for answer in (host.call(headers=headers), host.post(SECRETS, headers=headers)):
        assert (answer.status_code, code(answer)) == (401, "wrong_key")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert host.manager.offers == []
    assert host.call(headers=bearer("k")).status_code == 201


@pytest.mark.parametrize("key", ["", "k"])
def test_auth_client_secret_is_for_one_call(key: str) -> None:
    """Who overhears it has nothing of it."""
    host = Host(key=key)
    token = host.secret(headers=bearer(key))
    assert host.call(headers=bearer(token)).status_code == 201
    replayed = host.call(headers=bearer(token))
    assert (replayed.status_code, code(replayed)) == (401, "secret_used")
    assert len(host.manager.offers) == 1


@pytest.mark.parametrize("key", ["", "k"])
def test_auth_unknown_secret_is_refused_even_by_an_open_host(key: str) -> None:
    """A client learns that its secret is of another host, or of before a restart."""
    answer = Host(key=key).call(headers=bearer("ek_0000"))
    assert (answer.status_code, code(answer)) == (401, "secret_unknown")


def test_auth_client_secret_cannot_mint_another() -> None:
    """Else one call would be as good as the key."""
    host = Host(key="k")
    assert host.post(SECRETS, headers=bearer(host.secret(headers=bearer("k")))).status_code == 401


def test_auth_call_made_with_a_secret_can_reconnect() -> None:
    """With another one, which ends the lost call and knows its session; by the key no such thing is needed."""
    host = Host(key="k")
    host.call(headers=bearer("k"))
    assert host.manager.offers[0].renewal is None
    host.call(headers=bearer(host.secret(headers=bearer("k"), json={"session": {"instructions": "Be brief."}})))
    renewal = host.manager.offers[1].renewal
    assert renewal is not None and not host.manager.calls[1].ended
    assert host.call(headers=bearer(renewal.value)).status_code == 201
    assert host.manager.calls[1].ended
    assert host.manager.offers[2].session == {"instructions": "Be brief."}
    again = host.call(headers=bearer(renewal.value))
    assert (again.status_code, code(again)) == (401, "secret_used")


def test_auth_ice_servers_are_given_only_to_authorised_clients() -> None:
    """A page with a client secret needs them before it calls; one whose secret is spent calls nobody by them."""
    host = Host(key="k", ice=("stun:stun.example",))

    def told(token: str) -> bool:
        return "ice_servers" in host.get("/graphs", headers=bearer(token)).json()

    secret = host.secret(headers=bearer("k"))
    assert [told(token) for token in ("k", secret, "ek_0", "")] == [True, True, False, False]
    host.call(headers=bearer(secret))
    assert not told(secret)


def test_auth_refused_call_spends_no_secret() -> None:
    """All lines are busy: the page tries again with what it has."""
    host = Host(manager=FakeCallManager(AdmissionError("busy", retry_after=1)))
    token = host.secret()
    assert host.call(headers=bearer(token)).status_code == 503
    host.manager.error = None
    assert host.call(headers=bearer(token)).status_code == 201
