"""Parameters in words, for errors and for the reference."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.params import Params, show_duration

Schema = Mapping[str, Any]

_PLAIN = {"boolean": "true or false", "null": "null", "integer": "a whole number", "number": "a number"}
_BOUNDS = (
    ("minimum", "at least {}"),
    ("exclusiveMinimum", "above {}"),
    ("maximum", "at most {}"),
    ("exclusiveMaximum", "below {}"),
)
_DURATION_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "above"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "below"),
}


@functools.cache
def schema_of(params: type[Params]) -> Schema:
    """The JSON Schema of a Params class, with its defaults as YAML spells them."""
    schema = params.model_json_schema()
    for name, value in defaults(params).items():
        schema["properties"][params.model_fields[name].alias or name]["default"] = value
    return schema


def defaults(params: type[Params]) -> dict[str, Any]:
    """The default of each parameter that has one, as YAML spells it: `200ms`."""
    made = {
        name: field.get_default(call_default_factory=True, validated_data={})
        for name, field in params.model_fields.items()
        if not field.is_required()
    }
    spelled: dict[str, Any] = params.model_construct(**made).model_dump(mode="json", include=set(made), warnings=False)
    return spelled


def schema_at(params: type[Params], path: Sequence[int | str]) -> Schema:
    """The schema at a path of names and list positions, or the deepest that is known on the way."""
    here = schema_of(params)
    defs = here.get("$defs", {})
    for step in path:
        inner = here.get("items") if isinstance(step, int) else here.get("properties", {}).get(step)
        inner = here.get("additionalProperties") if inner is None else inner
        if not isinstance(inner, dict):
            break
        here = _followed(inner, defs)
    return here


def expected(params: type[Params], path: Sequence[int | str]) -> str:
    """The values that a parameter, or a part of one, takes, in words."""
    return in_words(schema_at(params, path), schema_of(params).get("$defs", {}))


def _followed(schema: Schema, defs: Schema) -> Schema:
    return defs[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def in_words(schema: Schema, defs: Schema) -> str:
    """A JSON Schema in words: `a whole number from 0 to 3`."""
    schema = _followed(schema, defs)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(in_words(each, defs) for each in schema["anyOf"]))
    if values := choices(schema):
        return " or ".join(f"`{value}`" for value in values)
    match schema.get("type"):
        case "string":
            return _text(schema)
        case "array":
            items = schema.get("items")
            return f"a list, each {in_words(items, defs)}" if items else "a list"
        case "object":
            return _mapping(schema, defs)
        case kind:
            return _PLAIN.get(str(kind), "any value") + _range(schema)


def choices(schema: Schema) -> list[Any]:
    """The values of an enumeration; empty where the schema allows any others."""
    arms = [value for each in schema.get("anyOf", ()) for value in choices(each)]
    return arms or schema.get("enum") or ([schema["const"]] if "const" in schema else [])


def is_duration(schema: Schema) -> bool:
    """Whether it allows a number with a unit of time."""
    arms = schema.get("anyOf", (schema,))
    return any("ms" in str(each.get("pattern")) and each.get("type") == "string" for each in arms)


def _text(schema: Schema) -> str:
    if is_duration(schema):
        return "a duration such as 200ms"
    if schema.get("format") in ("path", "file-path", "directory-path"):
        return "a path"
    if pattern := schema.get("pattern"):
        return f"text that matches `{pattern}`"
    return "text that is not empty" if schema.get("minLength") else "text"


def _mapping(schema: Schema, defs: Schema) -> str:
    if properties := schema.get("properties"):
        return f"a mapping with {', '.join(properties)}"
    values = schema.get("additionalProperties")
    return f"a mapping of names to values, each {in_words(values, defs)}" if isinstance(values, dict) else "a mapping"


def _range(schema: Schema) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f" from {schema['minimum']} to {schema['maximum']}"
    bounds = [words.format(schema[key]) for key, words in _BOUNDS if key in schema]
    return f", {' and '.join(bounds)}" if bounds else ""


def duration_bound(fault: str, context: Mapping[str, Any]) -> str:
    """The bound that a duration violates, by pydantic's name for the fault: its JSON Schema does not have it."""
    if fault not in _DURATION_BOUNDS:
        return ""
    key, words = _DURATION_BOUNDS[fault]
    return f", {words} {show_duration(context[key])}"
