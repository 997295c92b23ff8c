"""SCTP packets and their chunks (RFC 9260), well-formed unless a field says otherwise."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from google_crc32c import value as crc32c

DATA, INIT, INIT_ACK, SACK, HEARTBEAT, HEARTBEAT_ACK, ABORT, SHUTDOWN = range(8)
SHUTDOWN_ACK, ERROR, COOKIE_ECHO, COOKIE_ACK = range(8, 12)
SHUTDOWN_COMPLETE, RE_CONFIG, FORWARD_TSN = 14, 130, 192
CHUNKS = (*range(12), SHUTDOWN_COMPLETE, RE_CONFIG, FORWARD_TSN)
"""The types that aiortc reads."""
FIRST, LAST, UNORDERED = 2, 1, 4
"""Flags of a DATA chunk; WHOLE is an unfragmented message."""
WHOLE = FIRST | LAST
DCEP, STRING = 50, 51
"""Payload protocols (RFC 8831): control of data channels, and text."""
RESET_OUT, RESET_RESPONSE, ADD_OUT = 13, 16, 17
"""Parameters of RE-CONFIG (RFC 6525)."""

WRAP = 1 << 32


def packet(tag: int, *chunks: bytes, checksum: int | None = None, port: int = 5000) -> bytes:
    """A packet with a correct checksum, or with another."""
    head, body = struct.pack("!HHL", port, port, tag % WRAP), b"".join(chunks)
    value = crc32c(head + bytes(4) + body) if checksum is None else checksum
    return head + struct.pack("<L", value) + body


def chunk(type: int, body: bytes = b"", flags: int = 0, length: int | None = None) -> bytes:
    """Any chunk, padded; `length` replaces the true one."""
    return struct.pack("!BBH", type, flags, len(body) + 4 if length is None else length) + body + bytes(-len(body) % 4)


def data(
    tsn: int, user: bytes = b"x", stream: int = 0, sequence: int = 0, protocol: int = STRING, flags: int = WHOLE
) -> bytes:
    """DATA."""
    return chunk(DATA, struct.pack("!LHHL", tsn % WRAP, stream, sequence % 65_536, protocol) + user, flags)


def open_channel(tsn: int, stream: int, label: str = "x") -> bytes:
    """DATA with DATA_CHANNEL_OPEN (RFC 8832)."""
    name = label.encode()
    return data(tsn, struct.pack("!BBHLHH", 3, 0, 0, 0, len(name), 0) + name, stream, protocol=DCEP)


def sack(cumulative: int, gaps: Sequence[tuple[int, int]] = (), duplicates: Sequence[int] = ()) -> bytes:
    """SACK; gaps are offsets from `cumulative`."""
    return chunk(
        SACK,
        struct.pack("!LLHH", cumulative % WRAP, 1 << 20, len(gaps), len(duplicates))
        + b"".join(struct.pack("!HH", *gap) for gap in gaps)
        + b"".join(struct.pack("!L", tsn % WRAP) for tsn in duplicates),
    )


def forward_tsn(cumulative: int, streams: Sequence[tuple[int, int]] = ()) -> bytes:
    """FORWARD-TSN (RFC 3758); each stream with its sequence number."""
    return chunk(FORWARD_TSN, struct.pack("!L", cumulative % WRAP) + b"".join(struct.pack("!HH", *s) for s in streams))


def init(tag: int = 1, tsn: int = 0, parameters: bytes = b"") -> bytes:
    """INIT."""
    return chunk(INIT, struct.pack("!LLHHL", tag % WRAP, 1 << 20, 65_535, 65_535, tsn % WRAP) + parameters)


def parameter(type: int, value: bytes = b"", length: int | None = None) -> bytes:
    """A parameter of INIT, HEARTBEAT, ERROR, ABORT or RE-CONFIG, padded; `length` replaces the true one."""
    return struct.pack("!HH", type, len(value) + 4 if length is None else length) + value + bytes(-len(value) % 4)


def reset_streams(request: int, last: int, streams: Sequence[int] = ()) -> bytes:
    """The parameter that asks to reset outgoing streams once `last` has arrived."""
    value = struct.pack("!LLL", request % WRAP, 0, last % WRAP) + b"".join(struct.pack("!H", each) for each in streams)
    return parameter(RESET_OUT, value)
