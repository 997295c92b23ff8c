"""Client secrets: for one call, for a while, and not too many."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from tests.vitagraph.host.fakes import FakeCall
from vitagraph.host.errors import ApiError
from vitagraph.host.tokens import MOST, RECONNECT_WITHIN, ClientSecret, ClientSecrets


def refused(secrets: ClientSecrets, value: str) -> str:
    """The code with which a secret is refused."""
    with pytest.raises(ApiError) as refusal:
        secrets.check(value)
    assert refusal.value.status_code == 401
    return refusal.value.code


def call_with(secrets: ClientSecrets, value: str, *, opened: bool = True) -> tuple[FakeCall, ClientSecret]:
    """A call that is made with a secret, and the renewal, which is good for 3600 s at most."""

    async def main() -> tuple[FakeCall, ClientSecret]:
        async with secrets.use(value) as secret:
            call, renewal = FakeCall("rtc_0", opened=opened), secrets.renew(secret, 3600)
            secrets.call_started(secret, renewal, call)
        return call, renewal

    return asyncio.run(main())


def test_client_secret_expires() -> None:
    """A page that was left open overnight asks for a new one."""
    now = 1000.0
    secrets = ClientSecrets(lambda: now)
    secret = secrets.mint({}, 10)
    assert secret.expires_at == 1010
    now = 1010
    assert refused(secrets, secret.value) == "secret_expired"


def test_client_secret_is_spent_while_its_call_is_being_made() -> None:
    """Two at once would be two calls; after a failure it is good again."""
    secrets = ClientSecrets()
    value = secrets.mint({"a": 1}, 10).value

    async def main() -> None:
        with suppress(OSError):
            async with secrets.use(value) as secret:
                assert secret.session == {"a": 1}
                assert refused(secrets, value) == "secret_used"
                raise OSError
        async with secrets.use(value):
            pass

    asyncio.run(main())
    assert refused(secrets, value) == "secret_used"


def test_client_secret_count_is_bounded() -> None:
    """Whoever mints without end takes no more memory; those that have expired go first."""
    now = 0.0
    secrets = ClientSecrets(lambda: now)
    first, *_, last = [secrets.mint({}, 10) for _ in range(MOST + 1)]
    assert len(secrets) == MOST
    assert refused(secrets, first.value) == "secret_unknown"
    assert secrets.check(last.value) is last
    now = 11
    secrets.mint({}, 10)
    assert len(secrets) == 1


def test_client_secret_renewal_allows_one_reconnect() -> None:
    """A page on a train is not thrown out by the first tunnel; and it never has two calls by one secret."""
    secrets = ClientSecrets()
    first = secrets.mint({"a": 1}, 600)
    call, renewal = call_with(secrets, first.value)
    assert refused(secrets, first.value) == "secret_used"
    assert renewal.session == {"a": 1} and renewal.value != first.value
    again, next_renewal = call_with(secrets, renewal.value)
    assert call.ended == ["its client called again"]
    assert refused(secrets, renewal.value) == "secret_used"
    assert not again.ended and secrets.check(next_renewal.value) is next_renewal


def test_client_secret_renewal_expires_soon_after_its_call() -> None:
    """A secret that lies around in a closed tab opens nothing."""
    now = 0.0
    secrets = ClientSecrets(lambda: now)
    call, renewal = call_with(secrets, secrets.mint({}, 10).value)
    now = 500
    assert secrets.check(renewal.value) is renewal
    call.hang_up("over")
    now += RECONNECT_WITHIN - 1
    assert secrets.check(renewal.value) is renewal
    now += 1
    assert refused(secrets, renewal.value) == "secret_expired"


def test_client_secret_renewals_together_last_as_long_as_one_call() -> None:
    """Else one secret would be as good as the key, for ever."""
    now = 0.0
    secrets = ClientSecrets(lambda: now)
    _, renewal = call_with(secrets, secrets.mint({}, 10).value)
    for _ in range(3):
        now += 1000
        _, renewal = call_with(secrets, renewal.value)
        assert renewal.expires_at == 3600
    now = 3600
    assert refused(secrets, renewal.value) == "secret_expired"


def test_client_secret_of_a_call_that_never_opened_is_not_spent() -> None:
    """Where no WebRTC gets through, the page calls again by WebSocket, with the same secret."""
    secrets = ClientSecrets()
    value = secrets.mint({}, 600).value
    call, _ = call_with(secrets, value, opened=False)
    call_with(secrets, value, opened=False)
    assert call.ended == ["its client called again"], "one secret is one seat"
    third, _ = call_with(secrets, value, opened=False)
    third.hang_up("no packet came")
    call_with(secrets, value)
    assert refused(secrets, value) == "secret_used"
