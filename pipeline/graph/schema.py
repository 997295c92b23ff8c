"""The JSON Schema of graphs, for editors: every node with its parameters and their docstrings.

Draft 7, which editors know best. A value may always be a reference such as `${name}`, and
no parameter is demanded, for `--set` may give it. A graph that extends another may leave
out what that one says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import TypeAdapter

from pipeline.graph.describe import defaults, summary
from pipeline.graph.document import VERSION
from pipeline.graph.graph import OnError
from pipeline.graph.members import NAME, OF_MEMBERS, OF_MODELS, OF_NODE, has_pool, keeps
from pipeline.graph.registry import Registry
from pipeline.node import Node, Service
from pipeline.packet import Full
from pipeline.params import Duration, Params

Schema = dict[str, Any]
_Nodes = Mapping[str, type[Node[Any]]]

_END = rf"{NAME.pattern}(\.[A-Za-z_][A-Za-z0-9_]*)?"
_CHAIN = rf"^\s*{_END}(\s*->\s*{NAME.pattern})*\s*->\s*{_END}\s*$"
_REFERENCE: Schema = {"type": "string", "pattern": r"\$\{[^{}]+\}"}
_OWN_CLASS: Schema = {"type": "string", "pattern": r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"}
_PRIVATE: Schema = {"^x-": True}
_POLICIES = {**OF_MEMBERS, **OF_NODE}
_NOT_OF_MEMBERS = ("description", "fallback", *OF_NODE)
_LEAVES = {"integer", "number", "boolean", "null"}


def graph_schema(registry: Registry) -> Schema:
    """The schema of every graph that can be made of the registry's nodes."""
    nodes = {use: registry.find(use) for use in registry.names()}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Vitagraph graph",
        "type": "object",
        "properties": _sections(),
        "patternProperties": _PRIVATE,
        "additionalProperties": False,
        "required": ["vitagraph"],
        "if": {"required": ["extends"]},
        "then": {"properties": {"nodes": _named(_ref("change"))}},
        "else": {"properties": {"nodes": _named(_ref("node"))}, "required": ["nodes"]},
        "definitions": {**_shared(nodes), **_params(nodes)},
    }


def _sections() -> Schema:
    single = {"type": ["string", "number", "boolean", "null"]}
    return {
        "vitagraph": {"description": "The version of the graph language.", "const": VERSION},
        "description": {"description": "What the graph is, in a sentence.", "type": ["string", "null"]},
        "extends": {"description": "The path of another graph, which this one changes.", "type": "string"},
        "params": _section("Values that `${name}` stands for, and that `--set name=value` sets.", single),
        "budget": _section("How long things may take.", _any(_duration(), {"type": "null"})),
        "nodes": {"description": "The nodes by name. One without parameters is just its class."},
        "links": {
            "description": "Chains such as `a -> b -> c`, or mappings with `from`, `to` and `queue`.",
            "type": ["array", "null"],
            "items": _link(),
        },
        "on_error": {
            "description": "What a session does when a node cannot go on.",
            "enum": [*get_args(OnError), None],
        },
    }


def _section(description: str, value: Schema) -> Schema:
    return {"description": description, "type": ["object", "null"], "additionalProperties": value}


def _link() -> Schema:
    end = {"type": "string", "pattern": f"^{_END}$"}
    queue = {"time": _duration(), "count": {"type": "integer", "minimum": 1}, "full": {"enum": list(get_args(Full))}}
    return _any(
        {"type": "string", "pattern": _CHAIN},
        _REFERENCE,
        _mapping(
            {"from": end, "to": end, "queue": _any({"const": True}, _mapping(_open_all(queue)))},
            required=["from", "to"],
        ),
    )


def _shared(nodes: _Nodes) -> Schema:
    known = [{"const": use, "description": summary(node)} for use, node in nodes.items()]
    complete = {"allOf": [_ref("mapping"), {"required": ["use"]}]}
    return {
        "use": _any(*known, _OWN_CLASS, _REFERENCE),
        "node": _any(_ref("use"), complete),
        "change": _any({"type": "null"}, _ref("use"), _ref("mapping")),
        "fallback": _any(_ref("member"), {"type": "array", "items": _ref("member")}, {"type": "null"}),
        "member": _any(_ref("use"), {**complete, "properties": dict.fromkeys(_NOT_OF_MEMBERS, False)}),
        **{word: _policy(spec) for word, spec in {**_POLICIES, **OF_MODELS}.items()},
        "mapping": {
            "type": "object",
            "properties": {"use": _ref("use")},
            "allOf": [_if_use(use, _ref(use)) for use in nodes],
        },
    }


def _policy(spec: type[Params]) -> Schema:
    schema = spec.model_json_schema(ref_template="#/definitions/{model}")
    properties = schema["properties"]
    for each in properties.values():
        each.pop("default", None)  # in nanoseconds and bytes, which no graph is written in
    return {"description": schema.get("description", ""), **_any({"type": "null"}, _mapping(_open_all(properties)))}


def _params(nodes: _Nodes) -> Schema:
    """For each node what may stand beside `use`; and the models that its parameters contain."""
    definitions: Schema = {}
    for use, node in nodes.items():
        schema = node.params_type.model_json_schema(ref_template=f"#/definitions/{use} {{model}}")
        for name, inner in schema.pop("$defs", {}).items():
            definitions[f"{use} {name}"] = _open(inner)
        properties = schema.get("properties", {})
        for name, value in defaults(node.params_type).items():
            properties[name]["default"] = value
        words: Schema = {"use": True, "description": {"type": "string"}, "fallback": _ref("fallback")}
        if issubclass(node, Service):
            words |= {word: _ref(word) for word in _POLICIES if word != "cache" or keeps(node)}
        if has_pool(node):
            words |= {word: _ref(word) for word in OF_MODELS}
        definitions[use] = {"description": summary(node), **_mapping({**words, **_open_all(properties)})}
    return definitions


def _if_use(use: str, then: Schema) -> Schema:
    return {"if": {"properties": {"use": {"const": use}}, "required": ["use"]}, "then": then}


def _mapping(properties: Schema, required: list[str] | None = None) -> Schema:
    schema = {
        "type": "object",
        "properties": properties,
        "patternProperties": _PRIVATE,
        "additionalProperties": False,
    }
    return {**schema, "required": required} if required else schema


def _named(schema: Schema) -> Schema:
    return {
        "type": ["object", "null"],
        "propertyNames": {"pattern": f"^({NAME.pattern}|x-.*)$"},
        "patternProperties": _PRIVATE,
        "additionalProperties": schema,
    }


def _open_all(properties: Schema) -> Schema:
    return {name: _open(schema) for name, schema in properties.items()}


def _open(schema: Schema) -> Schema:
    """The schema with references allowed wherever a value of another type is wanted."""
    opened = {key: value for key, value in schema.items() if key != "title"}
    if "properties" in opened:
        opened["properties"] = _open_all(opened["properties"])
    for key in ("items", "additionalProperties"):
        if isinstance(opened.get(key), dict):
            opened[key] = _open(opened[key])
    if "anyOf" in opened:
        opened["anyOf"] = [*map(_open, opened["anyOf"]), _REFERENCE]
        return opened
    if not _is_leaf(opened):
        return opened
    about: Schema = {key: opened.pop(key) for key in ("description", "default") if key in opened}
    return {**about, **_any(opened, _REFERENCE)}


def _is_leaf(schema: Schema) -> bool:
    return schema.get("type") in _LEAVES or bool({"enum", "const", "pattern"} & schema.keys())


def _duration() -> Schema:
    return _open(TypeAdapter(Duration).json_schema())


def _any(*schemas: Schema) -> Schema:
    return {"anyOf": list(schemas)}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}
