"""The assistant's apologies are spoken before anybody needs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodes.apologies import apologies
from pipeline.graph.loader import load
from pipeline.graph.registry import Registry
from tests.nodes.text.test_sentences import spoken

GRAPH = Path(__file__).parent.parent / "graphs" / "assistant.yaml"


@pytest.mark.parametrize("apology", apologies())
def test_apologies_are_all_prefetched_by_tts(apology: str) -> None:
    """Sentence for sentence as the voice will be asked for it; else it would be made while the person waits."""
    cache = load(GRAPH, registry=Registry()).nodes["tts"].cache
    assert cache is not None
    said = {text for text, _, _ in spoken(apology) if text}
    assert said and said <= set(cache.prefetch)


def test_tts_prefetches_only_apologies_in_use() -> None:
    """An apology that nobody makes any more would cost every start of a host a second."""
    cache = load(GRAPH, registry=Registry()).nodes["tts"].cache
    assert cache is not None
    assert set(cache.prefetch) <= {text for apology in apologies() for text, _, _ in spoken(apology)}
