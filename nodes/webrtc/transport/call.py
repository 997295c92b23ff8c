"""The connection of a call, as nodes and host see it, whatever it is made of."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Protocol

from nodes.packets import CancelResponse, InstructionsChanged, Samples, TextInput
from nodes.webrtc.protocol import Message, encode
from nodes.webrtc.transport.playback import Playback
from nodes.webrtc.transport.ticker import TickListener

MAX_UNREAD = 16
"""Client events that are kept until the graph is ready; beyond that the oldest are dropped."""
CLOSE_TIMEOUT = 5
"""Seconds that `close` may take."""
NO_CALL_HINT = (
    "webrtc.source and webrtc.sink run in a session that a call has started: bin/serve GRAPH, and call it; "
    "to run a graph over a file use `vitagraph replay GRAPH AUDIO`"
)
"""The hint of the error that these nodes raise in a session without a call."""

ClientEvent = TextInput | CancelResponse | InstructionsChanged
"""What a client sends to the graph."""


class Player(TickListener, Protocol):
    """Plays sounds to a client, one at a time, at the pace of the ticker."""

    def play(self, playback: Playback) -> None:
        """Starts a sound, in place of the present one."""


class CallTransport(ABC):
    """The connection of one call. The host provides it to the session (`runner.session(plan, provide=[transport])`).

    Callbacks may be replaced at any time; by default they do nothing.
    """

    player: Player

    def __init__(self) -> None:
        self.connected = asyncio.Event()
        """Set once packets of the client have arrived."""
        self.ended = asyncio.Event()
        """Set when the call is over, by either side."""
        self.fault = ""
        """What of the client or of the connection ended the call; empty for everything else."""
        self.on_audio: Callable[[Samples], None] = lambda samples: None
        """Called with each 20 ms that the client sends: 320 samples at 16 kHz."""
        self.on_message: Callable[[str], None] = lambda text: None
        """Called with each text message of the client."""
        self.on_open: Callable[[], None] = lambda: None
        """Called once messages can be sent."""
        self._listener: Callable[[ClientEvent], None] | None = None
        self._unread: deque[ClientEvent] = deque(maxlen=MAX_UNREAD)
        self._started = False

    @property
    def rtp_origin(self) -> int | None:
        """The value that outgoing RTP time starts from; None while it is unknown, or where there is none."""
        return None

    @property
    def has_face(self) -> bool:
        """Whether the client wants face frames."""
        return False

    def send(self, message: Message) -> None:
        """Sends one of our messages."""
        self.send_text(encode(message))

    @abstractmethod
    def send_text(self, text: str) -> None:
        """Sends the JSON text of an event; dropped if there is no channel."""

    @abstractmethod
    def send_avatar(self, batch: bytes) -> None:
        """Sends an encoded batch of face frames, which may get lost."""

    def write(self, event: ClientEvent) -> None:
        """Passes a client event to the graph; kept until the graph listens and runs."""
        self._unread.append(event)
        self._pass_on()

    def listen(self, listener: Callable[[ClientEvent], None] | None) -> None:
        """Sets what gets the client events: the sink of the call's session, while it is open."""
        self._listener = listener
        self._pass_on()

    def start(self) -> None:
        """The session runs. Before that not all of its nodes are open, and upstream events would be lost."""
        self._started = True
        self._pass_on()

    def end(self) -> None:
        """Sets `ended`. Resources are freed by `close`."""
        self.ended.set()

    def _pass_on(self) -> None:
        while self._started and self._listener is not None and self._unread:
            self._listener(self._unread.popleft())

    @abstractmethod
    async def close(self) -> None:
        """Ends the call and frees its resources; may be called twice. Raises Stuck if that takes too long."""
