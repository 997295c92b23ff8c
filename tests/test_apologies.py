"""The assistants' apologies are spoken before anybody needs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodes.apologies import apologies
from nodes.text.sentences import Sentences
from pipeline.graph.loader import load
from pipeline.graph.registry import Registry
from tests.nodes.text.test_sentences import spoken

GRAPHS = Path(__file__).parent.parent / "graphs"
ASSISTANTS = [("assistant", "en"), ("assistant-zh", "zh"), ("assistant-multi", "en")]


def prefetched(name: str) -> set[str]:
    """What the voice of a graph makes beforehand."""
    cache = load(GRAPHS / f"{name}.yaml", registry=Registry()).nodes["tts"].cache
    assert cache is not None
    return set(cache.prefetch)


def sentences(apology: str, language: str) -> set[str]:
    """The sentences of an apology, as the voice is asked for them."""
    return {text for text, _, _ in spoken(apology, node=Sentences(language=language)) if any(map(str.isalnum, text))}


@pytest.mark.parametrize(("name", "language"), ASSISTANTS)
def test_apologies_are_all_prefetched_by_tts(name: str, language: str) -> None:
    """Sentence for sentence as the voice will be asked for it; else it would be made while the person waits."""
    for apology in apologies(language):
        said = sentences(apology, language)
        assert said and said <= prefetched(name)


@pytest.mark.parametrize(("name", "language"), ASSISTANTS)
def test_tts_prefetches_only_apologies_in_use(name: str, language: str) -> None:
    """An apology that nobody makes any more would cost every start of a host a second."""
    assert prefetched(name) <= {text for apology in apologies(language) for text in sentences(apology, language)}
