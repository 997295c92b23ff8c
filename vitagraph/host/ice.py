"""The STUN and TURN servers, for the page and for the host's end of a call.

TURN servers take short-lived credentials made from a secret that they share with the host
(coturn's `use-auth-secret`): the name says when they expire, the password proves it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from typing import TYPE_CHECKING, TypedDict

from pipeline.errors import UserInputError
from vitagraph.host.settings import HostSettings

if TYPE_CHECKING:
    from aiortc import RTCIceServer

SPARE = 600
"""Seconds by which credentials outlive the longest call."""

_ADDRESS = re.compile(r"(stuns?:[^\s?/]+|turns?:[^\s?/]+(\?transport=(udp|tcp))?)")


class IceServer(TypedDict, total=False):
    """As a browser's RTCPeerConnection takes it."""

    urls: list[str]
    username: str
    credential: str


def check(settings: HostSettings) -> None:
    """Raises UserInputError for an invalid address, or a TURN server without a secret."""
    for address in settings.ice:
        if not _ADDRESS.fullmatch(address):
            raise UserInputError(
                f"{address!r} is no address of a STUN or TURN server",
                hint="write it as stun:host:3478 or turn:host:3478?transport=udp",
            )
        if _is_turn(address) and not settings.turn_secret:
            raise UserInputError(
                f"{address} needs a secret to make credentials from",
                hint="set VITAGRAPH_TURN_SECRET to what the TURN server has as static-auth-secret",
            )


def servers(settings: HostSettings, now: float | None = None, *, turn: bool = True) -> list[IceServer]:
    """The servers, with credentials for a call that begins at `now` (seconds since 1970).

    Without `turn` only the STUN servers: with the credentials of a TURN server anyone can send through it.
    """
    stun = [address for address in settings.ice if not _is_turn(address)]
    relays = [address for address in settings.ice if turn and _is_turn(address)]
    found: list[IceServer] = [{"urls": stun}] if stun else []
    if relays:
        username = f"{int((time.time() if now is None else now) + settings.call_length + SPARE)}:vitagraph"
        found.append({"urls": relays, "username": username, "credential": credential(settings.turn_secret, username)})
    return found


def credential(secret: str, username: str) -> str:
    """The password for a name."""
    # The scheme prescribes SHA-1. Its collisions do not weaken an HMAC.
    return base64.b64encode(hmac.digest(secret.encode(), username.encode(), hashlib.sha1)).decode()


def ice_servers(settings: HostSettings) -> list[RTCIceServer]:
    """The same for aiortc."""
    from aiortc import RTCIceServer

    return [RTCIceServer(**server) for server in servers(settings)]


def _is_turn(address: str) -> bool:
    return address.startswith("turn")
