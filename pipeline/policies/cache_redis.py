"""A store in Redis that never delays speech: a call has 50 ms, and a Redis that is away is not asked.

While it is away, one call in the background looks whether it is back, after pauses that
grow. Going and coming back are said once each.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

from pipeline.errors import DependencyError, UserInputError
from pipeline.packet import MILLISECOND
from pipeline.policies.cache_memory import Key

if TYPE_CHECKING:
    from redis.asyncio import Redis

T = TypeVar("T")
log = logging.getLogger(__name__)

CALL = 0.05
"""Seconds that a call may take, whoever waits for it."""
CONNECT = 2.0
"""Seconds that connecting may take in the background."""
CONNECTIONS = 16
"""Calls at a time; one more is not made, for it would have to wait."""
FIRST_PAUSE = 0.5
"""Seconds until Redis is tried again; twice as long each time."""
LONGEST_PAUSE = 10.0
STEADY = 60.0
"""Seconds that Redis must have been there for the pauses to begin anew."""


class RedisStore:
    """Bytes in Redis under `vitagraph:cache:NAME:`, for one event loop, in real time.

    `tell` hears when Redis goes away (True) and comes back (False), and a sentence about it.
    Made where reading files is allowed, for it imports its package then; raises
    DependencyError if that is missing, UserInputError if the address is none.
    """

    def __init__(self, url: str, name: str, tell: Callable[[bool, str], None] = lambda _away, _news: None) -> None:
        self._client, self._failures = _connect(url)
        self._address = _address(url)
        self._prefix = f"vitagraph:cache:{name}:"
        self._tell = tell
        self.errors = 0
        self._there = False
        self._away = False  # and that has been said
        self._since = 0.0  # loop time at which it came or went
        self._pause = FIRST_PAUSE
        self._busy = 0
        self._trying: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def get(self, key: Key) -> tuple[bytes, int] | None:
        """A value and the nanoseconds for which it is still good; None if it is not there, or Redis is away."""
        name = self._name(key)

        async def read(client: Redis) -> Sequence[object]:
            both = client.pipeline(transaction=False)
            both.get(name)
            both.pttl(name)
            return await both.execute()

        match await self._call(read):
            case [bytes(value), int(left)] if left > 0:
                return value, left * MILLISECOND
        return None

    async def put(self, key: Key, value: bytes, ttl: int) -> None:
        """Keeps a value for `ttl` nanoseconds, unless Redis is away."""
        await self._call(lambda client: client.set(self._name(key), value, px=max(1, ttl // MILLISECOND)))

    async def close(self) -> None:
        """Stops trying, and closes the connections."""
        if self._timer is not None:
            self._timer.cancel()
        if self._trying is not None:
            self._trying.cancel()
            await asyncio.wait((self._trying,))
        self._there = False
        try:
            async with asyncio.timeout(CALL):
                await self._client.aclose()
        except self._failures:
            self.errors += 1

    def _name(self, key: Key) -> bytes:
        # Hashed, so that what people said is not to be read in a list of keys.
        kind, raw = (b"t", key.encode()) if isinstance(key, str) else (b"b", key)
        return self._prefix.encode() + blake2b(kind + raw, digest_size=20).hexdigest().encode()

    async def _call(self, command: Callable[[Redis], Awaitable[T]]) -> T | None:
        if self._trying is None:  # The first to call need not find it away.
            await asyncio.wait((self._try(),), timeout=CALL)
        if not self._there or self._busy >= CONNECTIONS:
            return None
        self._busy += 1
        try:
            async with asyncio.timeout(CALL):
                return await command(self._client)
        except self._failures as error:
            self.errors += 1
            self._lost(error)
            return None
        finally:
            self._busy -= 1

    def _try(self) -> asyncio.Task[None]:
        self._trying = asyncio.get_running_loop().create_task(self._reach())
        return self._trying

    async def _reach(self) -> None:
        try:
            async with asyncio.timeout(CONNECT):
                await self._client.ping()
            async with asyncio.timeout(CALL):  # One that is full, or only a replica, answers but takes nothing.
                await self._client.set(f"{self._prefix}probe", b"", px=1_000)
        except self._failures as error:
            self._rest(error)
        else:
            self._found()

    def _lost(self, error: Exception) -> None:
        if not self._there:
            return  # Another call that was out has said so.
        self._there = False
        if asyncio.get_running_loop().time() - self._since >= STEADY:
            self._pause = FIRST_PAUSE
        self._rest(error)

    def _rest(self, error: Exception) -> None:
        loop = asyncio.get_running_loop()
        if not self._away:
            self._away = True
            self._since = loop.time()
            reason = f"{type(error).__name__}: {error}" if str(error) else f"no answer within {CALL * 1_000:.0f} ms"
            self._say(logging.WARNING, f"is away ({reason}); what is in memory serves, and it is tried again")
        self._timer = loop.call_later(self._pause * random.uniform(0.5, 1), self._try)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _found(self) -> None:
        now = asyncio.get_running_loop().time()
        self._there = True
        if self._away:
            self._away = False
            self._say(logging.INFO, f"is back after {now - self._since:.1f} s")
        self._since = now

    def _say(self, level: int, news: str) -> None:
        news = f"the cache in Redis at {self._address} {news}"
        log.log(level, news)
        self._tell(self._away, news)


def _connect(url: str) -> tuple[Redis, tuple[type[Exception], ...]]:
    """A client that tries once more on a stale connection and has no other patience, and what its calls raise."""
    try:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
        from redis.exceptions import RedisError
    except ImportError as error:
        raise DependencyError(
            "a shared cache needs the package redis", hint="pip install 'vitagraph[redis]'"
        ) from error
    try:
        client = Redis.from_url(
            url,
            protocol=2,
            retry=Retry(NoBackoff(), 1),
            socket_timeout=None,
            socket_connect_timeout=None,
            driver_info=None,
        )
    except ValueError as error:
        raise UserInputError(
            f"{_address(url)} is no address of a Redis: {error}", hint="write it as redis://host:6379/0"
        ) from error
    return client, (RedisError, OSError, TimeoutError)


def _address(url: str) -> str:
    """The address without a name and a password: it is written to logs."""
    return re.sub(r"//[^/]*@", "//", url).partition("?")[0]
