"""How large a pool is: what a graph says of it (`PoolBounds`), and what holds (`PoolSpec`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import Field, model_validator

from pipeline.compute.errors import breaks
from pipeline.packet import SECOND
from pipeline.params import Duration, Params

M = TypeVar("M")


class PoolBounds(Params):
    """The size of the pool of a member's model or connections, and how long a caller waits for one of them.

    Bounds that are left out are those of the member's class: mostly one instance and 30 s. Members that
    use the same model share its pool, in all sessions and graphs. The pool has the largest of their
    bounds, also when the model is loaded already, and keeps every instance that it has made.
    """

    min: int | None = Field(None, ge=1, le=1000)
    """Instances that are made beforehand."""
    max: int | None = Field(None, ge=1, le=1000)
    """Instances at most: more are made when callers wait. Each model takes memory of its own."""
    wait: Duration | None = Field(None, gt=0)
    """How long a caller waits for an instance before it fails; a shorter `deadline` ends the wait earlier."""

    @model_validator(mode="after")
    def _check(self) -> PoolBounds:
        if self.max is not None and self.min is not None and self.max < self.min:
            raise ValueError(f"`max` is {self.max}, less than `min`, which is {self.min}: raise `max`")
        return self


@dataclass(slots=True)
class PoolSpec(Generic[M]):
    """What a pool holds and how much of it; the sizes are those of the node's class until a graph says more."""

    load: Callable[[], M]
    """Makes one more instance; called in a compute thread."""
    threads: int = 1
    """Cores that a job takes."""
    min_size: int = 1
    """Instances that are made beforehand."""
    max_size: int = 1
    """Instances at most."""
    wait: int = 30 * SECOND
    """Nanoseconds that a caller waits for an instance."""
    broken: Callable[[BaseException], bool] = breaks
    """Whether an error of a job means that its instance must be replaced."""
    small: bool = False
    """Whether an instance takes so little memory that one more is made even when memory is short."""
    _bounds: dict[str, int] = field(init=False, default_factory=dict)
    """The largest of each bound that graphs have set."""

    def widen(self, bounds: PoolBounds) -> None:
        """Adds the bounds of one more graph: the largest of each holds, and the class's where no graph sets one."""
        largest = self._bounds
        for word, value in (("min", bounds.min), ("max", bounds.max), ("wait", bounds.wait)):
            if value is not None:
                largest[word] = max(value, largest.get(word, 0))
        self.wait = largest.get("wait", self.wait)
        self.max_size = max(largest.get("max", self.max_size), largest.get("min", 1))
        self.min_size = min(largest.get("min", self.min_size), self.max_size)
