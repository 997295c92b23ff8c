"""Reads multipart forms of a few small fields, in time proportional to their length.

Fields are UTF-8, as they are or in a part with `Content-Type: ...; charset=utf-8`. Everything
that a client does not need is refused: other character sets, transfer encodings, a field twice.
"""

from __future__ import annotations

import re

MOST_FIELDS = 8
MOST_HEAD = 1_024
"""Bytes of the head of a part."""

_BOUNDARY = re.compile(r';[ \t]*boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_CHARSET = re.compile(r';[ \t]*charset="?([^\s;"]*)', re.IGNORECASE)
_NAME = re.compile(r';[ \t]*name=(?:"([^"\\\r\n]{0,100})"|([^\s;"]{1,100}))', re.IGNORECASE)
_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})
_ENCODINGS = frozenset({"7bit", "8bit", "binary"})


class InvalidForm(Exception):
    """The form cannot be read; the text says why, for the client's developer."""


def parse_form(content_type: str, body: bytes) -> dict[str, bytes]:
    """The fields of a form by name; raises InvalidForm."""
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise InvalidForm("it has no boundary")
    _check_charset(content_type)
    delimiter = b"\r\n--" + (match[1] or match[2]).encode()
    before, *parts = (b"\r\n" + body).split(delimiter, MOST_FIELDS + 1)
    if before.strip():
        raise InvalidForm("something is before its first part")
    if not parts or not parts[-1].startswith(b"--"):
        raise InvalidForm(f"it does not end, or has more than {MOST_FIELDS} fields")
    fields: dict[str, bytes] = {}
    for part in parts[:-1]:
        name, value = _field(part)
        if name in fields:
            raise InvalidForm("it has a field twice")
        fields[name] = value
    return fields


def _field(part: bytes) -> tuple[str, bytes]:
    end = part.find(b"\r\n\r\n", 0, MOST_HEAD + 4)
    if not part.startswith(b"\r\n") or end < 0:
        raise InvalidForm("a part has no head, or a long one")
    try:
        lines = part[2:end].decode("ascii").split("\r\n") if end else []
    except UnicodeDecodeError:
        raise InvalidForm("the head of a part is not ASCII") from None
    headers = {key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    _check_charset(headers.get("content-type", ""))
    if headers.get("content-transfer-encoding", "binary").lower() not in _ENCODINGS:
        raise InvalidForm("a part has a transfer encoding")
    disposition = headers.get("content-disposition", "")
    match = _NAME.search(disposition)
    if match is None or not disposition.lower().startswith("form-data"):
        raise InvalidForm("a part has no name")
    value = part[end + 4 :]
    try:
        value.decode()
    except UnicodeDecodeError:
        raise InvalidForm("a field is not UTF-8") from None
    return match[1] or match[2] or "", value


def _check_charset(content_type: str) -> None:
    match = _CHARSET.search(content_type)
    if match is not None and match[1].lower() not in _CHARSETS:
        raise InvalidForm("its character set is not UTF-8")
