"""Nodes must be read in both forms, with their fallbacks, and refused with all that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.compute.pool import Pooled
from pipeline.compute.pool_spec import PoolBounds
from pipeline.errors import Location
from pipeline.packet import Packet
from pipeline.params import ms, seconds
from pipeline.policies.spec import CacheSpec, DeadlineSpec, LimitSpec
from tests.pipeline.graph import some_nodes
from tests.pipeline.graph.some.ears.detector import Detector
from tests.pipeline.graph.some_graphs import NODES, detector, error, graph, of_nodes
from tests.pipeline.graph.some_nodes import DetectorParams

HERE = __name__


class Same(some_nodes.Recognizer):
    """Recognizes the same in the same sound."""

    def cache_key(self, packet: Packet) -> str:
        return ""


def test_node_short_and_long_forms_are_equivalent() -> None:
    """A node without parameters is one word."""
    for text in ("vad: ears.detector", "vad:\n  use: ears.detector"):
        primary = graph(of_nodes(text)).nodes["vad"].primary
        assert (primary.use, primary.node, primary.params) == ("ears.detector", Detector, DetectorParams())


@pytest.mark.parametrize(
    "fallback",
    ["ears.detector", "{use: ears.detector}", "[ears.detector]", "[{use: ears.detector}]"],
)
def test_fallback_forms_are_all_equivalent(fallback: str) -> None:
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


def test_fallback_may_be_explicitly_empty() -> None:
    """An overlay takes one away with an empty list or null."""
    for text in ("[]", "null", ""):
        assert len(graph(detector(f"fallback: {text}")).nodes["vad"].members) == 1


def test_node_description_is_not_passed_to_the_class() -> None:
    """It is shown, never passed to the class."""
    spec = graph(detector("description: Listens.")).nodes["vad"]
    assert spec.description == "Listens."
    assert spec.where == Location("g.yaml", 3, 3)


def test_node_x_keys_are_not_parameters() -> None:
    """Also inside a fallback, where an anchor may stand."""
    made = graph(detector("x-why: because", "fallback: {use: ears.detector, x-why: because}")).nodes["vad"]
    assert [member.params for member in made.members] == [DetectorParams(), DetectorParams()]


def test_reserved_word_as_node_key_is_refused() -> None:
    """A word that is ignored would be taken to have an effect."""
    raised = error(detector("on_error: end"))
    assert raised.message == "`on_error` is a reserved word that this version does not have"


def test_policies_are_set_per_node_and_per_member() -> None:
    """A fallback that has no deadline of its own is held to the node's."""
    spec = graph(
        of_nodes(
            f"""words:
  use: {HERE}:Same
  model: a
  deadline: {{first: 1500ms}}
  retry: {{attempts: 3}}
  limit: {{concurrent: 5, window: 5s}}
  cache: {{size: 5MB}}
  fallback:
    - {{use: words.recognizer, model: b, deadline: {{total: 2s}}}}
    - {{use: words.recognizer, model: c}}"""
        )
    ).nodes["words"]
    assert [member.deadline.first for member in spec.members] == [ms(1500), DeadlineSpec().first, ms(1500)]
    assert [member.deadline.total for member in spec.members][1] == seconds(2)
    assert {member.retry.attempts for member in spec.members} == {3}
    assert spec.limit == LimitSpec(concurrent=5, window=seconds(5))
    assert spec.cache == CacheSpec(size=5_000_000)


def test_policies_reject_unknown_keys_and_wrong_values() -> None:
    """A misspelt deadline is none."""
    raised = error(of_nodes("words: {use: words.recognizer, model: a, deadline: {frist: 1s}}"))
    assert (raised.message, raised.hint) == ("`deadline` has no parameter `frist`", "did you mean `first`?")
    raised = error(of_nodes("words: {use: words.recognizer, model: a, limit: {concurrent: 0}}"))
    assert raised.message == "wrong value for `concurrent` of `limit`"


def test_limit_on_a_fallback_is_refused() -> None:
    """A limit holds for all members of the node."""
    spare = "{use: words.recognizer, model: b, limit: {max: 1}}"
    raised = error(of_nodes(f"words: {{use: words.recognizer, model: a, fallback: {spare}}}"))
    assert raised.message == "a fallback has no `limit` of its own"


def test_policies_on_a_non_service_are_refused() -> None:
    """A transform waits for nothing: a deadline for it would be an empty promise."""
    raised = error(detector("deadline: {first: 1s}"))
    assert raised.message == f"`{NODES}:Detector` takes no `deadline`: it is not a service"
    assert raised.where == Location("g.yaml", 5, 5)


def test_cache_on_a_node_that_is_not_cacheable_is_refused() -> None:
    """It would silently keep nothing. Null removes the cache of an extended graph."""
    raised = error(of_nodes("words: {use: words.recognizer, model: a, cache: {size: 1MB}}"))
    assert raised.message.startswith("`words.recognizer` takes no `cache`: it is not cacheable")
    assert graph(of_nodes("words: {use: words.recognizer, model: a, cache: null}")).nodes["words"].cache is None


class Model(some_nodes.Recognizer):
    """Recognizes with a model that sessions share."""

    engine = Pooled(lambda params: params.model)


class Called(some_nodes.Detector):
    """Calls a model at once, and never waits for it."""

    engine = Pooled(lambda _: "model")


def test_pool_bounds_are_set_per_member() -> None:
    """What fits in memory twice of the one model may not of the other: a fallback says its own, or nothing."""
    spec = graph(
        of_nodes(
            f"""words:
  use: {HERE}:Model
  model: a
  pool: {{min: 1, max: 2, wait: 10s}}
  fallback:
    - {{use: "{HERE}:Model", model: b, pool: {{max: 3}}}}
    - {{use: "{HERE}:Model", model: c}}
    - {{use: "{HERE}:Model", model: d, pool: null}}
    - {{use: words.recognizer, model: d}}"""
        )
    ).nodes["words"]
    mine, its, *others = [member.pool for member in spec.members]
    assert mine == PoolBounds(min=1, max=2, wait=seconds(10))
    assert its == PoolBounds(max=3)
    assert others == [None, None, None]


def test_pool_on_a_node_without_a_pooled_model_is_refused() -> None:
    """It would silently have no effect."""
    text = of_nodes(f"vad:\n  use: {HERE}:Called\n  pool: {{max: 2}}")
    raised = error(text)
    assert raised.message == f"`{HERE}:Called` takes no `pool`: it has no model for which callers wait"
    assert raised.where == Location("g.yaml", 5, 5)
    assert raised.hint.startswith("remove it")
    spare = "{use: words.recognizer, model: b, pool: {max: 2}}"
    raised = error(of_nodes(f"words: {{use: '{HERE}:Model', model: a, fallback: {spare}}}"))
    assert raised.message.startswith("`words.recognizer` takes no `pool`")


@pytest.mark.parametrize(
    ("pool", "message"),
    [
        ("{min: 2, max: 1}", "do not fit together: `max` is 1, less than `min`, which is 2: raise `max`"),
        ("{max: 0}", "wrong value for `max` of `pool`"),
        ("{wait: 30}", "wrong value for `wait` of `pool`"),
        ("{most: 2}", "`pool` has no parameter `most`"),
        ("2", "wrong value for `pool`"),
    ],
)
def test_pool_bounds_are_validated(pool: str, message: str) -> None:
    """With the place and what it ought to be."""
    raised = error(of_nodes(f"words:\n  use: {HERE}:Model\n  model: a\n  pool: {pool}"))
    assert raised.message.endswith(message)
    assert raised.where is not None and raised.where.line == 6


def test_fallback_with_different_ports_is_refused() -> None:
    """A stand-in that gives something else would starve the nodes below."""
    raised = error(of_nodes("vad:\n  use: ears.detector\n  fallback: {use: words.recognizer, model: a}"))
    assert raised.message == "`words.recognizer` cannot stand in for `ears.detector`: its inputs differ"
    assert (raised.expected, raised.found) == ("sound (Sound)", "speech (Sound)")
    raised = error(of_nodes(f"voice: {{use: {NODES}:Voice, model: a, fallback: {NODES}:Silent}}"))
    assert raised.message.endswith("its outputs differ")
    assert (raised.expected, raised.found) == ("sound (Sound)", "none")


def test_missing_package_of_a_node_is_reported_at_its_line() -> None:
    """The node that needs it is one of many."""
    raised = error(of_nodes("ears: ears.detector\nvad: ears.needy"), path=Path("x.yaml"))
    assert raised.where == Location("x.yaml", 4, 8)
    assert "package_that_nobody_has" in raised.hint
