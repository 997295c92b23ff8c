"""Client secrets: short-lived bearer tokens for one call each, for pages that must not hold the key.

A secret is good for one call. To reconnect after a lost connection, the client gets another
one with the call, its renewal. A call made with it ends the call before; the renewals of one
secret together last as long as one call may.

A secret keeps the graph and the instructions that it was minted with, and nothing else of its
session. Both are locked: a call made with the secret cannot change them.
"""

from __future__ import annotations

import hashlib
import secrets
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from vitagraph.host.errors import ApiError

PREFIX = "ek_"
"""As clients of the Realtime API expect it."""
MOST = 1_000
"""Secrets at once. Beyond that, and beyond `MOST_BYTES`, the address that has most loses its oldest."""
MOST_BYTES = 4_000_000
"""Bytes of all instructions together, with `OVERHEAD` for each secret."""
MOST_INSTRUCTIONS = 32_000
"""Bytes of the instructions of one secret."""
OVERHEAD = 1_000
"""Bytes that a secret takes in addition to its instructions, roughly."""
RECONNECT_WITHIN = 60
"""Seconds that a renewal is valid after its call, or the host, has ended."""


class CallHandle(Protocol):
    """What client secrets use of a call."""

    opened: bool
    """Whether the client was sent the renewal."""
    on_open: Callable[[], None]
    on_end: Callable[[], None]

    def hang_up(self, reason: str) -> None:
        """Ends it soon."""

    async def freed(self) -> None:
        """Returns when its resources are free."""


@dataclass(frozen=True, slots=True)
class LockedFields:
    """What a secret fixes of its call; None leaves the choice to the caller."""

    graph: str | None = None
    instructions: str | None = None


NOTHING_LOCKED = LockedFields()


@dataclass(slots=True)
class ClientSecret:
    """One secret; `expires_at` and `until` are in seconds since 1970."""

    id: str
    """The SHA-256 of its value."""
    expires_at: float
    locked: LockedFields = NOTHING_LOCKED
    owner: str = ""
    """The network that asked for it."""
    used: bool = False
    """Whether its call was made, or is being made."""
    until: float | None = None
    """The latest expiry of its renewals; None if it is not a renewal."""
    value: str = ""
    """The token; empty if the secret was read from a file, which has only the ids."""
    call: CallHandle | None = None
    """The call that the next one ends: its own if that was never opened, or the one that it renews."""

    def resource(self) -> dict[str, object]:
        """As the Realtime API writes it."""
        return {"value": self.value, "expires_at": int(self.expires_at)}

    @property
    def spent(self) -> bool:
        """Whether its call was opened, or is being made."""
        return self.used and (self.call is None or self.call.opened)

    @property
    def bytes(self) -> int:
        """The memory that it takes, roughly."""
        return OVERHEAD + sys.getsizeof(self.locked.instructions)


class SecretStore(Protocol):
    """Where secrets are kept beyond the life of the process; no method raises."""

    def load(self) -> list[ClientSecret]:
        """The secrets of the process before, oldest first."""

    def save(self, secret: ClientSecret) -> bool:
        """Keeps a secret, or its new state; returns whether it is time to `rewrite`."""

    def rewrite(self, secrets: Iterable[ClientSecret]) -> None:
        """Keeps these secrets and no others."""


class ClientSecrets:
    """The secrets that are valid, and those used lately."""

    def __init__(self, now: Callable[[], float] = time.time, store: SecretStore | None = None) -> None:
        self._now = now
        self._store = store
        self._all: dict[str, ClientSecret] = {}
        """By id, oldest first."""
        if store is not None:
            for secret in store.load():
                if secret.until is not None:  # its call ended with the process before
                    secret.expires_at = min(secret.expires_at, now() + RECONNECT_WITHIN)
                self._add(secret)
            store.rewrite(self._all.values())

    def __len__(self) -> int:
        return len(self._all)

    def mint(self, locked: LockedFields, seconds: float, owner: str = "") -> ClientSecret:
        """A new secret, valid for so many seconds; `owner` is the network that asks for it."""
        secret = self._new(self._now() + seconds, locked, owner)
        self._save(secret)
        return secret

    def check(self, value: str) -> ClientSecret:
        """The secret, if a call can be made with it now; raises an ApiError (401)."""
        # The look-up is by a hash, so its duration tells nothing about the values that exist.
        secret = self._all.get(_id(value))
        if secret is None:
            raise unauthorized("secret_unknown", "The host does not know this client secret.")
        if secret.expires_at <= self._now():
            raise unauthorized("secret_expired", "This client secret has expired. Ask for a new one.")
        if secret.spent:
            raise unauthorized("secret_used", "This client secret was used already. Each call needs one of its own.")
        return secret

    @asynccontextmanager
    async def use(self, value: str, call_length: float) -> AsyncIterator[tuple[ClientSecret, ClientSecret]]:
        """The secret and its renewal, which is void if the body raises; raises an ApiError (401).

        Ends the call before, and waits until its slot is free. `call_length` is in seconds.
        """
        secret = self.check(value)
        before, secret.call = secret.call, None
        secret.used = True
        # The first secret and all of its renewals last as long as one call may, together.
        until = self._now() + call_length if secret.until is None else secret.until
        renewal = self._new(until, secret.locked, secret.owner, until)
        made = False
        try:
            if before is not None:
                before.hang_up("its client called again")
                await before.freed()
            yield secret, renewal
            made = True
        finally:
            secret.used = made
            if not made:
                self._all.pop(renewal.id, None)

    def call_started(self, secret: ClientSecret, renewal: ClientSecret, call: CallHandle) -> None:
        """A call was made with the secret, which is spent once the call is opened."""
        secret.call = renewal.call = call

        def opened() -> None:
            self._save(secret)
            self._save(renewal)

        def ended() -> None:
            if secret.call is call:
                secret.used, secret.call = call.opened, None
            if renewal.call is call:
                renewal.call = None
            if call.opened:
                renewal.expires_at = min(renewal.expires_at, self._now() + RECONNECT_WITHIN)
                self._save(renewal)
            else:  # the client never got it
                self._all.pop(renewal.id, None)

        call.on_open, call.on_end = opened, ended
        if call.opened:
            opened()

    def _new(self, expires_at: float, locked: LockedFields, owner: str, until: float | None = None) -> ClientSecret:
        value = PREFIX + secrets.token_hex(24)
        secret = ClientSecret(_id(value), expires_at, locked, owner, until=until, value=value)
        self._add(secret)
        return secret

    def _add(self, secret: ClientSecret) -> None:
        now = self._now()
        self._all[secret.id] = secret
        self._all = {id: each for id, each in self._all.items() if each.expires_at > now}
        while len(self._all) > MOST or sum(each.bytes for each in self._all.values()) > MOST_BYTES:
            self._drop_one()

    def _drop_one(self) -> None:
        """Drops the oldest secret of the owner that has most, so that none can push out another's."""
        taken: Counter[str] = Counter()
        for each in self._all.values():
            taken[each.owner] += each.bytes
        owner = max(taken, key=lambda each: taken[each])
        del self._all[next(id for id, each in self._all.items() if each.owner == owner)]

    def _save(self, secret: ClientSecret) -> None:
        if self._store is not None and secret.id in self._all and self._store.save(secret):
            self._store.rewrite(self._all.values())


def unauthorized(code: str, message: str) -> ApiError:
    """The error for a missing or invalid bearer token."""
    return ApiError(401, code, message, headers={"WWW-Authenticate": 'Bearer realm="vitagraph"'})


def _id(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
