"""The ICE candidates of an offer: which of them this host tries.

At most 16 addresses a media section, none of which is of this machine, of a link or of a
group, unless the host only serves this machine. Names ending in .local, by which browsers
hide addresses, are resolved after the offer was answered, at most four of them; most clients
are reached without that, because their own packets show their address.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import aiortc
from aiortc.sdp import candidate_from_sdp

from pipeline.errors import UserInputError

MAX_CANDIDATES = 16
MAX_NAMES = 4
MAX_SECTIONS = 8
"""Media sections, each of which may open sockets of its own; a browser's offer has three at most."""
RESOLVE_TIMEOUT = 5
"""Seconds for all names."""

_CANDIDATE = "a=candidate:"


@dataclass(frozen=True, slots=True)
class CheckedOffer:
    """An offer with the candidates that may be tried."""

    sdp: str
    names: list[aiortc.RTCIceCandidate] = field(default_factory=list)
    """Candidates that are names, which `resolve` adds."""


def check_candidates(offer: str, *, local: bool) -> CheckedOffer:
    """Removes candidates that are not to be tried; raises UserInputError if there are too many media sections.

    `local` says that the host only serves this machine. Malformed candidates stay, for aiortc to refuse.
    The end of candidates is removed too: after it, aioice offers no address of its own to a client without
    usable candidates, although its packets might come.
    """
    lines: list[str] = []
    names: list[aiortc.RTCIceCandidate] = []
    section, count = -1, 0
    for line in offer.splitlines():
        if line.startswith("m="):
            section, count = section + 1, 0
        if line == "a=end-of-candidates":
            continue
        fields = line.split()
        if not line.startswith(_CANDIDATE) or len(fields) < 8:
            lines.append(line)
        elif fields[4].endswith(".local"):
            if len(names) < MAX_NAMES and (not names or names[0].sdpMLineIndex == section):
                with suppress(ValueError):
                    name = candidate_from_sdp(line[len(_CANDIDATE) :])
                    name.sdpMLineIndex = section
                    names.append(name)
        elif fields[1] == "1" and count < MAX_CANDIDATES and _usable(fields[2], fields[4], fields[5], local=local):
            count += 1
            lines.append(line)
    if section >= MAX_SECTIONS:
        raise UserInputError(
            f"the offer has {section + 1} media sections",
            hint=f"send at most {MAX_SECTIONS}: one audio track and a data channel are used",
        )
    return CheckedOffer("\r\n".join([*lines, ""]), names)


async def resolve(connection: aiortc.RTCPeerConnection, names: Sequence[aiortc.RTCIceCandidate]) -> None:
    """Adds candidates that are names, as far as they can be resolved in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(RESOLVE_TIMEOUT):
            await asyncio.gather(*(_resolve(connection, name) for name in names))


async def _resolve(connection: aiortc.RTCPeerConnection, name: aiortc.RTCIceCandidate) -> None:
    # Another program may have UDP port 5353, or there is no network: then it cannot be resolved.
    with suppress(OSError):
        await connection.addIceCandidate(name)


def _usable(transport: str, address: str, port: str, *, local: bool) -> bool:
    """Whether a candidate may be tried. What is neither an address nor a port stays, for aiortc to refuse."""
    try:
        ip, number = ipaddress.ip_address(address), int(port)
    except ValueError:
        return not port.isdecimal()
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if transport.lower() != "udp" or not 0 < number < 65_536:
        return False
    if ip.is_multicast or ip.is_unspecified or (ip.version == 4 and ip.is_reserved):
        return False
    return local or not (ip.is_loopback or ip.is_link_local)
