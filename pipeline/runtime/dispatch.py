"""The engine's one broad except: whatever a node does, the session goes on and knows of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

MAX_OUTPUTS = 16
"""Outputs that a transform may give for one input; more is work for a service."""

Push = Callable[[Any], None]
NO_ROUTES: Mapping[type, Push] = {}


def make_dispatcher(
    handlers: Mapping[type, Callable[[Any], Iterable[Any]]],
    failed: Callable[[Exception, Any], object],
    routes: Mapping[type, Push] = NO_ROUTES,
) -> Push:
    """A call that gives an item to the handler of its class and delivers the outputs by theirs.

    An exception goes to `failed` with the item that caused it; nothing is raised. Handlers
    return finished sequences (the stage makes a tuple of what a generator yields), so that
    whatever an output sets off finds the handler at rest.
    """

    def call(item: Any) -> None:
        try:
            for output in handlers[item.__class__](item):
                routes[output.__class__](output)
        except Exception as error:  # noqa: BLE001 - this is the one
            failed(error, item)

    return call
