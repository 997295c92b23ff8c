"""How the process ends."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator

import pytest

from vitagraph import __main__, cli, exits


@pytest.fixture(autouse=True)
def _wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["vitagraph", "no-such-command"])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "enumerate", lambda: [threading.main_thread()])


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A compute thread that does not end."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait, daemon=True)
    thread.start()
    monkeypatch.setattr(threading, "enumerate", lambda: [threading.main_thread(), thread])
    yield
    end.set()
    thread.join()


def test_main_ends_with_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """By a normal exit, so that Python can clean up."""
    with pytest.raises(SystemExit) as end:
        __main__.run()
    assert end.value.code == exits.USAGE
    assert "no-such-command" in capsys.readouterr().err


@pytest.mark.usefixtures("busy", "capsys")
def test_main_exits_cleanly_while_a_model_is_working(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise it would abort with exit code 134 and `terminate called`."""
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)
    with pytest.raises(SystemExit):
        __main__.run()
    assert left == [exits.USAGE]


@pytest.mark.parametrize("ends", [KeyboardInterrupt(), SystemExit(exits.INTERRUPTED)])
def test_main_ctrl_c_exits_at_once(ends: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Python's shutdown, in which a second Ctrl-C would show a traceback."""
    left: list[int] = []

    def leave(code: int) -> None:
        left.append(code)
        raise SystemExit(code)

    def interrupted() -> None:
        raise ends

    monkeypatch.setattr(os, "_exit", leave)
    monkeypatch.setattr(cli, "main", interrupted)
    with pytest.raises(SystemExit):
        __main__.run()
    assert left == [exits.INTERRUPTED]
    assert __main__.INTERRUPTED == exits.INTERRUPTED
