"""Every regular expression takes time in proportion to its input, whatever that is."""

from __future__ import annotations

import ast
import importlib
import re
import re._parser as parser  # type: ignore[import-not-found]
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.adversarial import LONG, SHORT, check

ROOT = Path(__file__).resolve().parent.parent
CALLS = {"compile", "sub", "subn", "search", "match", "fullmatch", "findall", "finditer", "split", "rule"}
UNKNOWN = {("nodes.dialogue._rules", "compiled"), ("nodes.text._rules", "rule")}
"""Functions that compile what they are given: patterns of the user (see test_rules), and those of `rule(...)`."""


WINDOW = 3
"""Slack for patterns that look at up to 64 characters at each place; quadratic ones would need 25."""


class Use(NamedTuple):
    """A pattern and a method by which it is used."""

    where: str
    pattern: re.Pattern[Any]
    method: str

    def on(self, written: str) -> None:
        """Uses the pattern on a text."""
        text = written if isinstance(self.pattern.pattern, str) else written.encode()
        if self.method in ("match", "fullmatch", "search"):
            getattr(self.pattern, self.method)(text)
        else:
            for _ in self.pattern.finditer(text):
                pass


def uses() -> Iterator[Use]:
    """Each pattern in the source of pipeline/ and nodes/, with the methods by which its module uses it."""
    for file in sorted([*(ROOT / "nodes").rglob("*.py"), *(ROOT / "pipeline").rglob("*.py")]):
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        tree = ast.parse(file.read_bytes())
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_regex(node)]
        if not calls:
            continue
        names = vars(importlib.import_module(name))
        of_names = _methods(tree)
        for call in calls:
            within = _function(tree, call)
            if (name, within) in UNKNOWN:
                continue
            called = call.func.attr if isinstance(call.func, ast.Attribute) else "sub"
            pattern, flags = _pattern(call, names)
            methods = of_names.get(_assigned(tree, call), {"finditer"}) if called == "compile" else {called}
            for method in methods:
                yield Use(f"{name}:{call.lineno}", re.compile(pattern, flags), method)


def _is_regex(call: ast.Call) -> bool:
    func = call.func
    if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
        return func.value.id == "re" and func.attr in CALLS
    return isinstance(func, ast.Name) and func.id == "rule"


def _pattern(call: ast.Call, names: dict[str, Any]) -> tuple[str, int]:
    """The pattern and the flags of a call, as the module's own names give them."""

    def value(node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), "pattern", "eval"), {**names, "re": re})

    flags = [node for node in (*call.args[1:], *(word.value for word in call.keywords)) if "re." in ast.unparse(node)]
    return value(call.args[0]), sum(value(node) for node in flags)


def _function(tree: ast.Module, call: ast.Call) -> str:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.lineno <= call.lineno <= (node.end_lineno or 0):
            return node.name
    return ""


def _assigned(tree: ast.Module, call: ast.Call) -> str:
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.value is call and isinstance(node.targets[0], ast.Name):
            return node.targets[0].id
    return ""


def _methods(tree: ast.Module) -> dict[str, set[str]]:
    """By the name of a compiled pattern, the methods that are called on it."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in CALLS:
            found.setdefault(node.value.id, set()).add(node.attr)
    return found


# --- texts that a pattern almost matches

Parsed = Any


def samples(pattern: re.Pattern[Any]) -> list[str]:
    """Pieces to repeat: each character that the pattern mentions, and each part of it that may repeat."""
    written = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    parsed = parser.parse(written, pattern.flags & ~re.UNICODE)
    pieces = dict.fromkeys([" ", "\n", "a", "1", "A", "-", ".", "\x00"])
    for part in _parts(parsed):
        pieces[_sample(part)] = None
    return [piece for piece in pieces if piece]


def _parts(parsed: Parsed) -> Iterator[Parsed]:
    """The parts of a pattern: each item, each run of items, and theirs."""
    items = list(parsed)
    for end in range(1, len(items) + 1):
        yield items[:end]
        yield items[end - 1 : end]
    for code, argument in items:
        for inner in _inner(str(code), argument):
            yield from _parts(inner)


def _inner(code: str, argument: Any) -> list[Parsed]:
    if code == "BRANCH":
        return list(argument[1])
    if code in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return [argument[2]]
    if code == "SUBPATTERN":
        return [argument[3]]
    if code in ("ASSERT", "ASSERT_NOT"):
        return [argument[1]]
    return [argument] if code == "ATOMIC_GROUP" else []


def _sample(parsed: Parsed) -> str:
    """A text that the parsed pattern is likely to match."""
    return "".join(_character(str(code), argument) for code, argument in parsed)


def _character(code: str, argument: Any) -> str:
    if code == "LITERAL":
        return chr(int(argument))
    if code in ("NOT_LITERAL", "ANY"):
        return "a"
    if code == "IN":
        return _of_set(argument)
    if code == "BRANCH":
        return _sample(argument[1][0])
    if code in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        times: int = min(max(argument[0], 1), 4)
        return _sample(argument[2]) * times
    if code == "SUBPATTERN":
        return _sample(argument[3])
    if code == "ATOMIC_GROUP":
        return _sample(argument)
    return _sample(argument[1]) if code == "ASSERT" else ""


def _of_set(items: list[tuple[Any, Any]]) -> str:
    if str(items[0][0]) == "NEGATE":
        return next(each for each in "a1 .x" if not any(_is_in(each, item) for item in items[1:]))
    code, argument = items[0]
    if str(code) in ("LITERAL", "RANGE"):
        return chr(argument if isinstance(argument, int) else argument[0])
    return {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a"}.get(str(argument), "!")


def _is_in(each: str, item: tuple[Any, Any]) -> bool:
    code, argument = str(item[0]), item[1]
    if code == "LITERAL":
        return ord(each) == int(argument)
    if code == "RANGE":
        return bool(argument[0] <= ord(each) <= argument[1])
    kinds = {"CATEGORY_DIGIT": str.isdigit, "CATEGORY_SPACE": str.isspace, "CATEGORY_WORD": str.isalnum}
    inverse = {"CATEGORY_NOT_WORD": str.isalnum, "CATEGORY_NOT_SPACE": str.isspace, "CATEGORY_NOT_DIGIT": str.isdigit}
    if kind := kinds.get(str(argument)):
        return kind(each)
    return not inverse[str(argument)](each)


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    USES = list(uses())


@pytest.mark.parametrize("use", USES, ids=[f"{each.where}-{each.method}" for each in USES])
def test_pattern_takes_linear_time(use: Use) -> None:
    """One line of markup or one answer without a full stop could hold every call up for minutes."""
    pieces = samples(use.pattern)[:16]
    name = f"{use.where} {use.pattern.pattern!r}"
    check(use.on, pieces, SHORT, pairs=True, name=name, slack=WINDOW)
    check(use.on, pieces, LONG // 4, pairs=False, name=name, slack=WINDOW)
