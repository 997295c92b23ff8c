"""Fetches the models that a graph needs, before it runs."""

from __future__ import annotations

from collections.abc import Iterator

from nodes import models
from pipeline.errors import NodeError, ResourceError
from pipeline.graph.graph import Graph
from vitagraph import console
from vitagraph.download import pull


def needed(graph: Graph) -> list[str]:
    """The models of the catalogue that the parameters of any member name."""
    catalogue = models.catalogue()
    names = (value for value in _values(graph) if isinstance(value, str) and value in catalogue)
    return list(dict.fromkeys(names))


def _values(graph: Graph) -> Iterator[object]:
    for spec in graph.nodes.values():
        for member in spec.members:
            yield from dict(member.params).values()


def fetch(graph: Graph, *, quiet: bool) -> None:
    """Pulls what is not here. What cannot be had is told and left to the session: a fallback may do."""
    for name in needed(graph):
        if not is_here(name):
            try:
                pull(name, quiet=quiet)
            except NodeError as error:
                console.err().print(f"warning: {error}", style="yellow", markup=False, soft_wrap=True)


def is_here(name: str) -> bool:
    """Whether a model need not be fetched."""
    try:
        models.path(name)
    except ResourceError:
        return False
    return True
