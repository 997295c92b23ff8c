"""Strips Markdown from a text, so that it can be shown as plain text."""

from __future__ import annotations

import html
import re

_RULE = re.compile(r"\s*(?:[-*_]\s*){3,}|\s*=+\s*|[\s|:-]*-[\s|:-]*\|[\s|:-]*")
_QUOTE = re.compile(r"\s*(?:>\s*)+")
_HEADING = re.compile(r"\s*#{1,6}\s+(.*?)[\s#]*")
_BULLET = re.compile(r"\s*[-*+•◦▪]\s+(?:\[[ xX]\]\s+)?")
_INLINE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+[\"'][^\"']*[\"'])?\)"), r"\1"),
    (re.compile(r"\]\((?:https?://|/|#)[^()\s]*\)"), ""),  # the end of a link that was split
    (re.compile(r"\[\^[\w-]+\]:?"), ""),
    (re.compile(r"\[([^\[\]]+)\]\[[^\[\]]*\]"), r"\1"),
    (re.compile(r"<((?:https?://|mailto:)[^<>\s]+)>"), r"\1"),
    (re.compile(r"<br\s*/?>", re.IGNORECASE), " "),
    (re.compile(r"</?[a-zA-Z][^<>]*>"), ""),
    (re.compile(r"\\[()\[\]]|\$\$"), ""),  # formula delimiters
    (re.compile(r"`+|~~"), ""),
    (re.compile(r"(?<![\\\d])\*{2,3}|\*{2,3}(?!\d)"), ""),
    (re.compile(r"(?<![\w\\*])[*](?=[^\s*])|(?<=[^\s\\*])[*](?![\w*])"), ""),
    (re.compile(r"(?<![\w\\])_{1,3}(?=\S)|(?<=[^\s\\])_{1,3}(?!\w)"), ""),
    (re.compile(r"\\([\\*_{}#+\-.!|~>])"), r"\1"),
)


def plain(text: str) -> str:
    """One line of plain text; empty if there was only markup."""
    joined = " ".join(filter(None, map(_line, text.split("\n"))))
    if any(mark in joined for mark in "*_`[]<\\~$&"):
        for pattern, replacement in _INLINE:
            joined = pattern.sub(replacement, joined)
        joined = html.unescape(joined)
    return " ".join(joined.split())


def _line(line: str) -> str:
    """A line without the markup at its start."""
    if _RULE.fullmatch(line):
        return ""
    line = _QUOTE.sub("", line, count=1) if _QUOTE.match(line) else line
    if heading := _HEADING.fullmatch(line):
        return heading[1]
    if bullet := _BULLET.match(line):
        return line[bullet.end() :]
    return re.sub(r"\s*\|\s*", ", ", line.strip().strip("|").strip()) if line.lstrip().startswith("|") else line
