"""STUN and TURN servers: for the page and for the host's own end of a call.

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
from vitagraph.host.settings import Settings

if TYPE_CHECKING:
    from aiortc import RTCIceServer

SPARE = 600
"""Seconds that credentials outlive the longest call."""

_ADDRESS = re.compile(r"(stuns?:[^\s?/]+|turns?:[^\s?/]+(\?transport=(udp|tcp))?)")


class IceServer(TypedDict, total=False):
    """As a browser's RTCPeerConnection takes it."""

    urls: list[str]
    username: str
    credential: str


def check(settings: Settings) -> None:
    """Raises UserInputError where an address, or the secret for it, is missing or wrong."""
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


def servers(settings: Settings, now: float | None = None) -> list[IceServer]:
    """All of them, the credentials good for a call that begins at `now` (seconds since 1970)."""
    stun = [address for address in settings.ice if not _is_turn(address)]
    turn = [address for address in settings.ice if _is_turn(address)]
    found: list[IceServer] = [{"urls": stun}] if stun else []
    if turn:
        username = f"{int((time.time() if now is None else now) + settings.call_length + SPARE)}:vitagraph"
        found.append({"urls": turn, "username": username, "credential": credential(settings.turn_secret, username)})
    return found


def credential(secret: str, username: str) -> str:
    """The password that goes with a name."""
    # SHA-1 is what the TURN servers' scheme says; an HMAC does not need what is broken of it.
    return base64.b64encode(hmac.digest(secret.encode(), username.encode(), hashlib.sha1)).decode()


def ice_servers(settings: Settings) -> list[RTCIceServer]:
    """The same for the host's own end of a call."""
    from aiortc import RTCIceServer

    return [RTCIceServer(**server) for server in servers(settings)]


def _is_turn(address: str) -> bool:
    return address.startswith("turn")
