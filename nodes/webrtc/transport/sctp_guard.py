"""Checks each SCTP packet of a client before aiortc reads it (RFC 9260, 3758, 6525, 8832).

aiortc trusts its peer: one packet can make it loop over 65,535 numbers for each of 280 gap
blocks, sort all chunks that wait for a missing one, or keep what it never delivers. So a
packet is parsed here first, in time proportional to its size, and is one of three:

    PASS   aiortc gets it
    DROP   it is ignored, as if the network had lost it: an honest client may have sent it,
           and sends it again more slowly. A thousand of them in a short time end the call.
    END    no SCTP stack sends this; the call is ended

What aiortc takes for a packet is charged to a budget, which depends on the packet and on
what aiortc holds. That bounds a client's share of the event loop, whatever it sends;
`due` says when to let others run.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Container
from dataclasses import dataclass
from struct import Struct

WINDOW = 384 * 1024
"""Bytes of undelivered messages, as advertised to the client: a message of 256 KiB, and what comes behind it."""
MAX_BYTES = WINDOW + 64 * 1024
"""Bytes held above which the client has ignored the window."""
MAX_CHUNKS = 2_048
"""DATA chunks held for a missing chunk or for the rest of their message."""
MAX_AHEAD = 4_096
"""How far a TSN may be beyond the last that was received in order."""
MAX_STREAMS = 32
"""Streams in use, and so data channels; the page uses two."""
MAX_HEARTBEAT = 512
"""Bytes of a HEARTBEAT, all of which are sent back."""
MAX_INIT = 1_300
"""Bytes of INIT and INIT ACK: the cookie in it is sent back."""
MAX_PARAMETERS = 32
MAX_PACKET_CHUNKS = 128
MAX_RESETS = 64
"""Streams in one request to reset them."""

BUDGET = 200_000.0
"""Microseconds of the event loop that a client can use at once: some thousand short messages."""
BUDGET_RATE = 100_000.0
"""Microseconds that it gets back each second: a tenth of the loop."""
SLICE = 5_000.0
"""Microseconds after which others have their turn."""
MAX_DROPS = 1_024
"""Dropped packets that end the call."""
DROPS_FORGIVEN = 100.0
"""Dropped packets that are forgotten each second."""

# Microseconds that aiortc takes, measured (benchmarks would differ by machine; the ratios hardly do).
_PACKET = 50.0
_CHUNK = 5.0
_DATA = 15.0
_DATA_FOR_MISORDERED = 0.4
_DATA_FOR_HELD = 0.2
_DCEP = 100.0
_SACK_FOR_OUTSTANDING = 0.25
_ENTRY = 0.5
"""A gap, a duplicate or a stream in a list."""
_FORWARD_FOR_STREAM = 3.0
_REQUEST = 40.0
"""A chunk that is answered by a packet of its own."""
_ACKNOWLEDGED = 80.0
"""Given back for each chunk of ours that a SACK acknowledges first: sending it made the client send that SACK."""

_HALF = 1 << 31
_MASK = (1 << 32) - 1
_TAG = Struct("!L").unpack_from
_HEADER = Struct("!BBH").unpack_from
_DATA_HEADER = Struct("!LHHL").unpack_from
_SACK_HEADER = Struct("!LLHH").unpack_from
_PAIR = Struct("!HH").unpack_from
_WORD = Struct("!L").unpack_from

_COMMON = 12
"""Bytes of the header of a packet; a chunk's has 4."""
_DCEP_PROTOCOL = 50
_RESET_OUT, _RESET_IN, _RESPONSE, _ADD_OUT = 13, 14, 16, 17


class Verdict(enum.Enum):
    """What becomes of a packet."""

    PASS = enum.auto()
    DROP = enum.auto()
    END = enum.auto()


class Refused(Exception):
    """A packet that aiortc does not get, and why."""

    def __init__(self, verdict: Verdict, reason: str) -> None:
        super().__init__(reason)
        self.verdict, self.reason = verdict, reason


@dataclass(slots=True)
class Association:
    """The state of aiortc's association before a packet."""

    tag: int
    """The verification tag that packets for us have."""
    established: bool
    closed: bool
    received: int | None
    """The last TSN received in order; None before the client's INIT."""
    misordered: Container[int]
    """TSNs received beyond that."""
    misordered_count: int
    chunks: int
    """DATA chunks in reassembly."""
    bytes: int
    """Bytes of user data in them."""
    streams: Container[int]
    """Inbound streams that have been used and not reset."""
    stream_count: int
    acknowledged: int
    """The last TSN of ours that the client has acknowledged."""
    sent: int
    """The last TSN of ours that was sent, or -1 in place of the highest."""


@dataclass(slots=True)
class _Tally:
    """What a packet adds, chunk by chunk."""

    cost: float = _PACKET
    credit: float = 0.0
    chunks: int = 0
    bytes: int = 0
    streams: set[int] | None = None


class SctpGuard:
    """The checks of one association. `counts` has what was refused, by reason.

    `now` is in seconds; `budget` in microseconds.
    """

    def __init__(self, now: Callable[[], float], budget: float = BUDGET) -> None:
        self.counts: Counter[str] = Counter()
        self.last = ""
        """The reason of the last refusal."""
        self._now = now
        self._most = self._budget = budget
        self._drops = 0.0
        self._slice = 0.0
        self._at = now()

    def check(self, packet: bytes, association: Association) -> Verdict:
        """Says what to do with a packet; never raises."""
        self._pass_time()
        tally = _Tally()
        try:
            _check(packet, association, tally)
            self._charge(tally)
        except Refused as refused:
            self.counts[refused.reason] += 1
            self.last = refused.reason
            self._drops += 1
            return Verdict.END if self._drops > MAX_DROPS else refused.verdict
        return Verdict.PASS

    def due(self) -> bool:
        """Whether the packets since it was last true have taken so long that others should have their turn."""
        if self._slice < SLICE:
            return False
        self._slice = 0.0
        return True

    def _pass_time(self) -> None:
        now = self._now()
        passed, self._at = now - self._at, now
        self._budget = min(self._most, self._budget + passed * BUDGET_RATE)
        if self._drops:
            self._drops = max(0.0, self._drops - passed * DROPS_FORGIVEN)

    def _charge(self, tally: _Tally) -> None:
        if tally.cost > self._budget + tally.credit:
            raise Refused(Verdict.DROP, "rate")
        self._slice += tally.cost
        self._budget = min(self._most, self._budget - tally.cost + tally.credit)


def _check(packet: bytes, association: Association, tally: _Tally) -> None:
    """Checks all chunks of a packet; raises Refused."""
    size = len(packet)
    if size < _COMMON + 4:
        raise _malformed()
    if association.closed:
        raise Refused(Verdict.DROP, "closed")
    (tag,) = _TAG(packet, 4)
    opening = packet[_COMMON] == 1
    if tag != (0 if opening else association.tag):
        raise Refused(Verdict.DROP, "tag")
    start, count = _COMMON, 0
    while start <= size - 4:
        kind, _, length = _HEADER(packet, start)
        end = start + length
        count += 1
        if length < 4 or end > size or count > MAX_PACKET_CHUNKS or (opening and count > 1):
            raise _malformed()
        tally.cost += _CHUNK
        check = _CHECKS.get(kind)
        if check is not None:
            check(packet, start + 4, end, association, tally)
        start = end + -length % 4


def _data(packet: bytes, start: int, end: int, association: Association, tally: _Tally) -> None:
    received = association.received
    if end - start <= 12 or received is None:
        raise _malformed()
    tsn, stream, _, protocol = _DATA_HEADER(packet, start)
    ahead = (tsn - received) & _MASK
    tally.cost += (
        _DATA
        + _DATA_FOR_MISORDERED * association.misordered_count
        + _DATA_FOR_HELD * (association.chunks + tally.chunks)
    )
    if ahead == 0 or ahead >= _HALF or tsn in association.misordered:
        return  # a duplicate: it is only acknowledged again
    if ahead > MAX_AHEAD:
        raise Refused(Verdict.END, "ahead")
    if protocol == _DCEP_PROTOCOL:
        tally.cost += _DCEP
    tally.chunks += 1
    tally.bytes += end - start - 12
    if association.chunks + tally.chunks > MAX_CHUNKS:
        raise Refused(Verdict.END, "chunks")
    if association.bytes + tally.bytes > MAX_BYTES:
        raise Refused(Verdict.END, "window")
    _use(stream, association, tally)


def _use(stream: int, association: Association, tally: _Tally) -> None:
    """Counts a stream unless it is in use."""
    if stream in association.streams:
        return
    if tally.streams is None:
        tally.streams = set()
    tally.streams.add(stream)
    if association.stream_count + len(tally.streams) > MAX_STREAMS:
        raise Refused(Verdict.END, "streams")


def _sack(packet: bytes, start: int, end: int, association: Association, tally: _Tally) -> None:
    if end - start < 12 or association.received is None:
        raise _malformed()
    cumulative, _, gaps, duplicates = _SACK_HEADER(packet, start)
    if end - start != 12 + 4 * (gaps + duplicates):
        raise _malformed()
    tally.cost += _ENTRY * (gaps + duplicates)
    outstanding = (association.sent - cumulative) & _MASK
    if outstanding >= _HALF:
        raise Refused(Verdict.END, "acknowledged")  # beyond what was sent
    newly = (cumulative - association.acknowledged) & _MASK
    if newly >= _HALF:
        return  # older than another that came before; aiortc ignores it
    span = 0
    for at in range(start + 12, start + 12 + 4 * gaps, 4):
        first, last = _PAIR(packet, at)
        if not 0 < first <= last <= outstanding:
            raise Refused(Verdict.END, "acknowledged")
        span += last - first + 1
    if span > 2 * outstanding:
        raise Refused(Verdict.END, "acknowledged")  # the blocks overlap
    tally.cost += _SACK_FOR_OUTSTANDING * (newly + outstanding + span)
    tally.credit += _ACKNOWLEDGED * newly


def _forward_tsn(packet: bytes, start: int, end: int, association: Association, tally: _Tally) -> None:
    received = association.received
    if end - start < 4 or (end - start) % 4 or received is None:
        raise _malformed()
    (cumulative,) = _WORD(packet, start)
    tally.cost += _ENTRY * ((end - start) // 4)
    ahead = (cumulative - received) & _MASK
    if ahead == 0 or ahead >= _HALF:
        return
    if ahead > MAX_AHEAD:
        raise Refused(Verdict.END, "ahead")
    for at in range(start + 4, end, 4):
        _use(_PAIR(packet, at)[0], association, tally)
    tally.cost += (
        _FORWARD_FOR_STREAM * ((end - start) // 4 + association.stream_count)
        + _DATA_FOR_MISORDERED * association.misordered_count
        + _DATA_FOR_HELD * association.chunks
    )


def _init(packet: bytes, start: int, end: int, association: Association, tally: _Tally) -> None:
    if not 16 <= end - start <= MAX_INIT:
        raise _malformed()
    if association.established:
        raise Refused(Verdict.DROP, "state")  # a copy that was late; aiortc would start again
    _parameters(packet, start + 16, end)
    tally.cost += _REQUEST


def _init_ack(packet: bytes, start: int, end: int, association: Association, tally: _Tally) -> None:
    _init(packet, start, end, association, tally)


def _heartbeat(packet: bytes, start: int, end: int, association: Association, tally: _Tally) -> None:
    if end - start > MAX_HEARTBEAT:
        raise _malformed()
    _parameters(packet, start, end)
    tally.cost += _REQUEST


def _cookie_echo(packet: bytes, start: int, end: int, association: Association, tally: _Tally) -> None:
    if association.received is None:
        raise _malformed()
    tally.cost += _REQUEST


def _shutdown(packet: bytes, start: int, end: int, association: Association, tally: _Tally) -> None:
    if end - start < 4:
        raise _malformed()
    tally.cost += _REQUEST


def _reconfig(packet: bytes, start: int, end: int, association: Association, tally: _Tally) -> None:
    for kind, at, till in _parameters(packet, start, end):
        tally.cost += _REQUEST
        size = till - at
        if kind in (_RESPONSE, _ADD_OUT) and size < 8:
            raise _malformed()
        if kind == _RESET_OUT:
            if size < 12 or size % 2:
                raise _malformed()
            if (size - 12) // 2 > MAX_RESETS:
                raise Refused(Verdict.END, "streams")
            tally.cost += size


def _other(packet: bytes, start: int, end: int, association: Association, tally: _Tally) -> None:
    """A chunk of which aiortc reads the parameters only."""
    _parameters(packet, start, end)


def _parameters(packet: bytes, start: int, end: int) -> list[tuple[int, int, int]]:
    """The type, begin and end of each parameter; those that aiortc would not leave are malformed."""
    found: list[tuple[int, int, int]] = []
    while start <= end - 4:
        kind, length = _PAIR(packet, start)
        if length < 4 or start + length > end or len(found) == MAX_PARAMETERS:
            raise _malformed()
        found.append((kind, start + 4, start + length))
        start += length + -length % 4
    return found


def _malformed() -> Refused:
    return Refused(Verdict.DROP, "malformed")


_CHECKS: dict[int, Callable[[bytes, int, int, Association, _Tally], None]] = {
    0: _data,
    1: _init,
    2: _init_ack,
    3: _sack,
    4: _heartbeat,
    5: _other,  # HEARTBEAT ACK
    6: _other,  # ABORT
    7: _shutdown,
    9: _other,  # ERROR
    10: _cookie_echo,
    130: _reconfig,
    192: _forward_tsn,
}
"""By chunk type; aiortc ignores the contents of others."""
