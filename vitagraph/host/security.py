"""What every request and answer is held to, whatever its route.

Host      on a host that only this machine reaches, a name of this machine: a page elsewhere
          that makes its own name point here (DNS rebinding) gets nothing
Origin    the host's own, or one that it was started with; what is no browser sends none
answers   say that nothing from elsewhere may be loaded, framed or guessed at
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.errors import UserInputError
from vitagraph.host.errors import ApiError
from vitagraph.host.settings import Settings

ANY = "*"
_ORIGIN = re.compile(r"https?://[^/\s*?#@A-Z]+")
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def policy(*style_hashes: str) -> str:
    """The Content-Security-Policy: everything from here, nothing inline but styles of these hashes."""
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


def headers(policy: str) -> dict[str, str]:
    """What goes with every answer."""
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def check(settings: Settings) -> None:
    """Raises UserInputError where an origin is none."""
    for origin in settings.origins:
        if origin != ANY and not _ORIGIN.fullmatch(origin):
            raise UserInputError(
                f"{origin!r} is no origin",
                hint="write it in small letters and without a path, https://example.com; * is any",
            )


class Guard:
    """ASGI middleware that does all of this."""

    def __init__(self, app: ASGIApp, *, settings: Settings, policy: str) -> None:
        self._app = app
        self._origins = frozenset(settings.origins)
        self._hosts = _hosts(settings)
        self._headers = headers(policy)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, self._with_headers(send))
        elif scope["type"] == "http":
            await refusal.response()(scope, receive, self._with_headers(send))
        else:
            # Before it is accepted, closing a WebSocket is answered by 403.
            await send({"type": "websocket.close", "code": 1008, "reason": refusal.detail})

    def _refusal(self, scope: Scope) -> ApiError | None:
        sent = Headers(scope=scope)
        host = sent.get("host", "").lower()
        if self._hosts and _name(host) not in self._hosts:
            return ApiError(
                403, "bad_host", "The host does not go by this name. Open it by the address that it prints."
            )
        origin = sent.get("origin")
        if origin is None or ANY in self._origins or origin.lower() in {*self._origins, _own(scope, host)}:
            return None
        return ApiError(
            403, "bad_origin", "This page may not call that host. Open it by the address that the host prints."
        )

    def _with_headers(self, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    sent.setdefault(name, value)
            await send(message)

        return sending


def _hosts(settings: Settings) -> frozenset[str]:
    """The names that a local host goes by, with those of a proxy before it; empty: any name."""
    if not settings.local or ANY in settings.origins:
        return frozenset()
    return _LOCAL | {urlsplit(origin).hostname or "" for origin in settings.origins}


def _name(host: str) -> str:
    """The name in a Host header: `localhost` of `localhost:8080`, `::1` of `[::1]:8080`."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _own(scope: Scope, host: str) -> str:
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
    return f"{scheme}://{host}"
