"""A graph must load as written, and whatever is wrong must be said in exact words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import GraphError, Location
from pipeline.graph.graph import BudgetSpec, Graph, QueueSpec
from pipeline.graph.loader import load
from pipeline.graph.registry import Registry
from tests.pipeline.graph.some_graphs import CONVERSATION, DATA, NODES, REGISTRY, error, graph, of_nodes
from tests.pipeline.graph.some_nodes import RecognizerParams
from vitagraph.graph_tools.provenance import resolved_text

MALFORMED = sorted(file.name.removesuffix(".expected.txt") for file in DATA.glob("*.expected.txt"))


def test_loader_reads_every_feature_of_a_graph() -> None:
    """Everything that the language has, in one graph."""
    made = graph(CONVERSATION, environment={"MODEL": "large"})
    assert made.path == Path("g.yaml")
    assert made.description == "A conversation."
    assert made.params == {"model": "tiny", "times": 3}
    assert made.budget == BudgetSpec(voice_to_voice=700_000_000)
    assert made.on_error == "end"
    assert list(made.nodes) == ["caller", "vad", "asr", "voice", "speaker"]
    models = [member.params for member in made.nodes["asr"].members]
    assert [each.model for each in models if isinstance(each, RecognizerParams)] == ["tiny", "large"]
    assert [str(link) for link in made.links] == [
        "caller -> vad",
        "vad -> asr",
        "asr -> voice",
        "voice -> speaker.sound",
        "asr.text -> speaker.caption",
    ]
    assert made.links[-1].queue == QueueSpec(time=2_000_000_000, count=4, full="latest")


def test_loader_applies_defaults_to_missing_sections() -> None:
    """The smallest graph is one node; also where a section is left empty."""
    made = graph("vitagraph: 1\nnodes:\n  vad: ears.detector\nlinks:\nparams:\nbudget:\non_error:\ndescription:\n")
    assert (made.links, made.params, made.on_error, made.description) == ((), {}, "degrade", "")
    assert made.budget == BudgetSpec()


@pytest.mark.parametrize(
    ("text", "nanoseconds"), [("200ms", 200_000_000), ("1.5s", 1_500_000_000), ("2m", 120 * 10**9)]
)
def test_budget_with_a_unit_is_read(text: str, nanoseconds: int) -> None:
    """A budget of 700 nanoseconds would never be kept."""
    made = graph(of_nodes("vad: ears.detector", rest=f"budget: {{voice_to_voice: {text}}}\n"))
    assert made.budget.voice_to_voice == nanoseconds


@pytest.mark.parametrize("text", ["200", "0ms", "-3s", "soon", "[]", "true", f"{'9' * 400}h"])
def test_budget_without_a_duration_is_refused(text: str) -> None:
    """A number without a unit is a question, not an answer."""
    raised = error(of_nodes("vad: ears.detector", rest=f"budget: {{voice_to_voice: {text}}}\n"))
    assert raised.message == "wrong value for `voice_to_voice` of `budget`"
    assert raised.expected.startswith("a duration such as 200ms")


def test_budget_of_an_unknown_name_is_refused_with_a_suggestion() -> None:
    """A misspelt budget would never be exceeded."""
    raised = error(of_nodes("vad: ears.detector", rest="budget: {voice_to_vioce: 700ms}\n"))
    assert (raised.message, raised.expected) == ("`budget` has no parameter `voice_to_vioce`", "voice_to_voice")
    assert raised.hint == "did you mean `voice_to_voice`?"
    assert raised.where == Location("g.yaml", 2, 10)


def test_loader_reads_a_file_with_the_process_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This is how the program calls it."""
    monkeypatch.setenv("MODEL", "of the process")
    file = tmp_path / "graph.yaml"
    file.write_text(CONVERSATION)
    made = load(file, registry=REGISTRY)
    params = made.nodes["asr"].members[1].params
    assert isinstance(params, RecognizerParams)
    assert params.model == "of the process"


def test_malformed_graphs_all_have_an_expected_message() -> None:
    """A graph without its message would not be tested."""
    graphs = {file.stem for file in DATA.glob("*.yaml")}
    assert graphs - {"correct"} == set(MALFORMED)
    assert len(MALFORMED) > 80


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_graph_gives_its_exact_error_message(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Error texts are read by people who are stuck: they are reviewed like code."""
    monkeypatch.chdir(DATA)
    with pytest.raises(GraphError) as raised:
        load(Path(f"{name}.yaml"), registry=Registry(installed=False), environment={})
    assert f"{raised.value}\n" == Path(f"{name}.expected.txt").read_text()


def test_correct_graph_beside_the_malformed_ones_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else they might all fail for one reason that has nothing to do with their names."""
    monkeypatch.chdir(DATA)
    assert len(load(Path("correct.yaml"), registry=Registry(installed=False), environment={}).links) == 1


WORDS = [
    *("vitagraph", "description", "extends", "params", "budget", "nodes", "links", "on_error", "x-own", "<<"),
    *("use", "fallback", "deadline", "from", "to", "queue", "time", "count", "full", "vad", "caller", "model"),
    *("ears.detector", "words.recognizer", f"{NODES}:Detector", f"{NODES}:Sorry", "ears.two", "no.such:Thing"),
    *("vad -> caller", "vad.speech -> caller.sound", "a -> b.c -> d", "->", "200ms", "latest", "degrade"),
    *("${model}", "${env:HOME}", "${env:X:-y}", "${", "$${", "${}", "release", "bands", "weight", "label"),
]
SCALARS = st.sampled_from(WORDS) | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
KEYS = st.sampled_from(WORDS) | st.text(max_size=4)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)
NODE = st.fixed_dictionaries({"use": st.sampled_from(WORDS)}, optional={word: TREES for word in WORDS[-30:]})
DOCUMENTS = st.fixed_dictionaries(
    {"vitagraph": st.just(1), "nodes": st.dictionaries(KEYS, NODE | TREES, min_size=1, max_size=4)},
    optional={
        "links": st.lists(TREES, max_size=4) | TREES,
        "params": st.dictionaries(KEYS, TREES, max_size=4),
        "budget": TREES,
        "on_error": SCALARS,
        "extends": SCALARS,
        "description": TREES,
    },
)
SETTINGS = st.dictionaries(
    KEYS | st.sampled_from(["vad.label", "vad.use", "model", "."]), st.text(max_size=8), max_size=2
)


def _loads_or_explains(text: str, settings: dict[str, str]) -> None:
    made = _loaded(text, settings)
    assert made is None or graph(resolved_text(made)).nodes.keys() == made.nodes.keys()


def _loaded(text: str, settings: dict[str, str]) -> Graph | None:
    try:
        return graph(text, settings, {"HOME": "/home"})
    except GraphError:
        return None


@settings(deadline=None)
@given(DOCUMENTS, SETTINGS)
def test_loader_loads_any_graph_like_tree_or_raises_graph_error(
    document: dict[str, Any], settings: dict[str, str]
) -> None:
    """No mistake in a graph ends in a traceback of ours."""
    _loads_or_explains(json.dumps(document), settings)


@settings(deadline=None)
@given(TREES)
def test_loader_loads_any_tree_or_raises_graph_error(tree: Any) -> None:
    """Also what is no graph by any stretch."""
    _loads_or_explains(json.dumps(tree), {})


EDITS = st.lists(
    st.tuples(
        st.integers(0, len(CONVERSATION)),
        st.integers(0, 6),
        st.text(max_size=3)
        | st.sampled_from(["\n", "\t", ": ", "- ", "[", "{", "&a ", "*a", "!", "|", ">", "#", '"', "'"]),
    ),
    min_size=1,
    max_size=4,
)


@settings(deadline=None)
@given(EDITS)
def test_loader_loads_any_edited_text_or_raises_graph_error(edits: list[tuple[int, int, str]]) -> None:
    """Every slip of the keyboard is answered in words."""
    text = CONVERSATION
    for start, length, new in edits:
        text = text[:start] + new + text[start + length :]
    _loads_or_explains(text, {})
