"""Client secrets: short-lived bearer tokens for one call each, which a page may hold where it must not hold the key.

A call may get lost, and a secret is good once: so the client of a call is told another one, its
renewal, to come back with. Whoever comes back ends the call that was there before; all renewals
together last as long as one call may.
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
"""What clients of the Realtime API know a secret by."""
MOST = 1_000
"""Secrets at once; beyond that the oldest is forgotten. With the session of each, this bounds their memory."""
COME_BACK = 60
"""Seconds that a renewal is good for after its call has ended."""


class Held(Protocol):
    """What secrets have to do with a call."""

    opened: bool
    """Whether the client was told the renewal."""
    on_end: Callable[[], None]

    def hang_up(self, reason: str) -> None:
        """Ends it soon."""

    async def freed(self) -> None:
        """Returns when nothing of it is left."""


@dataclass(slots=True)
class Secret:
    """One of them; `expires_at` and `until` in seconds since 1970."""

    value: str
    expires_at: float
    session: dict[str, Any]
    used: bool = False
    until: float | None = None
    """When the last renewal expires; None: it is none."""
    call: Held | None = None
    """The call that gives way to the one made with it: its own where that was never opened, or the one it renews."""

    def told(self) -> dict[str, Any]:
        """As the Realtime API writes it."""
        return {"value": self.value, "expires_at": int(self.expires_at)}

    @property
    def spent(self) -> bool:
        """Whether a client has had its call, or is having it."""
        return self.used and (self.call is None or self.call.opened)


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

    def renew(self, secret: Secret, seconds: float) -> Secret:
        """A secret for the same session, to come back with; `seconds`: how long the first and all renewals last."""
        until = self._now() + seconds if secret.until is None else secret.until
        renewal = self.mint(secret.session, until - self._now())
        renewal.until = until
        return renewal

    def check(self, value: str) -> Secret:
        """The secret, where a call can be made with it now; raises an ApiError (401)."""
        secret = self._all.get(value)
        if secret is None:
            raise unauthorized("secret_unknown", "The host does not know this client secret.")
        if secret.expires_at <= self._now():
            raise unauthorized("secret_expired", "This client secret has expired. Ask for a new one.")
        if secret.spent:
            raise unauthorized("secret_used", "This client secret was used already. Each call needs one of its own.")
        return secret

    @asynccontextmanager
    async def use(self, value: str) -> AsyncIterator[Secret]:
        """The secret, which is used unless the body fails; raises an ApiError (401).

        Waits until the call that gives way is gone, so that its seat is free.
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

    def begun(self, secret: Secret, renewal: Secret, call: Held) -> None:
        """A call was made with a secret, which is spent once that is opened."""
        secret.call = renewal.call = call

        def over() -> None:
            if secret.call is call:
                secret.used, secret.call = call.opened, None
            renewal.expires_at = min(renewal.expires_at, self._now() + COME_BACK)
            if renewal.call is call:
                renewal.call = None

        call.on_end = over


def unauthorized(code: str, message: str) -> ApiError:
    """A ApiError for a missing or wrong bearer token."""
    return ApiError(401, code, message, headers={"WWW-Authenticate": 'Bearer realm="vitagraph"'})
