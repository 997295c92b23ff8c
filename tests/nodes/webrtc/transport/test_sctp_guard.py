"""The limits of SCTP: no packet that an honest client sends breaks one, every hostile kind does."""

from __future__ import annotations

import asyncio
import random
import struct
import time  # noqa: TID251 - the time that the processor took, which no clock of a session knows
from collections.abc import Callable
from typing import Any

import pytest
from aiortc.rtcdatachannel import RTCDataChannel, RTCDataChannelParameters
from aiortc.rtcsctptransport import RTCSctpTransport
from hypothesis import given
from hypothesis import strategies as st

from nodes.webrtc.transport import sctp_guard
from nodes.webrtc.transport.call_guard import FAILURES
from nodes.webrtc.transport.sctp_guard import MAX_AHEAD, MAX_BYTES, MAX_CHUNKS, MAX_STREAMS, Verdict
from pipeline.clock import Clock, give_way
from pipeline.packet import SECOND
from pipeline.runtime.virtual import run_virtual
from tests.fuzzing import examples
from tests.growth import seconds, slowness, undisturbed
from tests.hostile import sctp
from tests.hostile.association import TSN, FakeDtls, GuardedAssociation

MOST_LOOP_TIME = 0.05
"""Seconds of the loop that a client's packets may take at once."""


# --- honest clients


class Network:
    """Carries packets between two associations; loses and reorders some of them."""

    def __init__(self, guarded: GuardedAssociation, client: Any, loss: float) -> None:
        self.verdicts: list[Verdict] = []
        self._guarded, self._client, self._loss = guarded, client, loss
        self._chance = random.Random(7)
        self._tasks: set[asyncio.Task[None]] = set()
        self._clock = Clock(asyncio.get_running_loop())

    def to_host(self, packet: bytes) -> None:
        """From the client."""
        self._carry(packet, self._receive)

    def to_client(self, packet: bytes) -> None:
        """From the host."""
        self._carry(packet, self._client._handle_data)

    async def _receive(self, packet: bytes) -> None:
        self.verdicts.append(await self._guarded.receive(packet))

    def _carry(self, packet: bytes, receive: Callable[[bytes], Any]) -> None:
        if self._chance.random() >= self._loss:
            task = asyncio.ensure_future(self._later(packet, receive))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _later(self, packet: bytes, receive: Callable[[bytes], Any]) -> None:
        late = 0.01 if self._chance.random() < self._loss else 0
        await self._clock.sleep(round((0.02 + late) * SECOND))
        await receive(packet)


@pytest.mark.parametrize("loss", [0.0, 0.02, 0.15])
def test_sctp_guard_passes_all_that_an_honest_client_sends(loss: float) -> None:
    """Long messages both ways, many short ones, channels that close and open; also where packets get lost."""

    async def main() -> None:
        guarded = GuardedAssociation(asyncio.get_running_loop().time)
        client: Any = RTCSctpTransport(FakeDtls("server"))  # type: ignore[arg-type]
        network = Network(guarded, client, loss)
        client.transport.send, guarded.dtls.send = network.to_host, network.to_client
        received: list[int] = []
        guarded.sctp.on("datachannel", lambda channel: channel.on("message", lambda text: received.append(len(text))))
        await guarded.sctp.start(RTCSctpTransport.getCapabilities(), 5000)
        await client.start(RTCSctpTransport.getCapabilities(), 5000)
        clock, sizes = Clock(asyncio.get_running_loop()), []
        for round_ in range(3):
            channel = RTCDataChannel(client, RTCDataChannelParameters(label="oai-events"))
            loose = RTCDataChannel(client, RTCDataChannelParameters(label="avatar", ordered=False, maxRetransmits=0))
            while {channel.readyState, loose.readyState} != {"open"}:
                await clock.sleep(SECOND)
            for size in (10, 60_000, 1, 250_000, *[50] * 60, 5):
                channel.send("x" * size)
                loose.send("y" * 50)
                sizes.append(size)
            await guarded.send(200_000)
            await clock.sleep(60 * SECOND)
            assert sum(received) >= sum(sizes), round_
            channel.close()
            loose.close()
            await clock.sleep(20 * SECOND)
        assert guarded.guard.counts == {} and set(network.verdicts) == {Verdict.PASS}
        guarded.close()
        client._set_state(client.State.CLOSED)

    run_virtual(main())


# --- hostile clients


def guarded(scene: Callable[[GuardedAssociation], Any], budget: float = sctp_guard.BUDGET) -> Any:
    """Plays a scene with a connected association, to which the host has sent three chunks."""

    async def main() -> Any:
        association = GuardedAssociation(budget=budget)
        await association.connect()
        await association.send(3_000)
        try:
            return await scene(association)
        finally:
            association.close()
            await give_way()

    return asyncio.run(main())


def sent(association: GuardedAssociation) -> int:
    """The last TSN that the host has sent."""
    return int(association.sctp._local_tsn) - 1


@pytest.mark.parametrize(
    ("verdict", "reason", "make"),
    [
        (Verdict.PASS, "", lambda a: sctp.sack(sent(a) - 3, [(2, 3)])),
        (Verdict.PASS, "", lambda a: sctp.sack(sent(a))),
        (Verdict.PASS, "", lambda a: sctp.sack(sent(a) - 10, [(1, 13)])),
        (Verdict.END, "acknowledged", lambda a: sctp.sack(sent(a) + 1)),
        (Verdict.END, "acknowledged", lambda a: sctp.sack(sent(a) - 3, [(2, 4)])),
        (Verdict.END, "acknowledged", lambda a: sctp.sack(sent(a) - 3, [(1, 65_535)])),
        (Verdict.END, "acknowledged", lambda a: sctp.sack(sent(a) - 3, [(3, 2)])),
        (Verdict.END, "acknowledged", lambda a: sctp.sack(sent(a) - 3, [(0, 1)])),
        (Verdict.END, "acknowledged", lambda a: sctp.sack(sent(a) - 3, [(1, 3)] * 10)),
        (Verdict.DROP, "malformed", lambda a: sctp.chunk(sctp.SACK, struct.pack("!LLHH", sent(a), 0, 1, 0))),
        (Verdict.DROP, "malformed", lambda a: sctp.chunk(sctp.SACK)),
        (Verdict.PASS, "", lambda a: sctp.data(TSN)),
        (Verdict.PASS, "", lambda a: sctp.data(TSN + MAX_AHEAD - 1)),
        (Verdict.END, "ahead", lambda a: sctp.data(TSN + MAX_AHEAD)),
        (Verdict.PASS, "", lambda a: sctp.data(TSN - 1_000)),
        (Verdict.DROP, "malformed", lambda a: sctp.data(TSN, b"")),
        (Verdict.DROP, "malformed", lambda a: sctp.chunk(sctp.DATA)),
        (Verdict.PASS, "", lambda a: sctp.forward_tsn(TSN + 2, [(1, 1), (1, 2)])),
        (Verdict.END, "ahead", lambda a: sctp.forward_tsn(TSN + 100_000)),
        (Verdict.END, "streams", lambda a: sctp.forward_tsn(TSN, [(each, 0) for each in range(MAX_STREAMS + 1)])),
        (Verdict.DROP, "malformed", lambda a: sctp.chunk(sctp.FORWARD_TSN, bytes(6))),
        (Verdict.DROP, "malformed", lambda a: sctp.chunk(sctp.FORWARD_TSN)),
        (Verdict.PASS, "", lambda a: sctp.chunk(sctp.HEARTBEAT, sctp.parameter(1, bytes(36)))),
        (Verdict.DROP, "malformed", lambda a: sctp.chunk(sctp.HEARTBEAT, sctp.parameter(1, bytes(1_000)))),
        (Verdict.DROP, "malformed", lambda a: sctp.chunk(sctp.HEARTBEAT, sctp.parameter(1, length=0))),
        (Verdict.DROP, "malformed", lambda a: sctp.chunk(sctp.ERROR, sctp.parameter(1, length=3))),
        (Verdict.DROP, "malformed", lambda a: sctp.chunk(sctp.ABORT, sctp.parameter(1, length=9))),
        (Verdict.DROP, "malformed", lambda a: sctp.chunk(sctp.HEARTBEAT_ACK, sctp.parameter(1) * 40)),
        (Verdict.DROP, "malformed", lambda a: sctp.chunk(sctp.SHUTDOWN)),
        (Verdict.PASS, "", lambda a: sctp.chunk(sctp.RE_CONFIG, sctp.reset_streams(1, TSN, [0, 2]))),
        (Verdict.END, "streams", lambda a: sctp.chunk(sctp.RE_CONFIG, sctp.reset_streams(1, TSN, range(100)))),
        (Verdict.DROP, "malformed", lambda a: sctp.chunk(sctp.RE_CONFIG, sctp.parameter(sctp.RESET_OUT, bytes(13)))),
        (Verdict.DROP, "malformed", lambda a: sctp.chunk(sctp.RE_CONFIG, sctp.parameter(sctp.ADD_OUT))),
        (Verdict.DROP, "malformed", lambda a: sctp.chunk(sctp.DATA, length=2)),
        (Verdict.DROP, "malformed", lambda a: sctp.chunk(sctp.DATA, length=5_000)),
        (Verdict.DROP, "malformed", lambda a: sctp.chunk(64) * 200),
        (Verdict.DROP, "malformed", lambda a: b""),
        (Verdict.PASS, "", lambda a: sctp.chunk(64, bytes(20))),
    ],
)
def test_sctp_guard_judges_one_chunk(
    verdict: Verdict, reason: str, make: Callable[[GuardedAssociation], bytes]
) -> None:
    """What an honest client may send passes; what is malformed is ignored; what none sends ends the call."""

    async def scene(association: GuardedAssociation) -> None:
        assert await association.receive(sctp.packet(association.tag, make(association))) is verdict
        assert association.guard.counts == ({reason: 1} if reason else {})

    guarded(scene)


def test_sctp_guard_ignores_what_does_not_belong_to_the_association() -> None:
    """Another tag, a second INIT, chunks before the first INIT, and everything after the end."""

    async def scene(association: GuardedAssociation) -> None:
        tag = association.tag
        assert await association.receive(sctp.packet(tag + 1, sctp.data(TSN))) is Verdict.DROP
        assert await association.receive(sctp.packet(0, sctp.init())) is Verdict.DROP
        assert await association.receive(sctp.packet(0, sctp.init(), sctp.data(TSN))) is Verdict.DROP
        assert await association.receive(b"short") is Verdict.DROP
        association.close()
        assert await association.receive(sctp.packet(tag, sctp.data(TSN))) is Verdict.DROP
        assert association.guard.counts == {"tag": 1, "state": 2, "malformed": 1, "closed": 1}

    guarded(scene)

    async def early() -> None:
        association = GuardedAssociation()
        await association.sctp.start(None, 5000)
        for chunk in (sctp.data(1), sctp.sack(1), sctp.forward_tsn(1), sctp.chunk(sctp.COOKIE_ECHO)):
            assert await association.receive(sctp.packet(association.tag, chunk)) is Verdict.DROP
        association.close()

    asyncio.run(early())


@pytest.mark.parametrize(
    ("reason", "most", "chunk"),
    [
        ("streams", MAX_STREAMS, lambda n: sctp.data(TSN + n, stream=n, flags=sctp.FIRST)),
        ("streams", MAX_STREAMS, lambda n: sctp.open_channel(TSN + n, n)),
        ("window", MAX_BYTES // 1_000, lambda n: sctp.data(TSN + n, bytes(1_000), flags=0 if n else sctp.FIRST)),
        ("window", MAX_BYTES // 1_000, lambda n: sctp.data(TSN + n + 1, bytes(1_000), sequence=n + 1)),
        ("chunks", MAX_CHUNKS, lambda n: sctp.data(TSN + n, flags=0 if n else sctp.FIRST)),
        ("chunks", MAX_CHUNKS, lambda n: sctp.data(TSN + n + 1, flags=sctp.FIRST | sctp.UNORDERED)),
        ("ahead", MAX_AHEAD // 2, lambda n: sctp.data(TSN + 2 * n + 1, flags=sctp.WHOLE | sctp.UNORDERED)),
    ],
)
def test_sctp_guard_bounds_what_aiortc_holds(reason: str, most: int, chunk: Callable[[int], bytes]) -> None:
    """Streams, bytes and chunks: at the limit the call ends, whatever time was taken to get there."""

    async def scene(association: GuardedAssociation) -> None:
        for number in range(10_000):
            verdict = await association.receive(sctp.packet(association.tag, chunk(number)))
            if verdict is not Verdict.PASS:
                break
        assert verdict is Verdict.END and association.guard.counts == {reason: 1}
        assert most - 2 <= number <= most

    guarded(scene, budget=1e12)


@pytest.mark.parametrize(
    "chunks",
    [
        lambda a, n: [sctp.data(TSN + 1 + 50 * n + each) for each in range(50)],
        lambda a, n: [sctp.data(TSN + 50 * n + each, flags=0) for each in range(50)],
        lambda a, n: [sctp.data(TSN)] * 50,
        lambda a, n: [sctp.sack(sent(a) - 3, duplicates=range(300))],
        lambda a, n: [sctp.chunk(sctp.HEARTBEAT, sctp.parameter(1))] * 50,
        lambda a, n: [sctp.chunk(sctp.RE_CONFIG, sctp.reset_streams(n, TSN - 1, range(30)) * 3)],
        lambda a, n: [sctp.chunk(64)] * 100,
        lambda a, n: [sctp.forward_tsn(TSN - 1, [(1, 1)] * 300)],
        lambda a, n: [sctp.chunk(sctp.COOKIE_ECHO, bytes(24))] * 40,
        lambda a, n: [b"junk"],
    ],
)
def test_sctp_guard_bounds_the_time_of_the_loop(chunks: Callable[[GuardedAssociation, int], list[bytes]]) -> None:
    """A flood is taken until the budget is spent (which takes 40 ms), then ignored; when it goes on the call ends."""

    async def scene(association: GuardedAssociation) -> None:
        packets = [sctp.packet(association.tag, *chunks(association, number)) for number in range(5_000)]
        verdicts, taken = [], 0.0
        with undisturbed():
            for packet in packets:
                before = time.thread_time()
                verdicts.append(await association.receive(packet))
                taken += time.thread_time() - before
                if verdicts[-1] is Verdict.END:
                    break
        assert verdicts[-1] is Verdict.END and verdicts.count(Verdict.DROP) <= sctp_guard.MAX_DROPS
        assert min(taken, taken / slowness()) < sctp_guard.BUDGET / 1e6

    guarded(scene)


def test_sctp_guard_forgives_with_time() -> None:
    """A client that once sent too much may go on: its budget is full again within a second."""

    async def scene() -> None:
        now = 0.0
        association = GuardedAssociation(lambda: now)
        await association.connect()
        echo = sctp.packet(association.tag, *[sctp.chunk(sctp.HEARTBEAT, sctp.parameter(1))] * 50)
        for _ in range(50):
            verdicts = [await association.receive(echo) for _ in range(100)]
            assert verdicts[0] is Verdict.PASS and verdicts[-1] is Verdict.DROP and Verdict.END not in verdicts
            now += 10
        association.close()

    asyncio.run(scene())


def test_sctp_guard_gives_time_back_for_what_was_acknowledged() -> None:
    """A client acknowledges each of our chunks: a long event, or a second of face frames, must not cost its call."""

    async def scene(association: GuardedAssociation) -> None:
        for _ in range(3_000):
            await association.send(100)
            assert await association.receive(sctp.packet(association.tag, sctp.sack(sent(association)))) is Verdict.PASS

    guarded(scene)


def test_sctp_guard_takes_microseconds_for_an_honest_packet() -> None:
    """It runs for every message, and for every acknowledgement of a face frame."""

    async def scene(association: GuardedAssociation) -> float:
        packet = sctp.packet(association.tag, sctp.data(TSN, bytes(100)))

        def check_100() -> None:
            for _ in range(100):
                association.check(packet)

        return seconds(check_100, runs=20) / 100

    assert guarded(scene, budget=1e12) < 50e-6


# --- anything

numbers = (
    st.integers(-3, 3) | st.sampled_from([300, 4_095, 4_096, 65_535, 1 << 31, (1 << 31) - 1]) | st.integers(0, 1 << 32)
)
small = st.integers(0, 40) | st.integers(0, 65_535)
values = st.binary(max_size=40)
parameters = st.lists(
    st.builds(
        sctp.parameter,
        st.sampled_from([1, 7, 13, 16, 17, 0x8008]) | small,
        values | st.builds(lambda n, t: struct.pack("!LLL", n % sctp.WRAP, 0, t % sctp.WRAP), numbers, numbers),
        st.none() | small,
    ),
    max_size=5,
).map(b"".join)
pairs = st.lists(st.tuples(small, small), max_size=30) | st.just("many")
chunks = st.one_of(
    st.tuples(st.just("data"), numbers, values, small, small, st.sampled_from([50, 51, 53, 56]), st.integers(0, 7)),
    st.tuples(st.just("sack"), numbers, pairs, st.lists(numbers, max_size=30)),
    st.tuples(st.just("forward_tsn"), numbers, pairs),
    st.tuples(st.just("open_channel"), numbers, small, st.text(max_size=3)),
    st.tuples(
        st.just("chunk"),
        st.sampled_from(sctp.CHUNKS) | st.integers(0, 255),
        parameters | values,
        st.integers(0, 255),
        st.none() | small,
    ),
    st.tuples(st.just("init"), numbers, numbers, parameters),
)
packets = st.tuples(
    st.sampled_from(["own", "own", "own", "none", "other"]),
    st.lists(chunks, min_size=1, max_size=4) | values,
    st.just(1) | st.integers(1, 60),
)
"""The tag, the chunks, and how often they are repeated in the packet."""


def built(association: GuardedAssociation, packet: Any) -> bytes:
    """The bytes of a packet; TSNs are relative to what is expected, those of acknowledgements to what was sent."""
    tag, content, times = packet
    if isinstance(content, bytes):
        return content
    parts = []
    for name, *fields in content:
        if name in ("data", "forward_tsn", "open_channel"):
            fields[0] += association.sctp._last_received_tsn or TSN
        if name == "sack":
            fields[0] += association.sctp._last_sacked_tsn
        fields = [[(1, 65_535)] * 280 if field == "many" else field for field in fields]
        parts.append(getattr(sctp, name)(*fields))
    tags = {"own": association.tag, "none": 0, "other": 1}
    return sctp.packet(tags[tag], *(parts * times))[:1_500]


@examples(300)
@given(stream=st.lists(packets, max_size=12))
def test_sctp_guard_with_any_packets_takes_no_time_and_raises_nothing(stream: list[Any]) -> None:
    """Well-formed chunks with hostile fields, and bytes: aiortc raises what ends that call in a line, or nothing."""

    async def scene(association: GuardedAssociation) -> None:
        for packet in stream:
            data = built(association, packet)
            with undisturbed():
                before = time.thread_time()
                verdict = association.check(data)
                try:
                    if verdict is Verdict.PASS:
                        await association.sctp._handle_data(data)
                except FAILURES:
                    break
                finally:
                    taken = time.thread_time() - before
                    assert taken < MOST_LOOP_TIME or taken / slowness() < MOST_LOOP_TIME
            if verdict is Verdict.END:
                break

    guarded(scene)


@examples(300)
@given(data=st.binary(max_size=1_500))
def test_sctp_guard_with_any_bytes_raises_nothing(data: bytes) -> None:
    async def scene(association: GuardedAssociation) -> None:
        association.check(data)
        association.check(struct.pack("!LL", 0, association.tag) + data)
        association.check(struct.pack("!LLL", 0, association.tag, 0) + data)

    guarded(scene)
