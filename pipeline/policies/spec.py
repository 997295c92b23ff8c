"""What a graph may say of a node's policies: `deadline`, `retry`, `breaker`, `limit`, `cache`; and of its `pool`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from pipeline.errors import Category
from pipeline.params import Duration, Params, ms, seconds

_UNITS = {"kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
_SIZE = re.compile(r"\s*(\d{1,30}(?:\.\d+)?)\s*(kB|MB|GB)\s*")


def _yaml_size(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and (match := _SIZE.fullmatch(value)):
        return round(float(match[1]) * _UNITS[match[2]])
    raise ValueError(f"a size needs a number and a unit, such as 64MB, not {value!r}")


Size = Annotated[
    int,
    BeforeValidator(_yaml_size),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?(kB|MB|GB)$", "examples": ["64MB"]}),
]
"""A parameter in bytes that YAML writes with a unit."""


class DeadlineSpec(Params):
    """How long one attempt of a service may take."""

    first: Duration | None = Field(seconds(15), gt=0)
    """Until its first output; null: for ever."""
    stall: Duration | None = Field(seconds(15), gt=0)
    """Between two outputs."""
    total: Duration | None = Field(seconds(120), gt=0)
    """Until it has ended."""


class RetrySpec(Params):
    """When the same member tries again."""

    attempts: int = Field(1, ge=0, le=5)
    """How often, after the first."""
    first: Duration = Field(ms(200), gt=0)
    """The longest pause before the first of them; a random share of it is taken."""
    factor: float = Field(2.0, ge=1, le=10)
    """By which the pause grows each time."""
    most: Duration = Field(seconds(5), gt=0)
    """The longest pause."""
    on: tuple[Category, ...] = ("network",)
    """The categories of error that a second attempt may help with."""


class BreakerSpec(Params):
    """When a member that fails is left alone for a while."""

    failures: int = Field(3, ge=1, le=1000)
    """So many within `window` open it."""
    window: Duration = Field(seconds(30), gt=0)
    """The span in which they are counted."""
    rest: Duration = Field(seconds(10), gt=0)
    """How long it is left alone; twice as long each time that it is no better after that, up to 8 times."""


class LimitSpec(Params):
    """How much a node takes on at once, and in a span of time."""

    concurrent: int | None = Field(None, ge=1)
    """Packets in work at the same time."""
    max: int | None = Field(None, ge=1)
    """Packets begun within `window`."""
    window: Duration = Field(seconds(10), gt=0)
    """The span that slides along."""
    when_full: Literal["queue", "shed", "fallback"] = "queue"
    """Wait for room, refuse, or let the next member do it."""
    max_wait: Duration = Field(seconds(1), ge=0)
    """How long to wait for room."""
    per: Literal["process", "session"] = "process"
    """Whether all sessions of a process share it, or each has its own."""
    adaptive: bool = False
    """Whether it shrinks while the machine is loaded."""
    shared: str = ""
    """A Redis address (`redis://host:6379/0`) by which several processes share `max`."""


class CacheSpec(Params):
    """What a node keeps of what it made."""

    size: Size = Field(64_000_000, ge=1_000)
    """Bytes in memory."""
    ttl: Duration = Field(seconds(3600), gt=0)
    """How long an entry is good."""
    shared: str = ""
    """A Redis address (`redis://host:6379/0`), for what several processes share and restarts outlive."""
    prefetch: tuple[str, ...] = ()
    """Texts that are made when a session begins and they are not there: a greeting, an apology."""
    related: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """By text, those that often come after it: made when it is asked for."""


class PoolBounds(Params):
    """How many there are of a member's model, or of its connections, and how long a caller waits for one.

    What is not said here is as the member's class says: mostly one, and half a minute. Sessions and
    graphs whose members use the same model share its pool, which then has the largest of what they
    ask for, also when the model is loaded already. It never gives up what it has made.
    """

    min: int | None = Field(None, ge=1, le=1000)
    """Made beforehand."""
    max: int | None = Field(None, ge=1, le=1000)
    """Made when callers wait; each model takes memory of its own."""
    wait: Duration | None = Field(None, gt=0)
    """How long a caller waits for one before it has failed; a shorter `deadline` ends it earlier."""

    @model_validator(mode="after")
    def _check(self) -> PoolBounds:
        if self.max is not None and self.min is not None and self.max < self.min:
            raise ValueError(f"`max` is {self.max}, less than `min`, which is {self.min}: raise `max`")
        return self
