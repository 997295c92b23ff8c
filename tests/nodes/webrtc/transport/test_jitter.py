"""Loss, reordering and jitter neither change the audio's length nor delay it permanently."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.webrtc.transport.jitter import (
    CAP,
    CONCEALED,
    FLOOR,
    FRAME,
    MAX_WAITING,
    START,
    JitterBuffer,
    Lost,
    Piece,
    Silence,
    samples_in,
)
from pipeline.packet import MILLISECOND, SECOND

ms = MILLISECOND
SPEECH = bytes([0x48])  # SILK, wide-band, one frame of 20 ms


def payload(number: int) -> bytes:
    """A packet of 20 ms that says which it is; long enough to be no DTX."""
    return SPEECH + number.to_bytes(4, "big")


@dataclass
class Listener:
    """Counts what leaves, and how late."""

    buffer: JitterBuffer = field(default_factory=JitterBuffer)
    pieces: list[Piece] = field(default_factory=list)
    left: dict[int, int] = field(default_factory=dict)
    """When each packet left."""

    def take(self, pieces: list[Piece], now: int) -> None:
        for piece in pieces:
            self.pieces.append(piece)
            if isinstance(piece, bytes) and len(piece) == 5:
                self.left[int.from_bytes(piece[1:], "big")] = now

    def push(self, number: int, now: int, *, sequence: int = 0, timestamp: int = 0) -> None:
        wrapped = (sequence + number) & 0xFFFF, (timestamp + number * FRAME) & 0xFFFFFFFF
        self.take(self.buffer.push(*wrapped, payload(number), now), now)

    def poll(self, now: int) -> None:
        self.take(self.buffer.poll(now), now)

    @property
    def samples(self) -> int:
        return sum(samples_in(piece) if isinstance(piece, bytes) else piece.samples for piece in self.pieces)


@dataclass(frozen=True)
class Network:
    """What becomes of each packet: its delay in ms or None for lost, and how often it comes."""

    fates: list[tuple[int | None, int]]
    sequence: int
    timestamp: int

    def arrivals(self) -> list[tuple[int, int]]:
        """When, and which; the first and, a second later, the last twelve always arrive at once."""
        found = [(0, 0)]
        for number, (delay, copies) in enumerate(self.fates, 1):
            if delay is not None:
                found += [((number * 20 + delay + 3 * copy) * ms, number) for copy in range(copies)]
        end = max(number for _, number in found) + 60
        return [*sorted(found), *((n * 20 * ms, n) for n in range(end, end + 12))]


fate = st.tuples(st.one_of(st.none(), st.just(0), st.integers(0, 200)), st.integers(1, 2))
networks = st.builds(
    Network,
    st.lists(st.one_of(st.just((0, 1)), fate), min_size=1, max_size=150),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
)


def run(network: Network) -> Listener:
    """Gives it all arrivals, and polls every 20 ms as the ticker does."""
    listener, next_poll = Listener(), 0
    for now, number in network.arrivals():
        while next_poll < now:
            listener.poll(next_poll)
            next_poll += 20 * ms
        listener.push(number, now, sequence=network.sequence, timestamp=network.timestamp)
    return listener


@given(networks)
@settings(max_examples=100, deadline=None)
def test_jitter_buffer_keeps_the_timeline_whole(network: Network) -> None:
    """Whether packets are lost, reordered, delayed or duplicated, as much audio leaves as was spoken."""
    listener = run(network)
    last = max(number for _, number in network.arrivals())
    assert listener.samples == (last + 1) * FRAME


@given(networks)
@settings(max_examples=100, deadline=None)
def test_jitter_buffer_gives_no_packet_twice_or_out_of_order(network: Network) -> None:
    listener = run(network)
    numbers = [int.from_bytes(piece[1:], "big") for piece in listener.pieces if isinstance(piece, bytes)]
    assert numbers == sorted(set(numbers))


@given(networks)
@settings(max_examples=100, deadline=None)
def test_jitter_buffer_holds_no_packet_longer_than_the_cap(network: Network) -> None:
    """A bad network delays audio by at most 100 ms, plus 20 ms to the next poll."""
    listener, first = run(network), dict[int, int]()
    for now, number in network.arrivals():
        first.setdefault(number, now)
    assert max(left - first[number] for number, left in listener.left.items()) <= CAP + 20 * ms
    assert listener.buffer.waiting == 0


@given(networks)
@settings(max_examples=100, deadline=None)
def test_jitter_buffer_has_no_delay_after_a_gap(network: Network) -> None:
    """Later packets in order leave at once: the delay does not persist."""
    listener, arrivals = run(network), network.arrivals()
    assert all(listener.left[number] == now for now, number in arrivals[-4:])


@given(networks)
@settings(max_examples=100, deadline=None)
def test_jitter_buffer_statistics_account_for_every_packet(network: Network) -> None:
    """Received packets are the released, late and duplicate ones."""
    listener = run(network)
    counts = listener.buffer.counts
    assert counts.received == len(network.arrivals()) == len(listener.left) + counts.late + counts.duplicates
    assert FLOOR <= listener.buffer.wait <= CAP


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.binary(max_size=6)), max_size=60))
@settings(max_examples=150, deadline=None)
def test_jitter_buffer_is_bounded_for_forged_packets(packets: list[tuple[int, int, bytes]]) -> None:
    """Forged numbers must neither give hours of silence nor fill the memory."""
    buffer = JitterBuffer()
    for at, packet in enumerate(packets):
        made = buffer.push(*packet, at * 20 * ms) + buffer.poll(at * 20 * ms)
        assert sum(piece.samples for piece in made if not isinstance(piece, bytes)) <= 5 * 48_000 * (len(packets) + 1)
        assert buffer.waiting <= MAX_WAITING + 1


def test_jitter_buffer_has_no_delay_for_packets_in_order() -> None:
    listener = Listener()
    for number in range(100):
        listener.push(number, number * 20 * ms)
    assert listener.left == {number: number * 20 * ms for number in range(100)}


def test_jitter_buffer_waits_for_a_missing_packet_then_conceals_it() -> None:
    listener = Listener()
    listener.push(0, 0)
    listener.push(2, 40 * ms)
    assert listener.buffer.wait == START - 40 * ms // 1000
    listener.poll(60 * ms)
    assert listener.pieces == [payload(0)]
    listener.poll(70 * ms)
    assert listener.pieces == [payload(0), Lost(FRAME), payload(2)]
    assert (listener.buffer.counts.lost, listener.buffer.counts.concealed) == (1, FRAME)


def test_jitter_buffer_uses_a_packet_that_comes_within_the_wait() -> None:
    """Reordered packets are delayed, not lost."""
    listener = Listener()
    for number, now in ((0, 0), (2, 40), (1, 55), (3, 60)):
        listener.push(number, now * ms)
    assert listener.pieces == [payload(number) for number in range(4)]
    assert listener.left == {0: 0, 1: 55 * ms, 2: 55 * ms, 3: 60 * ms}


def test_jitter_buffer_wait_grows_after_a_late_packet_and_decays() -> None:
    """The wait follows the network's jitter, and shrinks by 1 ms per second."""
    listener = Listener()
    listener.push(0, 0)
    listener.push(2, 40 * ms)
    listener.poll(80 * ms)
    listener.push(1, 95 * ms)
    assert listener.buffer.counts.late == 1
    assert listener.buffer.wait == 65 * ms  # 55 late, and 10
    listener.push(1, 95 * ms)
    assert listener.buffer.counts.duplicates == 1
    for number in range(3, 503):
        listener.push(number, 95 * ms + (number - 2) * 20 * ms)
    assert abs(listener.buffer.wait - 55 * ms) < ms


def test_jitter_buffer_does_not_count_a_stall_as_loss() -> None:
    """After a stall of 200 ms that delivers everything, nothing is concealed."""
    listener = Listener()
    for number in range(20):
        now = max(number * 20, 300 if number > 5 else 0) * ms
        listener.poll(now)
        listener.push(number, now)
    assert listener.pieces == [payload(number) for number in range(20)]


def test_jitter_buffer_ends_a_long_loss_in_silence() -> None:
    """More than 100 ms of concealment would sound like a drone."""
    listener = Listener()
    listener.push(0, 0)
    listener.push(51, 1020 * ms)
    listener.poll(1060 * ms)
    assert listener.pieces == [payload(0), Lost(CONCEALED), Silence(50 * FRAME - CONCEALED), payload(51)]


def dtx(buffer: JitterBuffer, number: int, frame: int, now: int, body: bytes = bytes([0x48])) -> list[Piece]:
    return buffer.push(number, frame * FRAME, body, now)


def test_jitter_buffer_gives_silence_at_once_for_an_encoder_pause() -> None:
    """The next number with a later timestamp is no loss, and needs no wait."""
    buffer = JitterBuffer()
    assert buffer.push(7, 0, payload(0), 0) == [payload(0)]
    assert buffer.push(8, 20 * FRAME, payload(1), 400 * ms) == [Silence(19 * FRAME), payload(1)]
    assert buffer.counts.lost == 0


def test_jitter_buffer_gives_silence_on_the_clock_during_dtx() -> None:
    """After a DTX packet silence is given on the clock, 60 ms behind; the next packet brings only the rest."""
    buffer = JitterBuffer()
    dtx(buffer, 0, 0, 0)
    given = [piece for now in range(20, 401, 20) for piece in buffer.poll(now * ms)]
    assert given == [Silence(FRAME)] * 17
    assert dtx(buffer, 1, 20, 410 * ms) == [Silence(2 * FRAME), bytes([0x48])]
    assert dtx(buffer, 2, 40, 810 * ms)[0] == Silence(19 * FRAME)


def test_jitter_buffer_takes_early_silence_from_the_next_pause() -> None:
    """After a packet more than 60 ms late the timeline is ahead only until the next pause."""
    buffer = JitterBuffer()
    dtx(buffer, 0, 0, 0)
    pieces = [buffer.poll(now * ms) for now in range(20, 201, 20)]
    assert sum(len(each) for each in pieces) == 7
    assert dtx(buffer, 1, 6, 200 * ms, payload(1)) == [payload(1)]
    assert buffer.push(2, 20 * FRAME, payload(2), 420 * ms) == [Silence(11 * FRAME), payload(2)]


def test_jitter_buffer_stops_silence_when_the_caller_has_gone() -> None:
    buffer = JitterBuffer()
    dtx(buffer, 0, 0, 0)
    given = [piece for now in range(20, 9_000, 20) for piece in buffer.poll(now * ms)]
    assert len(given) == 47


@pytest.mark.parametrize("number", [5_000, 40_000])
def test_jitter_buffer_restarts_for_another_stream(number: int) -> None:
    """A sender that restarts from any number is heard at once."""
    buffer = JitterBuffer()
    buffer.push(0, 0, payload(0), 0)
    assert buffer.push(number, 123_456_789, payload(1), SECOND) == [payload(1)]
    assert buffer.push(number + 1, 123_456_789 + FRAME, payload(2), SECOND) == [payload(2)]
    assert buffer.counts.restarts == 1


def test_jitter_buffer_skips_silence_after_a_minute_away() -> None:
    """A tab that was suspended, or a forged timestamp, must not cause a flood of silence."""
    buffer = JitterBuffer()
    buffer.push(0, 0, payload(0), 0)
    assert buffer.push(1, 60 * 48_000, payload(1), 60 * SECOND) == [payload(1)]


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"", 0),
        (bytes([0x48]), 960),
        (bytes([0x40]), 480),
        (bytes([0x58]), 2880),
        (bytes([0x78]), 960),
        (bytes([0x80]), 120),
        (bytes([0xF8]), 960),
        (bytes([0xF9]), 1920),
        (bytes([0xFB, 3]), 2880),
        (bytes([0xFB]), 0),
        (bytes([0xFB, 63]), 0),
    ],
)
def test_opus_packet_length_follows_rfc_6716(packet: bytes, samples: int) -> None:
    """As section 3.1 of RFC 6716 has it; 120 ms at most."""
    assert samples_in(packet) == samples
