"""Dispatch: gives an item to the handler of its class, and the outputs to their targets.

It has the engine's one broad `except`: whatever a node raises, the session goes on and reports it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.errors import NodeError
from pipeline.port import MAX_OUTPUTS

Push = Callable[[Any], None]
NO_ROUTES: Mapping[type, Push] = {}


def make_dispatcher(
    handlers: Mapping[type, Callable[[Any], Sequence[Any]]],
    failed: Callable[[Exception, Any], object],
    routes: Mapping[type, Push] = NO_ROUTES,
) -> Push:
    """A call that gives an item to the handler of its class and delivers the outputs by theirs.

    An exception goes to `failed` with the item that caused it; nothing is raised. Handlers return
    finished sequences, so that what an output sets off finds the handler at rest.
    """

    def dispatch(item: Any) -> None:
        try:
            outputs = handlers[item.__class__](item)
            count = len(outputs)
            if count == 1:  # the usual case, without an iterator
                output = outputs[0]
                routes[output.__class__](output)
            elif count > MAX_OUTPUTS:
                raise _too_many(count)
            else:
                for output in outputs:
                    routes[output.__class__](output)
        except Exception as error:  # noqa: BLE001 - this is the one
            failed(error, item)

    return dispatch


def _too_many(count: int) -> NodeError:
    return NodeError(
        f"gave {count} outputs for one input, more than the {MAX_OUTPUTS} of a transform",
        hint="make it a Service, which waits for room between its outputs",
    )
