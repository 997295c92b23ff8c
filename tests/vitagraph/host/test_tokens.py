"""Client secrets: for one call, for a while, and not too many."""

from __future__ import annotations

from contextlib import suppress

import pytest

from vitagraph.host.errors import Refusal
from vitagraph.host.tokens import MOST, ClientSecrets


def refused(secrets: ClientSecrets, value: str) -> str:
    """The code with which a secret is refused."""
    with pytest.raises(Refusal) as refusal, secrets.use(value):
        pass
    assert refusal.value.status_code == 401
    return refusal.value.code


def test_it_expires() -> None:
    """A page that was left open overnight asks for a new one."""
    now = 1000.0
    secrets = ClientSecrets(lambda: now)
    secret = secrets.mint({}, 10)
    assert secret.expires_at == 1010
    now = 1010
    assert refused(secrets, secret.value) == "secret_expired"


def test_it_is_spent_while_its_call_is_being_made() -> None:
    """Two at once would be two calls; after a failure it is good again."""
    secrets = ClientSecrets()
    value = secrets.mint({"a": 1}, 10).value
    with suppress(OSError), secrets.use(value) as session:
        assert session == {"a": 1}
        assert refused(secrets, value) == "secret_used"
        raise OSError
    with secrets.use(value):
        pass
    assert refused(secrets, value) == "secret_used"


def test_their_number_is_bounded() -> None:
    """Whoever mints without end takes no more memory; those that have expired go first."""
    now = 0.0
    secrets = ClientSecrets(lambda: now)
    first, *_, last = [secrets.mint({}, 10) for _ in range(MOST + 1)]
    assert len(secrets) == MOST
    assert refused(secrets, first.value) == "secret_unknown"
    with secrets.use(last.value):
        pass
    now = 11
    secrets.mint({}, 10)
    assert len(secrets) == 1
