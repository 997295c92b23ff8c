"""Which answer belongs to which cause, and which one has the floor."""

from __future__ import annotations

from collections import OrderedDict, deque

from nodes.packets import PlaybackProgress, Speech, Transcript, TurnChanged
from pipeline.cause import Cause
from pipeline.packet import Packet
from vitagraph.host.realtime.hearing import Hearing, Words
from vitagraph.host.realtime.items import Items
from vitagraph.host.realtime.response import Reason, Response
from vitagraph.host.realtime.wire import Wire

KEPT = 64
"""Causes that are remembered: transcripts and turn reports may come late."""

MOST_RATED = 256
"""Answers that a client may still rate."""

_BY_CLIENT = {"hushed", "typed"}
"""Reasons of the turn node for what the client asked for."""


class Exchange:
    """What is known of one cause: the words that began it, and the answer."""

    def __init__(self, response: Response) -> None:
        self.words = Words()
        self.response = response
        self.source: type[Packet] | None = None
        """The kind of packet that the answer's text is taken from: the first that comes."""


class Exchanges:
    """Follows each cause from the first guess to the end of its answer.

    One answer has the floor. The next is announced when that one is over, which is at once,
    or when the sink has told how much of it was heard.
    """

    def __init__(self, wire: Wire, items: Items) -> None:
        self.hearing = Hearing(wire, items)
        self._wire = wire
        self._items = items
        self._exchanges: OrderedDict[int, Exchange] = OrderedDict()
        self._told: deque[str] = deque(maxlen=MOST_RATED)
        """The ids of the answers that the client was told of."""
        self._floor: Response | None = None
        self._next: Response | None = None

    @property
    def current(self) -> Response | None:
        """The answer that can be cancelled."""
        return next((each for each in (self._next, self._floor) if each and each.reason is None and _going(each)), None)

    def response_of(self, cause: int) -> str | None:
        """The id of the answer to a cause, where that cause is one of the latest."""
        exchange = self._exchanges.get(cause)
        return exchange.response.id if exchange is not None else None

    def knows(self, response: str) -> bool:
        """Whether there was such an answer lately."""
        return response in self._told

    # --- packets

    def transcript(self, packet: Transcript) -> None:
        """Words of a turn: told when it is committed, or at once where it is already."""
        cause = packet.at.cause
        exchange = self._exchange(cause) if cause.live else self._exchanges.get(cause.id)
        if exchange is None or not exchange.words.note(packet):
            return
        self.hearing.tell(exchange.words)
        if exchange.words.text == "" and not packet.answer.strip():
            exchange.response.needless()
            self._pass_floor()

    def text(self, packet: Packet, piece: str, *, apart: bool) -> None:
        """A piece of an answer's text; `apart`: with a space between it and the one before."""
        if not piece or not packet.at.cause.live:
            return
        exchange = self._answering(packet.at.cause)
        if isinstance(packet, Speech):
            exchange.response.voiced = True
        if exchange.source is None:
            exchange.source = packet.__class__
        if exchange.source is packet.__class__:
            (exchange.response.say_sentence if apart else exchange.response.say)(piece)

    # --- events

    def changed(self, event: TurnChanged) -> None:
        """What the turn node decided."""
        match event.what:
            case "tentative":
                self._exchange(event.cause)
            case "committed":
                self._committed(event)
            case "interrupted" | "revoked" | "resumed":
                self._called_off(event)
            case "released":
                exchange = self._exchanges.get(event.cause.id)
                if exchange is not None and exchange.response.active and exchange.response.audible:
                    exchange.response.sounds()

    def played(self, event: PlaybackProgress) -> None:
        """How far the answer was heard."""
        exchange = self._exchanges.get(event.cause.id)
        if event.ended:
            if exchange is not None and exchange.response.state == "open":
                exchange.response.ended(event.text, event.position, last=event.last)
        elif event.cause.live:
            exchange = self._answering(event.cause)
            self._take_floor(exchange.response)
            exchange.response.begins()
        self._pass_floor()

    def failed(self) -> None:
        """Something failed, and nobody stands in for it: any answer that is being made may never come."""
        for exchange in self._exchanges.values():
            exchange.response.failed = True

    def end(self) -> None:
        """The call is over, and with it the answer."""
        if self._floor is not None:
            self._floor.finish()
        self._exchanges.clear()
        self._floor = self._next = None

    # --- how

    def _committed(self, event: TurnChanged) -> None:
        if self._floor is not None:
            self._floor.cancel(_reason(event.reason))
        exchange = self._exchange(event.cause)
        if event.reason != "typed":  # what was typed is an item since the client made it
            self.hearing.committed(exchange.words)
        self._next = exchange.response
        self._pass_floor()

    def _called_off(self, event: TurnChanged) -> None:
        exchange = self._exchanges.get(event.cause.id)
        if exchange is not None:
            exchange.response.cancel(_reason(event.reason))
            self._pass_floor()
        if not event.cause.committed:
            self._exchanges.pop(event.cause.id, None)
            if event.what == "revoked" and self.hearing.dismissed() and self.current is None:
                self.hearing.cleared()

    def _take_floor(self, response: Response) -> None:
        """It can be heard, so whatever had the floor is over."""
        if response is self._floor:
            return
        if self._floor is not None:
            self._floor.finish()
        self._next = response
        self._pass_floor()

    def _pass_floor(self) -> None:
        if self._floor is not None and self._floor.state == "over":
            self._floor = None
        if self._next is not None and self._floor is None:
            following, self._next = self._next, None
            if following.state == "prepared":
                self._floor = following
                self._told.append(following.id)
                following.open()

    def _exchange(self, cause: Cause) -> Exchange:
        exchange = self._exchanges.get(cause.id)
        if exchange is None:
            exchange = self._exchanges[cause.id] = Exchange(Response(self._wire, self._items))
            if len(self._exchanges) > KEPT:
                self._exchanges.popitem(last=False)
        return exchange

    def _answering(self, cause: Cause) -> Exchange:
        """With an answer that is not over: a cause may be answered more than once, as a session's root is."""
        exchange = self._exchange(cause)
        self._exchanges.move_to_end(cause.id)
        if exchange.response.state == "over":
            exchange.response, exchange.source = Response(self._wire, self._items), None
        return exchange


def _going(response: Response) -> bool:
    return response.state != "over"


def _reason(why: str) -> Reason:
    return "client_cancelled" if why in _BY_CLIENT else "turn_detected"
