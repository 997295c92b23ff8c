"""Incoming audio is delivered without gaps, and malformed packets do no harm."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.packets import Samples
from nodes.webrtc.transport import receiver
from nodes.webrtc.transport.opus import OpusDecoder, OpusEncoder
from nodes.webrtc.transport.receiver import FRAME, RATE, AudioReceiver
from nodes.webrtc.transport.rtp import ReceptionStatistics, RtpPacket
from pipeline.packet import MILLISECOND

ms = MILLISECOND


def rtp(number: int, payload: bytes, *, timestamp: int | None = None, source: int = 9) -> RtpPacket:
    at = number * 960 if timestamp is None else timestamp
    return RtpPacket(111, number & 0xFFFF, at & 0xFFFF_FFFF, source, payload)


def spoken(count: int) -> list[bytes]:
    """A tone in packets."""
    encoder = OpusEncoder(24_000, use="voip")
    tone = (8000 * np.sin(np.arange(count * 480) / 9)).astype(np.int16)
    return [encoder.encode(tone[at : at + 480]) for at in range(0, tone.size, 480)]


class Ear:
    """A receiver, and what it delivers."""

    def __init__(self) -> None:
        self.frames: list[Samples] = []
        self.receiver = AudioReceiver(self.frames.append)

    @property
    def sound(self) -> Samples:
        return np.concatenate(self.frames)


def test_audio_receiver_gives_20_ms_of_audio_per_packet() -> None:
    ear = Ear()
    for number, packet in enumerate(spoken(50)):
        ear.receiver.receive(rtp(number, packet), number * 20 * ms)
    assert [frame.size for frame in ear.frames] == [FRAME] * 50
    assert np.abs(ear.sound[RATE // 10 :]).max() > 5000


def test_audio_receiver_conceals_a_lost_packet() -> None:
    """Silence in the middle of a word may turn it into another."""
    ear = Ear()
    for number, packet in enumerate(spoken(50)):
        if number != 25:
            ear.receiver.receive(rtp(number, packet), number * 20 * ms)
        ear.receiver.poll(number * 20 * ms)
    assert len(ear.frames) == 50
    assert all(np.abs(frame).max() > 2000 for frame in ear.frames[5:])


def test_audio_receiver_conceals_and_counts_a_malformed_packet() -> None:
    """One damaged packet must not end the call, nor shift what follows."""
    ear = Ear()
    for number, packet in enumerate(spoken(10)):
        damaged = bytes([packet[0] | 3, 1]) + b"\xff" if number == 5 else packet
        ear.receiver.receive(rtp(number, damaged), number * 20 * ms)
    assert len(ear.frames) == 10 and ear.receiver.malformed <= 1


def test_audio_receiver_uses_fec_copy_of_a_lost_packet(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a sender adds copies for a bad network, those are used instead of a guess."""
    used: list[int] = []

    class Copied(OpusDecoder):
        def has_fec(self, packet: bytes) -> bool:
            return True

        def decode_fec(self, packet: bytes, samples: int) -> Samples:
            used.append(samples)
            return np.full(samples, 7, np.int16)

    monkeypatch.setattr(receiver, "OpusDecoder", Copied)
    ear = Ear()
    for number, packet in enumerate(spoken(10)):
        if number not in (4, 5):
            ear.receiver.receive(rtp(number, packet), number * 20 * ms)
        ear.receiver.poll(number * 20 * ms)
    assert used == [FRAME] and len(ear.frames) == 10 and (ear.frames[5] == 7).all()


def test_audio_receiver_converts_any_packet_length_to_20_ms_frames() -> None:
    """Some clients send 60 ms at a time, or 10."""
    ear = Ear()
    one = spoken(1)[0]
    for number, count in enumerate((3, 1, 2)):
        packet = bytes([one[0] | 3, count]) + (one[1:] if count == 1 else b"")
        ear.receiver.receive(rtp(number, packet, timestamp=sum((3, 1, 2)[:number]) * 960), number * 60 * ms)
    assert [frame.size for frame in ear.frames] == [FRAME] * 6


def test_audio_receiver_switches_to_another_source_at_once() -> None:
    """After a change of microphone the numbers begin anew; the counts go on."""
    ear = Ear()
    for number, packet in enumerate(spoken(10)):
        ear.receiver.receive(rtp(number, packet), number * 20 * ms)
    for number, packet in enumerate(spoken(10)):
        ear.receiver.receive(rtp(40_000 + number, packet, timestamp=77, source=10), (10 + number) * 20 * ms)
    assert len(ear.frames) >= 11 and ear.receiver.jitter.counts.received == 20
    assert ear.receiver.reception is not None and ear.receiver.reception.source == 10


@given(st.binary(max_size=80))
@settings(max_examples=200, deadline=None)
def test_rtp_parse_gives_a_packet_or_none_for_any_bytes(data: bytes) -> None:
    """Any bytes may come through the socket."""
    packet = RtpPacket.parse(data)
    assert packet is None or len(packet.payload) <= len(data) - 12


def test_rtp_parse_skips_contributors_extensions_and_padding() -> None:
    """Contributors, extensions and padding are skipped, not played."""
    header = struct.pack("!BBHII", 0x80 | 0x20 | 0x10 | 2, 0x80 | 111, 7, 8, 9)
    data = header + bytes(8) + struct.pack("!HH", 0xBEDE, 1) + bytes(4) + b"sound" + b"\0\0\3"
    assert RtpPacket.parse(data) == RtpPacket(111, 7, 8, 9, b"sound")


@pytest.mark.parametrize(
    "data", [b"", bytes(11), b"\x40" + bytes(20), b"\x8f" + bytes(20), b"\xa0" + bytes(11) + b"\xff"]
)
def test_rtp_parse_returns_none_for_other_data(data: bytes) -> None:
    assert RtpPacket.parse(data) is None


def test_receiver_report_counts_lost_packets() -> None:
    """The client lowers its rate by what we report."""
    reception = ReceptionStatistics(9, 65_530)
    for number in range(100):
        if number % 10 != 3:
            reception.add(rtp(65_530 + number, b"x", timestamp=number * 960), number * 20 * ms)
    assert (reception.received, reception.lost, reception.highest) == (90, 10, 65_629)
    assert reception.fraction_lost() == 25
    assert reception.fraction_lost() == 0
    assert reception.jitter < 1


def test_receiver_report_measures_jitter() -> None:
    reception = ReceptionStatistics(9, 0)
    for number in range(400):
        reception.add(rtp(number, b"x"), (number * 20 + 10 * (number % 2)) * ms)
    assert abs(reception.jitter - 480) < 5
