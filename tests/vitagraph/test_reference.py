"""The reference page of a node contains everything its class declares."""

from __future__ import annotations

from pipeline.graph.registry import Registry
from tests.pipeline.graph import some_nodes
from tests.pipeline.graph.some.ears.detector import Detector
from vitagraph.graph_tools.text import summary
from vitagraph.reference import node_page, reference


def test_reference_page_has_docstring_ports_and_parameters() -> None:
    assert node_page("mic", some_nodes.Microphone) == (
        "## `mic`\n"
        "\n"
        "Makes a little sound.\n"
        "\n"
        "Only one, and it ends.\n"
        "\n"
        "A live source: if a queue below is full, it drops packets and counts them.\n"
        "\n"
        "| Port | Direction | Carries | Caps |\n"
        "| --- | --- | --- | --- |\n"
        "| `sound` | out | `Sound` | rate from the parameter `rate`, channels 1 |\n"
        "\n"
        "| Parameter | Takes | Default |  |\n"
        "| --- | --- | --- | --- |\n"
        "| `rate` | `8000` or `16000` or `48000` | `48000` | Hz. |\n"
    )


def test_reference_page_shows_every_kind_of_port() -> None:
    """Including upstream events."""
    page = node_page("vad", some_nodes.Detector)
    assert "| `sound` | in | `Sound` | rate 8000 or 16000, channels 1 |" in page
    assert "| `speech` | out | `Sound` | rate as `sound`, channels 1 |" in page
    assert "| `played` | upstream events in | `PlaybackProgress` |  |" in page
    assert "| `played` | upstream events out | `PlaybackProgress` |  |" in node_page("speaker", some_nodes.Speaker)


def test_reference_page_spells_parameters_as_in_a_graph() -> None:
    page = node_page("vad", some_nodes.Detector)
    assert "| `release` | a duration such as 200ms | `120ms` | Silence after which speech has ended. |" in page
    assert "| `attack` | a duration such as 200ms or null | `null` |" in page
    assert "| `model` | text | required | The name of the model. |" in node_page("asr", some_nodes.Recognizer)


def test_reference_page_of_a_node_without_parameters_has_no_table() -> None:
    """An empty table looks like a bug."""
    page = node_page("speaker", some_nodes.Speaker)
    assert "Parameter" not in page
    assert page.startswith("## `speaker`\n\nPlays sound, shows words.\n\nA sink.\n")


def test_reference_page_of_a_converter_says_what_it_converts() -> None:
    """It appears in drawings of graphs that do not mention it."""
    assert "The planner inserts it between ports whose rate differs." in node_page("r", some_nodes.Resampler)


def test_reference_summary_is_one_line() -> None:
    """However the docstring is wrapped."""
    assert summary(Detector) == "Finds speech in sound."


def test_reference_lists_all_nodes_and_then_describes_them() -> None:
    """docs/nodes.md is generated from it, so its links must work."""
    registry = Registry(installed=False)
    text = reference(registry)
    for name in registry.names():
        assert f"- [`{name}`](#{name.replace('.', '')}): " in text
        assert f"\n## `{name}`\n" in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
