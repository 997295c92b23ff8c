"""Several errors at once: a person mends them in one go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pipeline.errors import GraphError


class GraphErrors(GraphError):
    """All that is wrong with a graph; `where`, `expected` and the rest are of the first."""

    def __init__(self, errors: Sequence[GraphError]) -> None:
        first = errors[0]
        super().__init__(first.message, where=first.where, expected=first.expected, found=first.found, hint=first.hint)
        self.errors = tuple(errors)

    def __str__(self) -> str:
        return "\n".join(map(str, self.errors))


class Problems:
    """Collects errors of things that can be checked one by one."""

    def __init__(self) -> None:
        self._errors: dict[str, GraphError] = {}

    def add(self, error: GraphError) -> None:
        """Notes an error, the same one only once, and goes on."""
        for each in error.errors if isinstance(error, GraphErrors) else (error,):
            self._errors.setdefault(str(each), each)

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Notes a GraphError of the body and goes on after it."""
        try:
            yield
        except GraphError as error:
            self.add(error)

    def raise_all(self) -> None:
        """Raises what was noted, in the order of the file: one error as itself, several as GraphErrors."""
        errors = sorted(self._errors.values(), key=_place)
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise GraphErrors(errors)


def _place(error: GraphError) -> tuple[str, int, int]:
    where = error.where
    return (where.file, where.line, where.column) if where else ("", 0, 0)
