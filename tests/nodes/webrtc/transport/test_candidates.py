"""Which candidates of an offer are tried, and that a client without usable ones still gets an answer."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Sequence
from typing import Any

import aioice.mdns
import aiortc
import pytest
import uvloop

from nodes.webrtc.transport.aiortc_hooks import ice_connection
from nodes.webrtc.transport.candidates import MAX_CANDIDATES, MAX_NAMES, MAX_SECTIONS, check_candidates
from nodes.webrtc.transport.peer import Peer
from pipeline.errors import UserInputError
from pipeline.packet import MILLISECOND
from tests.nodes.webrtc.client import Client, loopback

NAME = "5177eebd-d4eb-495a-a75e-0defface8929.local"


def candidate(address: str, port: int | str = 50_000, transport: str = "udp", component: int = 1) -> str:
    """A line of an offer."""
    return f"a=candidate:7 {component} {transport} 2113937151 {address} {port} typ host"


def offer(*candidates: str) -> str:
    """With two media sections, which have the same candidates."""
    section = "\r\n".join([*candidates, "a=end-of-candidates"])
    return f"v=0\r\nm=audio 9 RTP/AVP 96\r\n{section}\r\nm=application 9 DTLS/SCTP\r\n{section}\r\n"


def kept(*candidates: str, local: bool = False) -> list[str]:
    """The addresses that are left in the first section."""
    checked = check_candidates(offer(*candidates), local=local)
    assert "end-of-candidates" not in checked.sdp
    first = checked.sdp.split("m=application")[0]
    return re.findall(r"a=candidate:\S+ \d \S+ \d+ (\S+)", first)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "169.254.1.1", "fe80::1", "fe80::1%eth0", "::ffff:127.0.0.1", "::ffff:169.254.0.1"]
)
def test_candidates_of_this_machine_and_link_only_count_on_a_local_host(address: str) -> None:
    """Otherwise a caller could have the host send packets to its own services."""
    assert kept(candidate(address)) == []
    assert kept(candidate(address), local=True) == [address]


@pytest.mark.parametrize("address", ["224.0.0.251", "ff02::1", "0.0.0.0", "::", "255.255.255.255", "240.0.0.1", "host"])
def test_candidates_that_no_client_can_have_are_removed(address: str) -> None:
    assert kept(candidate(address), local=True) == []


@pytest.mark.parametrize("port", [0, 65_536, 10**30])
def test_candidates_with_a_port_that_does_not_exist_are_removed(port: int) -> None:
    assert kept(candidate("192.0.2.1", port)) == []


def test_candidates_are_limited_and_only_usable_ones_count() -> None:
    """A browser lists TCP candidates too, which aioice does not use, and ends with those of a STUN server."""
    many = [candidate(f"192.0.2.{each}") for each in range(1, 40)]
    useless = [candidate("192.0.2.200", transport="tcp"), candidate("127.0.0.1"), candidate("192.0.2.201", component=2)]
    assert kept(*useless * 20, *many) == [f"192.0.2.{each}" for each in range(1, MAX_CANDIDATES + 1)]
    assert kept(candidate("2001:db8::1"), candidate("192.0.2.1")) == ["2001:db8::1", "192.0.2.1"]


def test_candidates_that_are_names_are_few() -> None:
    """Each is a multicast query; the same ones are in each section."""
    names = [candidate(f"a{each}.local", 5_000 + each) for each in range(20)]
    checked = check_candidates(offer(*names), local=False)
    assert ".local" not in checked.sdp
    assert [(name.ip, name.port, name.sdpMLineIndex) for name in checked.names] == [
        (f"a{each}.local", 5_000 + each, 0) for each in range(MAX_NAMES)
    ]


@pytest.mark.parametrize("line", ["a=candidate:", "a=candidate:1 2", "a=candidate:1 1 udp x 192.0.2.1 y typ host"])
def test_candidates_that_are_malformed_are_for_aiortc_to_refuse(line: str) -> None:
    assert line in check_candidates(offer(line), local=False).sdp


def test_candidates_offer_with_too_many_sections_is_refused() -> None:
    """Each may open sockets of its own."""
    sections = "m=audio 9 RTP/AVP 96\r\n"
    assert check_candidates("v=0\r\n" + sections * MAX_SECTIONS, local=False).names == []
    with pytest.raises(UserInputError, match="9 media sections"):
        check_candidates("v=0\r\n" + sections * (MAX_SECTIONS + 1), local=False)


class Called:
    """A call by a client whose offer has other candidates than its own."""

    def __init__(self, candidates: Sequence[str]) -> None:
        self.client, self.peer = Client(), Peer()
        self._candidates = candidates

    async def __aenter__(self) -> Called:
        connection = self.client.connection
        await connection.setLocalDescription(await connection.createOffer())
        lines = connection.localDescription.sdp.splitlines()
        others = [line for line in lines if not line.startswith(("a=candidate", "a=end-of-candidates"))]
        first = next(at for at, line in enumerate(others) if line.startswith("a=ice-ufrag"))
        mine = [*others[:first], *self._candidates, "a=end-of-candidates", *others[first:]]
        began = self.client.clock.now()
        self.answer = await self.peer.answer("\r\n".join([*mine, ""]))
        self.milliseconds = (self.client.clock.now() - began) / MILLISECOND
        return self

    async def connected(self) -> None:
        """Takes the answer, and waits until the call is connected."""
        await self.client.connection.setRemoteDescription(aiortc.RTCSessionDescription(self.answer, "answer"))
        async with asyncio.timeout(5):
            await self.peer.connected.wait()

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()
        await self.peer.close()


@pytest.mark.parametrize(
    "candidates",
    [[candidate(NAME)], [], [candidate("2001:db8::1")], [candidate("192.0.2.1", transport="tcp")], [candidate("::1")]],
)
def test_candidates_none_of_which_is_usable_still_make_a_call(candidates: list[str]) -> None:
    """The answer has our candidates, at once; the client's packets show where it is."""

    async def main() -> None:
        with loopback():
            async with Called(candidates) as called:
                assert "a=candidate" in called.answer
                assert called.milliseconds < 900, "a name is looked for, for 1 s"
                await called.connected()

    uvloop.run(main())


def test_candidates_names_do_not_need_the_port_of_mdns(monkeypatch: pytest.MonkeyPatch) -> None:
    """UDP 5353 belongs to another program, or there is no multicast: the call is made without names."""
    asked: list[int] = []

    async def busy() -> Any:
        asked.append(1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind(("127.0.0.1", 0))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.bind(one.getsockname())

    monkeypatch.setattr(aioice.mdns, "create_mdns_protocol", busy)

    async def main() -> None:
        with loopback():
            async with Called([candidate(NAME)]) as called:
                await called.connected()
                assert asked and called.peer.fault == ""

    uvloop.run(main())


def test_candidates_names_are_added_once_they_are_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host behind a firewall is only reached after its own packet went out."""

    class Resolver:
        async def resolve(self, name: str, timeout: float = 1) -> str:
            return "192.0.2.77"

        async def close(self) -> None:
            pass

    async def create() -> Resolver:
        return Resolver()

    monkeypatch.setattr(aioice.mdns, "create_mdns_protocol", create)

    async def main() -> None:
        with loopback():
            async with Called([candidate(NAME, 5_004)]) as called:
                ice = ice_connection(called.peer.connection.getReceivers()[0])
                await called.client.clock.sleep(50 * MILLISECOND)
                assert [(each.host, each.port) for each in ice.remote_candidates] == [(NAME, 5_004)]

    uvloop.run(main())
