"""Checks parameters against their Params class, with errors in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pipeline.errors import GraphError, Location, did_you_mean, listing
from pipeline.graph.describe import choices, duration_bound, expected, is_duration, schema_at
from pipeline.graph.problems import MAX_PROBLEMS, GraphErrors
from pipeline.graph.tree import List, Map, Scalar, Tree, plain, without_private, wrong_value
from pipeline.params import Params

P = TypeVar("P", bound=Params)


def validated(params: type[P], given: Map, use: str, where: Location) -> P:
    """The parameters that a mapping of YAML gives.

    `use` names their owner in errors, and `where` is its location. Raises GraphErrors with every error in them.
    """
    given = without_private(given)
    data = plain(given)
    made = _attempt(params, data)
    if not isinstance(made, list):
        return made
    # A value from a shell has no type of its own: where text is expected, it is text.
    texts = {
        str(name): value.text
        for error in made
        if error["type"] in ("string_type", "path_type")
        for name in error["loc"][:1]
        if isinstance(value := given.get(str(name)), Scalar) and value.shell
    }
    if texts:
        made = _attempt(params, {**data, **texts})
        if not isinstance(made, list):
            return made
    raise GraphErrors([_explained(detail, params, given, use, where) for detail in _first_of_each(made)])


def _attempt(params: type[P], data: dict[str, Any]) -> P | list[ErrorDetails]:
    try:
        return params.model_validate(data)
    except ValidationError as error:
        return error.errors()


def _first_of_each(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """One error for each parameter: pydantic reports one for each arm of a union."""
    by_name: dict[object, ErrorDetails] = {}
    for error in errors:
        unknown = error["type"] == "extra_forbidden"
        by_name.setdefault(error["loc"] if unknown else error["loc"][:1], error)
    return list(by_name.values())[: MAX_PROBLEMS + 1]


def _explained(detail: ErrorDetails, params: type[Params], given: Map, use: str, where: Location) -> GraphError:
    path = detail["loc"]
    reason = detail["msg"].removeprefix("Value error, ")
    if not path:
        return GraphError(f"the parameters of `{use}` do not fit together: {reason}", where=where)
    if detail["type"] == "extra_forbidden":
        return _unknown(path, params, given, use)
    if detail["type"] == "missing":
        about = schema_at(params, path).get("description", "")
        at = where if len(path) == 1 else _deepest(given, path).where
        return GraphError(f"`{use}` needs `{_spelled(path)}`", where=at, expected=expected(params, path), hint=about)
    value = _deepest(given, path)
    schema = schema_at(params, path)
    words = expected(params, path)
    hint = reason if detail["type"] == "value_error" else ""
    if is_duration(schema):
        words += duration_bound(detail["type"], detail.get("ctx", {}))
        hint = hint if "did you mean" in hint else ""
    elif isinstance(value, Scalar):
        hint = hint or did_you_mean(value.text, map(str, choices(schema)))
    return wrong_value(f"{_spelled(_existing(given, path))}` of `{use}", value, words, hint)


def _unknown(path: Sequence[int | str], params: type[Params], given: Map, use: str) -> GraphError:
    key, above = str(path[-1]), path[:-1]
    owner = f"`{_spelled(above)}` of `{use}`" if above else f"`{use}`"
    known = schema_at(params, above).get("properties", {})
    message = f"{owner} has no parameter `{key}`"
    return GraphError(message, where=_key_place(given, path), expected=listing(known), hint=did_you_mean(key, known))


def _spelled(path: Sequence[int | str]) -> str:
    """`bands[1].low`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _deepest(given: Tree, path: Sequence[int | str]) -> Tree:
    """The value at a path, or the last one that exists on the way to it."""
    here: Tree = given
    for step in path:
        here = _step(here, step) or here
    return here


def _existing(given: Tree, path: Sequence[int | str]) -> Sequence[int | str]:
    """The part of a path that exists; what follows in pydantic's paths are the arms of unions."""
    here = given
    for depth, step in enumerate(path):
        if (inner := _step(here, step)) is None:
            return path[:depth]
        here = inner
    return path


def _step(tree: Tree, step: int | str) -> Tree | None:
    if isinstance(tree, List) and isinstance(step, int) and step < len(tree.items):
        return tree.items[step]
    return tree.get(str(step)) if isinstance(tree, Map) else None


def _key_place(given: Map, path: Sequence[int | str]) -> Location:
    owner = _deepest(given, path[:-1])
    entry = owner.entries.get(str(path[-1])) if isinstance(owner, Map) else None
    return entry.where if entry else owner.where
