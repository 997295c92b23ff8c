"""One caller does its worst; the call beside it must not notice."""

from __future__ import annotations

import json
import logging
import os
import socket
import struct
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserInputError
from pipeline.packet import MILLISECOND
from tests.vitagraph.host.dialling import Caller, dial, gone, hosting, scripted
from vitagraph.host.call_manager import CallManager, Offer

DEEP = "[" * 50_000
HOSTILE: tuple[str | bytes, ...] = (
    "",
    "null",
    "{",
    DEEP,
    '{"type": 7}',
    '{"type": "no.such.event"}',
    '{"type": "session.update", "session": []}',
    '{"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": 1}}',
    '{"type": "vitagraph.rating", "response": "nobody", "value": 9}',
    json.dumps({"type": "response.create", "response": {"instructions": "x" * 60_000}}),
    "\ud7ff\U0010ffff",
    os.urandom(2_000),
    bytes(60_000),
)


ATTRIBUTES = (0x0001, 0x0003, 0x0006, 0x0008, 0x0009, 0x000C, 0x0013, 0x0020, 0x0024, 0x0025, 0x8028, 0x802A)
"""Of STUN (RFC 8489, section 18.3), whose values have a certain length each."""


def stun(attribute: int, size: int) -> bytes:
    """A request that looks like one of ICE, with an attribute of some length."""
    value = struct.pack("!HH", attribute, size) + bytes(size + -size % 4)
    return struct.pack("!HHI12s", 0x0001, len(value), 0x2112A442, os.urandom(12)) + value


async def misbehave(caller: Caller) -> None:
    """Everything that a client can send, and what it should not be able to."""
    for message in HOSTILE:
        caller.channel.send(message)
        await caller.clock.sleep(5 * MILLISECOND)
    transport: Any = caller.connection.getSenders()[0].transport.transport
    pair = transport._connection._nominated[1]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.setblocking(False)
        for size in (0, 1, 12, 100, 1_200):
            for first in (b"", b"\x80", b"\x16", b"\x00", b"\xff"):
                stranger.sendto(first + os.urandom(size), pair.remote_addr)
                pair.protocol.transport.sendto(first + os.urandom(size), pair.remote_addr)
        for attribute in ATTRIBUTES:
            for size in (0, 1, 3, 5, 20):
                stranger.sendto(stun(attribute, size), pair.remote_addr)


def test_hostile_client_does_not_affect_another_call(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Malformed events, random bytes and forged packets, by the client and by a stranger."""

    async def scene(manager: CallManager) -> None:
        good, bad = await dial(manager), await dial(manager)
        good.type("What time is it?")
        await good.wait_for("output_audio_buffer.started")
        await misbehave(bad)
        for offer in ("", "v=0", "\x00" * 1000, "a=candidate:" * 500):
            with pytest.raises(UserInputError):
                await manager.answer(Offer(offer))
        done = await good.wait_for("response.done")
        assert done["response"]["status"] == "completed"
        assert good.told("error") == []
        bad.type("And now?")  # it may still behave
        assert (await bad.wait_for("response.done"))["response"]["status"] == "completed"
        assert len(bad.told("error")) >= 6
        await good.close()
        await bad.close()
        await gone(manager)

    with caplog.at_level(logging.WARNING):
        hosting(scene, scripted(tmp_path))
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("vitagraph", "asyncio"))]
    assert ours == []
