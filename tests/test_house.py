"""The house rules that a machine can hold: sizes, the one broad except, the public surface."""

from __future__ import annotations

import ast
import os
import re
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import pipeline

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ("pipeline", "nodes", "vitagraph")
WRITTEN = (*SHIPPED, "tests", "benchmarks", "bin", "examples")

FILE_LINES = 600
FUNCTION_LINES = 80
LONG_FUNCTION = 50
LONG_FUNCTIONS = 0.02
MEDIAN_FUNCTION = 8
ENGINE_LINES = {"": 1400, "graph": 2500, "runtime": 3220, "policies": 1740, "compute": 1650, "observe": 800}
"""By part of pipeline/ (docs/decisions/0007); its testing/ is for those who write nodes, and not counted."""
SCRIPT_LINES = 40
PUBLIC_NAMES = 45


def files(*folders: str) -> list[Path]:
    """The Python files of some folders."""
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def functions(file: Path) -> Iterator[tuple[str, int]]:
    """Each function of a file, and its lines from `def` to the end."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (
                f"{file.relative_to(ROOT)}:{node.lineno} {node.name}",
                (node.end_lineno or node.lineno) - node.lineno + 1,
            )


def lines(file: Path) -> int:
    """How long a file is."""
    return len(file.read_text(encoding="utf-8").splitlines())


def classes(file: Path) -> Iterator[str]:
    """The top-level classes of a file."""
    return (node.name for node in ast.parse(file.read_bytes()).body if isinstance(node, ast.ClassDef))


def is_broad(handler: ast.ExceptHandler) -> bool:
    """Whether it is `except:`, `except Exception` or `except BaseException`, alone or in a tuple."""
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        each is None or (isinstance(each, ast.Name) and each.id in {"Exception", "BaseException"}) for each in caught
    )


def test_files_stay_within_the_line_limit() -> None:
    """One concept a file: a reader can hold it."""
    assert {str(file.relative_to(ROOT)): lines(file) for file in files(*WRITTEN) if lines(file) > FILE_LINES} == {}


def test_functions_are_short() -> None:
    """No function over 80 lines, at most 2 % over 50, and most fit in a glance."""
    sizes = dict(each for file in files(*SHIPPED) for each in functions(file))
    assert {name: size for name, size in sizes.items() if size > FUNCTION_LINES} == {}
    long = [name for name, size in sizes.items() if size > LONG_FUNCTION]
    assert len(long) <= LONG_FUNCTIONS * len(sizes), long
    assert statistics.median(sizes.values()) <= MEDIAN_FUNCTION


@pytest.mark.parametrize("part", ENGINE_LINES)
def test_engine_parts_stay_within_their_line_limits(part: str) -> None:
    """Who wants to trust a part of the engine can read all of it."""
    folder = ROOT / "pipeline" / part
    assert sum(map(lines, folder.glob("*.py") if not part else folder.rglob("*.py"))) <= ENGINE_LINES[part]


def test_engine_parts_all_have_a_line_limit() -> None:
    """A new folder would grow unseen."""
    parts = {folder.name for folder in (ROOT / "pipeline").iterdir() if any(folder.glob("*.py"))}
    assert parts == {*ENGINE_LINES, "testing"} - {""}


def test_broad_except_occurs_only_once() -> None:
    """A second one would hide a fault that a user then meets as silence."""
    broad = [
        str(file.relative_to(ROOT))
        for file in files(*SHIPPED)
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.ExceptHandler) and is_broad(node)
    ]
    assert broad == ["pipeline/runtime/dispatch.py"]


def test_public_classes_and_functions_have_docstrings() -> None:
    """Without a docstring, a user of the engine has to read its body."""
    silent = [
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name}"
        for file in files(*SHIPPED)
        for node in ast.parse(file.read_bytes()).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert silent == []


def test_public_surface_is_small_and_importable() -> None:
    """Every name of `pipeline.__all__` can be imported; the list is sorted and stays short."""
    names = list(pipeline.__all__)
    assert [name for name in names if not hasattr(pipeline, name)] == []
    assert len(names) == len(set(names)) <= PUBLIC_NAMES


def test_public_surface_is_documented() -> None:
    """Who writes a node finds every name that they may use in the docs."""
    docs = "\n".join(
        file.read_text(encoding="utf-8") for file in (ROOT / "docs").glob("*.md") if file.name != "nodes.md"
    )
    assert [name for name in pipeline.__all__ if not re.search(rf"\b{name}\b", docs)] == []


@pytest.mark.parametrize(
    "name", ["bin/serve", "bin/vitagraph", "bin/check", "bin/test", "bin/_setup.sh", "bin/_page.sh", ".ci/run"]
)
def test_scripts_are_short_bash(name: str) -> None:
    """A script that grows past a screen belongs in Python."""
    script = ROOT / name
    assert lines(script) <= SCRIPT_LINES
    assert name.startswith("bin/_") or os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


@pytest.mark.parametrize("name", ["check", "test"])
def test_scripts_print_help(name: str) -> None:
    """`--help` says what a script does, and does nothing."""
    done = subprocess.run([ROOT / "bin" / name, "--help"], check=True, capture_output=True, text=True)
    assert f"bin/{name}" in done.stdout


def test_constraints_contain_only_pinned_versions() -> None:
    """The pins work with whichever registry a user has."""
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [pin for pin in pins if not re.fullmatch(r"#.*|[A-Za-z0-9._-]+==[A-Za-z0-9.]+", pin)] == []


def test_class_names_occur_once() -> None:
    """One meaning each: who searches for a class finds the one that is meant."""
    homes: dict[str, list[str]] = {}
    for file in files(*SHIPPED):
        for name in classes(file):
            homes.setdefault(name, []).append(str(file.relative_to(ROOT)))
    assert {name: places for name, places in homes.items() if len(places) > 1} == {}


def test_docs_name_files_that_exist() -> None:
    """A reader who follows a page finds each file that it names, in this folder or below the one named last."""
    missing = []
    for page in [*sorted(ROOT.glob("README*.md")), *sorted((ROOT / "docs").rglob("*.md"))]:
        folder = ROOT
        for name in re.findall(r"`((?:[\w-]+/)*[\w-]+\.py)`", page.read_text(encoding="utf-8")):
            if (ROOT / name).is_file():
                folder = (ROOT / name).parent
            elif not any(file.name == name for file in folder.glob("*.py")) and not name.startswith("my_"):
                missing.append(f"{page.relative_to(ROOT)}: {name}")
    assert missing == []
