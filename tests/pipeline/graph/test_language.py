"""One table of words must be what the loader takes, what editors offer and what no parameter may be named."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import GraphError
from pipeline.graph.language import FALLBACK, GRAPH, LINK, NODE
from pipeline.graph.registry import Registry
from pipeline.params import RESERVED_WORDS
from tests.pipeline.graph.some_graphs import NODES, error, graph, of_nodes
from tests.pipeline.graph.test_members import HERE
from vitagraph.graph_tools.schema import graph_schema


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The schema of the nodes that ship."""
    return graph_schema(Registry(installed=False))


def test_words_of_nodes_are_reserved() -> None:
    """Else a parameter of that name could never be set."""
    assert {*NODE, *FALLBACK} <= RESERVED_WORDS
    assert RESERVED_WORDS - NODE.keys() == {"on_error"}


def test_every_word_is_described_and_says_which_values_it_takes() -> None:
    """Editors show the one, errors the other."""
    words = {name: word for place in (GRAPH, NODE, FALLBACK, LINK) for name, word in place.items()}
    assert [name for name, word in words.items() if not word.description] == ["use"]  # each class describes itself
    assert [name for name, word in words.items() if not word.expected] == []


def test_schema_offers_the_words_of_each_place(schema: dict[str, Any]) -> None:
    """A word that is added to the table is offered by editors."""
    assert list(schema["properties"]) == list(GRAPH)
    link = schema["properties"]["links"]["items"]["anyOf"][-1]
    assert list(link["properties"]) == list(LINK)
    assert list(schema["definitions"]["member"]["anyOf"][1]["properties"]) == [n for n in NODE if n not in FALLBACK]
    assert set(NODE) <= schema["definitions"]["tts.piper"]["properties"].keys()


@pytest.mark.parametrize("word", [name for name, word in NODE.items() if word.spec])
@pytest.mark.parametrize(
    ("use", "params"), [(f"{NODES}:Detector", ""), (f"{HERE}:Same", ", model: a"), (f"{HERE}:Model", ", model: a")]
)
def test_loader_takes_a_word_where_it_applies_to_the_class(word: str, use: str, params: str) -> None:
    """Loader and editor cannot disagree: both ask the table."""
    registry_node = Registry("tests.pipeline.graph.some", installed=False).find(use)
    text = of_nodes(f"node: {{use: '{use}'{params}, {word}: {{}}}}")
    if NODE[word].applies_to(registry_node):
        assert graph(text).nodes["node"].primary.node is registry_node
    else:
        assert error(text).message.startswith(f"`{use}` takes no `{word}`: it ")


def test_fallback_is_held_to_the_same_requirements_as_the_primary() -> None:
    """A deadline on a transform has no effect wherever the transform stands in the chain."""
    spare = f"{{use: '{NODES}:Detector', deadline: {{first: 1s}}}}"
    raised = error(of_nodes(f"vad: {{use: '{NODES}:Detector', fallback: {spare}}}"))
    assert isinstance(raised, GraphError)
    assert raised.message == f"`{NODES}:Detector` takes no `deadline`: it is not a service"
