"""Checks a node's parameters against its Params class, with errors in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pipeline.errors import GraphError, Location, did_you_mean, listing
from pipeline.graph.describe import choices, duration_bound, expected, is_duration, schema_at
from pipeline.graph.problems import GraphErrors
from pipeline.graph.tree import Entry, List, Map, Scalar, Tree, plain
from pipeline.graph.values import wrong_value
from pipeline.params import Params


def validated(params: type[Params], given: Map, use: str, where: Location) -> Params:
    """The parameters, or every error in them with its place."""
    data = plain(given)
    made = _attempt(params, data)
    if isinstance(made, Params):
        return made
    # What came from a shell had no type of its own: where text is wanted, it is text.
    texts = {name: value.text for name in _wrongly_typed(made) if (value := _from_shell(given, name))}
    if texts:
        made = _attempt(params, {**data, **texts})
        if isinstance(made, Params):
            return made
    raise GraphErrors([_explained(detail, params, given, use, where) for detail in _first_of_each(made)])


def _attempt(params: type[Params], data: dict[str, Any]) -> Params | list[ErrorDetails]:
    try:
        # Strict as JSON is: a list may become a tuple and text a path, but 1 is not true.
        return params.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        return error.errors()


def _wrongly_typed(errors: Sequence[ErrorDetails]) -> set[str]:
    return {str(error["loc"][0]) for error in errors if error["type"] == "string_type" and error["loc"]}


def _from_shell(given: Map, name: str) -> Scalar | None:
    value = given.get(name)
    return value if isinstance(value, Scalar) and value.shell else None


def _first_of_each(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """One error a parameter: each arm of a union reports its own."""
    by_name: dict[object, ErrorDetails] = {}
    for error in errors:
        unknown = error["type"] == "extra_forbidden"
        by_name.setdefault(error["loc"] if unknown else error["loc"][:1], error)
    return list(by_name.values())


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
    return wrong_value(f"{_spelled(path)}` of `{use}", value, words, hint)


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
    """The value that a path leads to, or the last that exists on the way."""
    here: Tree = given
    for step in path:
        here = _step(here, step) or here
    return here


def _step(tree: Tree, step: int | str) -> Tree | None:
    if isinstance(tree, List) and isinstance(step, int) and step < len(tree.items):
        return tree.items[step]
    return tree.get(str(step)) if isinstance(tree, Map) else None


def _key_place(given: Map, path: Sequence[int | str]) -> Location:
    owner = _deepest(given, path[:-1])
    entry = owner.entries.get(str(path[-1])) if isinstance(owner, Map) else None
    return entry.where if isinstance(entry, Entry) else owner.where
