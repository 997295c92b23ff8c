"""Assumptions about aiortc's internals are checked, so that a change is noticed before a release."""

from __future__ import annotations

import asyncio
import inspect

import aioice.ice
import aiortc
import numpy as np
import pytest
import uvloop

from nodes.webrtc.transport import aiortc_hooks
from nodes.webrtc.transport.aiortc_hooks import TESTED, PacketTrack, ice_connection, missing
from nodes.webrtc.transport.peer import Peer
from pipeline.clock import Clock, give_way
from pipeline.packet import MILLISECOND
from tests.nodes.webrtc.client import Client, loopback


def test_aiortc_version_is_a_tested_one() -> None:
    """For another version: run the tests of this folder, read aiortc's changes, and add it to TESTED."""
    assert aiortc.__version__.rsplit(".", 1)[0] in TESTED


def test_aiortc_datagrams_still_pass_where_they_are_tapped() -> None:
    assert "self.receiver.data_received(data" in inspect.getsource(aioice.ice.StunProtocol.datagram_received)
    assert [*inspect.signature(aioice.Connection.data_received).parameters] == ["self", "data", "component"]


def test_aiortc_missing_internal_names_are_reported() -> None:
    """If one is missing, audio comes through aiortc's own receiver."""

    async def main() -> None:
        connection = aiortc.RTCPeerConnection()
        transceiver = connection.addTransceiver("audio")
        assert missing(connection) == []
        delattr(transceiver.sender, "_ssrc")
        assert missing(connection) == ["RTCRtpSender._ssrc"]
        dtls = transceiver.receiver.transport
        delattr(dtls, "_rx_srtp")
        ice_connection(transceiver.receiver).data_received = lambda packet: None
        assert missing(connection) == ["Connection.data_received", "RTCDtlsTransport._rx_srtp", "RTCRtpSender._ssrc"]
        delattr(dtls.transport, "_connection")
        assert missing(connection)[:2] == ["RTCIceTransport._connection", "Connection.data_received"]

    asyncio.run(main())


def test_aiortc_tap_takes_only_the_audio_packets() -> None:
    """Fifty packets a second come decrypted; aiortc's own receiver sees none; its sender counts."""

    async def main() -> None:
        with loopback():
            client, peer = Client(), Peer()
            try:
                async with asyncio.timeout(15):
                    await client.call(peer)
                    await client.speak(np.zeros(48_000, np.int16))
                    await Clock(asyncio.get_running_loop()).sleep(100 * MILLISECOND)
                assert peer.statistics().received == 50
                (receiver,), (sender,) = peer.connection.getReceivers(), peer.connection.getSenders()
                kinds = {each.type: each for each in (await receiver.getStats()).values()}
                assert "inbound-rtp" not in kinds
                sent = {each.type: each for each in (await sender.getStats()).values()}
                assert sent["outbound-rtp"].packetsSent == peer.statistics().sent >= 2
                ice = ice_connection(receiver)
                ice.data_received(b"\x80\x6f" + bytes(40), 1)
                ice.data_received(b"\x80", 1)
                assert peer.statistics().rejected == 1
            finally:
                await client.close()
                await peer.close()
            assert "data_received" not in vars(ice)

    uvloop.run(main())


def test_aiortc_track_gives_packets_in_order_and_none_before_it_is_read() -> None:
    """Packets from before the connection are dropped, not sent in a burst."""

    async def main() -> None:
        track = PacketTrack()
        track.push(b"early", 0)
        reading = asyncio.ensure_future(track.recv())
        await give_way()
        for number in range(3):
            track.push(bytes([number]), number * 960)
        packets = [await reading, await track.recv(), await track.recv()]
        assert [(bytes(packet), packet.pts) for packet in packets] == [(b"\0", 0), (b"\1", 960), (b"\2", 1920)]
        for number in range(200):
            track.push(bytes([number]), number)
        assert bytes(await track.recv()) == bytes([200 - aiortc_hooks.MAX_QUEUED])
        track.stop()
        with pytest.raises(aiortc.mediastreams.MediaStreamError):
            await track.recv()

    asyncio.run(main())
