"""Calls that may raise without harm: what they raise is logged, and the caller goes on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from logging import Logger

from pipeline.runtime.dispatch import make_dispatcher

Guard = Callable[[partial[None]], None]


def make_guard(log: Logger) -> Guard:
    """What makes calls; errors go to the log with the name of the function."""

    def report(error: Exception, told: partial[None]) -> None:
        log.error("%s failed", getattr(told.func, "__qualname__", told.func), exc_info=error)

    return make_dispatcher({partial: _call}, report)


def _call(told: partial[None]) -> tuple[()]:
    told()
    return ()
