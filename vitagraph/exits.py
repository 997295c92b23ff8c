"""Exit codes, and error messages with hints on stderr.

0 success                      4 an input cannot be used: a file, a clip
1 the run failed               5 something is missing: a model, a package, memory, the network
2 wrong usage                  130 interrupted
3 the graph is wrong

A traceback is shown only with `--debug`.
"""

from __future__ import annotations

import errno
import os
import sys
from types import TracebackType

OK = 0
FAILED = 1
USAGE = 2
GRAPH = 3
INPUT = 4
UNAVAILABLE = 5
INTERRUPTED = 130

_BY_CATEGORY = {
    "user_input": INPUT,
    "resource": UNAVAILABLE,
    "network": UNAVAILABLE,
    "dependency": UNAVAILABLE,
    "unknown": FAILED,
}


def expected() -> tuple[type[BaseException], ...]:
    """Exception types that are reported without a traceback; imported late, so that --help stays fast."""
    from pipeline.errors import VitagraphError

    return VitagraphError, OSError, ModuleNotFoundError


def of_category(category: str) -> int:
    """The exit code for an error category of the engine."""
    return _BY_CATEGORY[category]


def of(error: BaseException) -> int:
    """The exit code for an error."""
    from pipeline.errors import AdmissionError, GraphError, Stuck, classify

    if isinstance(error, GraphError):
        return GRAPH
    if isinstance(error, AdmissionError):
        return UNAVAILABLE
    return FAILED if isinstance(error, Stuck) else _BY_CATEGORY[classify(error)]


def report(error: BaseException) -> int:
    """Prints an error to stderr; returns its exit code."""
    if debugging():
        sys.__excepthook__(type(error), error, error.__traceback__)
    else:
        sys.stderr.write(f"error: {_words(error)}\n")
    return of(error)


def debugging() -> bool:
    """Whether to show tracebacks: `--debug`, or VITAGRAPH_DEBUG in the environment."""
    return bool(os.environ.get("VITAGRAPH_DEBUG"))


def unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A sys.excepthook that prints an internal error in one line; Python then exits with 1."""
    if debugging():
        sys.__excepthook__(kind, error, trace)
        return
    if issubclass(kind, KeyboardInterrupt):
        return
    sys.stderr.write(
        f"error: {kind.__name__}: {error}\n"
        "hint: this is a bug in the program; run it again with --debug and report the output\n"
    )


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "the disk is full: free some space, or write to another one"
        return f"cannot write {error.filename or 'the output'}: {error.strerror}\nhint: {hint}"
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, ModuleNotFoundError):
        return f"{error}\nhint: run bin/vitagraph to set the program up again, or install the package"
    return str(error)
