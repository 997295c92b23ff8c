"""Authentication: bearer tokens of requests and WebSockets.

without a key    calls are open; but a client secret, if one is given, must be valid
with a key       a call needs the key, or a client secret made with it

The token is in `Authorization: Bearer TOKEN`. A browser cannot set headers of a WebSocket;
there it is the subprotocol `openai-insecure-api-key.TOKEN`, as in the Realtime API.

A key may be guessable. So after some wrong ones (`GUESSES`) no key is accepted from that address for a
while, not even the right one: otherwise guessing would be no slower. Client secrets have 192 random
bits, which cannot be guessed; they are not counted.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hmac import compare_digest

from starlette.requests import HTTPConnection

from pipeline.errors import UserInputError
from vitagraph.host.errors import ApiError
from vitagraph.host.limits import RateLimit, client_network
from vitagraph.host.secret_file import SecretFile
from vitagraph.host.settings import HostSettings
from vitagraph.host.tokens import (
    NOTHING_LOCKED,
    PREFIX,
    CallHandle,
    ClientSecret,
    ClientSecrets,
    LockedFields,
    unauthorized,
)

AS_SUBPROTOCOL = "openai-insecure-api-key."
GUESSES = "10/minute"
"""Wrong keys of one address before its keys are refused unread."""
SHORTEST_KEY = 8
"""Characters. At `GUESSES`, 1,000 addresses need 10,000 years for half of all keys of 8 random letters and digits."""
LONGEST_KEY = 512
"""Characters; proxies often allow 4 or 8 kB for all headers together."""
_QUIET = 60.0
"""Seconds between two log lines about guessing."""
_KEY = re.compile(r"[!-~]+")

_log = logging.getLogger("vitagraph.host")


@dataclass(frozen=True, slots=True)
class Authorization:
    """By what a call was authorised."""

    secrets: ClientSecrets
    secret: ClientSecret | None = None
    """None for the key, or for a host without one."""
    renewal: ClientSecret | None = None

    @property
    def locked(self) -> LockedFields:
        """What the secret fixes of the call."""
        return NOTHING_LOCKED if self.secret is None else self.secret.locked

    @property
    def returning(self) -> bool:
        """Whether the client had a call already, and reconnects."""
        return self.secret is not None and self.secret.until is not None

    def call_started(self, call: CallHandle) -> None:
        """Ties the secret and its renewal to the call."""
        if self.secret is not None and self.renewal is not None:
            self.secrets.call_started(self.secret, self.renewal, call)


class WrongKeys:
    """Counts wrong keys by network, and logs one line for a burst of them."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = RateLimit(GUESSES, now)
        self._now = now
        self._quiet_until = 0.0

    def add(self, network: str) -> None:
        """Counts one."""
        self._rate.take(network)
        if self._rate.wait(network) and self._now() >= self._quiet_until:
            self._quiet_until = self._now() + _QUIET
            _log.warning("many wrong keys come from %s: for a while no key is accepted from there", network)

    def check(self, network: str) -> None:
        """Raises an ApiError (429) if there were too many."""
        if wait := self._rate.wait(network):
            raise ApiError(
                429, "too_many_wrong_keys", "Too many wrong keys came from here. Try again later.", retry_after=wait
            )


class Auth:
    """Checks the bearer tokens of requests and WebSockets."""

    def __init__(self, settings: HostSettings) -> None:
        """Raises UserInputError or ResourceError if the file of the settings cannot be used."""
        self._file = None if settings.state is None else SecretFile(settings.state)
        self.secrets = ClientSecrets(store=self._file)
        self._key = settings.key
        self._digest = _digest(settings.key)
        self._call_length = settings.call_length
        self._wrong = WrongKeys()

    def close(self) -> None:
        """Lets go of the file."""
        if self._file is not None:
            self._file.close()

    @property
    def open(self) -> bool:
        """Whether calls need no token."""
        return not self._key

    def may_call(self, connection: HTTPConnection) -> bool:
        """Whether a call with the same token would be authorised."""
        return self.open if not (token := _bearer(connection)) else self._valid(connection, token)

    def trusts(self, connection: HTTPConnection) -> bool:
        """Whether a request has the host's key, or a client secret that was made with it."""
        return not self.open and self.may_call(connection)

    def locked(self, connection: HTTPConnection) -> LockedFields:
        """What the client secret of a request fixes; nothing if it has none that is valid."""
        try:
            return self.secrets.check(_bearer(connection)).locked
        except ApiError:
            return NOTHING_LOCKED

    def check(self, connection: HTTPConnection) -> None:
        """Raises an ApiError (401, 429) unless the host is open or the request has its key."""
        if self.open:
            return
        network, token = client_network(connection), _bearer(connection)
        self._wrong.check(network)
        # Digests have one length, so the comparison does not tell that of the key.
        if not token or not compare_digest(_digest(token), self._digest):
            if token:
                self._wrong.add(network)
            raise unauthorized("wrong_key", "This host takes calls only from those who have its key.")

    @asynccontextmanager
    async def authorize(self, connection: HTTPConnection) -> AsyncIterator[Authorization]:
        """Authorises the making of a call, which uses up a client secret; raises an ApiError (401, 429)."""
        if (token := _bearer(connection)).startswith(PREFIX):
            async with self.secrets.use(token, self._call_length) as (secret, renewal):
                yield Authorization(self.secrets, secret, renewal)
        else:
            self.check(connection)
            yield Authorization(self.secrets)

    def _valid(self, connection: HTTPConnection, token: str) -> bool:
        try:
            if token.startswith(PREFIX):
                self.secrets.check(token)
            else:
                self.check(connection)
        except ApiError:
            return False
        return True


def check_key(key: str) -> None:
    """Raises UserInputError for a key with which no client could call, or that is easily guessed."""
    problem = ""
    if not key.strip():
        problem = "is empty"
    elif not _KEY.fullmatch(key):
        problem = "has characters that a header cannot carry: white space, or others than ASCII"
    elif key.startswith(PREFIX):
        problem = f"begins with {PREFIX}, as client secrets do"
    elif len(key) < SHORTEST_KEY:
        problem = f"is shorter than {SHORTEST_KEY} characters, and so easily guessed"
    elif len(key) > LONGEST_KEY:
        problem = f"is longer than {LONGEST_KEY} characters"
    if problem:
        raise UserInputError(
            f"the key in VITAGRAPH_API_KEY {problem}",
            hint="make one with `openssl rand -hex 24`; remove the variable for a host without a key",
        )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _bearer(connection: HTTPConnection) -> str:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    offered = connection.scope.get("subprotocols", ())
    return next((each.removeprefix(AS_SUBPROTOCOL) for each in offered if each.startswith(AS_SUBPROTOCOL)), "")
