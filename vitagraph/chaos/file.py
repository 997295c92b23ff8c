"""Reads a chaos file; errors give position, expectation and hint, as for graphs."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import GraphError, did_you_mean, listing
from pipeline.graph.problems import Problems
from pipeline.graph.tree import List, Map, Scalar, Tree, found, wrong_value
from pipeline.graph.validate import validated
from pipeline.graph.yaml import parse, read_text
from vitagraph.chaos.spec import NO_FAULTS, Chaos, FaultSpec

SECTIONS = ("chaos", "seed")


def read_chaos(file: Path) -> Chaos:
    """Reads the faults of a file; raises GraphError. `inject_faults` checks whether they apply to a graph."""
    return parse_chaos(read_text(file), file)


def chaos_of(file: Path | None) -> Chaos:
    """The faults of a file, or none without a file."""
    return NO_FAULTS if file is None else read_chaos(file)


def parse_chaos(text: str, file: Path) -> Chaos:
    """Parses the text of a chaos file; `file` names it in errors."""
    tree = parse(text, str(file))
    if not isinstance(tree, Map):
        raise GraphError("a chaos file is a mapping", where=tree.where, expected=listing(SECTIONS), found=found(tree))
    problems = Problems()
    for key, entry in tree.entries.items():
        if key not in SECTIONS:
            hint = did_you_mean(key, SECTIONS)
            problems.add(GraphError(f"unknown key `{key}`", where=entry.where, expected=listing(SECTIONS), hint=hint))
    items = _items(tree, problems)
    faults: list[FaultSpec] = []
    for item in items:
        with problems.collect():
            faults.append(_fault(item))
    seed = 0
    with problems.collect():
        seed = _seed(tree.get("seed"))
    problems.raise_all()
    return Chaos(tuple(faults), seed, tuple(item.where for item in items))


def _items(tree: Map, problems: Problems) -> tuple[Tree, ...]:
    faults = tree.get("chaos")
    if isinstance(faults, List) and faults.items:
        return faults.items
    where = faults.where if faults is not None else tree.where
    hint = "such as `chaos: [{node: tts, fault: hang, from: 8s, until: 18s}]`"
    problems.add(GraphError("this file contains no faults", where=where, expected="`chaos:` with a list", hint=hint))
    return ()


def _fault(item: Tree) -> FaultSpec:
    if not isinstance(item, Map):
        expected = "a mapping, such as {node: tts, fault: hang}"
        raise GraphError("a fault is a mapping", where=item.where, expected=expected, found=found(item))
    return validated(FaultSpec, item, "chaos", item.where)


def _seed(tree: Tree | None) -> int:
    if tree is None:
        return 0
    if isinstance(tree, Scalar) and isinstance(tree.value, int) and not isinstance(tree.value, bool):
        return tree.value
    raise wrong_value("seed", tree, "a whole number")
