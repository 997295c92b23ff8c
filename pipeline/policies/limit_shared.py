"""A limit whose span several processes share: a sliding window in Redis.

Each process counts in a window of its own as well: what that refuses, Redis would refuse too, and
it alone counts while Redis is away. How many are in work at the same time is counted by each process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Any

from pipeline.clock import Clock
from pipeline.packet import MILLISECOND
from pipeline.policies.limit import WHEN_FREED, Limit
from pipeline.policies.redis import RedisClient, RedisUnavailable
from pipeline.policies.spec import LimitSpec

ANSWER = 0.25
"""Seconds that Redis may take to answer; past that it is away."""
_ROUND_TRIP = 5 * MILLISECOND
"""What takes longer than this counts as a wait."""
_MICROSECOND = 1_000

_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local log, most, window = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
if redis.call('TYPE', log).ok ~= 'list' then
    redis.call('DEL', log)
end
local first = redis.call('LINDEX', log, 0)
while first and (tonumber(first) or 0) <= now - window do
    redis.call('LPOP', log)
    first = redis.call('LINDEX', log, 0)
end
local over = redis.call('LLEN', log) - most
if over >= 0 then
    local left = (tonumber(redis.call('LINDEX', log, over)) or now + 1) + window - now
    if left <= window then
        return left
    end
    redis.call('DEL', log)
end
redis.call('RPUSH', log, string.format('%.0f', now))
redis.call('PEXPIRE', log, math.ceil(window / 1000))
return 0
"""
"""Takes a place in the log of admissions KEYS[1], where it has fewer than ARGV[1] within ARGV[2] microseconds.

0: taken; else microseconds until there is a place. It reads Redis's clock, so that those of the
processes need not agree; entries from the future (the clock was set back) and what is no log are dropped.
EVAL sends the script each time, so that it needs no second round trip after a restart of Redis.
"""


class SharedLimit(Limit):
    """A Limit that asks the shared window as well. Where it queues, the first in the queue asks, the others wait.

    It is for specs with `max` and `shared`; limits of the same `name` share a window.
    """

    def __init__(self, spec: LimitSpec, now: Callable[[], int], name: str, redis: RedisClient) -> None:
        super().__init__(spec, now, name)
        redis.bound = min(redis.bound, ANSWER)
        self._redis = redis
        self._key = f"vitagraph:limit:{name}"
        self._queues = spec.when_full == "queue"
        self._asking = False

    def try_acquire(self) -> bool:
        """Always false: Redis has to be asked."""
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

    def _left(self) -> int:
        return super()._left() if not self._asking else WHEN_FREED

    def _grant(self) -> int:
        self._asking = self._queues
        return super()._grant()

    def _withdraw(self, at: int) -> None:
        self._asking = False
        super()._withdraw(at)

    def _count_wait(self, took: int) -> None:
        """Nothing yet: Redis has still to be asked, and `_settle` counts the whole wait."""

    def _count_refusal(self, took: int) -> None:
        if took > _ROUND_TRIP:
            self._timed_out += 1
        else:
            self._refused += 1

    def _settle(self, at: int, took: int) -> int:
        """Counts the request from now on, rather than from when it began to ask."""
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
        """0 where there is room, or Redis is away; else nanoseconds for which there will be none."""
        while self._max:
            try:
                left = await self._take()
            except RedisUnavailable:
                return 0
            if not left or not self._queues or self._now() + left > until:
                return left
            await Clock(asyncio.get_running_loop()).sleep(left)
        return 0

    async def _take(self) -> int:
        most, window = str(self._max), str(-(-self.spec.window // _MICROSECOND))

        async def take(client: Any) -> int:
            return int(await client.eval(_TAKE, 1, self._key, most, window))

        left = await self._redis.call(take, ANSWER, queue=True)
        return max(MILLISECOND, left * _MICROSECOND) if left else 0
