"""One call: a connection with a browser, its sound in and out, and its data channels."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiortc

from nodes.webrtc.protocol import AVATAR, EVENTS
from nodes.webrtc.transport import aiortc_hooks, opus, sdp
from nodes.webrtc.transport.aiortc_hooks import PacketTrack, RtpTap
from nodes.webrtc.transport.call import CLOSE_TIMEOUT, CallTransport
from nodes.webrtc.transport.receiver import AudioReceiver
from nodes.webrtc.transport.rtp import RtpPacket
from nodes.webrtc.transport.sender import AudioSender
from nodes.webrtc.transport.ticker import Ticker
from pipeline.errors import Stuck, UserInputError

REPORT = 50
"""Ticks between two receiver reports: a second."""
LOST = 200
"""Ticks without any packet, 4 s, after which the client is gone: a browser sends something
every 2.5 s at least, and aioice alone would take 30 s to notice."""
MOST_BUFFERED = {AVATAR: 32_768, EVENTS: 1_048_576}
"""Bytes that may wait in a channel; a client that does not read gets no more."""


@dataclass(frozen=True, slots=True)
class PeerStatistics:
    """What became of a call's packets."""

    received: int
    lost: int
    """Packets that never came in time, and were concealed."""
    late: int
    """Packets that came after that."""
    duplicates: int
    rejected: int
    """Packets that could not be decrypted."""
    malformed: int
    """Packets that could not be decoded."""
    concealed_ms: float
    silence_ms: float
    wait_ms: float
    """How long it would wait for a missing packet now."""
    sent: int
    dropped: int
    """Messages that a client did not take."""
    direct: bool
    """Whether packets are taken where they arrive; else sound comes through aiortc's own receiver."""


class Peer(CallTransport):
    """A call by WebRTC: sound both ways, events and face frames on data channels."""

    player: AudioSender

    def __init__(self, ice_servers: Sequence[aiortc.RTCIceServer] = ()) -> None:
        super().__init__()
        self._peer = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=list(ice_servers)))
        self._ticker: Ticker
        self._track = PacketTrack()
        self._channels: dict[str, aiortc.RTCDataChannel] = {}
        self._hearing: AudioReceiver
        self._tap: RtpTap | None = None
        self._payload_types: frozenset[int] = frozenset()
        """The payload types of Opus."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._ticks = 0
        self._last = (0, 0)
        """How many datagrams had come, and the tick at which that was new."""
        self._dropped = 0

    async def answer(self, offer: str) -> str:
        """Answers a client's SDP offer; raises UserInputError where it is malformed or has no Opus."""
        await asyncio.to_thread(opus.library)  # read from the disk, once a process
        self._hearing = AudioReceiver(lambda samples: self.on_sound(samples))
        self._ticker = Ticker.here()
        self.player = AudioSender(self._ticker, self._track.push)
        self._ticker.join(self)
        self._peer.on("datachannel", self._opened)
        self._peer.on("connectionstatechange", self._changed)
        answer = await self._negotiate(offer)
        self._listen()
        return answer

    @property
    def rtp_origin(self) -> int | None:
        """What outgoing RTP time begins with; None where it is not known, yet or at all."""
        return self._track.origin

    @property
    def has_face(self) -> bool:
        """Whether the client wants face frames."""
        return self._open(AVATAR) is not None

    def send_text(self, text: str) -> None:
        """Sends the JSON of an event; without a channel it goes nowhere."""
        self._send(EVENTS, text)

    def send_avatar(self, batch: bytes) -> None:
        """Sends a batch of face frames, which may get lost."""
        self._send(AVATAR, batch)

    def statistics(self) -> PeerStatistics:
        """The counts so far."""
        jitter = self._hearing.jitter
        counts = jitter.counts
        return PeerStatistics(
            received=counts.received,
            lost=counts.lost,
            late=counts.late,
            duplicates=counts.duplicates,
            rejected=self._tap.rejected if self._tap else 0,
            malformed=self._hearing.malformed,
            concealed_ms=counts.concealed / 48,
            silence_ms=counts.silence / 48,
            wait_ms=jitter.wait / 1e6,
            sent=self._track.sent,
            dropped=self._dropped,
            direct=self._tap is not None,
        )

    def end(self) -> None:
        """Says that the call is over; `close` frees what it had."""
        super().end()
        if hasattr(self, "player"):
            self._ticker.leave(self)
            self._ticker.leave(self.player)

    async def close(self) -> None:
        """Ends the call and frees all that it had; may be called twice."""
        self.end()
        if self._tap is not None:
            self._tap.off()
        self._track.stop()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._peer.close()
        except TimeoutError as error:
            raise Stuck(
                f"a call did not close in {CLOSE_TIMEOUT} s", hint="its socket stays open until the process ends"
            ) from error
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def tick(self, index: int) -> None:
        """Called by the ticker every 20 ms."""
        if self._tap is None:
            return
        self._hearing.poll(self._ticker.now())
        self._ticks += 1
        self._watch(self._tap.datagrams)
        reception = self._hearing.reception
        if self._ticks % REPORT == 0 and reception is not None:
            self._start(aiortc_hooks.report(self._sender, self._receiver, reception))

    def _watch(self, datagrams: int) -> None:
        """Ends the call when nothing has come for long: the network is gone, or the tab."""
        seen, since = self._last
        if datagrams != seen or not self.connected.is_set():
            self._last = (datagrams, self._ticks)
        elif self._ticks - since > LOST:
            self.end()

    # --- setting up

    async def _negotiate(self, offer: str) -> str:
        sdp.check_offer(offer)
        ours = self._peer.addTransceiver(self._track, "sendrecv")
        ours.setCodecPreferences([each for each in _capabilities() if each.mimeType == "audio/opus"])
        self._track.sender = self._sender = ours.sender
        self._receiver = ours.receiver
        try:
            await self._peer.setRemoteDescription(aiortc.RTCSessionDescription(sdp=offer, type="offer"))
            if ours.mid is None:
                raise UserInputError(
                    "the offer has no audio",
                    hint="add the microphone's track to the RTCPeerConnection before createOffer",
                )
            for other in self._peer.getTransceivers():
                if other is not ours:
                    other.direction = "inactive"
            await self._peer.setLocalDescription(await self._peer.createAnswer())
        except sdp.REFUSED as error:
            raise sdp.refusal(error) from error
        answer = self._peer.localDescription.sdp
        self._payload_types = sdp.opus_payload_types(answer)
        return sdp.with_opus_parameters(answer)

    def _listen(self) -> None:
        if aiortc_hooks.missing(self._peer):
            self._start(aiortc_hooks.listen(self._receiver.track, lambda samples: self.on_sound(samples)))
        else:
            self._tap = RtpTap.on(self._receiver, self._arrived)

    def _arrived(self, data: bytes) -> None:
        rtp = RtpPacket.parse(data)
        if rtp is not None and rtp.kind in self._payload_types:
            self._hearing.packet(rtp, self._ticker.now())

    def _changed(self) -> None:
        state = self._peer.connectionState
        if state == "connected" and not self.connected.is_set():
            self.connected.set()
            self._ticker.join(self.player)
        elif state in ("failed", "closed"):
            self.end()

    # --- channels

    def _opened(self, channel: aiortc.RTCDataChannel) -> None:
        if channel.label in MOST_BUFFERED:
            self._channels[channel.label] = channel
        if channel.label == EVENTS:
            channel.on("message", self._message)
            self.on_open()

    def _message(self, data: Any) -> None:
        if isinstance(data, str):
            self.on_message(data)

    def _open(self, label: str) -> aiortc.RTCDataChannel | None:
        channel = self._channels.get(label)
        return channel if channel is not None and channel.readyState == "open" else None

    def _send(self, label: str, data: str | bytes) -> None:
        channel = self._open(label)
        if channel is None:
            return
        if channel.bufferedAmount > MOST_BUFFERED[label]:
            self._dropped += 1
        else:
            channel.send(data)

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _capabilities() -> list[Any]:
    return list(aiortc.RTCRtpSender.getCapabilities("audio").codecs)
