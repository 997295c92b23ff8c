"""Nodes of the graph: their class, their parameters, their fallbacks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline.errors import DependencyError, GraphError, Location, did_you_mean
from pipeline.graph.document import is_private, use_only
from pipeline.graph.graph import Member, NodeSpec
from pipeline.graph.problems import Problems
from pipeline.graph.registry import Registry
from pipeline.graph.tree import Entry, List, Map, Scalar, Tree, found, is_null
from pipeline.graph.validate import validated
from pipeline.graph.values import text_of, wrong_value
from pipeline.node import Node, Service
from pipeline.params import ENGINE_WORDS, Params
from pipeline.policies.spec import BreakerSpec, CacheSpec, DeadlineSpec, LimitSpec, PoolBounds, RetrySpec
from pipeline.port import Port

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
"""The name of a node."""

WORDS = frozenset({"use", "description", "fallback", "deadline", "retry", "breaker", "limit", "cache", "pool"})
"""The words of the language that a node may have; the others are reserved."""

OF_MEMBERS: Mapping[str, type[Params]] = {"deadline": DeadlineSpec, "retry": RetrySpec, "breaker": BreakerSpec}
"""The policies of one member; those of the node hold for each that has none of its own."""
OF_NODE: Mapping[str, type[Params]] = {"limit": LimitSpec, "cache": CacheSpec}
"""The policies of a node, whoever serves it."""
OF_MODELS: Mapping[str, type[Params]] = {"pool": PoolBounds}
"""What is said of one member's model, and holds for no other: what fits in memory twice of one may not of another."""


def node_spec(name: str, entry: Entry, registry: Registry, others: tuple[str, ...] = ()) -> NodeSpec:
    """One node, or every error in it; `others` are the names that may have been meant."""
    if not NAME.fullmatch(name):
        hint = "begin with a letter; letters, digits, `_` and `-` may follow"
        raise GraphError(f"`{name}` is not a name for a node", where=entry.where, hint=hint)
    tree = _long(entry.value, f"node `{name}`", entry.where, did_you_mean(name, others))
    if "use" not in tree.entries:
        hint = did_you_mean(name, others) or "say which class serves it: `use: family.name`"
        raise GraphError(f"node `{name}` has no `use`", where=entry.where, hint=hint)
    problems = Problems()
    members: list[Member] = []
    policies: dict[str, Any] = {}
    description = ""
    with problems.collect():
        description = text_of("description", tree.get("description"))
    with problems.collect():
        policies = _policies(tree, OF_NODE)
    with problems.collect():
        members.append(_member(tree, registry, ENGINE_WORDS - WORDS, tree))
    for fallback in _fallbacks(tree.get("fallback")):
        with problems.collect():
            members.append(_fallback(fallback, name, registry, tree))
    problems.raise_all()
    for member in members[1:]:
        with problems.collect():
            _check_same_ports(members[0], member)
    with problems.collect():
        _check_policies(name, tree, members[0])
    problems.raise_all()
    return NodeSpec(name, tuple(members), description, entry.where, **policies)


def _policies(tree: Map, known: Mapping[str, type[Params]], above: Map | None = None) -> dict[str, Any]:
    """The policies that a node or a member has; those of `above` where it has none of its own."""
    made: dict[str, Any] = {}
    for word, spec in known.items():
        entry = tree.entries.get(word) or (above.entries.get(word) if above is not None else None)
        if entry is None or is_null(entry.value):
            continue
        if not isinstance(entry.value, Map):
            words = "a mapping, such as {" + ", ".join(f"{key}: ..." for key in list(spec.model_fields)[:2]) + "}"
            raise wrong_value(word, entry.value, words)
        made[word] = validated(spec, entry.value, word, entry.where)
    return made


def _said(tree: Map, word: str) -> bool:
    """Null says nothing, also not to what `extends` another graph."""
    return word in tree.entries and not is_null(tree.entries[word].value)


def _check_pooled(use: str, tree: Map, node: type[Node[Any]]) -> None:
    if _said(tree, "pool") and not has_pool(node):
        raise GraphError(
            f"`{use}` takes no `pool`: it has no model for which anybody waits",
            where=tree.entries["pool"].where,
            hint="remove it; a member that computes with a loaded model has one, and a fallback says its own",
        )


def has_pool(node: type[Node[Any]]) -> bool:
    """Whether this class waits for a resource that there may be several of; a transform never waits."""
    return issubclass(node, Service) and bool(node.resources)


def keeps(node: type[Node[Any]]) -> bool:
    """Whether what this class makes can be kept: it says what that depends on."""
    return issubclass(node, Service) and node.cache_key is not Service.cache_key


def _check_policies(name: str, tree: Map, primary: Member) -> None:
    for word in (*OF_MEMBERS, *OF_NODE):
        if _said(tree, word) and not issubclass(primary.node, Service):
            raise GraphError(
                f"node `{name}` takes no `{word}`: `{primary.use}` is no service",
                where=tree.entries[word].where,
                hint="only a service does slow or remote work that can have policies",
            )
    if _said(tree, "cache") and not keeps(primary.node):
        raise GraphError(
            f"node `{name}` takes no `cache`: what `{primary.use}` makes is another each time",
            where=tree.entries["cache"].where,
            hint="remove it; a voice can be cached, for the same words sound the same",
        )


def _long(tree: Tree, what: str, where: Location, hint: str = "") -> Map:
    if isinstance(tree, Scalar) and isinstance(tree.value, str):
        return use_only(tree)
    if isinstance(tree, Map):
        return tree
    words = "a class, such as `face.visemes`, or a mapping with `use`"
    raise GraphError(f"{what} names no class", where=where, expected=words, found=found(tree), hint=hint)


def _fallbacks(tree: Tree | None) -> tuple[Tree, ...]:
    if tree is None or is_null(tree):
        return ()
    return tree.items if isinstance(tree, List) else (tree,)


def _fallback(tree: Tree, name: str, registry: Registry, above: Map) -> Member:
    form = _long(tree, f"a fallback of node `{name}`", tree.where)
    if "use" not in form.entries:
        raise GraphError(f"a fallback of node `{name}` has no `use`", where=form.where)
    for word in ("fallback", "description", *OF_NODE):
        if word in form.entries:
            hint = "write fallbacks as one list, in the order in which they are tried" if word == "fallback" else ""
            raise GraphError(f"a fallback has no `{word}` of its own", where=form.entries[word].where, hint=hint)
    return _member(form, registry, ENGINE_WORDS - {"use", *OF_MEMBERS, *OF_MODELS}, above)


def _member(tree: Map, registry: Registry, reserved: frozenset[str], above: Map) -> Member:
    problems = Problems()
    for word in sorted(reserved & tree.entries.keys()):
        message = f"`{word}` is a reserved word that this version does not have"
        problems.add(GraphError(message, where=tree.entries[word].where, hint="remove it"))
    use = tree.entries["use"].value
    given = {key: each for key, each in tree.entries.items() if key not in ENGINE_WORDS and not is_private(key)}
    policies: dict[str, Any] = {}
    with problems.collect():
        policies = _policies(tree, OF_MEMBERS, above) | _policies(tree, OF_MODELS)
    with problems.collect():
        name, node = _class(use, registry)
        params = validated(node.params_type, Map(given, tree.where), name, tree.entries["use"].where)
        _check_pooled(name, tree, node)
    problems.raise_all()
    return Member(name, node, params, use.where, **policies)


def _class(use: Tree, registry: Registry) -> tuple[str, type[Node[Any]]]:
    if not isinstance(use, Scalar) or not isinstance(use.value, str):
        raise wrong_value("use", use, "a class, such as `face.visemes` or `module:Class`")
    try:
        return use.value, registry.find(use.value)
    except GraphError as error:
        raise GraphError(
            error.message, where=use.where, expected=error.expected, found=error.found, hint=error.hint
        ) from error
    except DependencyError as error:
        raise GraphError(error.message, where=use.where, hint=error.hint) from error


def _check_same_ports(primary: Member, other: Member) -> None:
    for direction in ("inputs", "outputs"):
        wanted, given = _kinds(getattr(primary.node, direction)), _kinds(getattr(other.node, direction))
        if wanted != given:
            raise GraphError(
                f"`{other.use}` cannot stand in for `{primary.use}`: its {direction} differ",
                where=other.where,
                expected=_spelled(wanted),
                found=_spelled(given),
                hint="a fallback takes and gives what the node itself does, by the same ports",
            )


_Kinds = dict[str, frozenset[str]]


def _kinds(ports: dict[str, Port]) -> _Kinds:
    return {name: frozenset(kind.__name__ for kind in port.kinds) for name, port in ports.items()}


def _spelled(ports: _Kinds) -> str:
    return ", ".join(f"{name} ({' '.join(sorted(kinds))})" for name, kinds in sorted(ports.items())) or "none"
