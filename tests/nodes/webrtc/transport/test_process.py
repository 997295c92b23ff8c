"""The process-wide settings of calls are in force while they are needed, and are undone then."""

from __future__ import annotations

import struct
import subprocess
import sys

import pytest
from aioice import stun

from nodes.webrtc.transport.process import SWITCH_INTERVAL, CallProcess

MALFORMED = struct.pack("!HHI12sHHI", 0x0001, 8, 0x2112A442, bytes(12), 0x0024, 1, 0)
"""A binding request whose PRIORITY has 1 byte; it must have 4."""


def test_call_process_settings_are_restored_after_the_last_block() -> None:
    """Two hosts in one process may close in any order."""
    before = sys.getswitchinterval(), stun.parse_message
    first, second = CallProcess(), CallProcess()
    first.__enter__()
    second.__enter__()
    assert sys.getswitchinterval() == SWITCH_INTERVAL
    first.__exit__(None, None, None)
    assert sys.getswitchinterval() == SWITCH_INTERVAL and stun.parse_message is not before[1]
    second.__exit__(None, None, None)
    assert (sys.getswitchinterval(), stun.parse_message) == before
    with CallProcess():
        assert sys.getswitchinterval() == SWITCH_INTERVAL
    assert (sys.getswitchinterval(), stun.parse_message) == before


def test_call_process_drops_malformed_stun_quietly() -> None:
    """aioice drops what raises ValueError; anything else goes to the log with a traceback."""
    with pytest.raises(struct.error):
        stun.parse_message(MALFORMED)
    with CallProcess(), pytest.raises(ValueError, match="wrong length"):
        stun.parse_message(MALFORMED)


def test_transport_import_leaves_aioice_as_it_is() -> None:
    """A program that imports a node for other purposes may use aioice itself."""
    program = (
        "from aioice import stun; usual = stun.parse_message; "
        "import nodes.webrtc.transport.peer; assert stun.parse_message is usual"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
