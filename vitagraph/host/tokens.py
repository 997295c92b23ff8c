"""Client secrets: short-lived bearer tokens for one call each, which a page may hold where it must not hold the key."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from vitagraph.host.errors import Refusal

PREFIX = "ek_"
"""What clients of the Realtime API know a secret by."""
MOST = 1_000
"""Secrets at once; beyond that the oldest is forgotten. With the session of each, this bounds their memory."""


@dataclass(slots=True)
class Secret:
    """One of them; `expires_at` in seconds since 1970."""

    value: str
    expires_at: float
    session: dict[str, Any]
    used: bool = False


class ClientSecrets:
    """All that are valid now, and those used lately."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._all: dict[str, Secret] = {}

    def __len__(self) -> int:
        return len(self._all)

    def mint(self, session: dict[str, Any], seconds: float) -> Secret:
        """A new secret; `session` is the configuration of the call that it will make."""
        now = self._now()
        self._all = {value: secret for value, secret in self._all.items() if secret.expires_at > now}
        if len(self._all) >= MOST:
            del self._all[next(iter(self._all))]
        secret = Secret(PREFIX + secrets.token_hex(24), now + seconds, session)
        self._all[secret.value] = secret
        return secret

    @contextmanager
    def use(self, value: str) -> Iterator[dict[str, Any]]:
        """The session that came with a secret, which is spent unless the body fails; raises a Refusal (401)."""
        secret = self._all.get(value)
        if secret is None:
            raise unauthorized("secret_unknown", "The host does not know this client secret.")
        if secret.expires_at <= self._now():
            raise unauthorized("secret_expired", "This client secret has expired. Ask for a new one.")
        if secret.used:
            raise unauthorized("secret_used", "This client secret was used already. Each call needs one of its own.")
        secret.used = True
        spent = False
        try:
            yield secret.session
            spent = True
        finally:
            secret.used = spent


def unauthorized(code: str, message: str) -> Refusal:
    """A Refusal for a missing or wrong bearer token."""
    return Refusal(401, code, message, headers={"WWW-Authenticate": 'Bearer realm="vitagraph"'})
