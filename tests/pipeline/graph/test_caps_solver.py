"""Unification: both ends of every link agree, whatever the order in which links are written."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.caps import ANY, Allowed, Constraint, one_of, param, same
from pipeline.graph.caps_solver import CapsSolver
from pipeline.node import Node, Transform
from pipeline.params import NoParams, Params
from pipeline.port import Input, Output
from tests.pipeline.kit import Item


class RateParams(Params):
    """A rate that a graph may set."""

    rate: int | None = None
    """Hz."""


def node(into: int | Constraint | None, out: int | Constraint | None) -> type[Node[RateParams]]:
    """A class with these rates; None leaves the constraint out."""
    taken, given = into, out

    class Made(Transform[RateParams]):
        into = Input(Item) if taken is None else Input(Item, rate=taken)
        out = Output(Item) if given is None else Output(Item, rate=given)

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            return (item,)

    return Made


def solve(*nodes: type[Node[RateParams]], rate: int | None = None) -> tuple[CapsSolver, list[tuple[str, ...]]]:
    """A chain of these; what did not fit, by link."""
    solver = CapsSolver()
    for index, each in enumerate(nodes):
        solver.add(f"n{index}", each, RateParams(rate=rate))
    links = range(len(nodes) - 1)
    return solver, [solver.link((f"n{index}", "out"), (f"n{index + 1}", "into")) for index in links]


def test_solver_picks_the_receivers_preferred_common_value() -> None:
    """Both ends work at the rate that the receiver likes best among those that the giver can."""
    solver, misfits = solve(node(None, one_of(48_000, 16_000, 8_000)), node(one_of(8_000, 16_000), None))
    assert misfits == [()]
    assert solver.agreed("n0", ["out"]) == {"out": {"rate": 16_000}}
    assert solver.agreed("n1", ["into"]) == {"into": {"rate": 16_000}}


def test_same_constraint_ties_input_and_output() -> None:
    """What comes in at 16 kHz leaves at 16 kHz."""
    passing = node(one_of(8_000, 16_000), same("into"))
    solver, misfits = solve(node(None, one_of(16_000, 8_000)), passing, passing, node(8_000, None))
    assert misfits == [(), (), ()]
    assert solver.agreed("n0", ["out"]) == {"out": {"rate": 8_000}}


def test_same_constraint_on_an_unconstrained_port_stays_free() -> None:
    """A node that takes any rate and gives the same one."""
    passing = node(None, same("into"))
    solver, misfits = solve(node(None, 16_000), passing, node(ANY, None))
    assert misfits == [(), ()]
    assert solver.agreed("n1", ["into", "out"]) == {"into": {"rate": 16_000}, "out": {"rate": 16_000}}


def test_param_constraint_fixes_the_value_or_leaves_it_open() -> None:
    """`rate: 8000` in the graph is what is meant; without it, planning chooses."""
    ends = node(None, param("rate")), node(one_of(16_000, 8_000), None)
    assert solve(*ends, rate=8_000)[0].agreed("n1", ["into"]) == {"into": {"rate": 8_000}}
    assert solve(*ends)[0].agreed("n1", ["into"]) == {"into": {"rate": 16_000}}
    assert solve(*ends, rate=44_100)[1] == [("rate",)]


def test_solver_reports_no_agreed_value_for_free_constraints() -> None:
    """A node finds no value where none was chosen."""
    solver, misfits = solve(node(None, ANY), node(ANY, None))
    assert (misfits, solver.agreed("n1", ["into"])) == ([()], {})


def test_solver_ignores_constraints_declared_at_one_end_only() -> None:
    """A recorder takes whatever comes."""
    solver, misfits = solve(node(None, 16_000), node(None, None))
    assert (misfits, solver.agreed("n1", ["into"])) == ([()], {})


def test_solver_mismatch_leaves_both_ends_unchanged() -> None:
    """A converter needs to know both."""
    solver, misfits = solve(node(None, 48_000), node(one_of(16_000, 8_000), None))
    assert misfits == [("rate",)]
    assert solver.allowed("n0", "out") == {"rate": (48_000,)}
    assert solver.allowed("n1", "into") == {"rate": (16_000, 8_000)}


def test_solver_reports_all_mismatched_constraints() -> None:
    """A person mends both at once."""

    class Two(Transform[NoParams]):
        into = Input(Item, rate=1, channels=1, language="en")
        out = Output(Item, rate=2, channels=2, language="en")

        @into.each
        def give(self, item: Item) -> Iterable[Item]:
            return (item,)

    solver = CapsSolver()
    solver.add("a", Two, NoParams())
    solver.add("b", Two, NoParams())
    assert solver.link(("a", "out"), ("b", "into")) == ("channels", "rate")


values = st.lists(st.sampled_from([8, 16, 24, 48]), min_size=1, max_size=4, unique=True).map(tuple)
inputs = st.one_of(values.map(lambda v: one_of(*v)), st.just(ANY))
constraints = st.one_of(values.map(lambda v: one_of(*v)), st.just(same("into")), st.just(ANY))


@given(
    st.lists(st.tuples(st.one_of(values.map(lambda v: one_of(*v)), st.just(ANY)), constraints), min_size=2, max_size=5)
)
def test_solver_chain_agrees_on_values_every_port_allows(chain: list[tuple[Constraint, Constraint]]) -> None:
    """Whatever is agreed is allowed at every port; and both ends of a link that fits agree."""
    nodes = [node(into, out) for into, out in chain]
    solver, misfits = solve(*nodes)
    for index, made in enumerate(nodes):
        agreed = solver.agreed(f"n{index}", ["into", "out"])
        for name, port in (("into", made.inputs["into"]), ("out", made.outputs["out"])):
            allowed: Allowed = getattr(port.caps["rate"], "values", None)
            chosen = agreed.get(name, {}).get("rate")
            assert chosen is None or allowed is None or chosen in allowed
        if port.caps["rate"] == same("into"):
            assert agreed.get("into") == agreed.get("out")
    for index, misfit in enumerate(misfits):
        if not misfit:
            above = solver.agreed(f"n{index}", ["out"]).get("out")
            assert above == solver.agreed(f"n{index + 1}", ["into"]).get("into")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_solver_result_is_independent_of_link_order(order: tuple[int, int]) -> None:
    """The same graph written otherwise is the same graph."""
    solver = CapsSolver()
    chain = [node(None, one_of(48_000, 16_000)), node(ANY, same("into")), node(16_000, None)]
    for index, each in enumerate(chain):
        solver.add(f"n{index}", each, RateParams())
    for index in order:
        assert solver.link((f"n{index}", "out"), (f"n{index + 1}", "into")) == ()
    assert solver.agreed("n0", ["out"]) == {"out": {"rate": 16_000}}
