"""Runs the program in this process, as from a shell."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from vitagraph.cli import main


@dataclass(frozen=True)
class Ran:
    """The result of a run."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    """`run("check", "graph.yaml")` in an empty folder; exceptions other than exits are raised."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.delenv("VITAGRAPH_DEBUG", raising=False)

    def run(*arguments: str | Path) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        code = exit.value.code
        assert isinstance(code, int)
        return Ran(code, said.out, said.err)

    yield run
    # `--debug` sets it for the process.
    monkeypatch.delenv("VITAGRAPH_DEBUG", raising=False)
