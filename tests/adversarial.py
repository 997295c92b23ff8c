"""Texts of which much is repeated, and a bound on the time that work with them takes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

from tests.growth import check_within

LONG = 100_000
SHORT = 2_000
"""Characters."""
A_CHARACTER = 1e-6
"""Seconds that a character may take; 10^5 characters, a tenth of a second."""
PIECES = (
    *("a", "A", "1", " ", "\n", "\t", ".", ",", "-", "_", "*", "#", "`", "~", "|", ">", "<", "=", "&", "/", "\\", ":"),
    *(
        "!",
        "?",
        "(",
        ")",
        "[",
        "]",
        "'",
        '"',
        "@",
        "$",
        "%",
        "°",
        "½",
        "²",
        "ﷺ",
        "法",
        "。",
        "😀",
        "́",
        "\x00",
        "\ufffd",
    ),
    *(
        "a ",
        "a.",
        "1,",
        "1.",
        "1-",
        "1/2 ",
        "-- ",
        "| ",
        "|-",
        "> ",
        "# ",
        "[a](",
        "](/",
        "**",
        "a@",
        "a.b.",
        "www.",
        "//",
    ),
    *("Dr. ", "U.S. ", "$1 ", "1 km ", "1:2", "&#1;", "&amp", "<a>", "``` ", "```\n", ", ", "; ", "the ", "May 1, "),
)
"""What markup, numbers and sentences are made of."""


def texts(pieces: Sequence[str], length: int, *, pairs: bool) -> Iterator[str]:
    """Texts of a length that repeat a piece or two, and that end in what matches nothing."""

    def pump(piece: str, length: int = length) -> str:
        return piece * (length // len(piece))

    for piece in pieces:
        yield pump(piece)
        yield f"{pump(piece)}\x00!"
    for one, other in itertools.permutations(pieces, 2) if pairs else ():
        yield pump(one + other)
        yield f"{one}{pump(other)}\x00!"
        yield f"{pump(one, length // 2)}{pump(other, length // 2)}"


def check(
    use: Callable[[str], object],
    pieces: Sequence[str],
    length: int,
    *,
    pairs: bool,
    name: str = "",
    slack: float = 1.0,
    least: float = 0.001,
) -> None:
    """Fails for the first text that takes more than `slack` microseconds a character, and more than `least` seconds.

    Texts of a hundredth and a tenth of the length come first, so that what takes very long is not waited for.
    """
    for size in (length // 100, length // 10, length):
        for text in texts(pieces, size, pairs=pairs):
            most = max(least, slack * A_CHARACTER * len(text))
            check_within(lambda text=text: use(text), most, f"{name} {text[:40]!r}... of {len(text)}")  # type: ignore[misc]
