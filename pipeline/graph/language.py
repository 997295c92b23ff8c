"""The words of the graph language: one table, from which loader, JSON Schema and error messages are derived.

The words inside `deadline`, `queue`, `budget` and the like are the fields of the class in `spec`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from pipeline.compute.pool_spec import PoolBounds
from pipeline.graph.graph import BudgetSpec, OnError, QueueSpec
from pipeline.graph.tree import List, Map, Scalar
from pipeline.node import Node, Service
from pipeline.params import Params
from pipeline.policies.spec import BreakerSpec, CacheSpec, DeadlineSpec, LimitSpec, RetrySpec

VERSION = 1
NODE_NAME = r"[A-Za-z][A-Za-z0-9_-]*"
PORT_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
LINK_END = rf"{NODE_NAME}(\.{PORT_NAME})?"
"""Regular expressions; `LINK_END` is `node` or `node.port`."""

Place = Literal["graph", "node", "fallback", "link"]
"""The mapping in which a word may stand. A fallback is a member of a node other than the primary."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a node class must be for a word to have an effect."""

    is_met: Callable[[type[Node[Any]]], bool]
    otherwise: str
    """The reason for the error, after "`use` takes no `word`: "."""
    hint: str


@dataclass(frozen=True, slots=True)
class Keyword:
    """One word of the language."""

    name: str
    places: tuple[Place, ...]
    about: str = ""
    """What it means, where the docstring of `spec` or of the class that it names does not say it."""
    values: str = ""
    """The values that it takes, in words, where `spec` does not say it."""
    form: type[Scalar] | type[List] | type[Map] = Map
    """What the value of a section of the graph is in YAML."""
    schema: Mapping[str, Any] = field(default_factory=dict)
    """The JSON Schema of its value; with a `spec`, of what may stand in place of the mapping, by default null."""
    spec: type[Params] | None = None
    """The keys of its mapping."""
    requires: tuple[Requirement, ...] = ()
    inherited: bool = False
    """Whether a fallback without it has that of its node."""

    @property
    def description(self) -> str:
        """What it means, for editors."""
        return self.about or inspect.cleandoc((self.spec and self.spec.__doc__) or "")

    @property
    def expected(self) -> str:
        """The values that it takes, in words for an error."""
        if self.values or self.spec is None:
            return self.values
        return "a mapping, such as {" + ", ".join(f"{key}: ..." for key in list(self.spec.model_fields)[:2]) + "}"

    def applies_to(self, node: type[Node[Any]]) -> bool:
        """Whether it has an effect on nodes of this class."""
        return all(requirement.is_met(node) for requirement in self.requires)


SERVICE = Requirement(
    lambda node: issubclass(node, Service),
    "it is not a service",
    "remove it; only a service does slow or remote work that has policies",
)
CACHEABLE = Requirement(
    lambda node: issubclass(node, Service) and node.cache_key is not Service.cache_key,
    "it is not cacheable, the same input gives different output",
    "remove it; a voice is cacheable, because the same words sound the same",
)
POOLED = Requirement(
    lambda node: issubclass(node, Service) and bool(node.resources),
    "it has no model for which callers wait",
    "remove it; a member that computes with a loaded model has one, and a fallback has its own",
)

_GRAPH: tuple[Place, ...] = ("graph",)
_NODE: tuple[Place, ...] = ("node",)
_MEMBER: tuple[Place, ...] = ("node", "fallback")
_LINK: tuple[Place, ...] = ("link",)
_VERSION = f"{VERSION}, the version of the graph language that this program reads"
_PARAM = {"type": ["string", "number", "boolean", "null"]}
_PARAMS = {"type": ["object", "null"], "additionalProperties": _PARAM}
_ENDS = "`node` or `node.port`"
_END = {"type": "string", "pattern": f"^{LINK_END}$"}
_QUEUE = "`true` for the bounds that its packets declare, or bounds of its own; without it the link may be fused."

# fmt: off
KEYWORDS = (
    Keyword("vitagraph", _GRAPH, "The version of the graph language.", _VERSION, Scalar, {"const": VERSION}),
    Keyword("description", _GRAPH, "What the graph is, in a sentence.", "text", Scalar, {"type": ["string", "null"]}),
    Keyword("extends", _GRAPH, "The path of another graph, which this one changes.",
         "the path of another graph, from the folder of this one", Scalar, {"type": "string"}),
    Keyword("params", _GRAPH, "Values that `${name}` stands for, and that `--set name=value` sets.",
         "a mapping of names to values", schema=_PARAMS),
    Keyword("budget", _GRAPH, spec=BudgetSpec),
    Keyword("nodes", _GRAPH, "The nodes by name. One without parameters is just its class.",
         "a mapping of names to nodes"),
    Keyword("links", _GRAPH, "Chains such as `a -> b -> c`, or mappings with `from`, `to` and `queue`.",
         "a list of chains, such as `- a -> b -> c`", List, {"type": ["array", "null"]}),
    Keyword("on_error", _GRAPH, "What a session does when a node cannot go on.",
         " or ".join(get_args(OnError)), Scalar, {"enum": [*get_args(OnError), None]}),

    Keyword("use", _MEMBER, values="a class, such as `face.visemes` or `module:Class`"),
    Keyword("description", _NODE, "What the node is for, in a sentence.", "text", Scalar, {"type": "string"}),
    Keyword("fallback", _NODE, "The members that take over when the one before them fails, in order.",
         "a class, such as `face.visemes`, or a mapping with `use`"),
    Keyword("deadline", _MEMBER, spec=DeadlineSpec, requires=(SERVICE,), inherited=True),
    Keyword("retry", _MEMBER, spec=RetrySpec, requires=(SERVICE,), inherited=True),
    Keyword("breaker", _MEMBER, spec=BreakerSpec, requires=(SERVICE,), inherited=True),
    Keyword("limit", _NODE, spec=LimitSpec, requires=(SERVICE,)),
    Keyword("cache", _NODE, spec=CacheSpec, requires=(SERVICE, CACHEABLE)),
    Keyword("pool", _MEMBER, spec=PoolBounds, requires=(POOLED,)),

    Keyword("from", _LINK, "The node that gives, with its output where it has several.", _ENDS, schema=_END),
    Keyword("to", _LINK, "The node that takes, with its input where it has several.", _ENDS, schema=_END),
    Keyword("queue", _LINK, _QUEUE, schema={"const": True}, spec=QueueSpec),
)
# fmt: on


def _keywords_at(place: Place) -> Mapping[str, Keyword]:
    return {word.name: word for word in KEYWORDS if place in word.places}


GRAPH, NODE, FALLBACK, LINK = map(_keywords_at, get_args(Place))
"""The words of each place, by name."""
