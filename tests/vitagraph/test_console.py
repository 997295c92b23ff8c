"""Console output in a pipe."""

from __future__ import annotations

import logging
import sys

import pytest

from vitagraph import console


def test_console_in_a_pipe_is_wide_enough_for_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """`vitagraph inspect | grep vad` must not cut its lines at 80."""
    monkeypatch.delenv("COLUMNS", raising=False)
    assert console.out().width == console.PIPED_WIDTH
    monkeypatch.setenv("COLUMNS", "90")
    assert console.out().width == 90


def test_console_progress_goes_to_stderr() -> None:
    """Otherwise it would be mixed with the results."""
    assert console.err().stderr


@pytest.mark.parametrize(("debug", "lines"), [("", 2), ("1", 5)])
def test_console_logs_of_packages_have_no_traceback(debug: str, lines: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Except with --debug."""
    monkeypatch.setenv("VITAGRAPH_DEBUG", debug)
    try:
        raise ValueError("oh")
    except ValueError:
        record = logging.LogRecord("asyncio", logging.ERROR, "", 0, "a task failed", (), sys.exc_info())
    said = console.OneLine("%(levelname)s %(name)s: %(message)s").format(record).splitlines()
    assert said[0] == "ERROR asyncio: a task failed"
    assert said[-1] == "ValueError: oh"
    assert len(said) == lines
