"""A call by WebRTC: the connection with a browser, audio in and out, and data channels."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import aiortc

from nodes.webrtc.protocol import AVATAR, EVENTS
from nodes.webrtc.transport import aiortc_hooks, candidates, opus, sdp
from nodes.webrtc.transport.aiortc_hooks import PacketTrack, RtpTap
from nodes.webrtc.transport.call import CLOSE_TIMEOUT, CallTransport
from nodes.webrtc.transport.call_guard import CallGuard
from nodes.webrtc.transport.receiver import AudioReceiver
from nodes.webrtc.transport.rtp import RtpPacket
from nodes.webrtc.transport.sender import AudioSender
from nodes.webrtc.transport.ticker import Ticker, TickListener
from pipeline.errors import Stuck, UserInputError

REPORT_INTERVAL = 50
"""Ticks between two receiver reports: 1 s."""
SILENT_TIMEOUT = 200
"""Ticks without any datagram after which the client counts as gone: 4 s. A browser sends one
every 2.5 s at least; aioice alone would take 30 s to notice."""
NO_AUDIO_TIMEOUT = 750
"""The same for a client that sends no audio, 15 s: what comes of it then is one STUN request every 6 s at least."""
MAX_BUFFERED = {AVATAR: 32_768, EVENTS: 1_048_576}
"""Bytes that may wait in a channel; for a client that does not read, further messages are dropped."""


@dataclass(frozen=True, slots=True)
class PeerStatistics:
    """Counts of a call's packets and messages."""

    received: int
    lost: int
    """Packets that did not come in time, and were concealed."""
    late: int
    """Packets that came after they had been concealed."""
    duplicates: int
    rejected: int
    """Packets that could not be decrypted."""
    malformed: int
    """Packets that could not be decoded."""
    concealed_ms: float
    gap_ms: float
    """For how long sounds of ours stood still in the middle because they went out late."""
    silence_ms: float
    wait_ms: float
    """How long the jitter buffer would wait for a missing packet now."""
    sent: int
    dropped: int
    """Messages for a client that did not read."""
    refused: dict[str, int]
    """Packets that a limit refused, by reason; see sctp_guard.py and call_guard.py."""
    direct: bool
    """Whether packets are taken where they arrive; otherwise audio comes through aiortc's own receiver."""
    jitter_ms: float = 0.0
    """The interarrival jitter of RFC 3550 now."""
    gaps: int = 0
    """Stretches of lost packets in a row."""


class Peer(CallTransport):
    """One WebRTC connection; `answer` sets it up.

    `local` says that the host only serves this machine, so that addresses of this machine may be tried.
    """

    player: AudioSender

    def __init__(self, ice_servers: Sequence[aiortc.RTCIceServer] = (), *, local: bool = False) -> None:
        super().__init__()
        self._local = local
        self.connection = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=list(ice_servers)))
        """For tools to look at, such as its `getStats`."""
        self._ticker: Ticker
        self._ticking: list[TickListener] = []
        """What has joined the ticker."""
        self._track = PacketTrack()
        self._channels: dict[str, aiortc.RTCDataChannel] = {}
        self._audio: AudioReceiver
        self._tap: RtpTap | None = None
        self._guard: CallGuard | None = None
        self._receives_audio = True
        self._payload_types: frozenset[int] = frozenset()
        """Those of Opus."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._ticks = 0
        self._last_datagram = (0, 0)
        """The count of datagrams, and the tick at which it last changed."""
        self._dropped = 0

    async def answer(self, offer: str) -> str:
        """The SDP answer to a client's offer; raises UserInputError if it is malformed or has no Opus."""
        await asyncio.to_thread(opus.library)  # read from disk once a process
        self._audio = AudioReceiver(lambda samples: self.on_audio(samples))
        self._ticker = Ticker.here()
        self.player = AudioSender(self._ticker, self._track.push)
        self._join(self)
        self.connection.on("datachannel", self._channel_opened)
        self.connection.on("connectionstatechange", self._state_changed)
        answer = await self._negotiate(offer)
        self._receive()
        return answer

    @property
    def rtp_origin(self) -> int | None:
        """The value that outgoing RTP time starts from; None until the first packet was sent."""
        return self._track.origin

    @property
    def has_face(self) -> bool:
        """Whether the client wants face frames: it has opened their channel."""
        return self._open_channel(AVATAR) is not None

    def send_text(self, text: str) -> None:
        """Sends the JSON text of an event; dropped if there is no channel."""
        self._send(EVENTS, text)

    def send_avatar(self, batch: bytes) -> None:
        """Sends an encoded batch of face frames, which may get lost."""
        self._send(AVATAR, batch)

    def statistics(self) -> PeerStatistics:
        """The counts so far."""
        jitter = self._audio.jitter
        counts, reception = jitter.counts, self._audio.reception
        return PeerStatistics(
            received=counts.received,
            lost=counts.lost,
            late=counts.late,
            duplicates=counts.duplicates,
            rejected=self._tap.rejected if self._tap else 0,
            malformed=self._audio.malformed,
            concealed_ms=counts.concealed / 48,
            gap_ms=self.player.gaps / 1e6,
            silence_ms=counts.silence / 48,
            wait_ms=jitter.wait / 1e6,
            sent=self._track.sent,
            dropped=self._dropped,
            refused=dict(self._guard.counts) if self._guard else {},
            direct=self._tap is not None,
            jitter_ms=reception.jitter_ms if reception else 0.0,
            gaps=counts.gaps,
        )

    def fail(self, reason: str) -> None:
        """Ends the call for a reason that lies in what the client sent."""
        if not self.ended.is_set():
            self.fault = reason
            self.end()

    def end(self) -> None:
        """Sets `ended`, and sends nothing more. The connection is freed by `close`."""
        super().end()
        while self._ticking:
            self._ticker.leave(self._ticking.pop())

    async def close(self) -> None:
        """Ends the call and frees its resources; may be called twice. Raises Stuck if that takes too long."""
        self.end()
        if self._tap is not None:
            self._tap.remove()
        self._track.stop()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.connection.close()
        except TimeoutError as error:
            raise Stuck(
                f"a call did not close in {CLOSE_TIMEOUT} s", hint="its socket stays open until the process ends"
            ) from error
        finally:
            if self._guard is not None:
                await self._guard.remove()
            for task in self._tasks:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def tick(self, index: int) -> None:
        """Called by the ticker every 20 ms."""
        if self._tap is None or self._guard is None:
            return
        self._audio.poll(self._ticker.now())
        self._ticks += 1
        self._end_if_gone(self._tap.datagrams + self._guard.checks)
        reception = self._audio.reception
        if self._ticks % REPORT_INTERVAL == 0 and reception is not None:
            self._start(aiortc_hooks.report(self._sender, self._receiver, reception))

    def _end_if_gone(self, datagrams: int) -> None:
        """Ends the call when nothing has arrived for long: the tab was closed, or the network has gone."""
        count, since = self._last_datagram
        if datagrams != count or not self.connected.is_set():
            self._last_datagram = (datagrams, self._ticks)
        elif self._ticks - since > (SILENT_TIMEOUT if self._receives_audio else NO_AUDIO_TIMEOUT):
            self.end()

    # --- setting up

    async def _negotiate(self, offer: str) -> str:
        checked = candidates.check_candidates(offer, local=self._local)
        sdp.check_offer(checked.sdp)
        connection = self.connection
        ours = connection.addTransceiver(self._track, "sendrecv")
        ours.setCodecPreferences([each for each in _capabilities() if each.mimeType == "audio/opus"])
        self._track.sender = self._sender = ours.sender
        self._receiver = ours.receiver
        try:
            await connection.setRemoteDescription(aiortc.RTCSessionDescription(sdp=checked.sdp, type="offer"))
            if ours.mid is None:
                raise UserInputError(
                    "the offer has no audio",
                    hint="add the microphone's track to the RTCPeerConnection before createOffer",
                )
            for other in connection.getTransceivers():
                if other is not ours:
                    other.direction = "inactive"
            await connection.setLocalDescription(await connection.createAnswer())
        except sdp.REFUSED as error:
            raise sdp.refusal(error) from error
        self._receives_audio = ours.currentDirection in ("sendrecv", "recvonly")
        if checked.names:
            self._start(candidates.resolve(connection, checked.names))
        answer = connection.localDescription.sdp
        self._payload_types = sdp.opus_payload_types(answer)
        return sdp.with_opus_parameters(answer)

    def _receive(self) -> None:
        self._guard = CallGuard(self.connection, self.fail)
        if aiortc_hooks.missing(self.connection):
            self._start(aiortc_hooks.receive(self._receiver.track, lambda samples: self.on_audio(samples)))
        else:
            self._tap = RtpTap.on(self._receiver, self._packet_arrived)

    def _packet_arrived(self, data: bytes) -> None:
        packet = RtpPacket.parse(data)
        if packet is not None and packet.payload_type in self._payload_types:
            self._audio.receive(packet, self._ticker.now())

    def _state_changed(self) -> None:
        state = self.connection.connectionState
        if state == "connected" and not self.connected.is_set():
            self.connected.set()
            if not self.ended.is_set():
                self._join(self.player)
        elif state in ("failed", "closed"):
            self.end()

    def _join(self, member: TickListener) -> None:
        self._ticker.join(member)
        self._ticking.append(member)

    # --- channels

    def _channel_opened(self, channel: aiortc.RTCDataChannel) -> None:
        if channel.label in MAX_BUFFERED:
            self._channels[channel.label] = channel
        if channel.label == EVENTS:
            channel.on("message", self._message_arrived)
            self.on_open()

    def _message_arrived(self, data: Any) -> None:
        if isinstance(data, str):
            self.on_message(data)

    def _open_channel(self, label: str) -> aiortc.RTCDataChannel | None:
        channel = self._channels.get(label)
        return channel if channel is not None and channel.readyState == "open" else None

    def _send(self, label: str, data: str | bytes) -> None:
        channel = self._open_channel(label)
        if channel is None:
            return
        if channel.bufferedAmount > MAX_BUFFERED[label]:
            self._dropped += 1
        else:
            channel.send(data)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _capabilities() -> list[Any]:
    return list(aiortc.RTCRtpSender.getCapabilities("audio").codecs)
