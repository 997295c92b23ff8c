"""References and settings must put in exactly what was meant, with its type."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pipeline.errors import Location
from tests.pipeline.graph.some_graphs import EMPTY, detector, error, graph
from tests.pipeline.graph.some_nodes import DetectorParams


def params(
    *lines: str, rest: str = "", settings: Mapping[str, str] = EMPTY, environment: Mapping[str, str] = EMPTY
) -> DetectorParams:
    """The parameters of a graph's only node."""
    made = graph(detector(*lines, rest=rest), settings, environment).nodes["vad"].primary.params
    assert isinstance(made, DetectorParams)
    return made


def test_reference_as_whole_value_keeps_its_type() -> None:
    """A number stays a number; quotes, which `{ }` needs, change nothing."""
    rest = "params: {level: 3, wide: false}\n"
    assert params("aggressiveness: ${level}", rest=rest).aggressiveness == 3
    assert params('aggressiveness: "${ level }"', rest=rest).aggressiveness == 3
    assert params("adaptive: ${wide}", rest=rest).adaptive is False


def test_reference_inside_text_becomes_text() -> None:
    """Also a number and a truth, as they were written."""
    rest = "params: {level: 0x10, wide: yes, on: true}\n"
    assert params('label: "${level}-${wide}-${on}"', rest=rest).label == "0x10-yes-true"


def test_references_work_in_nested_values() -> None:
    """Lists and mappings of values, too."""
    rest = "params: {low: 80, word: hello}\n"
    made = params("bands: [{low: '${low}'}]", "replies: {a: '${word}, you'}", rest=rest)
    assert made.bands[0].low == 80
    assert made.replies == {"a": "hello, you"}


def test_reference_is_escaped_with_two_dollars() -> None:
    """A prompt may speak of `${name}` itself."""
    assert params("label: 'say $${name} and $5'").label == "say ${name} and $5"


def test_reference_to_the_call_stays_for_the_session() -> None:
    """A plan is shared by all calls, and the file of each has its own name; a parameter `call` goes first."""
    assert params("label: 'calls/${call}.jsonl'").label == "calls/${call}.jsonl"
    assert params("label: ${call}").label == "${call}"
    assert params("label: '${file}'", rest="params: {file: '${call}.txt'}\n").label == "${call}.txt"
    assert params("label: ${call}", rest="params: {call: mine}\n").label == "mine"


def test_env_reference_reads_the_environment() -> None:
    """Where a machine differs, the graph need not."""
    assert params("label: ${env:WHO}", environment={"WHO": "joe"}).label == "joe"
    assert params("aggressiveness: ${env:LEVEL}", environment={"LEVEL": "3"}).aggressiveness == 3
    assert params("label: '${env:WHO:-a b: c}'").label == "a b: c"
    assert params("label: ${env:WHO:-}").label == ""


def test_env_reference_default_replaces_an_empty_variable() -> None:
    """As in a shell: `WHO= bin/serve` is how a variable is taken away."""
    assert params("label: ${env:WHO:-joe}", environment={"WHO": ""}).label == "joe"
    assert params("label: ${env:WHO}", environment={"WHO": ""}).label == ""


def test_text_parameter_accepts_number_like_env_values_and_settings() -> None:
    """A key or a voice that is all digits has no quotes there to say so."""
    assert params("label: ${env:KEY}", environment={"KEY": "0123"}).label == "0123"
    assert params("label: voice", settings={"vad.label": "7"}).label == "7"
    assert params("label: ${who}", rest="params: {who: joe}\n", settings={"who": "true"}).label == "true"


def test_graph_parameter_may_come_from_the_environment() -> None:
    """One name for it in the graph, whatever the variable is called."""
    assert params("label: ${who}", rest="params:\n  who: ${env:WHO:-joe}\n").label == "joe"


def test_settings_change_parameters_of_the_graph_and_of_nodes() -> None:
    """A try needs no copy of the file."""
    rest = "params: {who: joe}\n"
    made = params("label: ${who}", rest=rest, settings={"who": "amy", "vad.release": "3s", "vad.weight": "2"})
    assert (made.label, made.release, made.weight) == ("amy", 3_000_000_000, 2.0)


def test_setting_may_reference_a_graph_parameter() -> None:
    """It stands where the value would stand in the file."""
    assert params(rest="params: {who: joe}\n", settings={"vad.label": "${who}!"}).label == "joe!"


def test_settings_appear_in_graph_params() -> None:
    """A session can tell with what it runs."""
    made = graph(detector(rest="params: {a: 1, b: joe}\n"), {"a": "2"})
    assert made.params == {"a": 2, "b": "joe"}


@pytest.mark.parametrize(
    ("setting", "message", "hint"),
    [
        ("whp", "the graph has no parameter `whp`", "did you mean `who`?"),
        ("vda.label", "there is no node `vda`", "did you mean `vad`?"),
        ("vad.labl", "has no parameter `labl`", "did you mean `label`?"),
        ("vad.bands.low", "has no parameter `bands.low`", "did you mean `bands`?"),
        ("vad.use", "`use` is not a parameter of a node", "write a graph that `extends` this one"),
        ("", "the graph has no parameter ``", ""),
        (".", "there is no node ``", ""),
    ],
)
def test_unknown_setting_is_explained(setting: str, message: str, hint: str) -> None:
    """A misspelt `--set` that did nothing would be believed."""
    raised = error(detector(rest="params: {who: joe}\n"), {setting: "x"})
    assert message in raised.message
    assert raised.hint == hint
    assert raised.where == Location(f"--set {setting}")


def test_setting_with_a_wrong_value_is_located_at_the_setting() -> None:
    """The file is right; the command line is not."""
    assert error(detector(), {"vad.release": "3"}).where == Location("--set vad.release")


def test_reference_error_is_located_at_the_reference() -> None:
    """In a long prompt, at the word itself."""
    assert error(detector("label: hello ${who}")).where == Location("g.yaml", 5, 18)
    assert error(detector("label: hello ${env:WHO}")).where == Location("g.yaml", 5, 18)


def test_references_work_in_budget_and_links() -> None:
    """References work wherever values do."""
    rest = "params: {most: 700ms, from: vad}\nbudget: {voice_to_voice: '${most}'}\nlinks: ['${from}.speech -> vad']\n"
    made = graph(detector(rest=rest))
    assert made.budget.voice_to_voice == 700_000_000
    assert made.links[0].source == "vad"
