"""How much and how often one client may send."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from fastapi import Request
from starlette.requests import HTTPConnection

from pipeline.errors import UserInputError
from vitagraph.host.errors import ApiError

BODY_SECONDS = 10
"""How long a client may take to send a body of some kB."""
MOST_ADDRESSES = 10_000
"""Of which the last calls are remembered; the one unheard of the longest is forgotten first."""

_UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_RATE = re.compile(rf"(\d+)\s*(?:/|per)\s*({'|'.join(_UNITS)})")


class Rate:
    """A moving window for each network: so many in any such span, `30/minute`."""

    def __init__(self, text: str, now: Callable[[], float] = time.monotonic) -> None:
        match = _RATE.fullmatch(text.strip())
        if not match or not int(match[1]):
            raise UserInputError(f"{text!r} is no rate", hint="write it as 30/minute; units are " + ", ".join(_UNITS))
        self._most, self._span = int(match[1]), _UNITS[match[2]]
        self._now = now
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, network: str) -> float:
        """Counts one; gives the seconds to wait where there are too many already, else 0."""
        now = self._now()
        times = self._seen.setdefault(network, deque())
        self._seen.move_to_end(network)
        if len(self._seen) > MOST_ADDRESSES:
            self._seen.popitem(last=False)
        while times and times[0] <= now - self._span:
            times.popleft()
        if len(times) >= self._most:
            return times[0] + self._span - now
        times.append(now)
        return 0

    def check(self, connection: HTTPConnection) -> None:
        """Counts a request; raises an ApiError (429) where there were too many from its network."""
        if wait := self.take(network_of(connection.client.host if connection.client else "")):
            raise ApiError(
                429, "too_many_calls", f"Too many calls from here. Try again in {_words(wait)}.", retry_after=wait
            )


def network_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 that an IPv6 subscriber has to themselves."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))


async def read_body(request: Request, most: int) -> bytes:
    """The body, of `most` bytes; what is longer is refused as soon as it shows, with or without a Content-Length."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > most:
        raise _too_large(most)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise _too_large(most)
    except TimeoutError:
        raise ApiError(408, "too_slow", "The request took too long to arrive.") from None
    return bytes(body)


def _too_large(most: int) -> ApiError:
    return ApiError(
        413, "too_large", f"The request is too large: at most {most} bytes.", headers={"Connection": "close"}
    )


def _words(seconds: float) -> str:
    return (
        f"{seconds:.0f} seconds"
        if 2 <= seconds < 120
        else f"{seconds / 60:.0f} minutes"
        if seconds >= 2
        else "a second"
    )
