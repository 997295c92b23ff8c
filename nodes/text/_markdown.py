"""Strips Markdown from a text, so that it can be shown as plain text."""

from __future__ import annotations

import html
import re

_QUOTE = re.compile(r"\s*(?:>\s*)+")
_HEADING = re.compile(r"\s*#{1,6}\s")
_BULLET = re.compile(r"\s*[-*+•◦▪]\s+(?:\[[ xX]\]\s+)?")
_TAGS = (
    "a|abbr|b|big|blockquote|br|cite|code|del|em|font|h[1-6]|hr|i|ins|kbd|li|mark|ol|p|pre|q|s|samp|small|span|strong"
    "|sub|sup|tt|u|ul|var"
)
"""Elements of HTML that mark up words; what else is in angle brackets is text."""
_INLINE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<!:)\\[nrt](?![a-z\\])|(?<=[.!?,;])\\n(?=[a-z])"), " "),  # an escaped newline
    (re.compile(r"\[(\d{1,3})\]\([^()\s]*\)"), r"[\1]"),  # a citation
    (re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+[\"'][^\"']*[\"'])?\)"), r"\1"),
    (re.compile(r"\]\((?:https?://|/|#)[^()\s]*\)"), ""),  # the end of a link that was split
    (re.compile(r"\[\^[\w-]+\]:?"), ""),
    (re.compile(r"\[(?!\d{1,3}\])([^\[\]]+)\]\[[^\[\]]*\]"), r"\1"),
    (re.compile(r"<((?:https?://|mailto:)[^<>\s]+)>"), r"\1"),
    (re.compile(r"<br\s*/?>", re.IGNORECASE), " "),
    (re.compile(rf"</?(?:{_TAGS})(?:\s[^<>]*)?/?>", re.IGNORECASE), ""),
    (re.compile(r"\\[()\[\]]|\$\$"), ""),  # formula delimiters
    (re.compile(r"`+|~~"), ""),
    (re.compile(r"(?<![\\\d])\*{2,3}|\*{2,3}(?!\d)"), ""),
    (re.compile(r"(?<![\w\\*])[*](\d[^*\n]{0,80})[*](?!\w)"), r"\1"),
    (re.compile(r"(?<![\w\\*])[*](?=[^\s*\d])|(?<=[^\s\\*\d])[*](?![\w*])"), ""),
    (re.compile(r"(?<![\w\\])_{1,3}(?=\S)|(?<=[^\s\\])_{1,3}(?!\w)"), ""),
    (re.compile(r"\\([\\*_{}#+\-.!|~>])"), r"\1"),
)
_LONG_NUMBER = re.compile(r"&#(?:\d{8,}|[xX][0-9a-fA-F]{8,});?")
"""A reference to a character that cannot exist, at whose digits `html.unescape` fails if they are thousands."""


def plain(text: str) -> str:
    """One line of plain text; empty if there was only markup."""
    joined = " ".join(filter(None, map(_line, text.split("\n"))))
    if any(mark in joined for mark in "*_`[]<\\~$&"):
        for pattern, replacement in _INLINE:
            joined = pattern.sub(replacement, joined)
        joined = html.unescape(_LONG_NUMBER.sub("", joined))
    return " ".join(joined.split())


def _line(line: str) -> str:
    """A line without the markup at its start."""
    if _is_rule(line):
        return ""
    if quote := _QUOTE.match(line):
        line = line[quote.end() :]
    if heading := _HEADING.match(line):
        return _without_closing(line[heading.end() :].lstrip())
    if bullet := _BULLET.match(line):
        return line[bullet.end() :]
    if line.lstrip().startswith("|"):
        return ", ".join(cell.strip() for cell in line.strip().strip("|").strip().split("|"))
    return line


def _is_rule(line: str) -> bool:
    """Whether a line is a thematic break, the underline of a heading, or the line below the head of a table."""
    marks = "".join(line.split())
    if not marks.strip("-*_"):
        return len(marks) >= 3
    if not marks.strip("="):
        return "=" in marks and marks == line.strip()
    return not marks.strip("-|:") and 0 <= marks.find("-") < marks.rfind("|")


def _without_closing(heading: str) -> str:
    """A heading without the number signs that may follow it."""
    end = len(heading)
    while end and (heading[end - 1] == "#" or heading[end - 1].isspace()):
        end -= 1
    return heading[:end]
