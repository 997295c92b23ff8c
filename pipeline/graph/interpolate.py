"""Fills in `${name}` and `${env:NAME:-default}`, and the settings of the command line.

A value that is exactly one `${name}` has the type of the parameter; inside other text it is
text. `$${` is a literal `${`. `${call}` stays, for nodes that write a file for each session. A
setting is `name`, a parameter of the graph, or `node.name`, a parameter of a node.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pipeline.errors import GraphError, Location, did_you_mean, listing
from pipeline.graph.problems import Problems
from pipeline.graph.tree import List, Map, MapEntry, Scalar, Tree, wrong_value
from pipeline.graph.yaml import MAX_BYTES, scalar_value
from pipeline.params import RESERVED_WORDS

_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_ENV = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_KEPT = {"call": Scalar("${call}", "${call}", Location(""))}
_FILLED = ("nodes", "links", "budget")


def resolve(document: Map, settings: Mapping[str, str], environment: Mapping[str, str]) -> Map:
    """The document with every reference filled in; raises GraphErrors with all errors."""
    problems = Problems()
    document = _with_settings(document, settings, problems)
    sections = dict(document.entries)
    params = document.get("params")
    if isinstance(params, Map):
        for name, entry in params.entries.items():
            with problems.collect():
                _check_param(name, entry)
        params = _Filler({}, environment, problems, inside_params=True).map(params)
        sections["params"] = MapEntry(params, sections["params"].where)
    scope = {name: entry.value for name, entry in params.entries.items()} if isinstance(params, Map) else {}
    filler = _Filler(scope, environment, problems)
    for key in _FILLED:
        if key in sections:
            sections[key] = MapEntry(filler.tree(sections[key].value), sections[key].where)
    problems.raise_all()
    return Map(sections, document.where)


def _check_param(name: str, entry: MapEntry) -> None:
    if not isinstance(entry.value, Scalar):
        raise wrong_value(name, entry.value, "one value: text, a number, true or false")
    if name.startswith("env:") or set(name) & set("{}."):
        message = f"`{name}` is not the name of a parameter"
        raise GraphError(message, where=entry.where, expected="letters, digits and `_`")


def _with_settings(document: Map, settings: Mapping[str, str], problems: Problems) -> Map:
    for name, text in settings.items():
        with problems.collect():
            document = _set(document, name, from_shell(text, Location(f"--set {name}")))
    return document


def _set(document: Map, name: str, value: Scalar) -> Map:
    node, dot, key = name.partition(".")
    nodes, params = document.get("nodes"), document.get("params")
    in_nodes = nodes.entries if isinstance(nodes, Map) else {}
    in_params = params.entries if isinstance(params, Map) else {}
    if not dot and name in in_params:
        return _put(document, ("params", name), value)
    if dot and isinstance(getattr(in_nodes.get(node), "value", None), Map):
        if key in RESERVED_WORDS:
            hint = "write a graph that `extends` this one"
            raise GraphError(f"`{key}` is not a parameter of a node", where=value.where, hint=hint)
        return _put(document, ("nodes", node, key), value)
    if dot:
        message, known, hint = f"there is no node `{node}`", in_nodes, did_you_mean(node, in_nodes)
    else:
        message, known, hint = f"the graph has no parameter `{name}`", in_params, did_you_mean(name, in_params)
    if not dot and name in in_nodes:
        hint = f"`{name}` is a node: one of its parameters is set with `{name}.PARAMETER=VALUE`"
    raise GraphError(message, where=value.where, expected=listing(known) if known else "", hint=hint)


def _put(tree: Tree | None, path: tuple[str, ...], value: Scalar) -> Map:
    old = tree if isinstance(tree, Map) else Map({}, value.where)
    key, rest = path[0], path[1:]
    before = old.entries.get(key)
    new: Tree = _put(before.value if before else None, rest, value) if rest else value
    where = before.where if before and rest else value.where
    return Map({**old.entries, key: MapEntry(new, where)}, old.where)


def from_shell(text: str, where: Location) -> Scalar:
    """A value from a command line or the environment, where no text is empty text and not null."""
    return Scalar(scalar_value(text) if text else "", text, where, shell=True)


@dataclass(slots=True)
class _Filler:
    scope: Mapping[str, Tree]
    environment: Mapping[str, str]
    problems: Problems
    inside_params: bool = False
    filled: int = 0
    """Characters in place of references so far."""

    def tree(self, tree: Tree) -> Tree:
        if isinstance(tree, Map):
            return self.map(tree)
        if isinstance(tree, List):
            return List(tuple(self.tree(item) for item in tree.items), tree.where)
        with self.problems.collect():
            return self.scalar(tree)
        return tree

    def map(self, tree: Map) -> Map:
        return Map(
            {key: MapEntry(self.tree(entry.value), entry.where) for key, entry in tree.entries.items()}, tree.where
        )

    def scalar(self, scalar: Scalar) -> Scalar:
        text = scalar.value
        if not isinstance(text, str) or "${" not in text:
            return scalar
        whole = _REFERENCE.fullmatch(text.strip())
        if whole and whole[1] is not None:
            return replace(self.counted(whole, scalar), where=scalar.where, inline=False)
        filled = _REFERENCE.sub(lambda match: self.text(match, scalar), text)
        return Scalar(filled, filled, scalar.where)

    def text(self, match: re.Match[str], scalar: Scalar) -> str:
        return "${" if match[0] == "$${" else self.counted(match, scalar).text

    def counted(self, match: re.Match[str], scalar: Scalar) -> Scalar:
        self.filled += len((value := self.value(match, scalar)).text)
        if self.filled > MAX_BYTES:
            expected = f"at most {MAX_BYTES} characters in place of all references"
            raise GraphError("the graph is too large", where=scalar.column(match.start()), expected=expected)
        return value

    def value(self, match: re.Match[str], scalar: Scalar) -> Scalar:
        where = scalar.column(match.start())
        if match[1] is None:
            raise GraphError("`${` without its `}`", where=where, hint="for the text itself write `$${`")
        name = match[1].strip()
        if name.startswith("env:"):
            return self.variable(name, where)
        value = self.scope.get(name, _KEPT.get(name))
        if isinstance(value, Scalar):
            return value
        if self.inside_params:
            raise GraphError(f"a parameter cannot refer to `{name}`", where=where, expected="a value, or `${env:NAME}`")
        hint = did_you_mean(name, self.scope) or "declare it in `params:`"
        raise GraphError(f"the graph has no parameter `{name}`", where=where, expected=listing(self.scope), hint=hint)

    def variable(self, name: str, where: Location) -> Scalar:
        match = _ENV.fullmatch(name)
        if match is None:
            expected = "`${env:NAME}` or `${env:NAME:-default}`"
            raise GraphError(f"`{name}` names no variable", where=where, expected=expected)
        text = self.environment.get(match[1])
        # As in a shell, the default of `:-` also replaces a variable that is set but empty.
        if match[2] is not None and not text:
            text = match[2]
        if text is None:
            hint = f"set it, or give a default: `${{env:{match[1]}:-default}}`"
            raise GraphError(f"the environment variable `{match[1]}` is not set", where=where, hint=hint)
        return from_shell(text, where)
