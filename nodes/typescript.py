"""Structs of msgspec as TypeScript interfaces, so that both sides of a connection have the same documents."""

from __future__ import annotations

import ast
import inspect
from typing import Any

import msgspec.inspect as types


def interface(kind: type[Any], *, complete: bool = False) -> list[str]:
    """The lines of a Struct's interface, with its docstrings.

    Fields with a default may be absent, unless `complete`: an encoder of msgspec writes them all. Raises
    TypeError for a field whose type has no counterpart here.
    """
    info = types.type_info(kind)
    assert isinstance(info, types.StructType)
    tag = [f"  type: {literal(info.tag)};"] if info.tag is not None else []
    notes = _notes(kind)
    fields: list[str] = []
    for field in info.fields:
        if field.name in notes:
            fields.append("  " + _comment(notes[field.name]))
        optional = "" if field.required or complete else "?"
        fields.append(f"  {field.encode_name}{optional}: {_type(field.type)};")
    return [_comment(inspect.getdoc(kind) or ""), f"export interface {kind.__name__} {{", *tag, *fields, "}", ""]


def _notes(kind: type[Any]) -> dict[str, str]:
    """The docstrings under the fields, by field."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(body, ast.ClassDef)
    notes: dict[str, str] = {}
    for field, note in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(note, ast.Expr) and isinstance(note.value, ast.Constant):
            assert isinstance(field.target, ast.Name)
            notes[field.target.id] = str(note.value.value)
    return notes


def _type(info: types.Type) -> str:
    if isinstance(info, types.IntType | types.FloatType):
        return "number"
    if isinstance(info, types.StrType):
        return "string"
    if isinstance(info, types.NoneType):
        return "null"
    if isinstance(info, types.LiteralType):
        return " | ".join(map(literal, info.values))
    if isinstance(info, types.UnionType):
        return " | ".join(map(_type, info.types))
    if isinstance(info, types.BoolType):
        return "boolean"
    if isinstance(info, types.StructType):
        return info.cls.__name__
    if isinstance(info, types.ListType):
        return f"{_type(info.item_type)}[]"
    if isinstance(info, types.DictType):
        record = f"Record<{_type(info.key_type)}, {_type(info.value_type)}>"
        return f"Partial<{record}>" if isinstance(info.key_type, types.LiteralType) else record
    raise TypeError(f"no TypeScript is known for {info}: add it to {__name__}._type")


def _comment(text: str) -> str:
    return f"/** {' '.join(text.split())} */"


def union(kinds: tuple[type[Any], ...]) -> str:
    """The type of a value that is one of these."""
    return " | ".join(kind.__name__ for kind in kinds)


def literal(value: Any) -> str:
    """A string or a number as TypeScript."""
    return f'"{value}"' if isinstance(value, str) else f"{value:_}" if value > 9999 else str(value)
