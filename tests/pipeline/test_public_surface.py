"""The public surface: small, documented one line each, and cheap to import."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline

ROOT = Path(__file__).parents[2]


def test_api_docs_list_exactly_the_public_names() -> None:
    """Who reads docs/api.md knows all that may be relied on, and nothing else."""
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    documented = re.findall(r"^- `(\w+)`: .+$", text, flags=re.MULTILINE)
    assert sorted(documented) == sorted(pipeline.__all__)


def test_public_names_can_all_be_imported() -> None:
    """Each can be imported, and is found by `dir`."""
    assert [name for name in pipeline.__all__ if getattr(pipeline, name, None) is None] == []
    assert {*pipeline.__all__} <= {*dir(pipeline)}
    homes = [name for names in pipeline._HOMES.values() for name in names.split()]
    assert sorted(homes) == sorted(pipeline.__all__)


def test_unknown_public_name_is_an_attribute_error() -> None:
    """A typing error fails as it does in any module."""
    with pytest.raises(AttributeError, match="no attribute 'Pakcet'"):
        pipeline.Pakcet  # type: ignore[attr-defined]


def test_pipeline_import_loads_no_heavy_module() -> None:
    """`import pipeline` is milliseconds: nothing of it loads a model, a web framework or even numpy."""
    heavy = ("numpy", "pydantic", "reactivex", "asyncio", "ruamel", "av", "onnxruntime")
    code = f"import sys, pipeline; print(*sorted(set({heavy!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("name", ["Packet", "Runner", "plan", "Duration"])
def test_public_name_can_be_imported_first(name: str) -> None:
    """No order of imports meets a cycle."""
    code = f"from pipeline import {name}; print({name})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
