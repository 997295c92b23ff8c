"""What one client sends ends its own call at most, and leaves no more than a line in the log."""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import aiortc
import pytest
import uvloop
from aioice import Candidate, stun

from nodes.webrtc.transport import call_guard, peer
from nodes.webrtc.transport.aiortc_hooks import ice_connection
from nodes.webrtc.transport.peer import Peer
from pipeline.packet import MILLISECOND
from tests.hostile import sctp
from tests.hostile.line import HostileLine
from tests.nodes.webrtc.client import Client, loopback

ms = MILLISECOND


class Talk:
    """A peer, and a client that is hostile once `line` is used."""

    def __init__(self, peer: Peer, client: Client) -> None:
        self.peer, self.client = peer, client
        self.unhandled: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.unhandled.append(context))

    @property
    def association(self) -> Any:
        """That of the peer."""
        return self.peer.connection.sctp

    @property
    def ice(self) -> Any:
        """The ICE connection of the peer."""
        return self.association.transport.transport._connection

    async def hostile(self) -> HostileLine:
        """The client's connection, from now on hostile."""
        await self.client.clock.sleep(100 * ms)
        return HostileLine(self.client)

    async def fault(self) -> str:
        """Why the peer ended the call, once it has."""
        async with asyncio.timeout(5):
            await self.peer.ended.wait()
        return self.peer.fault


@pytest.fixture
def calling(caplog: pytest.LogCaptureFixture) -> Callable[[Callable[[Talk], Awaitable[None]]], None]:
    """Plays a scene with a connected call; nothing may be logged, and no failure be unhandled."""

    def play(scene: Callable[[Talk], Awaitable[None]]) -> None:
        async def main() -> None:
            with loopback():
                talk = Talk(Peer(), Client())
                try:
                    async with asyncio.timeout(20):
                        await talk.client.call(talk.peer)
                        await scene(talk)
                finally:
                    async with asyncio.timeout(10):
                        await talk.peer.close()
                        await talk.client.close()
                assert talk.unhandled == []

        with caplog.at_level(logging.WARNING):
            uvloop.run(main())
        assert [record for record in caplog.records if record.name.startswith(("aiortc", "asyncio", "nodes"))] == []

    return play


Calling = Callable[[Callable[[Talk], Awaitable[None]]], None]


def test_call_guard_ends_the_call_of_a_client_that_breaks_a_limit(calling: Calling) -> None:
    """Quietly; the host reads which limit it was, and how often."""

    async def scene(talk: Talk) -> None:
        line = await talk.hostile()
        await line.send(sctp.chunk(sctp.HEARTBEAT, sctp.parameter(1, length=0)))
        await line.send(sctp.sack(line.acked, [(1, 65_535)]))
        assert await talk.fault() == "the client broke a limit of its data channels: acknowledged"
        await line.send(*[sctp.data(line.tsn)] * 50)
        assert talk.peer.statistics().refused == {"malformed": 1, "acknowledged": 1}
        await talk.peer.close()
        assert await line.ended()

    calling(scene)


@pytest.mark.parametrize(
    ("error", "chunk"),
    [
        ("AssertionError", lambda tsn, stream: sctp.open_channel(tsn, stream)),
        ("UnicodeDecodeError", lambda tsn, stream: sctp.data(tsn, b"\xff", stream, flags=sctp.UNORDERED | sctp.WHOLE)),
    ],
)
def test_call_guard_failure_of_aiortc_ends_one_call(
    calling: Calling, error: str, chunk: Callable[[int, int], bytes]
) -> None:
    """A channel is opened twice, a text is not UTF-8: aiortc raises, and would log a traceback."""

    async def scene(talk: Talk) -> None:
        line = await talk.hostile()
        await line.send(chunk(line.tsn, talk.client.channel.id or 0))
        assert (await talk.fault()).startswith(f"aiortc failed: {error}")

    calling(scene)


def test_call_guard_failure_in_a_timer_of_aiortc_ends_one_call(calling: Calling) -> None:
    """Timers and tasks have no caller that could catch it."""

    async def scene(talk: Talk) -> None:
        talk.association._sent_queue = None
        asyncio.get_running_loop().call_soon(talk.association._t3_expired)
        assert (await talk.fault()).startswith("aiortc failed: TypeError")
        talk.association._sent_queue = []

    calling(scene)


def test_call_guard_failure_in_a_task_of_aiortc_ends_one_call(calling: Calling) -> None:
    async def scene(talk: Talk) -> None:
        talk.association._sent_queue = None
        task = asyncio.ensure_future(talk.association._transmit())
        await asyncio.wait([task])
        del task
        assert (await talk.fault()).startswith("aiortc failed: TypeError")
        talk.association._sent_queue = []

    calling(scene)


def test_call_guard_leaves_other_failures_to_the_loop() -> None:
    """A fault of the program is no client's fault: it must be seen."""

    async def main() -> list[str]:
        unhandled: list[str] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: unhandled.append(repr(context["exception"])))
        with loopback():
            peer, client = Peer(), Client()
            await client.call(peer)
            loop.call_soon(struct.unpack, "!L", b"")
            await client.clock.sleep(50 * ms)
            assert not peer.ended.is_set()
            await client.close()
            await peer.close()
        return unhandled

    assert uvloop.run(main()) == ["error('unpack requires a buffer of 4 bytes')"]


def test_call_guard_reads_all_records_of_a_datagram(calling: Calling) -> None:
    """aiortc reads one and keeps the others, for as long as the call lasts."""

    async def scene(talk: Talk) -> None:
        texts: list[str] = []
        talk.peer.on_message = texts.append
        line = await talk.hostile()
        stream, flags = talk.client.channel.id or 0, sctp.UNORDERED | sctp.WHOLE
        records = [
            sctp.packet(line.tag, sctp.data(line.tsn + each, b"%d" % each, stream, flags=flags)) for each in range(10)
        ]
        await line.write_together(records)
        await line.pause(100)
        assert texts == [str(each) for each in range(10)]
        await line.write_together(records * 3)
        assert await talk.fault() == "the client sent too many DTLS records in a datagram"

    calling(scene)


def test_call_guard_acknowledgement_fits_into_a_datagram(calling: Calling) -> None:
    """With a gap after each chunk it would not, and what is left over would never be sent."""

    async def scene(talk: Talk) -> None:
        received: list[int] = []
        line = await talk.hostile()

        async def receive(packet: bytes) -> None:
            received.append(len(packet))

        talk.client.connection.sctp._handle_data = receive  # type: ignore[union-attr, method-assign]
        for number in range(30):
            await line.send(*(sctp.data(line.tsn + 1 + 40 * number + 2 * each, sequence=9) for each in range(20)))
            await line.pause(5)
        await line.pause(100)
        assert 1_000 < max(received) < 1_200

    calling(scene)


def test_call_guard_ignores_requests_for_sound_packets(calling: Calling) -> None:
    """One RTCP packet would have 3,400 packets of sound sent again."""

    async def scene(talk: Talk) -> None:
        line = await talk.hostile()
        lost = struct.pack("!HH", 0, 0xFFFF) * 200
        report = struct.pack("!BBHL", 0x80, 201, 1, 1)
        await line.write_rtcp(report + struct.pack("!BBHLL", 0x81, 205, (len(lost) + 8) // 4, 1, 2) + lost)
        await line.write_rtcp(struct.pack("!BBHLL", 0x81, 205, 2, 1, 2))
        await line.write_rtcp(report * 50)
        await line.write_rtcp(report)
        await line.pause(100)
        assert talk.peer.statistics().refused == {"rtcp": 3} and not talk.peer.ended.is_set()

    calling(scene)


def test_call_guard_limits_addresses_that_are_learned(calling: Calling) -> None:
    """Each would be checked, and looked through for every other one."""

    async def scene(talk: Talk) -> None:
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["PRIORITY"] = 1
        protocol = talk.ice._protocols[0]
        for port in range(100):
            talk.ice.check_incoming(request, ("127.0.0.1", 20_000 + port), protocol)
        assert len(talk.ice.remote_candidates) == call_guard.MAX_REMOTE
        known: Candidate = talk.ice.remote_candidates[0]
        talk.ice.check_incoming(request, (known.host, known.port), protocol)
        refused = talk.peer.statistics().refused["checks"]
        assert refused > 60
        del request.attributes["PRIORITY"]
        talk.ice.check_incoming(request, (known.host, known.port), protocol)
        assert talk.peer.statistics().refused["checks"] == refused + 1

    calling(scene)


def test_call_guard_bounds_datagrams_before_the_handshake() -> None:
    """Until a client is connected aiortc reads nothing, and anyone may send to the port."""

    async def main() -> None:
        with loopback():
            peer, client = Peer(), Client()
            await client.connection.setLocalDescription(await client.connection.createOffer())
            await peer.answer(client.connection.localDescription.sdp)
            ice: Any = ice_connection(peer.connection.getReceivers()[0])
            for _ in range(2_000):
                ice.data_received(bytes([22]) * 1_000, 1)
            assert ice._queue.qsize() == call_guard.MAX_WAITING
            assert peer.statistics().refused == {"queue": 2_000 - call_guard.MAX_WAITING}
            await peer.close()
            await client.close()

    uvloop.run(main())


def test_call_guard_is_removed_with_the_call(calling: Calling) -> None:
    """The connection would refer to itself, and stay until it is collected."""

    async def scene(talk: Talk) -> None:
        await talk.peer.close()
        for part in (talk.association, talk.association.transport, talk.ice):
            ours = [name for name in vars(part) if getattr(vars(part)[name], "__module__", "") == call_guard.__name__]
            assert ours == []

    calling(scene)


def test_call_without_audio_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """`a=inactive`: no packet of sound comes, only a STUN request now and then. It ended after 4 s."""
    monkeypatch.setattr(peer, "SILENT_TIMEOUT", 20)
    monkeypatch.setattr(peer, "NO_AUDIO_TIMEOUT", 100)

    async def main() -> None:
        with loopback():
            called, client = Peer(), Client()
            client.connection.getTransceivers()[0].direction = "inactive"
            await client.connection.setLocalDescription(await client.connection.createOffer())
            answer = await called.answer(client.connection.localDescription.sdp)
            await client.connection.setRemoteDescription(aiortc.RTCSessionDescription(answer, "answer"))
            async with asyncio.timeout(5):
                await called.connected.wait()
            began = client.clock.now()
            await client.clock.sleep(1_200 * ms)
            assert not called.ended.is_set()
            async with asyncio.timeout(5):
                await called.ended.wait()
            assert client.clock.now() - began < 4_000 * ms
            await client.close()
            await called.close()

    uvloop.run(main())
