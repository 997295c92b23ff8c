"""Spoken forms of e-mail addresses, URLs and file names."""

from __future__ import annotations

import re

from nodes.text._numbers import digits_in
from nodes.text._rules import SpokenForm, rule

_ENDINGS = "com|org|net|edu|gov|io|ai|dev|app|co|info|me|tv|eu|uk|us|ca|au|de|fr|es|it|nl|ch|at|se|no|jp|cn|in|br"
_SEGMENTS = 3
"""Maximum number of path segments that are spoken."""


def _dots(name: str) -> str:
    for mark, said in ((".", " dot "), ("-", " dash "), ("_", " underscore "), (":", " port ")):
        name = name.replace(mark, said)
    return " ".join(digits_in(name).split())


def _email(found: re.Match[str]) -> str:
    return f"{_dots(found[1].replace('+', ' plus '))} at {_dots(found[2])}"


def _url(found: re.Match[str]) -> str:
    address = found[0].rstrip(".,!?;:)'\"*")
    after = found[0][len(address) :]
    host, _, path = re.sub(r"^\w+://", "", address).partition("/")
    return f"{_dots(host.removeprefix('www.'))}{_path(path)}{after}"


def _path(path: str) -> str:
    """A short path is spoken; a long one is left out, because it cannot be followed by ear."""
    parts = [part for part in re.split(r"[?#]", path)[0].split("/") if part]
    if len(parts) > _SEGMENTS or not all(re.fullmatch(r"[\w.-]{1,20}", part) for part in parts):
        return ""
    return "".join(f" slash {_dots(part)}" for part in parts)


RULES: tuple[SpokenForm, ...] = (
    rule(r"(?<![\w.+-])([\w.+-]+)@([\w-]+(?:\.[\w-]+)+)", _email, needs="@ ."),
    rule(r"\b(?:https?://|ftp://|www\.)[^\s<>\"]+", _url, re.IGNORECASE, needs="/."),
    rule(
        rf"(?<![\w@./-])(?:[a-z0-9][a-z0-9-]*\.)+(?:{_ENDINGS})(?![\w-])(?::\d+)?(?:/[^\s<>\"]*)?",
        _url,
        re.IGNORECASE,
        needs=".",
    ),
    rule(r"\blocalhost:(\d+)", lambda found: f"localhost port {digits_in(found[1])}", needs=":"),
    rule(r"(?<=[A-Za-z0-9_])\.(?=[a-z][A-Za-z0-9]*\b)(?!\w\.)", " dot ", needs="."),  # main.py
)
