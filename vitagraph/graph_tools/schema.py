"""The JSON Schema of graphs, for editors: every node with its parameters and their docstrings.

Draft 7, which editors support best. A value may always be a reference such as `${name}`, and
no parameter is required, because `--set` may give it. A graph that extends another may leave
out what that one has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.graph.describe import defaults
from pipeline.graph.language import FALLBACK, GRAPH, LINK, LINK_END, NODE, NODE_NAME, Keyword
from pipeline.graph.registry import Registry
from pipeline.node import Node
from pipeline.params import Params
from vitagraph.graph_tools.text import summary

Schema = dict[str, Any]
_Nodes = Mapping[str, type[Node[Any]]]

_CHAIN = rf"^\s*{LINK_END}(\s*->\s*{NODE_NAME})*\s*->\s*{LINK_END}\s*$"
_REFERENCE: Schema = {"type": "string", "pattern": r"\$\{[^{}]+\}"}
_OWN_CLASS: Schema = {"type": "string", "pattern": r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"}
_PRIVATE: Schema = {"^x-": True}
_SHARED = [name for name, word in NODE.items() if word.spec or name == "fallback"]
"""The words of nodes that have a definition of their own."""
_NOT_OF_FALLBACKS = [name for name in NODE if name not in FALLBACK]
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
    sections = {name: _value(word) for name, word in GRAPH.items()}
    sections["links"]["items"] = _link()
    return sections


def _value(word: Keyword) -> Schema:
    about = {"description": word.description} if word.description else {}
    return {**about, **(_any(dict(word.schema) or {"type": "null"}, _keys(word.spec)) if word.spec else word.schema)}


def _keys(spec: type[Params]) -> Schema:
    properties = spec.model_json_schema(ref_template="#/definitions/{model}")["properties"]
    for each in properties.values():
        each.pop("default", None)  # in nanoseconds and bytes, which no graph is written in
    return _mapping(_open_all(properties))


def _link() -> Schema:
    words = {name: _value(word) for name, word in LINK.items()}
    return _any({"type": "string", "pattern": _CHAIN}, _REFERENCE, _mapping(words, required=["from", "to"]))


def _shared(nodes: _Nodes) -> Schema:
    known = [{"const": use, "description": summary(node)} for use, node in nodes.items()]
    complete = {"allOf": [_ref("mapping"), {"required": ["use"]}]}
    return {
        "use": _any(*known, _OWN_CLASS, _REFERENCE),
        "node": _any(_ref("use"), complete),
        "change": _any({"type": "null"}, _ref("use"), _ref("mapping")),
        "fallback": {
            "description": NODE["fallback"].description,
            **_any(_ref("member"), {"type": "array", "items": _ref("member")}, {"type": "null"}),
        },
        "member": _any(_ref("use"), {**complete, "properties": dict.fromkeys(_NOT_OF_FALLBACKS, False)}),
        **{name: _value(NODE[name]) for name in _SHARED if NODE[name].spec},
        "mapping": {
            "type": "object",
            "properties": {"use": _ref("use")},
            "allOf": [_if_use(use, _ref(use)) for use in nodes],
        },
    }


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
        words = {
            name: _ref(name) if name in _SHARED else _value(word) or True
            for name, word in NODE.items()
            if word.applies_to(node)
        }
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
        "propertyNames": {"pattern": f"^({NODE_NAME}|x-.*)$"},
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


def _any(*schemas: Schema) -> Schema:
    return {"anyOf": list(schemas)}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}
