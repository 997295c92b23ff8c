"""All errors of a graph at once, so that they can be corrected together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pipeline.errors import GraphError

MAX_PROBLEMS = 50
"""Errors after which the rest of a graph is not checked."""


class GraphErrors(GraphError):
    """Several errors of one graph; `where`, `expected`, `found` and `hint` are those of the first."""

    def __init__(self, errors: Sequence[GraphError]) -> None:
        first = errors[0]
        super().__init__(first.message, where=first.where, expected=first.expected, found=first.found, hint=first.hint)
        self.errors = tuple(errors)

    def __str__(self) -> str:
        return "\n".join(map(str, self.errors))


class Problems:
    """Collects the errors of things that can be checked independently, until there are more than 50."""

    def __init__(self) -> None:
        self._errors: dict[str, GraphError] = {}

    def add(self, error: GraphError) -> None:
        """Records an error; one with the same text is recorded once. Raises GraphErrors if it is one too many."""
        for each in error.errors if isinstance(error, GraphErrors) else (error,):
            self._errors.setdefault(str(each), each)
        if len(self._errors) > MAX_PROBLEMS:
            self.raise_all()

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Records a GraphError of the body instead of raising it."""
        try:
            yield
        except GraphError as error:
            self.add(error)

    def raise_all(self) -> None:
        """Raises what was recorded, in the order of the file: one error as itself, several as GraphErrors."""
        errors = sorted(list(self._errors.values())[:MAX_PROBLEMS], key=_position)
        if len(self._errors) > MAX_PROBLEMS:
            errors.append(GraphError("there are more errors: correct these first"))
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise GraphErrors(errors)


def _position(error: GraphError) -> tuple[str, int, int]:
    where = error.where
    return (where.file, where.line, where.column) if where else ("", 0, 0)
