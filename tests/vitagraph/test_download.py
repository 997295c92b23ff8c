"""Fetching with a bar."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from nodes import models
from vitagraph import console
from vitagraph.download import pull


def fake_pull(_name: str, progress: models.Progress) -> None:
    """Comes in two blocks."""
    progress("model.bin", 50_000_000, 100_000_000)
    progress("model.bin", 100_000_000, 100_000_000)


@pytest.mark.parametrize(
    ("terminal", "quiet", "said"),
    [(True, False, "100.0/100.0 MB"), (False, False, "fetching the model"), (True, True, "")],
)
def test_download_progress_is_shown_on_a_terminal_only(
    terminal: bool, quiet: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log file has one line; a script that wants quiet has none."""
    screen = io.StringIO()
    monkeypatch.setattr(console, "err", lambda: Console(file=screen, force_terminal=terminal, width=100))
    monkeypatch.setattr(models, "pull", fake_pull)
    pull("whisper-tiny.en", quiet=quiet)
    assert said in screen.getvalue()
    assert bool(said) == bool(screen.getvalue())
