"""`vitagraph models` with a catalogue of one small local model."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.vitagraph.conftest import Run
from vitagraph import exits


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose catalogue has `tiny`, with a source that exists, and `gone`, with one that does not."""
    content = b"weights"
    digest = hashlib.sha256(content).hexdigest()
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "model.bin").write_bytes(content)
    about = f"description: small, licence: MIT, size: 7, files: {{model.bin: {digest}}}"
    home = tmp_path / "home"
    home.mkdir()
    roots = {"tiny": tmp_path / "disk", "gone": tmp_path / "nowhere"}
    lines = [f"{name}: {{{about}, sources: [{{from: local, root: '{root}'}}]}}\n" for name, root in roots.items()]
    (home / "catalogue.yaml").write_text("".join(lines), encoding="utf-8")
    monkeypatch.setenv("VITAGRAPH_HOME", str(home))
    return home


def test_models_command_pulls_and_verifies_a_model(run: Run) -> None:
    assert [line for line in run("models", "list").out.splitlines() if "tiny " in line and "no" in line]
    assert run("models", "pull", "tiny").code == exits.OK
    assert [line for line in run("models", "list").out.splitlines() if "tiny " in line and "yes" in line]
    assert run("models", "verify").out == "tiny: ok\n"


def test_models_command_finds_a_damaged_model(home: Path, run: Run) -> None:
    run("models", "pull", "tiny")
    (home / "models" / "tiny" / "model.bin").write_bytes(b"WEIGHTS")
    ran = run("models", "verify", "tiny")
    assert ran.code == exits.UNAVAILABLE
    assert "damaged" in ran.err


def test_models_command_reports_that_there_are_none(run: Run) -> None:
    assert "no models are downloaded" in run("models", "verify").out


@pytest.mark.parametrize(("name", "said"), [("gone", "does not have"), ("tiney", "did you mean tiny?")])
def test_models_command_reports_an_unavailable_model(name: str, said: str, run: Run) -> None:
    ran = run("models", "pull", name)
    assert ran.code == exits.UNAVAILABLE
    assert said in ran.err
