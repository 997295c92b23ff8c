"""A graph of thousands of nodes is planned, or refused, within seconds; what grows as it is read is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import MAX_LISTED, GraphError, did_you_mean, listing
from pipeline.graph.document import MAX_EXTENDS, read_document
from pipeline.graph.loader import loads
from pipeline.graph.plan import Plan
from pipeline.graph.planner import MAX_FEEDBACK, plan
from pipeline.graph.problems import MAX_PROBLEMS, GraphErrors, Problems
from pipeline.graph.yaml import MAX_VALUES, parse
from pipeline.node import Sink, Source, Transform
from pipeline.params import NoParams
from pipeline.port import Input, Output, Receives, Sends
from tests.fuzzing import examples
from tests.growth import Work, check_linear, check_within
from tests.pipeline.graph.some_graphs import NODES, REGISTRY, error, of_nodes
from tests.pipeline.kit import Item, NoConverters, Pass, graph, items, queue, sink, source
from tests.pipeline.kit import News as Event

DETECTOR = f"{NODES}:Detector"


def names(count: int, prefix: str = "n") -> list[str]:
    """Names of nodes."""
    return [f"{prefix}{number}" for number in range(count)]


def text_of(nodes: Iterable[str], links: Iterable[str]) -> str:
    """Detectors of these names, with these links."""
    written = "".join(f"  {name}: {DETECTOR}\n" for name in nodes)
    return f"vitagraph: 1\nnodes:\n{written}links:\n" + "".join(f"  - {link}\n" for link in links)


def outcome(text: str) -> Plan | str:
    """The plan of a text, or what is said of it."""
    try:
        return plan(loads(text, registry=REGISTRY, path=Path("g.yaml"), environment={}), REGISTRY)
    except GraphError as raised:
        return str(raised)


TEXTS: dict[str, Callable[[int], str]] = {
    "unlinked": lambda n: text_of(names(n), ["n0 -> n1"]),
    "cycle": lambda n: text_of(names(n), [" -> ".join([*names(n), "n0"])]),
    "chain of unknown nodes": lambda n: text_of(names(n), [" -> ".join(names(n, "m"))]),
    "links of unknown nodes": lambda n: text_of(names(n // 2), (f"m{i} -> k{i}" for i in range(n // 2))),
    "links written twice": lambda n: text_of(["a", "b"], ["a -> b"] * n),
    "unknown classes": lambda n: of_nodes("\n".join(f"{name}: ears.{name}etector" for name in names(n, "d"))),
    "nodes without class": lambda n: of_nodes("\n".join(f"{name}: {{}}" for name in names(n))),
    "nodes of nothing": lambda n: of_nodes("\n".join(f"{name}:" for name in names(n))),
    "wrong values": lambda n: of_nodes("\n".join(f"{name}: {{use: {DETECTOR}, mode: fats}}" for name in names(n // 3))),
    "unknown parameters": lambda n: of_nodes(f"a:\n  use: {DETECTOR}\n" + "\n".join(f"  labl{i}: 1" for i in range(n))),
    "unknown sections": lambda n: "vitagraph: 1\n" + "".join(f"nodez{i}: 1\n" for i in range(n)),
    "unknown references": lambda n: of_nodes(
        f"a:\n  use: {DETECTOR}\n  replies:\n" + "\n".join(f"    k{i}: ${{q{i}}}" for i in range(n // 3)),
        "params:\n" + "".join(f"  p{i}: 1\n" for i in range(n // 3)),
    ),
    "fallbacks": lambda n: of_nodes(f"a:\n  use: {DETECTOR}\n  fallback:\n" + f"    - {NODES}:Sorry\n" * n),
    "merges": lambda n: of_nodes(
        f"a:\n  use: {DETECTOR}\n  <<: *a\n" + "  <<: {}\n" * (n // 3),
        "x-a: &a\n" + "".join(f"  k{i}: 1\n" for i in range(n // 3)),
    ),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_large_graph_is_planned_or_refused_in_linear_time(text: Callable[[int], str]) -> None:
    """5,000 misspelt nodes took five minutes to one message, which listed all of them 5,000 times."""
    assert len(str(outcome(text(2000)))) < 25_000

    def make(count: int) -> Work:
        written = text(count)
        return lambda: outcome(written)

    check_linear(make, 500)


@pytest.mark.parametrize("text", ["unlinked", "cycle", "chain of unknown nodes", "nodes without class"])
def test_graph_of_9000_nodes_is_refused_within_seconds(text: str) -> None:
    """1 to 2 s without a tracer, most of which is reading the YAML."""
    check_within(lambda: outcome(TEXTS[text](9000)), 3, text)


class Hears(Transform[NoParams]):
    """Passes items on, and hears of news."""

    into = Input(Item, passes=True)
    out = Output(Item)
    news = Receives(Event)

    @into.each
    def give(self, item: Item) -> Iterable[Item]:
        """The same."""
        return (item,)

    @news.each
    def note(self, event: Event) -> None:
        """Takes note."""


class Tells(Sink[NoParams]):
    """Sends news."""

    into = Input(Item)
    news = Sends(Event)

    @into.each
    async def take(self, item: Item) -> None:
        """Nothing."""


def chain(count: int) -> Work:
    """Nodes one behind the other; the last tells all of them."""
    row = names(count)
    nodes = {"in": source(items([0])), **dict.fromkeys(row, Hears), "out": Tells}
    return planning(nodes, " -> ".join(["in", *row, "out"]))


def fan(count: int) -> Work:
    """Live sources that all reach all the sinks through one node, by links that block."""
    sources, sinks = names(count // 2, "s"), names(count // 2, "t")
    live = source(items([0]), live=True)
    nodes = {**dict.fromkeys(sources, live), "mix": Pass, **dict.fromkeys(sinks, sink([]))}
    return planning(nodes, *(f"{name} -> mix" for name in sources), *(f"mix.out -> {name}" for name in sinks))


def passing(count: int) -> Work:
    """The kinds that pass through a node with many links."""
    sources, sinks = names(count // 2, "s"), names(count // 2, "t")
    nodes = {**dict.fromkeys(sources, source(items([0]))), "mix": Hears, **dict.fromkeys(sinks, Tells)}
    return planning(nodes, *(f"{name} -> mix" for name in sources), *(f"mix -> {name}" for name in sinks))


def feedback(count: int) -> Work:
    """A chain of nodes each of which is told by a sink of its own: pairs grow with the square."""
    row, sinks = names(count // 2), names(count // 2, "t")
    nodes = {"in": source(items([0])), **dict.fromkeys(row, Hears), **dict.fromkeys(sinks, Tells)}
    return planning(nodes, " -> ".join(["in", *row]), *(f"n{i} -> t{i}" for i in range(count // 2)))


def interrupters(count: int) -> Work:
    """Nodes that decide to interrupt, one behind the other, above a link that never blocks."""

    class Decides(Hears):
        interrupts = True

    row = names(count)
    nodes = {"in": source(items([0]), live=True), **dict.fromkeys(row, Decides)}
    return planning({**nodes, "out": Tells}, " -> ".join(["in", *row]), (f"n{count - 1} -> out", queue(full="latest")))


def planning(nodes: dict[str, type[Source[NoParams]] | type], *links: object) -> Work:
    """Planning a graph, to a plan or to an error."""
    made = graph(nodes, *links)  # type: ignore[arg-type]

    def work() -> Plan | str:
        try:
            return plan(made, NoConverters())
        except GraphError as raised:
            return str(raised)

    return work


@pytest.mark.parametrize("make", [chain, fan, passing, feedback, interrupters])
def test_planner_takes_linear_time(make: Callable[[int], Work]) -> None:
    """What follows from the links was found anew for every node."""
    check_linear(make, 1000, name=make.__name__)


def test_planned_chain_of_9000_nodes_is_complete() -> None:
    """A bound on the time must not cut the plan."""
    made = chain(9000)()
    assert isinstance(made, Plan)
    assert (len(made.nodes), len(made.links), len(made.feedback)) == (9002, 9001, 9000)


def test_planner_bounds_the_pairs_of_feedback() -> None:
    """Every sender has every receiver above it: 4,500 of each are ten million pairs."""
    said = feedback(9000)()
    assert isinstance(said, str)
    assert "too many nodes send and receive upstream events, such as `News`" in said
    assert f"at most {MAX_FEEDBACK} pairs" in said


def test_planner_bounds_its_warnings() -> None:
    """A million lines say no more than forty."""
    made = fan(400)()
    assert isinstance(made, Plan)
    assert len(made.warnings) == MAX_LISTED


def test_message_of_a_long_cycle_names_its_beginning_and_end() -> None:
    """A line of 80,000 characters is not read."""
    said = str(plan_error(text_of(names(500), [" -> ".join([*names(500), "n0"])])))
    assert len(said) < 600
    assert "(461 more) -> n0" in said


def plan_error(text: str) -> GraphError:
    """What planning says of a text that loads."""
    with pytest.raises(GraphError) as raised:
        plan(loads(text, registry=REGISTRY, environment={}), REGISTRY)
    return raised.value


# --- what is listed and compared


def test_problems_stop_at_the_fiftieth_error() -> None:
    """A file of another kind has an error in each of its lines."""
    problems = Problems()
    for number in range(MAX_PROBLEMS):
        problems.add(GraphError(f"error {number}"))
    with pytest.raises(GraphErrors) as raised, problems.collect():
        raise GraphError("one too many")
    assert [each.message for each in raised.value.errors[:2]] == ["error 0", "error 1"]
    assert len(raised.value.errors) == MAX_PROBLEMS + 1
    assert raised.value.errors[-1].message == "there are more errors: correct these first"


def test_listing_names_the_first_forty() -> None:
    """An error that lists thousands of names hides its hint."""
    assert listing(names(40)).endswith("n38, n39")
    assert listing(names(43)).endswith("n38, n39, and 3 more")


def test_suggestion_compares_no_long_words() -> None:
    """Comparing two words takes time in the square of their length."""
    rare = "".join(chr(0x4E00 + i % 5000) for i in range(100_000))
    check_within(lambda: did_you_mean(rare + "a", [rare + "b"]), 0.1)
    assert did_you_mean("dtector", [rare, "detector"]) == "did you mean `detector`?"


def test_long_name_of_a_node_is_refused() -> None:
    """Each converter and each error would repeat it."""
    assert error(of_nodes(f"{'a' * 101}: {DETECTOR}")).message == "the name of a node is too long"
    said = error(text_of(["a"], ["b" * 1000 + " -> a"]))
    assert said.message == "a link names nodes" and len(said.found) < 120


# --- what grows when it is read


def test_references_are_bounded_in_what_they_stand_for() -> None:
    """A file of 1 MB could stand for 60 GB of text."""
    text = of_nodes(f'a: {{use: {DETECTOR}, label: "{"${x}" * 3000}"}}', f"params: {{x: {'y' * 1000}}}\n")
    assert error(text).message == "the graph is too large"


@pytest.mark.parametrize("count", [20, 300])
def test_references_that_stand_for_little_are_filled_in(count: int) -> None:
    """A prompt that several nodes share is no bomb."""
    body = f'a: {{use: {DETECTOR}, label: "{"${x}" * count}"}}'
    made = loads(of_nodes(body, f"params: {{x: {'y' * 1000}}}\n"), registry=REGISTRY, environment={})
    assert getattr(made.nodes["a"].primary.params, "label", "") == "y" * 1000 * count


def test_aliases_nest_no_deeper_than_a_file_may() -> None:
    """Each alias of a list that contains one adds a level, without a bracket more in the file."""
    lists = "".join(f"x-{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 45))
    with pytest.raises(GraphError, match="nested too deeply") as raised:
        parse(f"x-0: &a0 [1]\n{lists}", "g.yaml")
    assert raised.value.where and raised.value.where.line == 40


def test_aliases_of_a_long_text_are_bounded() -> None:
    """9,000 aliases of half a megabyte are four gigabytes once they are written out."""
    text = f"x-a: &a {'y' * 400_000}\nx-b: [{', '.join(['*a'] * 100)}]\n"
    with pytest.raises(GraphError, match="the graph is too large"):
        parse(text, "g.yaml")
    parse(f"x-a: &a {'y' * 4000}\nx-b: [{', '.join(['*a'] * 100)}]\n", "g.yaml")


def extending(folder: Path, count: int, body: str = "") -> Path:
    """A file that extends a chain of others; each has this in it."""
    for number in range(count):
        base = f"extends: {number + 1}.yaml\n" if number < count - 1 else ""
        (folder / f"{number}.yaml").write_text(f"vitagraph: 1\n{base}{body}")
    return folder / "0.yaml"


def test_graph_may_extend_fifty_others(tmp_path: Path) -> None:
    """Longer chains end in an error, whatever their length: 1,500 were a RecursionError."""
    read_document(extending(tmp_path, MAX_EXTENDS + 1))
    with pytest.raises(GraphError, match="too many graphs extend one another"):
        read_document(extending(tmp_path, 1500))


@pytest.mark.parametrize(
    "body", ["x-a: [" + "1, " * 6000 + "1]\n", "# " + "x" * 400_000 + "\n"], ids=["values", "characters"]
)
def test_extended_graphs_are_bounded_together(body: str, tmp_path: Path) -> None:
    """Fifty files of the largest size would take minutes to read."""
    with pytest.raises(GraphError, match="the graph is too large with all that it extends") as raised:
        read_document(extending(tmp_path, 30, body))
    assert f"{MAX_VALUES} keys and values" in raised.value.expected
    read_document(extending(tmp_path, 3, body))


YAML_BITS = st.sampled_from(
    ["vitagraph: 1\n", "nodes:", "\n", "\r", "\r\n", "  ", "- ", "a: ", "{", "}", "[", "]", ",", "&a ", "*a", "<<: ",
     "${x}", "$${", "|\n", ">\n", '"', "'", "\\x", "#", "---\n", "...\n", "%YAML 1.2\n", "!!str ", "? ", ": ", "\u2028",
     "\x85", "\ufeff", "\x00", "é", "0x1", "1e999", "~", "params: {x: 1}\n", "links: [a -> b]\n", "extends: x\n",
     f"use: {DETECTOR}\n", "\t"]
)  # fmt: skip


@examples(1000)
@given(st.one_of(st.text(max_size=40), st.lists(YAML_BITS, max_size=25).map("".join)))
def test_any_text_is_a_graph_or_a_graph_error(text: str) -> None:
    """A traceback is of no use to the author of a graph."""
    outcome(text)
