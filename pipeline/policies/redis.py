"""The connection to Redis that caches and limits share: one client for each address and process.

Every call is bounded in time, and a Redis that is away is not called: one attempt at a time runs
in the background to find out whether it is back, after pauses that grow. Losing it is logged
once, and so is its return.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from pipeline.errors import DependencyError, UserInputError

if TYPE_CHECKING:
    from redis.asyncio import Redis

T = TypeVar("T")
log = logging.getLogger(__name__)

CONNECT = 2.0
"""Seconds that connecting may take in the background."""
CONNECTIONS = 16
FIRST_PAUSE = 0.5
"""Seconds until Redis is tried again; each further pause is twice as long."""
LONGEST_PAUSE = 10.0
STEADY = 60.0
"""Seconds for which Redis must have been there before the pauses start from `FIRST_PAUSE` again."""
_PROBE = b"vitagraph:probe"


class RedisUnavailable(Exception):
    """A call that gave nothing. `failed`: it was made and failed; else Redis was away or busy, and was not called."""

    def __init__(self, *, failed: bool = False) -> None:
        super().__init__("Redis did not answer" if failed else "Redis was not called")
        self.failed = failed


class RedisClient:
    """A pool of up to 16 connections to one address, for one event loop and in real time.

    Construct it where blocking is allowed, for it imports the package then. Raises
    DependencyError where that is missing, UserInputError for an invalid address.
    """

    def __init__(self, url: str) -> None:
        self._client, self._failures = _connect(url)
        self.address = _address(url)
        self.bound = CONNECT
        """Seconds within which Redis must answer to count as there: the shortest that a user of this client sets."""
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._there = False
        self._away = False  # and that has been logged
        self._since = 0.0  # loop time of the last change
        self._pause = FIRST_PAUSE
        self._first = True  # whether calls still wait for the first attempt to connect
        self._attempt: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def there(self) -> bool:
        """Whether it can be reached, as far as is known."""
        return self._there

    def begin(self) -> asyncio.Task[None]:
        """Starts to connect in the background, unless that has begun; the task ends with the attempt."""
        return self._attempt or self._try()

    async def call(self, command: Callable[[Redis], Awaitable[T]], within: float, *, queue: bool = False) -> T:
        """Runs a command, in at most `within` seconds; raises RedisUnavailable.

        Where all connections are in use, `queue` waits for one; without it the call is not made.
        """
        if self._first:
            await asyncio.wait((self.begin(),), timeout=within)
            self._first = False
        if not self._there or (self._slots.locked() and not queue):
            raise RedisUnavailable
        try:
            async with asyncio.timeout(within), self._slots:
                return await command(self._client)
        except self._failures as error:
            self._lost(error, within)
            raise RedisUnavailable(failed=True) from error

    async def close(self) -> None:
        """Stops trying, and closes the connections."""
        if self._timer is not None:
            self._timer.cancel()
        if self._attempt is not None:
            self._attempt.cancel()
            await asyncio.wait((self._attempt,))
        self._there = False
        try:
            async with asyncio.timeout(self.bound):
                await self._client.aclose()
        except self._failures as error:
            log.debug("Redis at %s: %s", self.address, error)

    def _try(self) -> asyncio.Task[None]:
        self._attempt = asyncio.get_running_loop().create_task(self._reach(), name="Redis connects")
        return self._attempt

    async def _reach(self) -> None:
        within = CONNECT
        try:
            async with asyncio.timeout(within):
                await self._client.ping()
            within = self.bound
            async with asyncio.timeout(within):  # One that is full, or a replica, answers a ping but takes no value.
                await self._client.set(_PROBE, b"", px=1_000)
        except self._failures as error:
            self._retry_later(error, within)
        else:
            self._found()

    def _lost(self, error: Exception, within: float) -> None:
        if not self._there:
            return  # Another call that was out at the same time has noticed first.
        self._there = False
        if asyncio.get_running_loop().time() - self._since >= STEADY:
            self._pause = FIRST_PAUSE
        self._retry_later(error, within)

    def _retry_later(self, error: Exception, within: float) -> None:
        loop = asyncio.get_running_loop()
        if not self._away:
            self._away = True
            self._since = loop.time()
            said = str(error)[:200]
            reason = f"{type(error).__name__}: {said}" if said else f"no answer within {within * 1_000:.0f} ms"
            log.warning(
                "Redis at %s is away (%s): caches use this process's memory, limits count this process alone",
                self.address,
                reason,
            )
        self._timer = loop.call_later(self._pause * random.uniform(0.5, 1), self._try)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _found(self) -> None:
        now = asyncio.get_running_loop().time()
        self._there = True
        if self._away:
            self._away = False
            log.info("Redis at %s is back after %.1f s: processes share again", self.address, now - self._since)
        self._since = now


def _connect(url: str) -> tuple[Redis, tuple[type[Exception], ...]]:
    """A client that retries once, at once, and what its calls raise. Connects to nothing yet."""
    try:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
        from redis.exceptions import RedisError
    except ImportError as error:
        hint = "pip install 'vitagraph[redis]'"
        raise DependencyError("what processes share needs the package redis", hint=hint) from error
    try:
        # The retry replaces a connection that went stale; `call` bounds the time. With a `driver_info`,
        # each connection would look for the package's version on the disk.
        client = Redis.from_url(
            url,
            protocol=2,
            retry=Retry(NoBackoff(), 1),
            socket_timeout=None,
            socket_connect_timeout=None,
            driver_info=None,
        )
    except ValueError as error:
        # The error may have a part of the password, where that has characters that end the host.
        known = "@" not in url or str(error).startswith("Redis URL must")
        why = str(error) if known else "`/`, `?`, `#` and `@` in its password are written %2F, %3F, %23 and %40"
        raise _invalid(url, why) from None
    where = client.connection_pool.connection_kwargs
    if "host" not in where and "path" not in where:
        raise _invalid(url, "it names no host")
    return client, (RedisError, OSError, TimeoutError)


def _invalid(url: str, why: str) -> UserInputError:
    return UserInputError(f"{_address(url)} is not a Redis address: {why}", hint="write it as redis://host:6379/0")


def _address(url: str) -> str:
    """The address without user name and password, for it is written to logs."""
    scheme, slashes, rest = url.partition("://")
    return f"{scheme}{slashes}{rest.rpartition('@')[2].partition('?')[0]}"
