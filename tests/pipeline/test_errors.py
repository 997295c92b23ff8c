"""Errors teach: what happened, where, and what to do; and a foreign one gets its category once."""

from __future__ import annotations

import asyncio
import subprocess

import pytest

from pipeline import errors
from pipeline.compute.errors import PoolExhausted
from pipeline.errors import (
    AdmissionError,
    Category,
    DependencyError,
    GraphError,
    Location,
    NetworkError,
    NodeError,
    ResourceError,
    Stuck,
    UserInputError,
    VitagraphError,
    classify,
    did_you_mean,
    listing,
    trace_of,
)
from pipeline.policies.limit import LimitReached


def test_error_message_ends_with_its_hint() -> None:
    """The hint is the line that a person needs."""
    assert str(NodeError("no voice", hint="pull it")) == "no voice\nhint: pull it"
    assert str(NodeError("no voice")) == "no voice"


def test_graph_error_reads_like_a_compiler_error() -> None:
    """File, line, column, what was expected and found, and a hint."""
    error = GraphError("it does not fit", where=Location("a.yaml", 3, 7), expected="x", found="y", hint="do z")
    assert str(error) == "a.yaml:3:7: it does not fit\n  expected: x\n  found: y\n  hint: do z"
    assert str(GraphError("it does not fit")) == "it does not fit"
    assert str(Location("a.yaml")) == "a.yaml"


def test_stuck_error_says_where() -> None:
    """One line for each call on the way there."""
    assert str(Stuck("slow did not stop", where=("a", "b"))) == "slow did not stop\n  at a\n  at b"


def test_admission_error_has_retry_after() -> None:
    """A client can wait and try again."""
    assert AdmissionError("full", retry_after=2.5).retry_after == 2.5


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (UserInputError("x"), "user_input"),
        (ResourceError("x"), "resource"),
        (NetworkError("x"), "network"),
        (DependencyError("x"), "dependency"),
        (NodeError("connection"), "unknown"),
        (ConnectionResetError(), "network"),
        (TimeoutError(), "network"),
        (subprocess.TimeoutExpired("espeak-ng", 5), "resource"),
        (asyncio.IncompleteReadError(b"", 4), "network"),
        (MemoryError(), "resource"),
        (ModuleNotFoundError("whisper"), "dependency"),
        (FileNotFoundError("a.wav"), "user_input"),
        (PermissionError("a.wav"), "resource"),
        (OSError("disk"), "resource"),
        (UnicodeDecodeError("utf-8", b"", 0, 1, "x"), "user_input"),
        (RuntimeError("The request timed out"), "network"),
        (RuntimeError("Rate limit reached"), "network"),
        (RuntimeError("CUDA error"), "resource"),
        (RuntimeError("No module named x"), "dependency"),
        (ValueError("seven"), "unknown"),
    ],
)
def test_classify_gives_every_exception_a_category(error: Exception, category: Category) -> None:
    """Retries, messages and metrics agree about what kind of failure it was."""
    assert classify(error) == category


def test_only_network_errors_are_retryable() -> None:
    """A missing file is not there the second time either."""
    kinds = (UserInputError, ResourceError, NetworkError, DependencyError)
    assert [kind.retryable for kind in kinds] == [False, False, True, False]


def test_errors_docstring_lists_every_error_class() -> None:
    """Who reads the module's first lines knows all errors."""
    documented = errors.__doc__ or ""
    classes = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, VitagraphError)]
    assert len(classes) == 10
    assert [each.__name__ for each in classes if each.__name__ not in documented] == []


def test_retry_after_belongs_to_every_node_error() -> None:
    """A pause that a server asked for would be lost on the way to the retry."""
    assert NodeError("busy").retry_after is None
    for kind in (NodeError, NetworkError, ResourceError, LimitReached, PoolExhausted):
        assert kind("busy", retry_after=2.5).retry_after == 2.5


def test_did_you_mean_names_the_nearest_word() -> None:
    """Without it a person compares letters."""
    assert did_you_mean("vad.webrct", ["vad.energy", "vad.webrtc"]) == "did you mean `vad.webrtc`?"


def test_did_you_mean_ignores_case() -> None:
    """A wrong shift key is the smallest mistake."""
    assert did_you_mean("DETECTOR", ["Detector"]) == "did you mean `Detector`?"


def test_did_you_mean_suggests_nothing_that_is_not_near() -> None:
    """A wild guess sends people the wrong way."""
    assert did_you_mean("kitchen", ["vad.energy"]) == ""
    assert did_you_mean("", ["vad.energy"]) == ""


def test_listing_of_an_empty_list_says_nothing() -> None:
    """`expected:` with nothing after it would look like a fault of ours."""
    assert listing([]) == "nothing"
    assert listing(["a", "b"]) == "a, b"


def test_trace_names_files_lines_and_functions_but_no_values() -> None:
    """An author finds the line that raised; what a person said stays out of logs."""

    def look_up(word: str) -> str:
        return dict[str, str]()[word]

    with pytest.raises(KeyError) as raised:
        look_up("sesame")
    trace = trace_of(raised.value)
    assert trace[-1].startswith(__file__) and trace[-1].endswith("look_up")
    assert "sesame" not in " ".join(trace)
    wrapped = NodeError("opening failed")
    wrapped.__cause__ = raised.value
    assert trace_of(wrapped) == trace
    assert trace_of(ValueError("never raised")) == ()
