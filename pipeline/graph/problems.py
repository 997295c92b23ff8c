"""All errors of a graph at once, so that they can be corrected together."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

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
    """Collects the errors of things that can be checked independently.

    `with problems.collect():` records a GraphError of the body instead of raising it. After 50
    errors all are raised at once: a file that is wrong throughout would take minutes to explain.
    """

    def __init__(self) -> None:
        self._errors: dict[str, GraphError] = {}

    def add(self, error: GraphError) -> None:
        """Records an error, one with the same text once; raises GraphErrors if it is one too many."""
        for each in error.errors if isinstance(error, GraphErrors) else (error,):
            self._errors.setdefault(str(each), each)
        if len(self._errors) > MAX_PROBLEMS:
            first = sorted(list(self._errors.values())[:MAX_PROBLEMS], key=_position)
            raise GraphErrors([*first, GraphError("there are more errors: correct these first")])

    def collect(self) -> Problems:
        """The context manager that records a GraphError of its body."""
        return self

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> bool:
        if not isinstance(error, GraphError):
            return False
        self.add(error)
        return True

    def raise_all(self) -> None:
        """Raises what was recorded, in the order of the file: one error as itself, several as GraphErrors."""
        errors = sorted(self._errors.values(), key=_position)
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise GraphErrors(errors)


def _position(error: GraphError) -> tuple[str, int, int]:
    where = error.where
    return (where.file, where.line, where.column) if where else ("", 0, 0)
