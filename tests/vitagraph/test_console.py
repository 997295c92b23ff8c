"""Console output in a pipe."""

from __future__ import annotations

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
