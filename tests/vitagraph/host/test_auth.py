"""Who may call an open host, and one with a key."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from pipeline.errors import AdmissionError, UserInputError
from pipeline.runtime.health import MemberHealth
from tests.vitagraph.host.fakes import SECRETS, FakeCallManager, Host, bearer, code
from vitagraph.host.auth import WrongKeys, check_key
from vitagraph.host.errors import ApiError


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
    assert [offer.returning for offer in host.manager.offers] == [False, False, True]
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


def test_auth_guessing_the_key_is_slowed_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """After ten wrong keys none is read from that address, wherever it is sent; other addresses notice nothing."""
    host = Host(key="the-right-key", ice=("stun:stun.example",))
    with caplog.at_level(logging.WARNING):
        codes = [host.call(headers=bearer(f"guess-{n}")).status_code for n in range(200)]
    assert codes == [401] * 10 + [429] * 190
    assert len(caplog.records) == 1 and "192.0.2.1" in caplog.text and "guess" not in caplog.text
    locked = host.call(headers=bearer("the-right-key"))
    assert (locked.status_code, code(locked)) == (429, "too_many_wrong_keys")
    assert 0 < int(locked.headers["retry-after"]) <= 60
    assert host.post(SECRETS, headers=bearer("the-right-key")).status_code == 429
    assert "ice_servers" not in host.get("/graphs", headers=bearer("the-right-key")).json()
    assert host.call(headers=bearer("the-right-key"), client="192.0.2.2").status_code == 201


@pytest.mark.parametrize("path", ["/graphs", "/readyz"])
def test_auth_keys_cannot_be_guessed_by_the_answers_of_other_routes(path: str) -> None:
    """They say more to who has the key: a guess there counts as well."""
    ill = [MemberHealth("asr", member, 0, "unhealthy", 5, 5, "gone") for member in ("a", "b")]
    host = Host(key="the-right-key", ice=("stun:stun.example",), manager=FakeCallManager(ill=ill))
    for number in range(9):
        host.get(path, headers=bearer(f"guess-{number}"))
    assert host.call(headers=bearer("the-right-key")).status_code == 201
    host.get(path, headers=bearer("guess"))
    assert host.call(headers=bearer("the-right-key")).status_code == 429


def test_auth_client_secret_is_accepted_from_an_address_that_guesses_keys() -> None:
    """Whoever shares an office with the attacker can still call; and stale secrets count as no guesses."""
    host = Host(key="the-right-key")
    token = host.secret(headers=bearer("the-right-key"))
    for number in range(20):
        host.call(headers=bearer(f"ek_{number}"))
    assert host.post(SECRETS, headers=bearer("the-right-key")).status_code == 200
    for number in range(20):
        host.call(headers=bearer(f"guess-{number}"))
    assert host.call(headers=bearer(token)).status_code == 201


def test_auth_missing_key_is_not_a_guess() -> None:
    """A page that was opened without its secret asks for the graphs every so often."""
    host = Host(key="the-right-key")
    assert [host.call().status_code for _ in range(20)] == [401] * 20
    assert host.call(headers=bearer("the-right-key")).status_code == 201


def test_auth_wrong_keys_are_forgotten_after_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """Each burst is logged, and the owner of the key need not wait long."""
    now = 1000.0
    wrong = WrongKeys(lambda: now)
    for _ in range(3):
        for _ in range(50):
            wrong.add("192.0.2.1")
        with pytest.raises(ApiError):
            wrong.check("192.0.2.1")
        now += 60
        wrong.check("192.0.2.1")
    assert len(caplog.records) == 3


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (" ", "is empty"),
        ("correct horse battery", "white space"),
        ("trailing-newline\n", "white space"),
        ("schlüssel-schlüssel", "ASCII"),
        ("tab\tinside-it", "white space"),
        ("ek_0123456789abcdef", "begins with ek_"),
        ("letmein", "shorter"),
        ("x" * 513, "longer"),
    ],
)
def test_auth_key_that_cannot_work_is_reported(key: str, problem: str) -> None:
    """At the start, and not by refusing every caller; the message does not repeat the key."""
    with pytest.raises(UserInputError, match=problem) as error:
        check_key(key)
    assert "openssl rand" in error.value.hint
    assert not key.strip() or key not in str(error.value)
    check_key("0123456789abcdef/+=~")
