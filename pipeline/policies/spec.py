"""What a graph may say about a node's policies: `deadline`, `retry`, `breaker`, `limit`, `cache`; and its `pool`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

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
    """Until its first output; null: without limit."""
    stall: Duration | None = Field(seconds(15), gt=0)
    """Between two outputs; null: without limit."""
    total: Duration | None = Field(seconds(120), gt=0)
    """Until it has ended; null: without limit."""


class RetrySpec(Params):
    """When the same member is tried again."""

    attempts: int = Field(1, ge=0, le=5)
    """The number of attempts after the first."""
    first: Duration = Field(ms(200), gt=0)
    """The longest pause before the first of them; the pause is a random share of this."""
    factor: float = Field(2.0, ge=1, le=10)
    """By which the longest pause grows each time."""
    most: Duration = Field(seconds(5), gt=0)
    """The upper limit of every pause, and of what an endpoint may ask for with Retry-After."""
    on: tuple[Category, ...] = ("network",)
    """The categories of errors after which it is tried again."""


class BreakerSpec(Params):
    """When a member that fails repeatedly is not called for a while."""

    failures: int = Field(3, ge=1, le=1000)
    """The number of failures within `window` that opens it."""
    window: Duration = Field(seconds(30), gt=0)
    """The time span in which they are counted."""
    rest: Duration = Field(seconds(10), gt=0)
    """How long the member is not called; doubles each time the trial after it fails, up to 8 times."""


class LimitSpec(Params):
    """How many packets a node works on at the same time, and within a time span."""

    concurrent: int | None = Field(None, ge=1)
    """Packets in work at the same time."""
    max: int | None = Field(None, ge=1)
    """Packets begun within `window`."""
    window: Duration = Field(seconds(10), gt=0)
    """The length of the sliding window."""
    when_full: Literal["queue", "shed", "fallback"] = "queue"
    """Whether a packet waits for room, is refused, or goes to the next member."""
    max_wait: Duration = Field(seconds(1), ge=0)
    """How long a packet waits for room."""
    per: Literal["process", "session"] = "process"
    """Whether all sessions of a process share it, or each has its own."""
    adaptive: bool = False
    """Whether it shrinks while the machine is loaded; with `fallback` it then takes nothing, until the load falls."""
    shared: str = ""
    """A Redis address (`redis://host:6379/0`) through which several processes share `max`."""

    @property
    def gives_way(self) -> bool:
        """Whether all work goes to the next member while the machine is loaded."""
        return self.adaptive and self.when_full == "fallback"


class CacheSpec(Params):
    """How a node caches its output."""

    size: Size = Field(64_000_000, ge=1_000)
    """Bytes in memory."""
    ttl: Duration = Field(seconds(3600), gt=0)
    """How long an entry is valid."""
    shared: str = ""
    """A Redis address (`redis://host:6379/0`), for entries that several processes share and that survive restarts."""
    prefetch: tuple[str, ...] = ()
    """Texts that are made ahead, when a session begins and when they expire: a greeting, an apology."""
    related: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """By text, those that often follow it; they are made when it is requested."""
