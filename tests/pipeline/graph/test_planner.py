"""Planning: what fits is joined, fused and bounded; what does not is an error that says what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any, ClassVar

import pytest

from pipeline.caps import one_of, same
from pipeline.errors import GraphError
from pipeline.graph.graph import BudgetSpec
from pipeline.graph.plan import Plan, PlannedLink
from pipeline.graph.planner import plan
from pipeline.graph.registry import Registry
from pipeline.node import Node, Service, Sink, Source, Transform
from pipeline.packet import Packet, Queue
from pipeline.params import Duration, NoParams, Params, ms, seconds
from pipeline.port import Input, Output, Receives, Sends
from tests.pipeline.kit import (
    HERE,
    Item,
    Loose,
    News,
    Pass,
    Serve,
    Written,
    graph,
    items,
    member,
    planned,
    queue,
    run,
    sink,
    source,
)


class Mark(Packet, frozen=True):
    """Another kind than an item."""


class Newest(Packet, frozen=True):
    """A kind of which the latest matters."""

    queue: ClassVar[Queue] = Queue(time=seconds(9), count=3, full="latest")


class Noise(Loose, frozen=True):
    """A kind that is dropped when it is too much."""

    queue: ClassVar[Queue] = Queue(time=ms(200), count=64, full="drop_oldest")


def gives(*kinds: type[Packet], live: bool = False, **caps: Any) -> type[Source[NoParams]]:
    """A source class of these kinds."""
    is_live = live

    class Gives(Source[NoParams]):
        out = Output(*kinds, **caps)
        live = is_live

    return Gives


def takes(*kinds: type[Packet], **caps: Any) -> type[Sink[NoParams]]:
    """A sink class of these kinds."""

    class Takes(Sink[NoParams]):
        into: Input[Packet] = Input(*kinds, **caps)

        async def take(self, packet: Packet) -> None:
            """Nothing."""

        take = into.each(take)  # type: ignore[assignment]

    return Takes


def link_of(made: Plan, name: str) -> PlannedLink:
    """The link of a name."""
    return next(link for link in made.links if link.name == name)


# --- kinds and queues


def test_planned_link_carries_kinds_both_ends_share() -> None:
    """A recogniser is not given the marks that only the turn needs."""
    made = planned({"a": gives(Item, Mark), "b": takes(Item), "c": takes(Packet)}, "a -> b", "a -> c")
    assert [link.kinds for link in made.links] == [(Item,), (Item, Mark)]


def test_planned_link_carries_passed_through_kinds() -> None:
    """A node in the middle that knows nothing of a kind does not stop it."""

    class Through(Transform[NoParams]):
        into = Input(Item, passes=True)
        out = Output(Item)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            return (item,)

    nodes: dict[str, Written] = {"a": gives(Item, Mark), "b": Through, "c": Through, "d": takes(Packet)}
    made = planned(nodes, "a -> b -> c -> d")
    assert [link.kinds for link in made.links] == [(Item, Mark)] * 3


def test_planner_fuses_transforms_and_queues_other_nodes() -> None:
    """What costs microseconds costs no task."""
    made = planned({"a": gives(Item), "b": Pass, "c": Serve, "d": sink([])}, "a -> b", "b.out -> c", "c.out -> d")
    assert [link.queue for link in made.links] == [None, Queue(), Queue()]


def test_planner_uses_queue_bounds_given_in_the_graph() -> None:
    """Bounds that are left out stay as they are."""
    nodes: dict[str, Written] = {"a": gives(Noise, live=True), "b": Pass, "c": sink([])}
    made = planned(nodes, ("a -> b", queue()), ("b.out -> c", queue(count=2, full="latest", time=ms(5))))
    assert [link.queue for link in made.links] == [Noise.queue, Queue(ms(5), 2, "latest")]


def test_planned_queue_defaults_to_that_of_the_packet_kind() -> None:
    """Sound is dropped when it is late, an utterance is replaced, text waits."""
    nodes: dict[str, Written] = {
        "a": gives(Noise, live=True),
        "b": gives(Newest),
        "c": gives(Item),
        **{f"{name}_end": sink([]) for name in "abc"},
    }
    made = planned(nodes, *(f"{name} -> {name}_end" for name in "abc"))
    assert [link.queue for link in made.links] == [Noise.queue, Newest.queue, Queue()]


def test_planned_queue_below_a_file_blocks_and_below_a_live_source_drops() -> None:
    """A recording is heard whole, however slow what listens to it."""

    class Hears(Transform[NoParams]):
        into = Input(Noise)
        out = Output(Noise)

        @into.each
        def give(self, noise: Noise) -> Iterable[Noise]:
            return (noise,)

    nodes: dict[str, Written] = {"a": gives(Noise), "b": Hears, "c": takes(Noise), "d": takes(Noise)}
    made = planned(nodes, "a -> b -> c", "a -> d")
    assert [link.queue.full for link in made.links if link.queue] == ["block", "block"]
    made = planned({**nodes, "a": gives(Noise, live=True)}, "a -> b -> c", "a -> d")
    assert [link.queue.full for link in made.links if link.queue] == ["drop_oldest"] * 2


# --- caps


def test_planner_agrees_caps_at_both_ends_of_a_link() -> None:
    """A node reads in its context at which rate it works."""

    class Ears(Transform[NoParams]):
        into = Input(Item, rate=one_of(16_000, 8_000))
        out = Output(Item, rate=same("into"))

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            return (item,)

    made = planned({"a": gives(Item, rate=one_of(48_000, 8_000)), "b": Ears, "c": sink([])}, "a -> b -> c")
    assert made.nodes["b"].caps == {"into": {"rate": 8_000}, "out": {"rate": 8_000}}
    assert made.nodes["a"].caps == {"out": {"rate": 8_000}}
    assert made.links[0].caps == {"rate": 8_000}


class Resample(Transform[NoParams]):
    """Bridges rates."""

    converts = "rate"
    into = Input(Item, passes=True, rate=one_of(8_000, 16_000, 48_000), channels=1)
    out = Output(Item, rate=one_of(8_000, 16_000, 48_000), channels=1)

    @into.each
    def give(self, item: Item) -> Iterable[Item]:
        """Ten for one, so that a test sees it."""
        return (Item(item.at, item.number * 10),)


class Converters(Registry):
    """Knows one converter."""

    def converter(self, constraint: str) -> tuple[str, type[Node[Any]]] | None:
        """For rates."""
        return ("media.resample", Resample) if constraint == "rate" else None


def bridged(nodes: dict[str, Written], *links: Any) -> Plan:
    """The plan of a graph where rates can be converted."""
    return plan(graph(nodes, *links), Converters())


def test_planner_inserts_a_converter_where_rates_differ() -> None:
    """A microphone of 48 kHz and a model of 16 kHz work together without a node between them in the graph."""
    nodes: dict[str, Written] = {"a": gives(Item, Mark, rate=48_000), "b": takes(Packet, rate=16_000)}
    made = bridged(nodes, ("a -> b", queue(7)))
    between = made.nodes["resample_a_b"]
    assert between.inserted
    assert (between.members[0].use, between.members[0].where) == ("media.resample", HERE)
    assert between.caps == {"into": {"rate": 48_000, "channels": 1}, "out": {"rate": 16_000, "channels": 1}}
    first, second = made.links
    assert (first.name, first.queue) == ("a.out -> resample_a_b.into", None)
    assert (second.name, second.queue) == ("resample_a_b.out -> b.into", Queue(count=7))
    assert first.kinds == (Item, Mark)
    assert second.kinds == (Item, Mark)


def test_inserted_converter_runs_in_a_session() -> None:
    """The converter is a node like any other."""
    given = source(items([1, 2]))
    given.outputs["out"].caps = gives(Item, rate=48_000).outputs["out"].caps
    heard: list[Item] = []
    end = sink(heard)
    end.inputs["into_"].caps = takes(Item, rate=8_000).inputs["into"].caps
    run(bridged({"a": given, "b": end}, "a -> b"))
    assert [item.number for item in heard] == [10, 20]


def test_planner_inserts_one_converter_per_link() -> None:
    """Stereo is two ports, and neither takes the other's samples."""

    class Two(Source[NoParams]):
        left = Output(Item, rate=48_000)
        right = Output(Loose, rate=48_000)

    class Ends(Sink[NoParams]):
        left = Input(Item, rate=16_000)
        right = Input(Loose, rate=8_000)

        @left.each
        async def take_left(self, item: Item) -> None:
            """Nothing."""

        @right.each
        async def take_right(self, item: Loose) -> None:
            """Nothing."""

    class Every(Resample):
        into = Input(Item, passes=True, rate=one_of(8_000, 16_000, 48_000))
        out = Output(Item, Loose, rate=one_of(8_000, 16_000, 48_000))

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            return (item,)

    class OfEvery(Converters):
        def converter(self, constraint: str) -> tuple[str, type[Node[Any]]] | None:
            return ("media.resample", Every)

    made = plan(graph({"a": Two, "b": Ends}, "a.left -> b.left", "a.right -> b.right"), OfEvery())
    rates = {name: node.caps["out"]["rate"] for name, node in made.nodes.items() if node.inserted}
    assert rates == {"every_a_b": 16_000, "every_a_b_2": 8_000}


def failure(nodes: dict[str, Written], *links: Any, registry: Registry | None = None) -> GraphError:
    """What is wrong with a graph."""
    with pytest.raises(GraphError) as caught:
        plan(graph(nodes, *links), registry or Converters())
    assert caught.value.where == HERE
    return caught.value


def test_caps_mismatch_without_converter_names_both_ends() -> None:
    """The message says which two ports, what each wants, and what to do."""
    nodes: dict[str, Written] = {"a": gives(Item, language="en"), "b": takes(Item, language=one_of("de", "fr"))}
    error = failure(nodes, "a -> b")
    assert error.message == "`a.out` does not fit `b.into`"
    assert error.expected == "language de or fr"
    assert error.found == "language en"
    assert error.hint == ("nothing converts language by itself: change a parameter, or put a node between them")


def test_caps_mismatch_beside_a_convertible_one_is_reported() -> None:
    """A converter of rates does not turn stereo into mono."""
    nodes: dict[str, Written] = {"a": gives(Item, rate=48_000, tone=1), "b": takes(Item, rate=8_000, tone=2)}
    error = failure(nodes, "a -> b")
    assert (error.expected, error.found) == ("rate 8000, tone 2", "rate 48000, tone 1")
    assert "rate and tone" in error.hint


def test_converter_whose_own_caps_do_not_fit_is_an_error() -> None:
    """It works with one channel; a link of two must not get it in silence."""
    nodes: dict[str, Written] = {"a": gives(Item, rate=48_000, channels=2), "b": takes(Item, rate=8_000, channels=2)}
    error = failure(nodes, "a -> b")
    assert error.message == "`a.out` does not fit `resample_a_b.into`"
    assert (error.expected, error.found) == ("channels 1", "channels 2")


def test_converter_for_other_packet_kinds_is_an_error() -> None:
    """Resampling sound does not help a whole utterance."""

    class OnlyLoose(Transform[NoParams]):
        converts = "rate"
        into = Input(Loose, rate=48_000)
        out = Output(Loose, rate=8_000)

        @into.each
        def give(self, item: Loose) -> Iterable[Loose]:
            return (item,)

    class OfLoose(Converters):
        def converter(self, constraint: str) -> tuple[str, type[Node[Any]]] | None:
            return ("media.resample", OnlyLoose)

    nodes: dict[str, Written] = {"a": gives(Mark, rate=48_000), "b": takes(Mark, rate=8_000)}
    error = failure(nodes, "a -> b", registry=OfLoose())
    assert "converter between them does not fit" in error.message
    assert (error.expected, error.found) == ("Loose", "Mark")


# --- what is linked


def test_unlinked_input_is_an_error() -> None:
    """A node that never hears anything is a mistake in the graph, not silence in a call."""
    error = failure({"a": gives(Item), "b": Pass, "end": sink([])}, "b.out -> end", "a -> end")
    assert error.message == "nothing is linked to the input `b.into`"
    assert error.expected == "a link that brings Item"
    assert error.hint == "add `- some_node -> b.into` to links"


def test_unlinked_output_is_an_error() -> None:
    """An output that is not used means that a link was forgotten."""
    error = failure({"a": gives(Item), "b": Pass}, "a -> b")
    assert error.message == "what `b` gives goes nowhere"
    assert "`b.out`" in error.expected


def test_optional_inputs_may_be_unlinked_but_not_all_of_them() -> None:
    """A player without a face plays; a player without anything is a mistake."""

    class Playback(Sink[NoParams]):
        voice = Input(Item, optional=True)
        face = Input(Mark, optional=True)

        @voice.each
        async def play(self, item: Item) -> None:
            """Nothing."""

        @face.each
        async def show(self, mark: Mark) -> None:
            """Nothing."""

    made = planned({"a": gives(Item), "b": Playback}, "a -> b")
    assert made.links[0].target_port == "voice"
    error = failure({"a": gives(Item), "b": Playback, "c": sink([])}, "a -> c")
    assert error.message == "nothing is linked to the input `b.voice`"


def test_planner_accepts_one_linked_output_of_several() -> None:
    """Outputs that are not needed may stay unlinked."""

    class Two(Source[NoParams]):
        left = Output(Item)
        right = Output(Mark)

    assert len(planned({"a": Two, "b": takes(Mark)}, "a -> b").links) == 1


def test_cycle_is_an_error_that_names_its_path() -> None:
    """A loop of calls and full queues would never end."""
    nodes: dict[str, Written] = {"a": gives(Item), "b": Pass, "c": Serve, "end": sink([])}
    error = failure(nodes, "a -> b", "b.out -> c", "c.out -> b", "c.out -> end")
    assert error.message in (
        "these links form a cycle: b -> c -> b",
        "these links form a cycle: c -> b -> c",
    )
    assert "upstream event" in error.hint


# --- interrupting


class Decides(Transform[NoParams]):
    """Decides when to interrupt."""

    interrupts = True
    into = Input(Item)
    out = Output(Item)
    newest = Output(Newest)

    @into.each
    def give(self, item: Item) -> Iterable[Item]:
        """The same."""
        return (item,)


@pytest.mark.parametrize("between", [True, False])
def test_interrupting_node_above_a_blocking_queue_is_an_error(between: bool) -> None:
    """Else a slow answer would keep the words from being heard that should stop it."""
    nodes: dict[str, Written] = {"a": gives(Item), "turn": Decides, "end": sink([])}
    links = ["a -> turn", "turn.out -> end"]
    if between:
        nodes, links = {**nodes, "b": Pass}, ["a -> turn", "turn.out -> b", "b.out -> end"]
    error = failure(nodes, *links)
    assert error.message.startswith("`turn` decides when to interrupt, but the link `")
    assert error.message.endswith("end.into_` could block it")
    assert "full: latest" in error.hint


def test_interrupting_node_above_leaky_queues_is_accepted() -> None:
    """The newest utterance replaces the older, sound is dropped: both let it listen."""
    nodes: dict[str, Written] = {"a": gives(Item), "turn": Decides, "end": takes(Packet), "asr": takes(Newest)}
    made = planned(nodes, "a -> turn", "turn.newest -> asr", ("turn.out -> end", queue(full="drop_oldest")))
    assert len(made.links) == 3


def test_queue_below_an_interrupting_node_stays_leaky_for_a_file() -> None:
    """A graph that is right for a call is right for its replay."""

    class Turn(Transform[NoParams]):
        interrupts = True
        into = Input(Item)
        out = Output(Noise)

        @into.each
        def give(self, item: Item) -> Iterable[Noise]:
            return ()

    made = planned({"a": gives(Item), "turn": Turn, "end": takes(Noise)}, "a -> turn -> end")
    assert made.links[1].queue == Noise.queue


def test_live_source_above_a_blocking_queue_gives_a_warning() -> None:
    """Its author should know that sound will be dropped there."""
    nodes: dict[str, Written] = {"mic": gives(Item, live=True), "b": Pass, "end": sink([]), "other": sink([])}
    made = planned(nodes, "mic -> b", "b.out -> end", ("mic -> other", queue(full="latest")))
    assert made.warnings == (
        "`mic` is live, and the link `b.out -> end.into_` blocks when full: sound will be dropped then",
    )


def test_file_source_above_a_blocking_queue_gives_no_warning() -> None:
    """It waits."""
    assert planned({"a": gives(Item), "end": sink([])}, "a -> end").warnings == ()


# --- latency, feedback, scope


class WaitsParams(Params):
    """How long a node waits."""

    wait: Duration = 0
    """By design."""


class Waits(Transform[WaitsParams]):
    """Waits by design."""

    into = Input(Item)
    out = Output(Item)

    def latency(self) -> int:
        """As long as it was told."""
        return self.params.wait

    @into.each
    def give(self, item: Item) -> Iterable[Item]:
        """The same."""
        return (item,)


def test_plan_latency_is_that_of_the_slowest_path() -> None:
    """`check` says how fast the graph could ever answer, and which nodes that time goes to."""
    nodes: dict[str, Written] = {
        "a": gives(Item),
        "slow": member(Waits, wait=ms(200)),
        "fast": member(Waits, wait=ms(10)),
        "none": Waits,
        "last": member(Waits, wait=ms(5)),
        "end": sink([]),
    }
    made = planned(nodes, "a -> slow -> last", "a -> fast -> none -> last", "last -> end")
    assert made.latency.total == ms(205)
    assert made.latency.parts == (("slow", ms(200)), ("last", ms(5)))


def test_budget_below_the_least_latency_gives_a_warning() -> None:
    """Its author learns from `check`, and not from every turn, that no turn can meet it."""
    nodes: dict[str, Written] = {"a": gives(Item), "slow": member(Waits, wait=ms(200)), "end": sink([])}
    made = planned(nodes, "a -> slow -> end", budget=BudgetSpec(voice_to_voice=ms(150)))
    assert made.budget.voice_to_voice == ms(150)
    assert made.warnings == ("the budget `voice_to_voice: 150ms` cannot be met: the least latency is 200ms",)
    assert planned(nodes, "a -> slow -> end", budget=BudgetSpec(voice_to_voice=ms(200))).warnings == ()
    assert planned(nodes, "a -> slow -> end").warnings == ()


def test_planner_handles_long_chains_and_many_paths() -> None:
    """Neither the depth of a graph nor the number of ways through it is a limit."""
    length = 1500
    chain: dict[str, Written] = {"a": gives(Item, live=True), **{f"n{n}": Waits for n in range(length)}}
    links = ["a -> n0", *(f"n{n} -> n{n + 1}" for n in range(length - 1)), f"n{length - 1} -> end"]
    assert len(planned({**chain, "end": sink([])}, *links).warnings) == 1
    diamonds: dict[str, Written] = {"a": gives(Item, live=True)}
    last, links = "a", []
    for n in range(30):
        left, right, end = f"l{n}", f"r{n}", f"e{n}"
        diamonds |= {left: Waits, right: Waits, end: Waits}
        links += [f"{last} -> {left}", f"{last} -> {right}", f"{left} -> {end}", f"{right} -> {end}"]
        last = end
    assert len(planned({**diamonds, "end": sink([])}, *links, f"{last} -> end").warnings) == 1


class Hears(Transform[NoParams]):
    """Wants to know."""

    into = Input(Item)
    out = Output(Item)
    news = Receives(News)

    @into.each
    def give(self, item: Item) -> Iterable[Item]:
        """The same."""
        return (item,)

    @news.each
    def note(self, event: News) -> None:
        """Nothing."""


class Tells(Service[NoParams]):
    """Tells."""

    into = Input(Item)
    out = Output(Item)
    news = Sends(News)

    @into.each
    async def give(self, item: Item) -> AsyncIterator[Item]:
        """The same."""
        yield item


def test_planned_feedback_goes_to_every_upstream_receiver_only() -> None:
    """Feedback is found by planning, and drawn."""
    nodes: dict[str, Written] = {
        "a": gives(Item),
        "first": Hears,
        "second": Hears,
        "tells": Tells,
        "below": Hears,
        "beside": Hears,
        "end": sink([]),
        "other": sink([]),
    }
    made = planned(nodes, "a -> first -> second -> tells -> below -> end", "first -> beside -> other")
    assert [(each.source, each.target, each.target_port, each.event) for each in made.feedback] == [
        ("tells", "first", "news", News),
        ("tells", "second", "news", News),
    ]


def test_plan_downstream_excludes_the_flush_origin() -> None:
    """The words that interrupt are upstream of it."""
    nodes: dict[str, Written] = {"a": gives(Item), "b": Pass, "c": Serve, "d": sink([]), "e": sink([])}
    made = planned(nodes, "a -> b", "b.out -> c", "c.out -> d", "a -> e")
    assert made.downstream("b") == {"c", "d"}
    assert made.downstream("a") == {"b", "c", "d", "e"}
    assert made.downstream("d") == made.downstream("nobody") == frozenset()
