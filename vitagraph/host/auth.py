"""Authentication: bearer tokens of requests and WebSockets.

without a key    calls are open; but a client secret, if one is given, must be valid
with a key       a call needs the key, or a client secret made with it

The token is in `Authorization: Bearer TOKEN`. A browser cannot set headers of a WebSocket;
there it is the subprotocol `openai-insecure-api-key.TOKEN`, as in the Realtime API.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any

from starlette.requests import HTTPConnection

from vitagraph.host.errors import ApiError
from vitagraph.host.settings import HostSettings
from vitagraph.host.tokens import PREFIX, CallHandle, ClientSecret, ClientSecrets, unauthorized

AS_SUBPROTOCOL = "openai-insecure-api-key."


@dataclass(frozen=True, slots=True)
class Authorization:
    """By what a call was authorised."""

    secrets: ClientSecrets
    secret: ClientSecret | None = None
    """None for the key, or for a host without one."""
    renewal: ClientSecret | None = None
    session: dict[str, Any] = field(default_factory=dict)
    """The session configuration that came with the secret."""

    def call_started(self, call: CallHandle) -> None:
        """Ties the secret and its renewal to the call."""
        if self.secret is not None and self.renewal is not None:
            self.secrets.call_started(self.secret, self.renewal, call)


class Auth:
    """Checks the bearer tokens of requests and WebSockets."""

    def __init__(self, settings: HostSettings) -> None:
        self.secrets = ClientSecrets()
        self._key = settings.key
        self._call_length = settings.call_length

    @property
    def open(self) -> bool:
        """Whether calls need no token."""
        return not self._key

    def has_key(self, connection: HTTPConnection) -> bool:
        """Whether a request has the host's key."""
        return bool(self._key) and compare_digest(_bearer(connection).encode(), self._key.encode())

    def may_call(self, connection: HTTPConnection) -> bool:
        """Whether a call with the same token would be authorised."""
        if not (token := _bearer(connection)).startswith(PREFIX):
            return self.open or self.has_key(connection)
        try:
            self.secrets.check(token)
        except ApiError:
            return False
        return True

    def check(self, connection: HTTPConnection) -> None:
        """Raises an ApiError (401) unless the host is open or the request has its key."""
        if not self.open and not self.has_key(connection):
            raise unauthorized("wrong_key", "This host takes calls only from those who have its key.")

    @asynccontextmanager
    async def authorize(self, connection: HTTPConnection) -> AsyncIterator[Authorization]:
        """Authorises the making of a call, which uses up a client secret; raises an ApiError (401)."""
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
