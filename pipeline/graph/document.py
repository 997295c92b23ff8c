"""A graph's file with all that it extends, as one tree.

An overlay has `extends: other.yaml` and only what differs. Nodes, params and budget are merged
by name, a node key by key; everything else is replaced, lists whole; null removes. A node
whose `use` changes loses the parameters of the other class.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import GraphError, Location, did_you_mean, listing
from pipeline.graph.language import GRAPH, VERSION
from pipeline.graph.problems import Problems
from pipeline.graph.tree import Map, MapEntry, Scalar, Tree, found, is_null, is_private, without_private, wrong_value
from pipeline.graph.yaml import MAX_BYTES, MAX_VALUES, parse, read_text

Read = Callable[[Path], str]

MAX_EXTENDS = 50
"""Graphs that one graph extends, directly and indirectly."""


def read_document(path: Path, read: Read = read_text) -> Map:
    """Reads a file and what it extends; `read` gives the text of each file. Raises GraphError."""
    if not os.path.isfile(path):
        raise _no_file(path, path.name, Location(str(path)))
    return _document(read(path), path, (), read, 0)


def parse_document(text: str, path: Path) -> Map:
    """The same for a text; `path` names it in errors, and `extends` is relative to its folder."""
    return _document(text, path, (), read_text, 0)


def use_only(use: Scalar) -> Map:
    """The long form of a node that is written as one word."""
    return Map({"use": MapEntry(use, use.where)}, use.where)


def _document(text: str, path: Path, above: tuple[Path, ...], read: Read, size: int) -> Map:
    """A file merged with what it extends; `size` is that of the files above it in values, 50 characters being one."""
    tree = parse(text, str(path))
    over = _checked(tree, path)
    size += tree.size + len(text) // (MAX_BYTES // MAX_VALUES)
    name = over.get("extends")
    entries = {key: entry for key, entry in over.entries.items() if key != "extends"}
    over = Map(entries, over.where)
    if not isinstance(name, Scalar) or is_null(name):
        return over
    base = path.parent / name.text
    if not os.path.isfile(base):
        raise _no_file(base, name.text, name.where)
    here = Path(os.path.realpath(path))
    if Path(os.path.realpath(base)) in (*above, here):
        chain = " extends ".join(each.name for each in (*above, here, base))
        raise GraphError("a graph extends itself", where=name.where, found=chain)
    if len(above) >= MAX_EXTENDS:
        expected = f"at most {MAX_EXTENDS}, one above the other"
        raise GraphError("too many graphs extend one another", where=name.where, expected=expected)
    if size > 2 * MAX_VALUES:
        expected = f"at most 1 MB and {MAX_VALUES} keys and values, of all files together"
        raise GraphError("the graph is too large with all that it extends", where=name.where, expected=expected)
    return _merged(_document(read(base), base, (*above, here), read, size), over)


def _no_file(path: Path, name: str, where: Location) -> GraphError:
    if os.path.isdir(path):
        return GraphError("this is a folder, not a graph", where=where)
    folder = path.parent
    near = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    prefix = name.removesuffix(path.name)
    hint = did_you_mean(name, (prefix + each for each in near if each.endswith((".yaml", ".yml"))))
    return GraphError(f"there is no graph `{name}`", where=where, hint=hint)


def _checked(tree: Tree, path: Path) -> Map:
    start = Location(str(path), 1, 1)
    if not isinstance(tree, Map):
        raise GraphError("a graph is a mapping", where=tree.where, expected=listing(GRAPH), found=found(tree))
    if not tree.entries:
        hint = "begin with `vitagraph: 1`, then `nodes:` and `links:`"
        raise GraphError("the graph is empty", where=start, hint=hint)
    problems = Problems()
    for key, entry in tree.entries.items():
        with problems.collect():
            _check_section(key, entry)
    if "vitagraph" not in tree.entries:
        missing = GraphError("the version of the language is missing", where=start, expected=f"vitagraph: {VERSION}")
        problems.add(missing)
    problems.raise_all()
    return _normal(tree)


def _check_section(key: str, entry: MapEntry) -> None:
    if is_private(key):
        return
    if (word := GRAPH.get(key)) is None:
        hint = did_you_mean(key, GRAPH) or "a key of your own begins with `x-`"
        raise GraphError(f"unknown key `{key}`", where=entry.where, expected=listing(GRAPH), hint=hint)
    value = entry.value
    fits = isinstance(value, word.form) or is_null(value)
    if key == "vitagraph":
        fits = isinstance(value, Scalar) and value.text == str(VERSION)
    if not fits:
        raise wrong_value(key, value, word.expected)


def _normal(tree: Map) -> Map:
    """Without the author's own keys, and every node in its long form."""
    sections = dict(without_private(tree).entries)
    nodes = tree.get("nodes")
    if isinstance(nodes, Map):
        entries = {key: _long_form(entry) for key, entry in without_private(nodes).entries.items()}
        sections["nodes"] = MapEntry(Map(entries, nodes.where), sections["nodes"].where)
    return Map(sections, tree.where)


def _long_form(entry: MapEntry) -> MapEntry:
    value = entry.value
    if isinstance(value, Scalar) and isinstance(value.value, str):
        return MapEntry(use_only(value), entry.where)
    return MapEntry(without_private(value), entry.where) if isinstance(value, Map) else entry


_Merge = Callable[[Map, Map], Map]


def _merged(base: Map, over: Map) -> Map:
    sections: dict[str, _Merge] = {"params": _overlay, "budget": _overlay, "nodes": _overlay_nodes}
    entries = dict(_overlay(base, over).entries)
    for key, merge in sections.items():
        old, new = base.get(key), over.get(key)
        if isinstance(old, Map) and isinstance(new, Map):
            entries[key] = MapEntry(merge(old, new), over.entries[key].where)
    return Map(entries, over.where)


def _overlay(base: Map, over: Map, both: _Merge = lambda _, over: over) -> Map:
    """`base` with the entries of `over`; `both` merges two mappings that have the same key."""
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        old = base.get(key)
        if old is not None and is_null(entry.value):
            del entries[key]
        elif isinstance(old, Map) and isinstance(entry.value, Map):
            entries[key] = MapEntry(both(old, entry.value), entry.where)
        else:
            entries[key] = entry
    return Map(entries, over.where)


def _overlay_nodes(base: Map, over: Map) -> Map:
    return _overlay(base, over, lambda old, new: _overlay(_inherited(old, new), new))


def _inherited(old: Map, new: Map) -> Map:
    """What a node keeps of the graph below: not the parameters of another class."""
    before, now = old.get("use"), new.get("use")
    if not isinstance(now, Scalar) or (isinstance(before, Scalar) and before.text == now.text):
        return old
    return Map({key: entry for key, entry in old.entries.items() if key in ("description", "fallback")}, old.where)
