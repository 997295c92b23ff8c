"""The channels of a recording, and how what is on them is written."""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec
import numpy as np

from nodes.packets import AvatarFrames, Sentence, Speech, SpeechEnd, SpeechStart, TextDelta, Transcript
from pipeline.cause import Cause
from pipeline.packet import Event, Packet

FORMAT = 1
"""The version of this format."""
SESSION, END = "vitagraph.session", "vitagraph.end"
"""The names of the two metadata records."""
TURNS = "/turns"
EVENTS, PACKETS = "/events/", "/packets/"
PACKET_KINDS = frozenset({Transcript, TextDelta, Sentence, Speech, AvatarFrames, SpeechStart, SpeechEnd})
"""The kinds of packet that are written; of samples and face frames only the shape."""

Side = Literal["caller", "assistant"]

_TURN = {
    "title": "vitagraph.Turn",
    "description": "A turn and its answer, as in turns.json of a replay; times in milliseconds on the session's clock.",
    "type": "object",
    "required": ["turn", "cause", "outcome", "heard", "said", "voice_end", "reached"],
    "properties": {
        "turn": {"type": "integer"},
        "cause": {"type": "integer"},
        "outcome": {"enum": ["answered", "interrupted", "unanswered"]},
        "abandoned": {"type": "boolean"},
        "heard": {"type": "string"},
        "said": {"type": "string"},
        "voice_end": {"type": "number"},
        "silence": {"type": ["number", "null"]},
        "parts": {"type": "object"},
        "reached": {"type": "object"},
    },
}
_EVENT = {
    "title": "vitagraph.Event",
    "description": "The fields of an event on the session's bus; times in nanoseconds on the session's clock.",
    "type": "object",
}
_PACKET = {
    "title": "vitagraph.Packet",
    "description": "What a node gave: `kind`, `at`, and the fields of that kind; times in nanoseconds.",
    "type": "object",
    "required": ["kind", "at"],
    "properties": {
        "kind": {"enum": sorted(kind.__name__ for kind in PACKET_KINDS)},
        "at": {"type": "object", "required": ["pts", "duration", "cause"]},
    },
}
SCHEMAS = {each["title"]: json.dumps(each).encode() for each in (_TURN, _EVENT, _PACKET)}
"""JSON schemas by name."""


def sound_topic(side: Side) -> str:
    """The channel of the sound of a side."""
    return f"/{side}/audio"


def event_topic(event: Event) -> str:
    """The channel of an event."""
    return f"{EVENTS}{event.__class__.__name__}"


def packet_topic(node: str) -> str:
    """The channel of the packets of a node."""
    return f"{PACKETS}{node}"


def schema_of(topic: str) -> str:
    """The name of the JSON schema of a channel."""
    if topic == TURNS:
        return "vitagraph.Turn"
    return "vitagraph.Event" if topic.startswith(EVENTS) else "vitagraph.Packet"


def packet_json(packet: Packet) -> bytes:
    """A packet of `PACKET_KINDS`."""
    fields = {name: getattr(packet, name) for name in packet.__struct_fields__}
    return json_of({"kind": packet.__class__.__name__, **fields})


def event_json(event: Event) -> bytes:
    """An event of the bus."""
    return json_of(event)


def json_of(value: Any) -> bytes:
    """JSON of plain values, structs, causes and arrays, of which only the shape is written."""
    try:
        return msgspec.json.encode(value, enc_hook=_plain)
    except UnicodeEncodeError:  # half a character, which some sources give
        return json.dumps(msgspec.to_builtins(value, enc_hook=_plain)).encode()


def _plain(value: object) -> object:
    if isinstance(value, Cause):
        return {"id": value.id, "name": value.name}
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape)}
    return str(value)
