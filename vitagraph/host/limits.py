"""Limits of one client: the rate of its calls, and the size of its requests."""

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

BODY_SECONDS = 6
"""Seconds that a client may take to send a body of a few kB."""
MOST_ADDRESSES = 10_000
"""Networks whose latest calls are remembered; the least recent is dropped first."""

_UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_RATE = re.compile(rf"(\d+)\s*(?:/|per)\s*({'|'.join(_UNITS)})")


class RateLimit:
    """A sliding window for each network: at most so many in any such span, `30/minute`."""

    def __init__(self, text: str, now: Callable[[], float] = time.monotonic) -> None:
        match = _RATE.fullmatch(text.strip())
        if not match or not int(match[1]):
            raise UserInputError(f"{text!r} is no rate", hint="write it as 30/minute; units are " + ", ".join(_UNITS))
        self._most, self._span = int(match[1]), _UNITS[match[2]]
        self._now = now
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, network: str) -> float:
        """The seconds until another one is allowed; 0 if it is allowed now. Counts nothing."""
        now, times = self._now(), self._seen.get(network)
        while times and times[0] <= now - self._span:
            times.popleft()
        return times[0] + self._span - now if times and len(times) >= self._most else 0

    def take(self, network: str) -> float:
        """Counts one and returns 0; if there are too many already, returns the seconds to wait."""
        times = self._seen.setdefault(network, deque())
        self._seen.move_to_end(network)
        if len(self._seen) > MOST_ADDRESSES:
            self._seen.popitem(last=False)
        if wait := self.wait(network):
            return wait
        times.append(self._now())
        return 0

    def check(self, connection: HTTPConnection) -> None:
        """Counts a request; raises an ApiError (429) if there were too many from its network."""
        if wait := self.take(client_network(connection)):
            raise ApiError(
                429, "too_many_calls", f"Too many calls from here. Try again in {_words(wait)}.", retry_after=wait
            )


def client_network(connection: HTTPConnection) -> str:
    """The network that a request comes from; empty if it is unknown."""
    return network_of(connection.client.host if connection.client else "")


def network_of(address: str) -> str:
    """The network that counts as one client: an IPv4 address, or the /64 of an IPv6 subscriber."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))


def is_address(text: str) -> bool:
    """Whether it is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


async def read_body(request: Request, most: int) -> bytes:
    """The body; raises an ApiError (413) as soon as it exceeds `most` bytes, and 408 if it takes too long."""
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
        raise ApiError(
            408, "too_slow", "The request took too long to arrive.", headers={"Connection": "close"}
        ) from None
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
