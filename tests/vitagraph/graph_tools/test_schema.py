"""Editors must accept every correct graph and mark the faults that a schema can see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from pipeline.graph.registry import Registry
from pipeline.graph.tree import plain
from pipeline.graph.yaml import parse
from tests.pipeline.graph.some_graphs import CONVERSATION, of_nodes
from vitagraph.graph_tools.schema import graph_schema

GRAPHS = Path(__file__).parents[3] / "graphs"


@pytest.fixture(scope="module")
def validator() -> Draft7Validator:
    """Of the test's own nodes, but for the one that cannot be imported."""
    return Draft7Validator(graph_schema(_Some()))


class _Some(Registry):
    def __init__(self) -> None:
        super().__init__("tests.pipeline.graph.some", installed=False)

    def names(self) -> tuple[str, ...]:
        return "ears.detector", "words.recognizer"


def is_valid(validator: Draft7Validator, text: str) -> bool:
    """Whether an editor would leave the text unmarked."""
    return bool(validator.is_valid(plain(parse(text, "f"))))


DETECTOR = of_nodes("vad:\n  use: ears.detector\n")


@pytest.mark.parametrize(
    "text",
    [
        CONVERSATION,
        of_nodes("vad: ears.detector"),
        DETECTOR + "    release: 200ms\n    bands: [{low: 1}]\n    attack: null\n    table: a/b\n    x-why: because\n",
        DETECTOR + "    aggressiveness: ${level}\n    release: ${env:RELEASE:-1s}\n    mode: ${mode}\n",
        DETECTOR + "    bands: [{low: '${low}'}]\n",
        DETECTOR + "    fallback:\n      - ears.detector\n      - {use: ears.detector, release: 1s}\n",
        DETECTOR + "    fallback: a.module:Class\n    description: Listens.\n",
        DETECTOR + "    fallback:\n",
        of_nodes("asr: {use: words.recognizer, model: a}"),
        of_nodes("set_by_the_command_line: words.recognizer"),
        of_nodes("own: my.package:Class\nother:\n  use: my.package:Class\n  anything: [1]\nany: ${use}"),
        "vitagraph: 1\nextends: base.yaml\n",
        "vitagraph: 1\nextends: base.yaml\nbudget: null\nnodes:\n  vad: null\n  turn: {floor: 1s}\n"
        "  asr: {use: words.recognizer}\n",
        of_nodes("a: ears.detector") + "links:\n  - a -> a.b\n  - a.b->c -> d\n  - ${chain}\n  - {from: a, to: b.c}\n"
        "  - {from: a, to: b, queue: true}\n  - {from: a, to: b, queue: {time: 1s, count: '${n}', full: latest}}\n",
        "x-own: [1]\n" + of_nodes("x-usual: {a: 1}\na: ears.detector"),
    ],
)
def test_schema_accepts_correct_graphs(validator: Draft7Validator, text: str) -> None:
    """A red line under what is right teaches people to ignore red lines."""
    assert [error.message for error in validator.iter_errors(plain(parse(text, "f")))] == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nodes: {}\n",
        "vitagraph: 2\nnodes: {}\n",
        "vitagraph: 1\n",
        of_nodes("vad: ears.detektor"),
        of_nodes("my vad: ears.detector"),
        of_nodes("vad:"),
        of_nodes("vad: {release: 1s}"),
        DETECTOR + "    agressiveness: 2\n",
        DETECTOR + "    aggressiveness: 7\n",
        DETECTOR + "    aggressiveness: '2'\n",
        DETECTOR + "    release: 200\n",
        DETECTOR + "    mode: exakt\n",
        DETECTOR + "    bands: [{lo: 1}]\n",
        DETECTOR + "    deadline: 1s\n",
        DETECTOR + "    fallback: [ears.detektor]\n",
        DETECTOR + "    fallback: {use: ears.detector, agressiveness: 1}\n",
        DETECTOR + "    fallback: {use: ears.detector, fallback: ears.detector}\n",
        DETECTOR + "links: a -> b\n",
        DETECTOR + "links: [a]\n",
        DETECTOR + "links: [a -> b.c -> d]\n",
        DETECTOR + "links: [{from: a}]\n",
        DETECTOR + "links: [{from: a, to: b, queue: false}]\n",
        DETECTOR + "links: [{from: a, to: b, queue: {full: never}}]\n",
        DETECTOR + "budget: {voice_to_voice: 700}\n",
        DETECTOR + "params: {a: [1]}\n",
        DETECTOR + "on_error: stop\n",
        DETECTOR + "nods: {}\n",
        "vitagraph: 1\nextends: base.yaml\nnodes:\n  vad: {use: ears.detector, agressiveness: 1}\n",
    ],
)
def test_schema_rejects_faulty_graphs(validator: Draft7Validator, text: str) -> None:
    """While it is typed, not when it is run."""
    assert not is_valid(validator, text)


def test_schema_shows_parameter_docstrings_and_defaults() -> None:
    """An editor shows them beside the cursor."""
    schema = graph_schema(_Some())
    release: dict[str, Any] = schema["definitions"]["ears.detector"]["properties"]["release"]
    assert release["description"] == "Silence after which speech has ended."
    assert release["default"] == "120ms"
    assert schema["definitions"]["ears.detector"]["description"] == "Finds speech in sound."


def test_schema_of_the_built_in_nodes_is_valid_and_deterministic() -> None:
    """The committed file must mean something to an editor, and be the same each time."""
    schema = graph_schema(Registry(installed=False))
    Draft7Validator.check_schema(schema)
    assert json.dumps(schema) == json.dumps(graph_schema(Registry(installed=False)))


def test_schema_offers_pool_only_to_nodes_with_a_pooled_model() -> None:
    """An editor marks it at a node that would refuse it."""
    definitions = graph_schema(Registry(installed=False))["definitions"]
    having = {use for use, each in definitions.items() if "pool" in each.get("properties", {})}
    assert {"dialogue.llama", "asr.whisper", "tts.piper"} <= having
    assert not {"vad.silero", "face.visemes", "asr.sorry"} & having
    assert "min" in str(definitions["pool"])


def test_schema_accepts_the_graphs_of_the_repository() -> None:
    """The graphs that people copy from are free of red lines."""
    validator = Draft7Validator(graph_schema(Registry(installed=False)))
    for file in sorted(GRAPHS.rglob("*.yaml")):
        text = file.read_text()
        if "\nvitagraph: " in f"\n{text}":
            errors = [error.message for error in validator.iter_errors(plain(parse(text, str(file))))]
            assert errors == [], file
