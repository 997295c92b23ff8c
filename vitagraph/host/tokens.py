"""Client secrets: short-lived bearer tokens for one call each, for pages that must not hold the key.

A secret is good for one call. To reconnect after a lost connection, the client gets another
one with the call, its renewal. A call made with it ends the call before; the renewals of one
secret together last as long as one call may.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from vitagraph.host.errors import ApiError

PREFIX = "ek_"
"""As clients of the Realtime API expect it."""
MOST = 1_000
"""Secrets at once, which bounds the memory for their sessions; beyond that the oldest are dropped."""
RECONNECT_WITHIN = 60
"""Seconds that a renewal is valid after its call has ended."""


class CallHandle(Protocol):
    """What client secrets use of a call."""

    opened: bool
    """Whether the client was sent the renewal."""
    on_end: Callable[[], None]

    def hang_up(self, reason: str) -> None:
        """Ends it soon."""

    async def freed(self) -> None:
        """Returns when its resources are free."""


@dataclass(slots=True)
class ClientSecret:
    """One secret; `expires_at` and `until` are in seconds since 1970."""

    value: str
    expires_at: float
    session: dict[str, Any]
    used: bool = False
    until: float | None = None
    """The latest expiry of its renewals; None if it is not a renewal."""
    call: CallHandle | None = None
    """The call that the next one ends: its own if that was never opened, or the one that it renews."""

    def resource(self) -> dict[str, Any]:
        """As the Realtime API writes it."""
        return {"value": self.value, "expires_at": int(self.expires_at)}

    @property
    def spent(self) -> bool:
        """Whether its call was opened, or is being made."""
        return self.used and (self.call is None or self.call.opened)


class ClientSecrets:
    """The secrets that are valid, and those used lately."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._all: dict[str, ClientSecret] = {}

    def __len__(self) -> int:
        return len(self._all)

    def mint(self, session: dict[str, Any], seconds: float) -> ClientSecret:
        """A new secret, valid for so many seconds; `session` configures its call."""
        now = self._now()
        self._all = {value: secret for value, secret in self._all.items() if secret.expires_at > now}
        if len(self._all) >= MOST:
            del self._all[next(iter(self._all))]
        secret = ClientSecret(PREFIX + secrets.token_hex(24), now + seconds, session)
        self._all[secret.value] = secret
        return secret

    def renew(self, secret: ClientSecret, seconds: float) -> ClientSecret:
        """A secret for reconnecting to the same session; the first and all renewals last so many seconds together."""
        until = self._now() + seconds if secret.until is None else secret.until
        renewal = self.mint(secret.session, until - self._now())
        renewal.until = until
        return renewal

    def check(self, value: str) -> ClientSecret:
        """The secret, if a call can be made with it now; raises an ApiError (401)."""
        secret = self._all.get(value)
        if secret is None:
            raise unauthorized("secret_unknown", "The host does not know this client secret.")
        if secret.expires_at <= self._now():
            raise unauthorized("secret_expired", "This client secret has expired. Ask for a new one.")
        if secret.spent:
            raise unauthorized("secret_used", "This client secret was used already. Each call needs one of its own.")
        return secret

    @asynccontextmanager
    async def use(self, value: str) -> AsyncIterator[ClientSecret]:
        """The secret, which is used up unless the body raises; raises an ApiError (401).

        Ends the call before, and waits until its slot is free.
        """
        secret = self.check(value)
        before, secret.call = secret.call, None
        secret.used = True
        made = False
        try:
            if before is not None:
                before.hang_up("its client called again")
                await before.freed()
            yield secret
            made = True
        finally:
            secret.used = made

    def call_started(self, secret: ClientSecret, renewal: ClientSecret, call: CallHandle) -> None:
        """A call was made with the secret, which is spent once the call is opened."""
        secret.call = renewal.call = call

        def ended() -> None:
            if secret.call is call:
                secret.used, secret.call = call.opened, None
            renewal.expires_at = min(renewal.expires_at, self._now() + RECONNECT_WITHIN)
            if renewal.call is call:
                renewal.call = None

        call.on_end = ended


def unauthorized(code: str, message: str) -> ApiError:
    """The error for a missing or invalid bearer token."""
    return ApiError(401, code, message, headers={"WWW-Authenticate": 'Bearer realm="vitagraph"'})
