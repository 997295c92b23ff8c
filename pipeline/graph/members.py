"""Nodes of the graph: their class, their parameters, their policies, their fallbacks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pipeline.errors import MAX_NAME, DependencyError, GraphError, Location, did_you_mean
from pipeline.graph.document import use_only
from pipeline.graph.graph import Member, NodeSpec
from pipeline.graph.language import FALLBACK, NODE, NODE_NAME, Keyword
from pipeline.graph.problems import Problems
from pipeline.graph.registry import Registry
from pipeline.graph.tree import List, Map, MapEntry, Scalar, Tree, found, is_null, text_of, wrong_value
from pipeline.graph.validate import validated
from pipeline.node import Node
from pipeline.params import RESERVED_WORDS
from pipeline.port import Port

_OF_NODE = [word for word in NODE.values() if word.spec and word.name not in FALLBACK]
"""The policies that a node has for all of its members."""
_OF_MEMBER = [word for word in FALLBACK.values() if word.spec]
"""The policies that each member has."""


def node_spec(name: str, entry: MapEntry, registry: Registry, names: Iterable[str] = ()) -> NodeSpec:
    """One node; raises GraphErrors with every error in it. `names` are those of all nodes, for suggestions."""

    def suggestion() -> str:
        return did_you_mean(name, (other for other in names if other != name))

    if not re.fullmatch(NODE_NAME, name):
        hint = "begin with a letter; letters, digits, `_` and `-` may follow"
        raise GraphError(f"`{name}` is not a name for a node", where=entry.where, hint=hint)
    if len(name) > MAX_NAME:
        raise GraphError("the name of a node is too long", where=entry.where, expected=f"at most {MAX_NAME} characters")
    tree = _long(entry.value, f"node `{name}`", entry.where, suggestion)
    if "use" not in tree.entries:
        hint = suggestion() or "say which class serves it: `use: family.name`"
        raise GraphError(f"node `{name}` has no `use`", where=entry.where, hint=hint)
    problems = Problems()
    members: list[Member] = []
    policies: dict[str, Any] = {}
    description = ""
    with problems.collect():
        description = text_of("description", tree.get("description"))
    with problems.collect():
        policies = specs_of(tree, _OF_NODE)
    with problems.collect():
        members.append(_member(tree, NODE, registry, tree))
    for fallback in _fallbacks(tree.get("fallback")):
        with problems.collect():
            members.append(_fallback(fallback, name, registry, tree))
    problems.raise_all()
    for member in members[1:]:
        with problems.collect():
            _check_same_ports(members[0], member)
    problems.raise_all()
    return NodeSpec(name, tuple(members), description, entry.where, **policies)


def specs_of(tree: Map, words: Iterable[Keyword], above: Map | None = None) -> dict[str, Any]:
    """What a mapping has for words with a spec; inherited words come from `above` where it has none of its own."""
    made: dict[str, Any] = {}
    for word in words:
        entry = tree.entries.get(word.name)
        if entry is None and above is not None and word.inherited:
            entry = above.entries.get(word.name)
        if entry is None or is_null(entry.value) or word.spec is None:
            continue
        if not isinstance(entry.value, Map):
            raise wrong_value(word.name, entry.value, word.expected)
        made[word.name] = validated(word.spec, entry.value, word.name, entry.where)
    return made


def _long(tree: Tree, what: str, where: Location, suggestion: Callable[[], str] = str) -> Map:
    if isinstance(tree, Scalar) and isinstance(tree.value, str):
        return use_only(tree)
    if isinstance(tree, Map):
        return tree
    expected = NODE["fallback"].expected
    raise GraphError(f"{what} names no class", where=where, expected=expected, found=found(tree), hint=suggestion())


def _fallbacks(tree: Tree | None) -> tuple[Tree, ...]:
    if tree is None or is_null(tree):
        return ()
    return tree.items if isinstance(tree, List) else (tree,)


def _fallback(tree: Tree, name: str, registry: Registry, above: Map) -> Member:
    form = _long(tree, f"a fallback of node `{name}`", tree.where)
    if "use" not in form.entries:
        raise GraphError(f"a fallback of node `{name}` has no `use`", where=form.where)
    return _member(form, FALLBACK, registry, above)


def _member(tree: Map, words: Mapping[str, Keyword], registry: Registry, above: Map) -> Member:
    problems = Problems()
    for reserved in sorted((RESERVED_WORDS & tree.entries.keys()) - words.keys()):
        problems.add(_misplaced(reserved, tree.entries[reserved].where))
    use = tree.entries["use"]
    policies: dict[str, Any] = {}
    with problems.collect():
        policies = specs_of(tree, _OF_MEMBER, above)
    with problems.collect():
        name, node = _class(use.value, registry)
        for key in words.keys() & tree.entries.keys():
            with problems.collect():
                _check_requirements(words[key], tree, name, node)
        given = {key: each for key, each in tree.entries.items() if key not in RESERVED_WORDS}
        params = validated(node.params_type, Map(given, tree.where), name, use.where)
    problems.raise_all()
    return Member(name, node, params, use.value.where, **policies)


def _misplaced(word: str, where: Location) -> GraphError:
    if word in NODE:
        hint = "write fallbacks as one list, in the order in which they are tried" if word == "fallback" else ""
        return GraphError(f"a fallback has no `{word}` of its own", where=where, hint=hint)
    return GraphError(f"`{word}` is a reserved word that this version does not have", where=where, hint="remove it")


def _check_requirements(word: Keyword, tree: Map, use: str, node: type[Node[Any]]) -> None:
    entry = tree.entries.get(word.name)
    if entry is None or is_null(entry.value):
        return
    for requirement in word.requires:
        if not requirement.is_met(node):
            message = f"`{use}` takes no `{word.name}`: {requirement.otherwise}"
            raise GraphError(message, where=entry.where, hint=requirement.hint)


def _class(use: Tree, registry: Registry) -> tuple[str, type[Node[Any]]]:
    if not isinstance(use, Scalar) or not isinstance(use.value, str):
        raise wrong_value("use", use, NODE["use"].expected)
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
