"""Who may call.

the host has no key     everybody; but who shows a client secret must show a valid one
the host has a key      who has it, or a client secret made with it

A token comes as `Authorization: Bearer TOKEN`; with a WebSocket, whose headers a page cannot
set, also as the subprotocol `openai-insecure-api-key.TOKEN`, as in the Realtime API.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any

from starlette.requests import HTTPConnection

from vitagraph.host.errors import ApiError
from vitagraph.host.settings import Settings
from vitagraph.host.tokens import PREFIX, ClientSecrets, Held, Secret, unauthorized

AS_SUBPROTOCOL = "openai-insecure-api-key."


@dataclass(frozen=True, slots=True)
class Authorization:
    """How a call was let in."""

    secrets: ClientSecrets
    secret: Secret | None = None
    """None: by the key, or without anything."""
    renewal: Secret | None = None
    session: dict[str, Any] = field(default_factory=dict)
    """What came with the secret."""

    def begun(self, call: Held) -> None:
        """The call was made."""
        if self.secret is not None and self.renewal is not None:
            self.secrets.begun(self.secret, self.renewal, call)


class Auth:
    """Looks at the bearer tokens of requests and WebSockets."""

    def __init__(self, settings: Settings) -> None:
        self.secrets = ClientSecrets()
        self._key = settings.key
        self._call_length = settings.call_length

    @property
    def open(self) -> bool:
        """Whether everybody may call."""
        return not self._key

    def has_key(self, connection: HTTPConnection) -> bool:
        """Whether a request bears the host's key."""
        return bool(self._key) and compare_digest(_bearer(connection).encode(), self._key.encode())

    def may_call(self, connection: HTTPConnection) -> bool:
        """Whether a call with the same token would be let in."""
        if not (token := _bearer(connection)).startswith(PREFIX):
            return self.open or self.has_key(connection)
        try:
            self.secrets.check(token)
        except ApiError:
            return False
        return True

    def check(self, connection: HTTPConnection) -> None:
        """Raises an ApiError (401) unless the host is open or the request bears its key."""
        if not self.open and not self.has_key(connection):
            raise unauthorized("wrong_key", "This host takes calls only from those who have its key.")

    @asynccontextmanager
    async def admit(self, connection: HTTPConnection) -> AsyncIterator[Authorization]:
        """For the making of a call, which spends the client secret. Raises an ApiError (401)."""
        if (token := _bearer(connection)).startswith(PREFIX):
            async with self.secrets.use(token) as secret:
                renewal = self.secrets.renew(secret, self._call_length)
                yield Authorization(self.secrets, secret, renewal, secret.session)
        else:
            self.check(connection)
            yield Authorization(self.secrets)


def _bearer(connection: HTTPConnection) -> str:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    offered = connection.scope.get("subprotocols", ())
    return next((each.removeprefix(AS_SUBPROTOCOL) for each in offered if each.startswith(AS_SUBPROTOCOL)), "")
