"""Follows each cause to its response, and decides which response is the active one."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

from nodes.packets import PlaybackProgress, Sentence, Speech, TextDelta, Transcript, TurnChanged
from pipeline.cause import Cause
from pipeline.packet import Packet
from vitagraph.host.realtime.event_writer import EventWriter
from vitagraph.host.realtime.input_audio import InputAudio, TurnTranscript
from vitagraph.host.realtime.items import Items
from vitagraph.host.realtime.response import Reason, Response

KEPT = 64
"""Causes that are remembered, because transcripts and turn reports may come late."""

MOST_RATED = 256
"""Responses that a client may still rate."""

_BY_CLIENT = {"cancelled", "typed"}
"""Reasons of the turn node that stand for a client's request."""


class TrackedTurn:
    """What is known of one cause: the transcript that began it, and the response."""

    def __init__(self, response: Response) -> None:
        self.transcript = TurnTranscript()
        self.response = response
        self.source: type[Packet] | None = None
        """The kind of packet that the text of the response is taken from: the first that came."""


class ResponseTracker:
    """Follows each cause from the tentative turn to the end of its response.

    At most one response is active. The next one is created when the active one is over: at
    once, or after the sink has reported how much of it was played.
    """

    def __init__(self, writer: EventWriter, items: Items) -> None:
        self.input_audio = InputAudio(writer, items)
        self._writer = writer
        self._items = items
        self._turns: OrderedDict[int, TrackedTurn] = OrderedDict()
        self._created: deque[str] = deque(maxlen=MOST_RATED)
        """The ids of the responses that the client knows."""
        self.on_completed: Callable[[], None] = lambda: None
        """Called when a response was played to its end."""
        self._active: Response | None = None
        self._next: Response | None = None

    @property
    def cancellable(self) -> Response | None:
        """The response that the client may cancel: the next one, else the active one."""
        candidates = (each for each in (self._next, self._active) if each is not None)
        return next((each for each in candidates if each.reason is None and each.state != "over"), None)

    def response_of(self, cause: int) -> str | None:
        """The id of the response to a cause; None if it is not one of the latest causes."""
        turn = self._turns.get(cause)
        return turn.response.id if turn is not None else None

    def cause_of(self, response: str) -> int | None:
        """The cause of a response; None if it is not one of the latest."""
        return next((cause for cause, turn in self._turns.items() if turn.response.id == response), None)

    def knows(self, response: str) -> bool:
        """Whether it is the id of one of the latest responses."""
        return response in self._created

    # --- packets

    def transcript(self, packet: Transcript) -> None:
        """A transcript of a turn; it is sent at once if the turn is committed, else on commit."""
        cause = packet.at.cause
        turn = self._turn(cause) if cause.live else self._turns.get(cause.id)
        if turn is None or not turn.transcript.update(packet):
            return
        self.input_audio.send(turn.transcript)
        if turn.transcript.text == "" and not packet.answer.strip():
            turn.response.dismiss()
            self._activate_next()

    def text(self, packet: TextDelta | Sentence | Speech, piece: str, *, separate: bool) -> None:
        """A piece of a response's text; `separate` puts a space between it and the piece before."""
        if not piece or not packet.at.cause.live:
            return
        turn = self._answering(packet.at.cause)
        if isinstance(packet, Speech):
            turn.response.voiced = True
        if turn.source is None:
            turn.source = packet.__class__
            turn.response.language = packet.language
        if turn.source is packet.__class__:
            (turn.response.add_sentence if separate else turn.response.add_text)(piece)

    # --- events

    def changed(self, event: TurnChanged) -> None:
        """A decision of the turn node."""
        match event.what:
            case "tentative":
                self._turn(event.cause)
            case "committed":
                self._committed(event)
            case "interrupted" | "revoked" | "resumed":
                self._revoked(event)
            case "released":
                turn = self._turns.get(event.cause.id)
                if turn is not None and turn.response.active and turn.response.audible:
                    turn.response.playback_started()

    def played(self, event: PlaybackProgress) -> None:
        """How much of a response was played."""
        turn = self._turns.get(event.cause.id)
        if event.ended:
            if turn is not None and turn.response.state == "open":
                turn.response.speech_ended(event.text, event.position, last=event.last)
                if event.last and turn.response.reason is None:
                    self.on_completed()
        elif event.cause.live:
            turn = self._answering(event.cause)
            self._activate(turn.response)
            turn.response.speech_started()
        self._activate_next()

    def failed(self) -> None:
        """A node failed without a fallback: responses that are being made may never come."""
        for turn in self._turns.values():
            turn.response.failed = True

    def end(self) -> None:
        """The call is over: ends the active response."""
        if self._active is not None:
            self._active.finish()
        self._turns.clear()
        self._active = self._next = None

    def _committed(self, event: TurnChanged) -> None:
        if self._active is not None:
            self._active.cancel(_reason(event.reason))
        turn = self._turn(event.cause)
        # Typed text is an item already: the client created it. Before a prompt the person said nothing.
        if event.reason not in ("typed", "prompt"):
            self.input_audio.committed(turn.transcript)
        self._next = turn.response
        self._activate_next()

    def _revoked(self, event: TurnChanged) -> None:
        turn = self._turns.get(event.cause.id)
        if turn is not None:
            turn.response.cancel(_reason(event.reason))
            self._activate_next()
        if not event.cause.committed:
            self._turns.pop(event.cause.id, None)
            if event.what == "revoked" and self.input_audio.dismissed() and self.cancellable is None:
                self.input_audio.cleared()

    def _activate(self, response: Response) -> None:
        """Makes a response the active one because it is being played; ends the one before."""
        if response is self._active:
            return
        if self._active is not None:
            self._active.finish()
        self._next = response
        self._activate_next()

    def _activate_next(self) -> None:
        """Makes the next response the active one if the active one is over."""
        if self._active is not None and self._active.state == "over":
            self._active = None
        if self._next is not None and self._active is None:
            following, self._next = self._next, None
            if following.state == "prepared":
                self._active = following
                self._created.append(following.id)
                following.open()

    def _turn(self, cause: Cause) -> TrackedTurn:
        turn = self._turns.get(cause.id)
        if turn is None:
            turn = self._turns[cause.id] = TrackedTurn(Response(self._writer, self._items))
            if len(self._turns) > KEPT:
                self._turns.popitem(last=False)
        return turn

    def _answering(self, cause: Cause) -> TrackedTurn:
        """The turn of a cause, with a response that is not over: a session's root cause has several responses."""
        turn = self._turn(cause)
        self._turns.move_to_end(cause.id)
        if turn.response.state == "over":
            turn.response, turn.source = Response(self._writer, self._items), None
        return turn


def _reason(why: str) -> Reason:
    return "client_cancelled" if why in _BY_CLIENT else "turn_detected"
