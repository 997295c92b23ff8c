"""The policies of a node in a session, and the parts of them that all sessions of a process share."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from random import Random
from weakref import WeakSet

from pipeline.graph.graph import Member
from pipeline.graph.plan import Plan, PlannedNode
from pipeline.observe.durations import Durations
from pipeline.packet import SECOND, Packet
from pipeline.policies.breaker import Breaker
from pipeline.policies.cache import Cache
from pipeline.policies.cache_packets import PacketPacking, size_of
from pipeline.policies.cache_shared import RedisStore, SharedLevel
from pipeline.policies.limit import Limit
from pipeline.policies.limit_shared import SharedLimit
from pipeline.policies.redis import RedisClient
from pipeline.policies.retry import Backoff
from pipeline.policies.spec import DeadlineSpec
from pipeline.runtime.node_cache import NodeCache


@dataclass(slots=True)
class MemberPolicy:
    """What applies to the work of one member of a node's chain."""

    deadline: DeadlineSpec
    backoff: Backoff
    breaker: Breaker
    first_output: Durations
    """How long its tries took until their first output."""


@dataclass(slots=True)
class NodePolicy:
    """What applies to the work of a node, whichever member does it."""

    limit: Limit | None = None
    session: Hashable = None
    """In whose name permits of the limit are taken."""
    cache: NodeCache | None = None


class PolicyStore:
    """Breakers, limits and caches of a process, and its connections to Redis."""

    def __init__(self, random: Random | None = None) -> None:
        self._random = random or Random()
        self._shared: dict[Hashable, tuple[Breaker, Durations]] = {}
        """What members with the same class and params have in common."""
        self._limits: dict[Hashable, Limit] = {}
        self._session_limits: WeakSet[Limit] = WeakSet()
        """Limits of single sessions; each lives as long as its session."""
        self._caches: dict[Hashable, NodeCache] = {}
        self._redis: dict[str, RedisClient] = {}
        """By address."""
        self._pressure = 0.0

    def now(self) -> int:
        """Nanoseconds on the running loop's clock."""
        return round(asyncio.get_running_loop().time() * SECOND)

    def prepare(self, plan: Plan) -> None:
        """Makes what a plan's nodes share, which reads files: call it in a thread, before the plan's first session.

        Raises DependencyError where the package for Redis is missing, UserInputError for an invalid address.
        """
        for planned in plan.nodes.values():
            self._limit(plan.graph.path, planned)
            self._cache(plan.graph.path, planned)

    def of_member(self, member: Member) -> MemberPolicy:
        """The policy of one member; members with the same class and params share a breaker."""
        key = (member.use, member.params.model_dump_json(), member.breaker)
        if key not in self._shared:
            self._shared[key] = Breaker(member.breaker, self.now, self._random), Durations()
        return MemberPolicy(member.deadline, Backoff(member.retry, self._random), *self._shared[key])

    def of_node(self, graph: Path, planned: PlannedNode, session: Hashable) -> NodePolicy:
        """The policy of a node in a session; sessions of the same graph file share its limit and its cache."""
        limit = self._limit(graph, planned)
        if limit is None and planned.limit is not None:
            limit = Limit(planned.limit, self.now, planned.name)
            self._session_limits.add(limit)
        if limit is not None:
            limit.pressure(self._pressure)  # it may be new
        cache = self._cache(graph, planned)
        for client in self._redis.values():
            client.begin()  # so that the first request does not wait for the connection
        return NodePolicy(limit, session, cache)

    def pressure(self, level: float) -> None:
        """Tells every adaptive limit how loaded the machine is, 0 to 1."""
        self._pressure = level
        for limit in (*self._limits.values(), *self._session_limits):
            limit.pressure(level)

    def caches(self) -> Iterator[Cache[list[Packet]]]:
        """The caches of all nodes: for statistics, and to free memory."""
        return (each.cache for each in tuple(self._caches.values()))

    def redis_is_there(self) -> bool | None:
        """Whether every Redis that is used can be reached; None where none is."""
        return all(client.there for client in self._redis.values()) if self._redis else None

    async def close(self) -> None:
        """Closes the caches and the connections to Redis."""
        for cache in self._caches.values():
            await cache.close()
        for client in self._redis.values():
            await client.close()
        self._caches, self._limits, self._redis = {}, {}, {}

    def _limit(self, graph: Path, planned: PlannedNode) -> Limit | None:
        spec = planned.limit
        if spec is None or spec.per == "session":
            return None
        key = (graph, planned.name, spec)
        if key not in self._limits:
            if spec.shared and spec.max:
                where = f"{graph.stem}/{planned.name}"
                self._limits[key] = SharedLimit(spec, self.now, where, self._client(spec.shared))
            else:
                self._limits[key] = Limit(spec, self.now, planned.name)
        return self._limits[key]

    def _cache(self, graph: Path, planned: PlannedNode) -> NodeCache | None:
        spec, primary = planned.cache, planned.members[0]
        if spec is None:
            return None
        params = primary.params.model_dump_json()
        key = (graph, planned.name, primary.use, params, spec.model_dump_json())
        if key not in self._caches:
            shared = None
            if spec.shared:
                outputs = primary.node.outputs.values()
                kinds = {kind: planned.caps.get(port.name, {}) for port in outputs for kind in port.kinds}
                name = f"{primary.use}:{blake2b(params.encode(), digest_size=8).hexdigest()}"
                shared = SharedLevel(RedisStore(self._client(spec.shared), name), PacketPacking(kinds))
            self._caches[key] = NodeCache(Cache(spec, self.now, size_of, shared), spec)
        return self._caches[key]

    def _client(self, url: str) -> RedisClient:
        # Plans may be prepared in several threads at once: `setdefault` gives all of them the same client.
        return self._redis.get(url) or self._redis.setdefault(url, RedisClient(url))
