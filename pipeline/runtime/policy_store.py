"""The policies of a node in a session, and what of them all sessions of a process share."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from random import Random
from weakref import WeakSet

from pipeline.graph.graph import Member
from pipeline.graph.plan import Plan
from pipeline.packet import SECOND, Packet
from pipeline.policies.breaker import Breaker
from pipeline.policies.cache import Cache
from pipeline.policies.cache_packets import PacketPacking, size_of
from pipeline.policies.cache_shared import Shared
from pipeline.policies.limit import Limit
from pipeline.policies.limit_shared import SharedLimit
from pipeline.policies.retry import Backoff
from pipeline.policies.spec import DeadlineSpec
from pipeline.runtime.node_cache import NodeCache


@dataclass(slots=True)
class MemberPolicy:
    """What is around the work of one member."""

    deadline: DeadlineSpec
    backoff: Backoff
    breaker: Breaker


@dataclass(slots=True)
class NodePolicy:
    """What is around the work of a node, whoever does it."""

    limit: Limit | None = None
    session: Hashable = None
    """Whose permits they are."""
    kept: NodeCache | None = None


class PolicyStore:
    """Breakers, limits and caches of a process, by what they are for."""

    def __init__(self, random: Random | None = None) -> None:
        self._random = random or Random()
        self._breakers: dict[Hashable, Breaker] = {}
        self._limits: dict[Hashable, Limit] = {}
        self._own: WeakSet[Limit] = WeakSet()
        """Those of sessions, for as long as these have them."""
        self._pressure = 0.0
        self._kept: dict[Hashable, NodeCache] = {}

    def now(self) -> int:
        """Nanoseconds of the running loop's clock."""
        return round(asyncio.get_running_loop().time() * SECOND)

    def prepare(self, plan: Plan) -> None:
        """Makes what needs to read files: to be called in a thread, before the first session of a plan.

        Raises DependencyError where a package for what is shared is missing.
        """
        for name in plan.graph.nodes:
            self._limit(plan, name)
            self._cache(plan, name)

    def of_member(self, member: Member) -> MemberPolicy:
        """The policy of one member; its breaker is shared by all that have the same class and params."""
        params = member.params.model_dump_json(exclude=set(member.params.of_a_call))
        key = (member.use, params, member.breaker)
        breaker = self._breakers.get(key)
        if breaker is None:
            breaker = self._breakers[key] = Breaker(member.breaker, self.now, self._random)
        return MemberPolicy(member.deadline, Backoff(member.retry, self._random), breaker)

    def of_node(self, plan: Plan, name: str, session: Hashable) -> NodePolicy:
        """The policy of a node in a session."""
        spec = plan.graph.nodes.get(name)
        if spec is None:  # planning put it there
            return NodePolicy(None, session)
        limit = self._limit(plan, name)
        if limit is None and spec.limit is not None:
            limit = Limit(spec.limit, self.now, name)
            self._own.add(limit)
        if isinstance(limit, SharedLimit):
            limit.begin()
        if limit is not None:
            limit.pressure(self._pressure)  # It may be new.
        return NodePolicy(limit, session, self._cache(plan, name))

    def pressure(self, level: float) -> None:
        """Tells every adaptive limit how loaded the machine is, 0 to 1."""
        self._pressure = level
        for limit in (*self._limits.values(), *self._own):
            limit.pressure(level)

    def caches(self) -> Iterator[Cache[list[Packet]]]:
        """Those of all nodes: for statistics, and to make room."""
        return (kept.cache for kept in tuple(self._kept.values()))

    async def close(self) -> None:
        """Lets go of what is shared with other processes."""
        for kept in self._kept.values():
            await kept.cache.close()
        for limit in self._limits.values():
            if isinstance(limit, SharedLimit):
                await limit.close()
        self._kept, self._limits = {}, {}

    def _limit(self, plan: Plan, name: str) -> Limit | None:
        spec = plan.graph.nodes[name].limit
        if spec is None or spec.per == "session":
            return None
        key = (plan.graph.path, name, spec)
        if key not in self._limits:
            where = f"{plan.graph.path.stem}/{name}"
            shared = spec.shared and spec.max
            self._limits[key] = SharedLimit(spec, self.now, where) if shared else Limit(spec, self.now, name)
        return self._limits[key]

    def _cache(self, plan: Plan, name: str) -> NodeCache | None:
        node = plan.graph.nodes[name]
        spec, primary = node.cache, node.primary
        if spec is None:
            return None
        params = primary.params.model_dump_json()
        key = (plan.graph.path, name, primary.use, params, spec.model_dump_json())
        if key not in self._kept:
            shared = None
            if spec.shared:
                from pipeline.policies.cache_redis import RedisStore

                kinds = [kind for port in primary.node.outputs.values() for kind in port.kinds]
                which = f"{primary.use}:{blake2b(params.encode(), digest_size=8).hexdigest()}"
                shared = Shared(RedisStore(spec.shared, which), PacketPacking(kinds))
            self._kept[key] = NodeCache(Cache(spec, self.now, size_of, shared), spec)
        return self._kept[key]
