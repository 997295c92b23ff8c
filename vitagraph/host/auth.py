"""Who may call.

the host has no key     everybody; but who shows a client secret must show a valid one
the host has a key      who has it, or a client secret made with it
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hmac import compare_digest
from typing import Any

from fastapi import Request

from vitagraph.host.tokens import PREFIX, ClientSecrets, unauthorized


class Auth:
    """Looks at the bearer token of requests; `key` is empty on an open host."""

    def __init__(self, key: str) -> None:
        self.secrets = ClientSecrets()
        self._key = key

    @property
    def open(self) -> bool:
        """Whether everybody may call."""
        return not self._key

    def has_key(self, request: Request) -> bool:
        """Whether a request bears the host's key."""
        return bool(self._key) and compare_digest(_bearer(request).encode(), self._key.encode())

    def check(self, request: Request) -> None:
        """Raises a Refusal (401) unless the host is open or the request bears its key."""
        if not self.open and not self.has_key(request):
            raise unauthorized("wrong_key", "This host takes calls only from those who have its key.")

    @contextmanager
    def admit(self, request: Request) -> Iterator[dict[str, Any]]:
        """For the making of a call: gives the session that came with the client secret. Raises a Refusal (401)."""
        if (token := _bearer(request)).startswith(PREFIX):
            with self.secrets.use(token) as session:
                yield session
        else:
            self.check(request)
            yield {}


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
