"""Checks and headers of every request, whatever its route.

Host       on a host that only this machine reaches it must be a name of this machine, on others one
           of the settings, if there are any; so a page elsewhere whose name points here (DNS
           rebinding) is refused
Origin     it must be the host's own, or one of the settings; only browsers send it
response   headers that forbid loading anything from elsewhere, framing, and sniffing of types
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.errors import UserInputError
from vitagraph.host.errors import ApiError
from vitagraph.host.limits import is_address
from vitagraph.host.settings import HostSettings

ANY = "*"
HSTS_SECONDS = 31_536_000
"""For how long a browser remembers that the host speaks https: a year."""
_ORIGIN = re.compile(r"https?://[^/\s*?#@A-Z]+")
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def content_security_policy(*style_hashes: str) -> str:
    """A Content-Security-Policy that allows only the host's own files, and inline styles of these hashes."""
    return "; ".join(
        (
            "default-src 'self'",
            " ".join(["style-src 'self'", *(f"'{each}'" for each in style_hashes)]),
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def headers(policy: str, *, tls: bool = False) -> dict[str, str]:
    """The headers of every response; with `tls` browsers come back by https only."""
    return {
        **({"Strict-Transport-Security": f"max-age={HSTS_SECONDS}"} if tls else {}),
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def check(settings: HostSettings) -> None:
    """Raises UserInputError for an invalid origin or name."""
    for origin in settings.origins:
        if origin != ANY and not _ORIGIN.fullmatch(origin):
            raise UserInputError(
                f"{origin!r} is no origin",
                hint="write it in small letters and without a path, https://example.com; * is any",
            )
    for name in settings.names:
        if not _NAME.fullmatch(name):
            raise UserInputError(
                f"{name!r} is no host name", hint="write it in small letters and without a port, voice.example.com"
            )


class SecurityMiddleware:
    """The ASGI middleware for these checks and headers."""

    def __init__(self, app: ASGIApp, *, settings: HostSettings, policy: str) -> None:
        self._app = app
        self._origins = frozenset(settings.origins)
        self._hosts = _hosts(settings)
        self._addresses = not settings.local
        """Whether the host may be addressed by IP address: no name can be rebound to that."""
        self._headers = headers(policy, tls=settings.tls)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        error = self._check(scope)
        if error is None:
            await self._app(scope, receive, self._with_headers(send))
        elif scope["type"] == "http":
            await error.response()(scope, receive, self._with_headers(send))
        else:
            # Closing a WebSocket before it is accepted gives a 403.
            await send({"type": "websocket.close", "code": 1008, "reason": error.detail})

    def _check(self, scope: Scope) -> ApiError | None:
        sent = Headers(scope=scope)
        host = sent.get("host", "").lower()
        if self._hosts and not self._known(_name(host)):
            return ApiError(
                403, "bad_host", "The host does not go by this name. Open it by the address that it prints."
            )
        origin = sent.get("origin")
        if origin is None or ANY in self._origins or origin.lower() in {*self._origins, _own(scope, host)}:
            return None
        return ApiError(
            403, "bad_origin", "This page may not call that host. Open it by the address that the host prints."
        )

    def _known(self, name: str) -> bool:
        return name in self._hosts or (self._addresses and is_address(name))

    def _with_headers(self, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    sent.setdefault(name, value)
            await send(message)

        return sending


def _hosts(settings: HostSettings) -> frozenset[str]:
    """The names in the settings, of a local host, and of the allowed origins; empty if any name is allowed."""
    if not settings.names and (not settings.local or ANY in settings.origins):
        return frozenset()
    return _LOCAL | {*settings.names} | {urlsplit(origin).hostname or "" for origin in settings.origins} - {ANY}


def _name(host: str) -> str:
    """The name in a Host header: `localhost` of `localhost:8080`, `::1` of `[::1]:8080`."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].removesuffix(".")


def _own(scope: Scope, host: str) -> str:
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
    return f"{scheme}://{host}"
