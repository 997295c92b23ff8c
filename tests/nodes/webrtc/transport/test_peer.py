"""Whole calls over the loopback interface: audio both ways, events, and face frames."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aioice.ice
import aiortc
import numpy as np
import pytest
import uvloop

from nodes.packets import Samples
from nodes.webrtc.protocol import Flush, decode_from_server
from nodes.webrtc.transport import aiortc_hooks, sdp
from nodes.webrtc.transport.aiortc_hooks import PacketTrack
from nodes.webrtc.transport.peer import Peer
from nodes.webrtc.transport.playback import Playback
from pipeline.cause import Causes
from pipeline.clock import Clock
from pipeline.errors import Stuck, UserInputError
from pipeline.packet import MILLISECOND, Stamp
from tests.nodes.webrtc.client import Client, Drop, loopback

ms = MILLISECOND


def tone(seconds: float, rate: int, pitch: float = 440) -> Samples:
    return (8000 * np.sin(2 * np.pi * pitch * np.arange(round(rate * seconds)) / rate)).astype(np.int16)


def pitch_of(samples: Samples, rate: int) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples * np.hanning(samples.size))))) * rate / samples.size


class Talk:
    """A peer, its client, and what the peer hears."""

    def __init__(self, client: Client, peer: Peer) -> None:
        self.client, self.peer = client, peer
        self.clock = Clock(asyncio.get_running_loop())
        self.heard: list[Samples] = []
        self.answer = ""
        peer.on_audio = self.heard.append


def calling(scene: Callable[[Talk], Awaitable[None]], *, drop: Drop = lambda number: False, face: bool = True) -> Talk:
    """Calls, plays the scene, hangs up."""

    async def main() -> Talk:
        with loopback():
            talk = Talk(Client(drop=drop, face=face), Peer())
            try:
                async with asyncio.timeout(20):
                    talk.answer = await talk.client.call(talk.peer)
                    await scene(talk)
            finally:
                async with asyncio.timeout(10):
                    await talk.client.close()
                    await talk.peer.close()
            return talk

    return uvloop.run(main())


def test_peer_call_carries_audio_events_and_face_frames() -> None:
    """Audio in and out, events both ways, face frames; nothing is left afterwards."""

    async def scene(talk: Talk) -> None:
        texts: list[str] = []
        talk.peer.on_message = texts.append
        talk.client.channel.send("hello")
        causes = Causes()
        talk.peer.player.play(playback := Playback(tone(0.8, 24_000, 880), Stamp(0, 0, causes.root)))
        await talk.client.speak(tone(1.0, 48_000))
        await playback.over
        talk.peer.send(Flush(3))
        talk.peer.send_avatar(b"frames")
        await talk.clock.sleep(400 * ms)
        assert texts == ["hello"]
        assert talk.peer.has_face and talk.peer.rtp_origin is not None

    talk = calling(scene)
    heard = np.concatenate(talk.heard)
    assert all(frame.size == 320 for frame in talk.heard) and 49 <= len(talk.heard) <= 51
    assert abs(pitch_of(heard[1600:], 16_000) - 440) < 10
    statistics = talk.peer.statistics()
    assert statistics.direct and statistics.received == 50 and statistics.lost == statistics.malformed == 0
    answer = np.concatenate(talk.client.heard)
    loud = answer[np.abs(answer.astype(int)) > 1000]
    assert loud.size > 0.5 * 48_000 * 0.8
    assert [decode_from_server(text) for text in talk.client.events] == [Flush(3)]
    assert talk.client.batches == [b"frames"]


def test_peer_rtp_origin_matches_what_the_client_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    """RTP time starts from a random number; the face needs to know it."""
    seen: list[int] = []
    sent: list[int] = []
    usual_push, usual_receive = PacketTrack.push, getattr(aiortc.RTCDtlsTransport, "_handle_rtp_data")  # noqa: B009

    def send(track: PacketTrack, payload: bytes, pts: int) -> None:
        sent.append(pts)
        usual_push(track, payload, pts)

    async def receive(transport: aiortc.RTCDtlsTransport, data: bytes, arrival_time_ms: int) -> None:
        seen.append(int.from_bytes(data[4:8], "big"))
        await usual_receive(transport, data, arrival_time_ms)

    async def scene(talk: Talk) -> None:
        await talk.clock.sleep(100 * ms)  # what was sent before has arrived
        monkeypatch.setattr(aiortc.RTCDtlsTransport, "_handle_rtp_data", receive)
        talk.peer.player.play(Playback(tone(0.3, 24_000), Stamp(0, 0, Causes().root)))
        await talk.clock.sleep(500 * ms)
        assert len(seen) > 10 and talk.peer.rtp_origin is not None
        assert {(rtp - talk.peer.rtp_origin) % 2**32 for rtp in seen} <= set(sent)

    monkeypatch.setattr(PacketTrack, "push", send)
    calling(scene)


def test_peer_conceals_and_counts_lost_packets() -> None:
    """One packet in ten: the sound is as long as before, and the counts say why it was worse."""

    async def scene(talk: Talk) -> None:
        await talk.client.speak(tone(1.2, 48_000))
        await talk.clock.sleep(100 * ms)

    talk = calling(scene, drop=lambda number: number % 10 == 5)
    assert len(talk.heard) == 60
    statistics = talk.peer.statistics()
    assert (statistics.received, statistics.lost, statistics.concealed_ms) == (54, 6, 120)
    assert all(np.abs(frame).max() > 2000 for frame in talk.heard[5:])


def test_peer_sends_receiver_reports_to_the_client() -> None:
    """Without receiver reports a browser does not know of the loss, and never adapts."""
    found: list[Any] = []

    async def scene(talk: Talk) -> None:
        await talk.client.speak(tone(2.4, 48_000))
        report = await talk.client.connection.getSenders()[0].getStats()
        found.extend(each for each in report.values() if each.type == "remote-inbound-rtp")

    calling(scene, drop=lambda number: number % 10 == 5)
    assert found and found[0].packetsLost >= 4 and found[0].fractionLost >= 20


def test_peer_answer_requests_narrow_voice_and_dtx() -> None:
    async def scene(talk: Talk) -> None:
        await talk.clock.sleep(ms)

    answer = calling(scene, face=False).answer
    assert answer.count("a=fmtp:96 ") == 1
    assert f"a=rtpmap:96 opus/48000/2\r\na=fmtp:96 {sdp.OPUS_PARAMETERS}\r\n" in answer
    assert "PCMU" not in answer


def test_peer_receives_audio_without_the_aiortc_tap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new aiortc may change its internals; calls must still work."""
    monkeypatch.setattr(aiortc_hooks, "missing", lambda peer: ["RTCIceTransport._connection"])

    async def scene(talk: Talk) -> None:
        await talk.client.speak(tone(1.0, 48_000))
        await talk.clock.sleep(200 * ms)

    talk = calling(scene)
    assert not talk.peer.statistics().direct
    assert len(talk.heard) >= 40 and all(frame.size == 320 for frame in talk.heard)
    assert abs(pitch_of(np.concatenate(talk.heard)[3200:], 16_000) - 440) < 10


def test_peer_call_ends_when_the_client_hangs_up() -> None:
    """Otherwise the session would stay, and the call would count against the limit."""

    async def scene(talk: Talk) -> None:
        await talk.client.close()
        async with asyncio.timeout(5):
            await talk.peer.ended.wait()
        talk.peer.send(Flush(1))
        await talk.peer.close()
        await talk.peer.close()

    calling(scene)


def test_peer_call_ends_when_no_packets_arrive() -> None:
    """A client that loses its network does not hang up; aioice alone would notice after half a minute."""

    async def scene(talk: Talk) -> None:
        assert not talk.peer.ended.is_set()
        began = talk.clock.now()
        with pytest.MonkeyPatch.context() as network:
            ice = aiortc_hooks.ice_connection(talk.client.connection.getReceivers()[0])
            network.setattr(ice, "sendto", _nowhere)
            network.setattr(aioice.ice.StunProtocol, "send_stun", lambda protocol, message, address: None)
            async with asyncio.timeout(6):
                await talk.peer.ended.wait()
        assert talk.clock.now() - began < 5000 * ms

    calling(scene)


async def _forever(_: object) -> None:
    """Hangs."""
    await asyncio.Event().wait()


async def _nowhere(*_: object) -> None:
    """Takes a packet and does nothing with it."""


def test_peer_close_that_hangs_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host must not wait for it without a limit."""

    async def scene(talk: Talk) -> None:
        with monkeypatch.context() as patch:
            patch.setattr("nodes.webrtc.transport.peer.CLOSE_TIMEOUT", 0.05)
            patch.setattr(aiortc.RTCPeerConnection, "close", _forever)
            with pytest.raises(Stuck, match=r"did not close in 0\.05 s"):
                await talk.peer.close()

    calling(scene)


def test_peer_drops_frames_for_a_client_that_does_not_read() -> None:
    async def scene(talk: Talk) -> None:
        for _ in range(400):
            talk.peer.send_avatar(bytes(1000))
        assert talk.peer.statistics().dropped > 300

    calling(scene)


async def refused(offer: str) -> UserInputError:
    with loopback():
        peer = Peer()
        try:
            with pytest.raises(UserInputError) as caught:
                await peer.answer(offer)
        finally:
            await peer.close()
    return caught.value


@pytest.mark.parametrize(
    "offer", ["", "hello", "v=0\r\nm=audio", "v=0\r\nm=audio x y z\r\n", "v=0\r\na=group\r\nm=\r\n"]
)
def test_peer_malformed_offer_is_a_typed_error(offer: str) -> None:
    """Offers are untrusted input: the error says what to send instead."""
    error = asyncio.run(refused(offer))
    assert "offer" in error.message and error.hint


def test_peer_refuses_an_offer_without_audio() -> None:
    async def main() -> UserInputError:
        import aiortc

        with loopback():
            client = aiortc.RTCPeerConnection()
            client.createDataChannel("oai-events")
            await client.setLocalDescription(await client.createOffer())
            offer = client.localDescription.sdp
            await client.close()
        return await refused(offer)

    assert "has no audio" in asyncio.run(main()).message


def test_peer_refuses_an_offer_without_opus() -> None:
    """With PCMU alone the offer is refused; otherwise the call would be silent."""

    async def main() -> UserInputError:
        with loopback():
            client = Client(face=False)
            transceiver = client.connection.getTransceivers()[0]
            import aiortc

            codecs = aiortc.RTCRtpSender.getCapabilities("audio").codecs
            transceiver.setCodecPreferences([codec for codec in codecs if codec.mimeType == "audio/PCMU"])
            await client.connection.setLocalDescription(await client.connection.createOffer())
            offer = client.connection.localDescription.sdp
            await client.close()
        return await refused(offer)

    assert "Opus" in asyncio.run(main()).hint
