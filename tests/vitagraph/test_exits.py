"""Exit codes, on which scripts rely."""

from __future__ import annotations

import pytest

from pipeline.errors import (
    AdmissionError,
    DependencyError,
    GraphError,
    NetworkError,
    NodeError,
    ResourceError,
    Stuck,
    UserInputError,
    VitagraphError,
)
from vitagraph import exits


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (GraphError("x"), exits.GRAPH),
        (UserInputError("x"), exits.INPUT),
        (ResourceError("x"), exits.UNAVAILABLE),
        (NetworkError("x"), exits.UNAVAILABLE),
        (DependencyError("x"), exits.UNAVAILABLE),
        (AdmissionError("x", retry_after=1), exits.UNAVAILABLE),
        (NodeError("x"), exits.FAILED),
        (Stuck("x"), exits.FAILED),
        (VitagraphError("x"), exits.FAILED),
        (FileNotFoundError(2, "No such file", "x"), exits.INPUT),
        (PermissionError(13, "Permission denied", "x"), exits.UNAVAILABLE),
        (ModuleNotFoundError("No module named 'x'"), exits.UNAVAILABLE),
        (ValueError("x"), exits.FAILED),
    ],
)
def test_exit_codes_cover_every_error(error: Exception, code: int) -> None:
    """The codes that `vitagraph --help` lists."""
    assert exits.of(error) == code


def test_error_report_has_message_and_hint_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert exits.report(UserInputError("no sound in a.wav", hint="check the microphone")) == exits.INPUT
    assert capsys.readouterr().err == "error: no sound in a.wav\nhint: check the microphone\n"


def test_error_report_of_an_os_error_names_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    """Not `[Errno 13]`."""
    exits.report(PermissionError(13, "Permission denied", "out/a"))
    assert capsys.readouterr().err == "error: out/a: Permission denied\n"


def test_error_report_of_a_missing_package_has_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    exits.report(ModuleNotFoundError("No module named 'av'"))
    assert "hint: run bin/vitagraph to set the program up again" in capsys.readouterr().err


def test_error_report_of_an_internal_error_is_one_line_and_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    """With --debug as the hint."""
    exits.unexpected(ValueError, ValueError("x"), None)
    said = capsys.readouterr().err
    assert said.startswith("error: ValueError: x\nhint: ")
    assert "--debug" in said


@pytest.mark.parametrize("report", [exits.report, lambda error: exits.unexpected(type(error), error, None)])
def test_error_report_with_debug_shows_the_traceback(
    report: object, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VITAGRAPH_DEBUG", "1")
    assert callable(report)
    report(UserInputError("x"))
    assert "pipeline.errors.UserInputError" in capsys.readouterr().err
