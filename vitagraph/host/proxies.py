"""Reverse proxies: from which of them the client's address and scheme are believed.

X-Forwarded-For     the right-most address that is not a trusted proxy's is the client's: what is
                    left of it was sent by the client itself, who can write anything
X-Forwarded-Proto   http or https, if there is only one

Both count only on connections from a trusted proxy. The first entry from the right that is no address
ends the list. X-Forwarded-Host and Forwarded are not read: a proxy passes the Host header on.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Sequence
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.errors import UserInputError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MOST_HOPS = 16
"""Entries of X-Forwarded-For that are looked at, from the right."""
_PORT = re.compile(r"\[(?P<v6>[^\]]*)\](:\d+)?|(?P<v4>[\d.]+):\d+")
_SOCKETS = {"http": "ws", "https": "wss"}

_log = logging.getLogger("vitagraph.host")


def networks(proxies: Sequence[str]) -> tuple[Network, ...]:
    """The addresses and networks in a list of texts; raises UserInputError."""
    return tuple(map(_network, proxies))


def is_within(text: str, networks: Sequence[Network]) -> bool:
    """Whether a text is an address in one of these networks."""
    address = _address(text)
    return address is not None and any(address in network for network in networks)


class ProxyMiddleware:
    """The ASGI middleware that gives a request the address and scheme of its client."""

    def __init__(self, app: ASGIApp, *, proxies: Sequence[str]) -> None:
        self._app = app
        self._trusted = networks(proxies)
        self._warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and scope.get("client"):
            scope = self._forwarded(scope)
        await self._app(scope, receive, send)

    def _forwarded(self, scope: Scope) -> Scope:
        headers = Headers(scope=scope)
        peer = _address(scope["client"][0])
        if "x-forwarded-for" not in headers and "x-forwarded-proto" not in headers:
            return scope
        if peer is None or not self._trusts(peer):
            self._warn(scope["client"][0])
            return scope
        changed: dict[str, Any] = {}
        client = self._client(peer, ",".join(headers.getlist("x-forwarded-for")))
        if client != peer:
            changed["client"] = (str(client), 0)
        schemes = headers.getlist("x-forwarded-proto")
        if len(schemes) == 1 and (scheme := schemes[0].strip().lower()) in _SOCKETS:
            changed["scheme"] = scheme if scope["type"] == "http" else _SOCKETS[scheme]
        return {**scope, **changed}

    def _client(self, peer: Address, forwarded: str) -> Address:
        client = peer
        for entry in reversed(forwarded.rsplit(",", MOST_HOPS)[-MOST_HOPS:]):
            address = _address(entry.strip())
            if address is None:
                break
            client = address
            if not self._trusts(address):
                break
        return client

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)

    def _warn(self, peer: str) -> None:
        if not self._warned:
            self._warned = True
            _log.warning(
                "X-Forwarded headers from %s are not believed; if it is your proxy, start with --proxy %s", peer, peer
            )


def _network(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise UserInputError(
            f"{text!r} is no address of a proxy: {error}", hint="write it as 127.0.0.1, or a network as 10.0.0.0/8"
        ) from None
    if network.prefixlen == 0:
        raise UserInputError(
            f"{text} would believe every client", hint="name only the proxy, or the network that it is in"
        )
    return network


def _address(text: str) -> Address | None:
    """An address, with or without a port; an IPv4 address within IPv6 as IPv4."""
    if match := _PORT.fullmatch(text):
        text = match["v6"] or match["v4"] or ""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
