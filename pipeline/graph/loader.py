"""From YAML to a Graph: read, merge, fill in, check.

Whatever is wrong with the text is a GraphError; where several things are wrong, a
GraphErrors with all of them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from pipeline.errors import GraphError
from pipeline.graph.document import Read, parse_document, read_document
from pipeline.graph.graph import BudgetSpec, Graph, LinkSpec, NodeSpec, OnError
from pipeline.graph.interpolate import resolve
from pipeline.graph.language import GRAPH
from pipeline.graph.links import links_of
from pipeline.graph.members import node_spec, specs_of
from pipeline.graph.problems import Problems
from pipeline.graph.registry import Registry
from pipeline.graph.tree import List, Map, Scalar, Value, is_null, text_of, word_of
from pipeline.graph.yaml import read_text

NOTHING: Mapping[str, str] = {}


def load(
    path: Path,
    *,
    registry: Registry,
    settings: Mapping[str, str] = NOTHING,
    environment: Mapping[str, str] = os.environ,
    read: Read = read_text,
) -> Graph:
    """Loads a graph's file; `settings` are `name` or `node.name` to text, as on a command line.

    `read` gives the text of the file and of each one that it extends. Raises GraphError.
    """
    return _graph(read_document(path, read), path, registry, settings, environment)


def loads(
    text: str,
    *,
    registry: Registry,
    path: Path = Path("graph.yaml"),
    settings: Mapping[str, str] = NOTHING,
    environment: Mapping[str, str] = os.environ,
) -> Graph:
    """Loads a graph from text; `path` names it in errors, and `extends` is relative to its folder."""
    return _graph(parse_document(text, path), path, registry, settings, environment)


def _graph(
    document: Map, path: Path, registry: Registry, settings: Mapping[str, str], environment: Mapping[str, str]
) -> Graph:
    source = resolve(document, settings, environment)
    problems = Problems()
    specs = _nodes(source, registry, problems)
    links = source.get("links")
    made: tuple[LinkSpec, ...] = ()
    with problems.collect():
        made = links_of(links, specs) if isinstance(links, List) else ()
    budget = BudgetSpec()
    with problems.collect():
        budget = specs_of(source, [GRAPH["budget"]]).get("budget", budget)
    on_error: OnError = "degrade"
    with problems.collect():
        on_error = _on_error(source)
    problems.raise_all()
    nodes = {name: spec for name, spec in specs.items() if spec is not None}
    description = text_of("description", source.get("description"))
    return Graph(path, description, _params(source), nodes, made, budget, on_error, source)


def _nodes(source: Map, registry: Registry, problems: Problems) -> dict[str, NodeSpec | None]:
    nodes = source.get("nodes")
    if not isinstance(nodes, Map) or not nodes.entries:
        where = nodes.where if nodes else source.where
        raise GraphError("the graph has no nodes", where=where, expected=f"nodes: {GRAPH['nodes'].expected}")
    specs: dict[str, NodeSpec | None] = dict.fromkeys(nodes.entries)
    for name, entry in nodes.entries.items():
        with problems.collect():
            specs[name] = node_spec(name, entry, registry, nodes.entries)
    return specs


def _params(source: Map) -> dict[str, Value]:
    params = source.get("params")
    entries = params.entries if isinstance(params, Map) else {}
    return {name: entry.value.value for name, entry in entries.items() if isinstance(entry.value, Scalar)}


def _on_error(source: Map) -> OnError:
    value = source.get("on_error")
    words: tuple[OnError, ...] = get_args(OnError)
    return "degrade" if value is None or is_null(value) else word_of("on_error", value, words)
