"""Nodes must be read in both forms, with their fallbacks, and refused with all that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import Location
from pipeline.graph.problems import GraphErrors
from tests.pipeline.graph import some_nodes
from tests.pipeline.graph.some_graphs import NODES, detector, error, graph, of_nodes
from tests.pipeline.graph.some_nodes import DetectorParams
from tests.pipeline.some.ears.detector import Detector


def test_both_forms_mean_the_same() -> None:
    """A node without parameters is one word."""
    for text in ("vad: ears.detector", "vad:\n  use: ears.detector"):
        primary = graph(of_nodes(text)).nodes["vad"].primary
        assert (primary.use, primary.node, primary.params) == ("ears.detector", Detector, DetectorParams())


@pytest.mark.parametrize(
    "fallback",
    ["ears.detector", "{use: ears.detector}", "[ears.detector]", "[{use: ears.detector}]"],
)
def test_all_forms_of_a_fallback_mean_the_same(fallback: str) -> None:
    """One or many, short or long."""
    members = graph(detector(f"fallback: {fallback}")).nodes["vad"].members
    assert [member.node for member in members] == [some_nodes.Detector, Detector]


def test_fallbacks_keep_their_order_and_parameters() -> None:
    """They are tried one after the other."""
    text = detector("fallback:", "  - use: ears.detector", "    release: 1s", "  - ears.detector")
    first, second = graph(text).nodes["vad"].members[1:]
    assert isinstance(first.params, DetectorParams)
    assert first.params.release == 1_000_000_000
    assert second.params == DetectorParams()
    assert second.where == Location("g.yaml", 8, 9)


def test_no_fallback_may_be_said_in_words() -> None:
    """An overlay takes one away with an empty list or null."""
    for text in ("[]", "null", ""):
        assert len(graph(detector(f"fallback: {text}")).nodes["vad"].members) == 1


def test_a_description_belongs_to_the_node() -> None:
    """It is shown, never passed to the class."""
    spec = graph(detector("description: Listens.")).nodes["vad"]
    assert spec.description == "Listens."
    assert spec.where == Location("g.yaml", 3, 3)


def test_the_authors_own_keys_are_no_parameters() -> None:
    """Also inside a fallback, where an anchor may stand."""
    made = graph(detector("x-why: because", "fallback: {use: ears.detector, x-why: because}")).nodes["vad"]
    assert [member.params for member in made.members] == [DetectorParams(), DetectorParams()]


def test_every_reserved_word_is_refused() -> None:
    """A deadline that is read over would be believed to hold."""
    words = ["breaker", "cache", "deadline", "limit", "on_error", "retry"]
    raised = error(detector(*(f"{word}: 1" for word in words)))
    assert isinstance(raised, GraphErrors)
    assert [each.message for each in raised.errors] == [
        f"`{word}` is a reserved word that this version does not have" for word in words
    ]


def test_a_fallback_must_have_the_same_kinds() -> None:
    """A stand-in that gives something else would starve the nodes below."""
    raised = error(of_nodes("vad:\n  use: ears.detector\n  fallback: {use: words.recognizer, model: a}"))
    assert raised.message == "`words.recognizer` cannot stand in for `ears.detector`: its inputs differ"
    assert (raised.expected, raised.found) == ("sound (Sound)", "speech (Sound)")
    raised = error(of_nodes(f"voice: {{use: {NODES}:Voice, model: a, fallback: {NODES}:Silent}}"))
    assert raised.message.endswith("its outputs differ")
    assert (raised.expected, raised.found) == ("sound (Sound)", "none")


def test_a_missing_package_points_at_the_line() -> None:
    """The node that needs it is one of many."""
    raised = error(of_nodes("ears: ears.detector\nvad: ears.needy"), path=Path("x.yaml"))
    assert raised.where == Location("x.yaml", 4, 8)
    assert "package_that_nobody_has" in raised.hint
