"""What a session's nodes and its host use of a connection with a client, whatever it is made of."""

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
"""Of what the client wrote before the graph was ready."""
NO_CALL_HINT = (
    "webrtc.source and webrtc.sink run in a session that a call has started: bin/serve GRAPH, and call it; "
    "to run a graph over a file use `vitagraph replay GRAPH AUDIO`"
)
CLOSE_TIMEOUT = 5
"""Seconds that closing may take: a goodbye to the client, and its socket."""

ClientEvent = TextInput | CancelResponse | InstructionsChanged
"""What a person's client writes to the graph."""


class Player(TickListener, Protocol):
    """What plays sounds to a client, one at a time, on the ticker."""

    def play(self, playback: Playback) -> None:
        """Begins to play, in place of what was played before."""


class CallTransport(ABC):
    """A connection. `on_sound` gets 20 ms at 16 kHz at a time, `on_message` each text of the client."""

    player: Player

    def __init__(self) -> None:
        self.connected = asyncio.Event()
        self.ended = asyncio.Event()
        """Set when the call is over, whoever ended it."""
        self.on_sound: Callable[[Samples], None] = lambda samples: None
        self.on_message: Callable[[str], None] = lambda text: None
        self.on_open: Callable[[], None] = lambda: None
        """Called when events can be sent."""
        self._listener: Callable[[ClientEvent], None] | None = None
        self._unread: deque[ClientEvent] = deque(maxlen=MAX_UNREAD)
        self._started = False

    @property
    def rtp_origin(self) -> int | None:
        """What outgoing RTP time begins with; None where it is not known, yet or at all."""
        return None

    @property
    def has_face(self) -> bool:
        """Whether the client wants face frames."""
        return False

    def send(self, message: Message) -> None:
        """Sends a message of ours."""
        self.send_text(encode(message))

    @abstractmethod
    def send_text(self, text: str) -> None:
        """Sends the JSON of an event; where the client cannot hear, it goes nowhere."""

    @abstractmethod
    def send_avatar(self, batch: bytes) -> None:
        """Sends a batch of face frames, which may get lost."""

    def write(self, event: ClientEvent) -> None:
        """Tells the graph what the person's client writes; kept until the graph listens and runs."""
        self._unread.append(event)
        self._pass_on()

    def listen(self, listener: Callable[[ClientEvent], None] | None) -> None:
        """Who is told of what the client writes: the sink of the call's session, while it is open."""
        self._listener = listener
        self._pass_on()

    def start(self) -> None:
        """The session runs: only now are all its nodes open, so that what is told upstream arrives."""
        self._started = True
        self._pass_on()

    def end(self) -> None:
        """Says that the call is over; `close` frees what it had."""
        self.ended.set()

    def _pass_on(self) -> None:
        while self._started and self._listener is not None and self._unread:
            self._listener(self._unread.popleft())

    @abstractmethod
    async def close(self) -> None:
        """Ends the call and frees all that it had; may be called twice. Raises Stuck where that cannot be done."""
