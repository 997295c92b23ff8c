"""Client secrets: for one call, for a while, and not too many."""

from __future__ import annotations

import asyncio
import tracemalloc
from contextlib import suppress

import pytest

from tests.vitagraph.host.fakes import FakeCall
from vitagraph.host.errors import ApiError
from vitagraph.host.tokens import (
    MOST,
    MOST_BYTES,
    MOST_INSTRUCTIONS,
    NOTHING_LOCKED,
    RECONNECT_WITHIN,
    ClientSecret,
    ClientSecrets,
    LockedFields,
)

BRIEF = LockedFields("echo", "Be brief.")


def refused(secrets: ClientSecrets, value: str) -> str:
    """The code with which a secret is refused."""
    with pytest.raises(ApiError) as refusal:
        secrets.check(value)
    assert refusal.value.status_code == 401
    return refusal.value.code


def call_with(secrets: ClientSecrets, value: str, *, opened: bool = True) -> tuple[FakeCall, ClientSecret]:
    """A call that is made with a secret, and the renewal, which is good for 3600 s at most."""

    async def main() -> tuple[FakeCall, ClientSecret]:
        async with secrets.use(value, 3600) as (secret, renewal):
            call = FakeCall("rtc_0", opened=opened)
            secrets.call_started(secret, renewal, call)
        return call, renewal

    return asyncio.run(main())


def test_client_secret_expires() -> None:
    """A page that was left open overnight asks for a new one."""
    now = 1000.0
    secrets = ClientSecrets(lambda: now)
    secret = secrets.mint(NOTHING_LOCKED, 10)
    assert secret.expires_at == 1010
    now = 1010
    assert refused(secrets, secret.value) == "secret_expired"


def test_client_secret_is_spent_while_its_call_is_being_made() -> None:
    """Two at once would be two calls; after a failure it is good again."""
    secrets = ClientSecrets()
    value = secrets.mint(BRIEF, 10).value

    async def main() -> None:
        with suppress(OSError):
            async with secrets.use(value, 3600) as (secret, _):
                assert secret.locked == BRIEF
                assert refused(secrets, value) == "secret_used"
                raise OSError
        async with secrets.use(value, 3600):
            pass

    asyncio.run(main())
    assert refused(secrets, value) == "secret_used"


def test_client_secret_count_is_bounded() -> None:
    """Whoever mints without end takes no more memory; those that have expired go first."""
    now = 0.0
    secrets = ClientSecrets(lambda: now)
    first, *_, last = [secrets.mint(NOTHING_LOCKED, 10) for _ in range(MOST + 1)]
    assert len(secrets) == MOST
    assert refused(secrets, first.value) == "secret_unknown"
    assert secrets.check(last.value) is last
    now = 11
    secrets.mint(NOTHING_LOCKED, 10)
    assert len(secrets) == 1


def test_client_secret_renewal_allows_one_reconnect() -> None:
    """A page on a train is not thrown out by the first tunnel; and it never has two calls by one secret."""
    secrets = ClientSecrets()
    first = secrets.mint(BRIEF, 600)
    call, renewal = call_with(secrets, first.value)
    assert refused(secrets, first.value) == "secret_used"
    assert renewal.locked == BRIEF and renewal.value != first.value
    again, next_renewal = call_with(secrets, renewal.value)
    assert call.ended == ["its client called again"]
    assert refused(secrets, renewal.value) == "secret_used"
    assert not again.ended and secrets.check(next_renewal.value) is next_renewal


def test_client_secret_renewal_expires_soon_after_its_call() -> None:
    """A secret that lies around in a closed tab opens nothing."""
    now = 0.0
    secrets = ClientSecrets(lambda: now)
    call, renewal = call_with(secrets, secrets.mint(NOTHING_LOCKED, 10).value)
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
    _, renewal = call_with(secrets, secrets.mint(NOTHING_LOCKED, 10).value)
    for _ in range(3):
        now += 1000
        _, renewal = call_with(secrets, renewal.value)
        assert renewal.expires_at == 3600
    now = 3600
    assert refused(secrets, renewal.value) == "secret_expired"


def test_client_secret_of_a_call_that_never_opened_is_not_spent() -> None:
    """Where no WebRTC gets through, the page calls again by WebSocket, with the same secret."""
    secrets = ClientSecrets()
    value = secrets.mint(NOTHING_LOCKED, 600).value
    call, _ = call_with(secrets, value, opened=False)
    call_with(secrets, value, opened=False)
    assert call.ended == ["its client called again"], "one secret is one seat"
    third, _ = call_with(secrets, value, opened=False)
    third.hang_up("no packet came")
    call_with(secrets, value)
    assert refused(secrets, value) == "secret_used"


def test_client_secret_renewal_is_void_if_the_call_was_not_taken() -> None:
    """A page that tries again and again at a full host leaves nothing behind."""
    secrets = ClientSecrets()
    value = secrets.mint(NOTHING_LOCKED, 600).value

    async def refuse() -> None:
        with suppress(OSError):
            async with secrets.use(value, 3600):
                raise OSError

    for _ in range(3):
        asyncio.run(refuse())
    call, renewal = call_with(secrets, value, opened=False)
    call.hang_up("no packet came")
    assert len(secrets) == 1
    assert refused(secrets, renewal.value) == "secret_unknown", "nobody was given it"


def test_client_secrets_of_one_address_do_not_displace_those_of_others() -> None:
    """On a host without a key anyone can ask for secrets, as often as they like."""
    secrets = ClientSecrets()
    others = [secrets.mint(NOTHING_LOCKED, 600, f"198.51.100.{n}") for n in range(100)]
    flood = [secrets.mint(NOTHING_LOCKED, 600, "192.0.2.1") for _ in range(3 * MOST)]
    assert len(secrets) == MOST
    assert [secrets.check(each.value) for each in others] == others
    assert refused(secrets, flood[0].value) == "secret_unknown"
    assert secrets.check(flood[-1].value) is flood[-1]


def test_client_secret_memory_is_bounded() -> None:
    """A thousand secrets with the longest instructions take what a few calls take."""
    secrets = ClientSecrets()
    tracemalloc.start()
    try:
        for number in range(MOST):
            secrets.mint(LockedFields(None, f"{number:06}" + "x" * (MOST_INSTRUCTIONS - 6)), 600)
        assert tracemalloc.get_traced_memory()[0] < 1.5 * MOST_BYTES
    finally:
        tracemalloc.stop()
    assert len(secrets) < MOST
