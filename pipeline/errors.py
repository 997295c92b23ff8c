"""Every error that the engine raises.

VitagraphError           a message for a person, and a hint: what to do about it
 ├─ GraphError           the graph is wrong: where, expected, found
 ├─ NodeError            a node failed: node, category, retryable, retry_after
 │   ├─ UserInputError   what came in cannot be used: a file, a text
 │   ├─ ResourceError    a model, memory, disk or device is missing or used up
 │   │   └─ StillOpening a member is well, and not open yet
 │   ├─ NetworkError     a remote party did not answer, or answered that it could not
 │   └─ DependencyError  a package, program or service that the node needs is not there
 ├─ AdmissionError       no seat: retry_after
 └─ Stuck                something did not end in time: who, and where it hangs

Foreign exceptions get a category in one place, `classify`: by type first, then by text.
"""

from __future__ import annotations

import asyncio
import difflib
import itertools
import socket
import ssl
import subprocess
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Category = Literal["network", "resource", "dependency", "user_input", "unknown"]


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file; `line` and `column` count from 1."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class VitagraphError(Exception):
    """The root of the tree."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class GraphError(VitagraphError):
    """The graph is wrong; says where, what was expected and what was found."""

    def __init__(
        self,
        message: str,
        *,
        where: Location | None = None,
        expected: str = "",
        found: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.where = where
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.message}" if self.where else self.message]
        for label in ("expected", "found", "hint"):
            if text := getattr(self, label):
                lines.append(f"  {label}: {text}")
        return "\n".join(lines)


class NodeError(VitagraphError):
    """A node failed; `retry_after` is in seconds, where what failed said when to come back."""

    category: Category = "unknown"
    retryable: bool = False

    def __init__(self, message: str, *, node: str = "", hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.node = node
        self.retry_after = retry_after


class UserInputError(NodeError):
    """What came in cannot be used: a file, a text, a request."""

    category = "user_input"


class ResourceError(NodeError):
    """A model, memory, disk or device is missing or used up."""

    category = "resource"


class NetworkError(NodeError):
    """A remote party did not answer, or answered that it could not."""

    category = "network"
    retryable = True


class DependencyError(NodeError):
    """A package, program or service that the node needs is not there."""

    category = "dependency"


class StillOpening(ResourceError):
    """A member is well, and not open yet."""


class AdmissionError(VitagraphError):
    """There is no seat for another session; `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class Stuck(VitagraphError):
    """Something did not end in time; `where` is its await chain or thread stack."""

    def __init__(self, message: str, *, where: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.where = where

    def __str__(self) -> str:
        hint = [f"hint: {self.hint}"] if self.hint else []
        return "\n".join([self.message, *(f"  at {line}" for line in self.where), *hint])


MAX_FRAMES = 12
"""Calls of a trace."""
MAX_FOREIGN = 300
"""Characters that are shown of an exception which is not one of these."""
MAX_SUGGESTED = 500
"""Names among which a misspelt one is looked for: comparing two names takes about 20 us."""
MAX_NAME = 100
"""Characters of the longest name that is compared: the time grows with the square of the length."""
MAX_LISTED = 40
"""Names that a message lists."""

_BY_TYPE: tuple[tuple[type[BaseException], Category], ...] = (
    (ConnectionError, "network"),
    (socket.gaierror, "network"),
    (ssl.SSLError, "network"),
    (TimeoutError, "network"),
    (subprocess.TimeoutExpired, "resource"),  # a program of this machine
    (asyncio.IncompleteReadError, "network"),
    (MemoryError, "resource"),
    (ImportError, "dependency"),
    (FileNotFoundError, "user_input"),
    (PermissionError, "resource"),
    (UnicodeError, "user_input"),
    (OSError, "resource"),
)
_BY_TEXT: tuple[tuple[str, Category], ...] = (
    ("timed out", "network"),
    ("connection", "network"),
    ("rate limit", "network"),
    ("out of memory", "resource"),
    ("cuda", "resource"),
    ("no module named", "dependency"),
)


def classify(error: BaseException) -> Category:
    """The category of any exception: ours know it, others by type, then by text."""
    if isinstance(error, NodeError):
        return error.category
    for kind, category in _BY_TYPE:
        if isinstance(error, kind):
            return category
    text = str(error).lower()
    return next((category for words, category in _BY_TEXT if words in text), "unknown")


def load_error(error: BaseException) -> NodeError:
    """What the loader of a resource raised, as a NodeError with a hint."""
    if isinstance(error, NodeError):
        return error
    kind, hint = _LOAD_ERRORS.get(classify(error), _OTHER_LOAD_ERROR)
    known = kind(f"loading failed: {type(error).__name__}: {error}", hint=hint)
    known.__cause__ = error
    return known


_LOAD_ERRORS: dict[Category, tuple[type[NodeError], str]] = {
    "dependency": (DependencyError, "install the package that has what is missing"),
    "network": (NetworkError, "check the connection, or put the model's files in place beforehand"),
}
_OTHER_LOAD_ERROR = (ResourceError, "check that the model's files are whole and that memory suffices")


def in_words(error: BaseException) -> tuple[str, str]:
    """The message and the hint of any exception; of a foreign one the beginning of its repr, and no hint."""
    if isinstance(error, NodeError):
        return error.message, error.hint
    # The repr of a UnicodeError has the whole text that it is about, which may be what a person said.
    text = f"{type(error).__name__}({str(error)!r})" if isinstance(error, UnicodeError) else repr(error)
    return text if len(text) <= MAX_FOREIGN else f"{text[:MAX_FOREIGN]}...", ""


def trace_of(error: BaseException) -> tuple[str, ...]:
    """Where an exception was raised, the outermost call first: `file:line in function`, without values and texts.

    At most the last twelve calls; of the exception that it was raised from, where it is a NodeError made of another.
    """
    if isinstance(error, NodeError) and error.__cause__ is not None:
        error = error.__cause__
    frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    return tuple(f"{code.co_filename}:{line} in {code.co_qualname}" for code, line in frames[-MAX_FRAMES:])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the known word nearest to `word`, or an empty text where none is near.

    Takes milliseconds at most: long words, and known words beyond the first 500, are not compared.
    """
    if len(word) > MAX_NAME:
        return ""
    short = (name for name in known if len(name) <= MAX_NAME)
    by_lower = {name.lower(): name for name in itertools.islice(short, MAX_SUGGESTED)}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f"did you mean `{by_lower[near[0]]}`?" if near else ""


def listing(names: Iterable[str]) -> str:
    """`a, b, c`, or `nothing`: for the `expected` line of an error. Of many names, the first 40 and how many more."""
    each = list(names)
    more = [f"and {len(each) - MAX_LISTED} more"] if len(each) > MAX_LISTED else []
    return ", ".join([*each[:MAX_LISTED], *more]) or "nothing"
