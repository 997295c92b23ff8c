"""The policy: the one place that catches whatever a node raises."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from pipeline.runtime.dispatch import make_dispatcher
from tests.pipeline.kit import Item, Loose, items

ONE, TWO = items([1, 2])


def call(handler: Any, item: Any, routes: Any) -> list[tuple[Exception, Any]]:
    """What is reported when one item is handled."""
    failures: list[tuple[Exception, Any]] = []
    make_dispatcher({Item: handler}, lambda error, failed: failures.append((error, failed)), routes)(item)
    return failures


def test_dispatcher_routes_outputs_by_class_in_order() -> None:
    """A mark and the sound behind it keep their order."""
    given: list[tuple[str, Any]] = []
    loose = Loose(ONE.at, 5)
    routes = {Item: lambda item: given.append(("items", item)), Loose: lambda item: given.append(("loose", item))}
    assert call(lambda item: (item, loose, TWO), ONE, routes) == []
    assert given == [("items", ONE), ("loose", loose), ("items", TWO)]


@pytest.mark.parametrize("error", [ValueError("no"), AssertionError(), StopIteration(), RecursionError()])
def test_dispatcher_reports_any_exception_with_its_packet(error: Exception) -> None:
    """A session never goes silently deaf, and never ends by accident."""

    def raises(_: Item) -> Iterable[Item]:
        raise error

    assert call(raises, ONE, {}) == [(error, ONE)]


def test_dispatcher_reports_an_unhandled_kind() -> None:
    """Nothing disappears."""
    ((error, item),) = call(lambda item: (), Loose(ONE.at), {})
    assert isinstance(error, KeyError)
    assert type(item) is Loose


def test_dispatcher_keeps_outputs_given_before_a_failure() -> None:
    """The failure of one output takes no other back."""
    given: list[Item] = []
    failures = call(lambda item: (item, Loose(item.at), item), ONE, {Item: given.append})
    assert given == [ONE]
    assert len(failures) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_dispatcher_lets_exit_exceptions_through(error: type[BaseException]) -> None:
    """Ctrl-C works in the middle of a node."""

    def raises(_: Item) -> Iterable[Item]:
        raise error

    with pytest.raises(error):
        call(raises, ONE, {})
