"""A limit whose span several processes share, through Redis: the moving window of the `limits` library.

Each process keeps its own window as well: what that refuses, Redis would refuse too, and it
goes on alone while Redis is away. How many are at work at once stays each process's own.
The library stamps with the wall clock, so the window is as exact as the hosts' clocks agree.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from pipeline.clock import Clock
from pipeline.errors import DependencyError, UserInputError
from pipeline.packet import MILLISECOND, SECOND
from pipeline.policies.limit import WHEN_FREED, Limit
from pipeline.policies.spec import LimitSpec

if TYPE_CHECKING:
    from limits.aio.storage import RedisStorage
    from redis.asyncio import BlockingConnectionPool

_PATIENCE = 0.25
"""Seconds for Redis to answer; past that it is away."""
_AWAY = 2 * SECOND
"""Nanoseconds after which it is asked again."""
_ROUND_TRIP = 5 * MILLISECOND
"""What takes longer than this was a wait."""
_CONNECTIONS = 4
_log = logging.getLogger(__name__)


class _Opened(NamedTuple):
    pool: BlockingConnectionPool
    storage: RedisStorage
    errors: tuple[type[Exception], ...]


class SharedWindow:
    """The log of admissions in Redis under `key`; all that use that key share it. `window` is in nanoseconds.

    Raises DependencyError without the packages, UserInputError for what is no Redis address.
    """

    def __init__(self, url: str, key: str, window: int) -> None:
        if not _is_address(url):
            raise UserInputError("`limit.shared` is no Redis address", hint="write it as redis://host:6379/0")
        if missing := [name for name in ("limits", "redis") if find_spec(name) is None]:
            hint = "pip install 'vitagraph[redis]'"
            raise DependencyError(f"a shared limit needs the package {missing[0]}", hint=hint)
        self._url = url
        self._key = key
        # Redis forgets by whole seconds: rounded up, so that it never lets through more than was asked for.
        self._seconds = -(-window // SECOND)
        self._opened: asyncio.Future[_Opened] | None = None
        self._reaching: asyncio.Task[None] | None = None

    def begin(self) -> asyncio.Task[None]:
        """Begins to import the packages and to connect; without it the first to ask waits for that, half a second."""
        if self._reaching is None:
            self._reaching = asyncio.get_running_loop().create_task(self._reach(), name="a shared limit connects")
        return self._reaching

    async def take(self, most: int) -> int | None:
        """0 if there was room, and it is taken; else nanoseconds until there may be. None: Redis is away."""
        redis = await self._open()
        try:
            async with asyncio.timeout(_PATIENCE):
                if await redis.storage.acquire_entry(self._key, most, self._seconds):
                    return 0
                began, count = await redis.storage.get_moving_window(self._key, most, self._seconds)
        except redis.errors as error:
            _log.debug("redis: %s", error)
            return None
        # The wall clock, for that is what the library writes into Redis.
        left = began + self._seconds - datetime.now(UTC).timestamp() if count >= most else 0
        return max(MILLISECOND, round(left * SECOND))

    async def close(self) -> None:
        """Closes the connections."""
        if self._reaching is not None:
            self._reaching.cancel()
            await asyncio.wait((self._reaching,))
        if self._opened is not None:
            await (await self._open()).pool.aclose()

    async def _reach(self) -> None:
        """Looks into the window; where Redis is away, who asks first will tell."""
        redis = await self._open()
        try:
            async with asyncio.timeout(_PATIENCE):
                await redis.storage.get_moving_window(self._key, 1, self._seconds)
        except redis.errors as error:
            _log.debug("redis: %s", error)

    async def _open(self) -> _Opened:
        """Imports the packages; does not connect yet."""
        if self._opened is None:  # In a thread, for that takes a while.
            self._opened = asyncio.get_running_loop().run_in_executor(None, _open, self._url)
        return await asyncio.shield(self._opened)


class SharedLimit(Limit):
    """A Limit that asks the shared window as well. Where it queues, one asks at a time: whose turn it is.

    It is for specs with `max` and `shared`; `name` says who share it. Close it at the end.
    """

    def __init__(self, spec: LimitSpec, now: Callable[[], int], name: str) -> None:
        super().__init__(spec, now, name)
        self._shared = SharedWindow(spec.shared, name, spec.window)
        self._queues = spec.when_full == "queue"
        self._asking = False
        self._away = False
        self._ask_at = 0

    def begin(self) -> asyncio.Task[None]:
        """Begins to connect to Redis, for the first request; nobody has to wait for it."""
        return self._shared.begin()

    def try_acquire(self) -> bool:
        """Never: Redis has to be asked."""
        return False

    async def acquire(self, session: Hashable = None) -> int:
        """As in Limit, after a round trip to Redis."""
        began = self._now()
        at = await super().acquire(session)
        left = -1
        try:
            left = await self._ask(began + self.spec.max_wait)
        finally:
            if left:
                self._cancelled += left < 0
                self._withdraw(at)
        took = self._now() - began
        if left:
            self._count_refusal(took)
            raise self._reached(left)
        return self._settle(at, took)

    async def close(self) -> None:
        """Closes the connections."""
        await self._shared.close()

    def _left(self) -> int:
        return super()._left() if not self._asking else WHEN_FREED

    def _grant(self) -> int:
        self._asking = self._queues
        return super()._grant()

    def _withdraw(self, at: int) -> None:
        self._asking = False
        super()._withdraw(at)

    def _count_wait(self, took: int) -> None:
        """Not yet: it has still to ask."""

    def _count_refusal(self, took: int) -> None:
        if took > _ROUND_TRIP:
            self._timed_out += 1
        else:
            self._refused += 1

    def _settle(self, at: int, took: int) -> int:
        """It counts from now on, not from when it began to ask."""
        self._asking = False
        now = self._now()
        if at in self._log:
            self._log.remove(at)
            self._log.append(now)
        if took > _ROUND_TRIP:
            super()._count_wait(took)
        self._admit()
        return now

    async def _ask(self, until: int) -> int:
        """0 when there is room, else how long there will be none."""
        while self._max and self._now() >= self._ask_at:
            left = await self._shared.take(self._max)
            self._tell(left is None)
            if not left:
                return 0
            if self.spec.when_full != "queue" or self._now() + left > until:
                return left
            await Clock(asyncio.get_running_loop()).sleep(left)
        return 0

    def _tell(self, away: bool) -> None:
        if away:
            self._ask_at = self._now() + _AWAY
        if away != self._away:
            self._away = away
            if away:
                _log.warning("%s: Redis is away; its limit now counts this process alone", self.name)
            else:
                _log.info("%s: Redis is back; its limit counts all processes again", self.name)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("redis", "rediss") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # The port is no number.
        return False


def _open(url: str) -> _Opened:
    """Connects to nothing yet."""
    from limits.aio.storage import RedisStorage
    from redis.asyncio import BlockingConnectionPool
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError

    # Once more at once: a connection that slept through a restart of Redis is dead. `take` sets the
    # limit of time. Without the last one, each connection looks for the package's version on the disk.
    habits: dict[str, Any] = {"retry": Retry(NoBackoff(), 1), "timeout": None, "driver_info": None}
    pool = BlockingConnectionPool.from_url(url, max_connections=_CONNECTIONS, **habits)
    options: dict[str, Any] = {"connection_pool": pool}
    storage = RedisStorage(url, implementation="redispy", key_prefix="vitagraph", **options)
    return _Opened(pool, storage, (RedisError, OSError))
