"""Attacks on the ICE of a call: its offer, and packets to its port."""

from __future__ import annotations

import os
import re
import socket
import sys
from typing import Any

import httpx
from aioice import stun

from tests.hostile.attacker import SHARE
from tests.hostile.honest import CALLS, SDP, wait
from tests.hostile.line import hostile_line
from tests.nodes.webrtc.client import Client

SECONDS = 3.0 * SHARE
"""How long a call is left unconnected."""
OFFERS = 8
"""How often an offer is made."""


async def _offer() -> str:
    client = Client()
    await client.connection.setLocalDescription(await client.connection.createOffer())
    offer = str(client.connection.localDescription.sdp)
    await client.close()
    return re.sub(r"a=(candidate|end-of-candidates).*\r\n", "", offer)


async def _call(address: str, offer: str, seconds: float) -> str:
    """Calls a few times without connecting, and hangs up after a while; returns the last answer."""
    async with httpx.AsyncClient(base_url=address, timeout=20) as http:
        made = [await http.post(CALLS, content=offer, headers=SDP) for _ in range(OFFERS)]
        await wait(seconds)
        for answer in made:
            if answer.status_code == 201:
                await http.delete(answer.headers["location"])
    sys.stdout.write(f"{[answer.status_code for answer in made]}, {len(offer) / 1000:.1f} kB\n")
    return made[-1].text


def _candidates(*addresses: str) -> str:
    lines = (f"a=candidate:{n} 1 udp {2_000_000 - n} {each} 9999 typ host\r\n" for n, each in enumerate(addresses))
    return "".join(lines) + "a=end-of-candidates\r\n"


async def many_candidates(address: str) -> None:
    """900 candidates, each of which is paired with each address of the host and checked for half a minute."""
    offer = await _offer()
    await _call(address, offer + _candidates(*(f"192.0.2.{n % 250}" for n in range(900))), SECONDS)


async def many_names(address: str) -> None:
    """900 names ending in .local, all of which are asked for."""
    await _call(address, await _offer() + _candidates(*(f"{n}-{os.getpid()}.local" for n in range(900))), SECONDS)


async def many_sections(address: str) -> None:
    """150 media sections, each of which has its own sockets."""
    head, *sections = (await _offer()).split("m=")
    section = re.sub(r"a=mid:.*", "a=mid:MID", sections[0])
    offer = re.sub(r"a=group:BUNDLE.*\r\n", "", head)
    offer += "".join(f"m={section.replace('MID', str(number))}" for number in range(150))
    await _call(address, offer[:63_000].rpartition("m=")[0], SECONDS)


async def many_ports(address: str) -> None:
    """Authenticated requests from 3,000 ports, each of which is learned as an address of the client."""
    async with hostile_line(address) as line:
        ice: Any = line.client.connection.getReceivers()[0].transport.transport._connection
        pair = ice._nominated[1]
        for number in range(round(3_000 * SHARE)):
            request = ice.build_request(pair, nominate=False)
            request.attributes["PRIORITY"] = number + 1
            request.add_message_integrity(ice.remote_password.encode())
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.sendto(bytes(request), pair.remote_addr)
                line.sent += 1
            if number % 8 == 7:
                await line.pause(5)


async def nomination_without_priority(address: str) -> None:
    """Authenticated requests without an attribute that each must have."""
    async with hostile_line(address) as line:
        ice: Any = line.client.connection.getReceivers()[0].transport.transport._connection
        pair = ice._nominated[1]
        for _ in range(20):
            request: stun.Message = ice.build_request(pair, nominate=False)
            del request.attributes["PRIORITY"]
            request.add_message_integrity(ice.remote_password.encode())
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.sendto(bytes(request), pair.remote_addr)
            await line.pause(20)


async def datagrams_before_the_handshake(address: str) -> None:
    """80 MB to the port of a call that is not connected, where nothing reads them."""
    client = Client()
    await client.connection.setLocalDescription(await client.connection.createOffer())
    async with httpx.AsyncClient(base_url=address, timeout=20) as http:
        made = await http.post(CALLS, content=client.connection.localDescription.sdp, headers=SDP)
        where = re.search(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+)", made.text)
        assert where is not None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for number in range(round(80_000 * SHARE)):
                stranger.sendto(b"\x16" + bytes(1_000), (where[1], int(where[2])))
                if number % 64 == 63:
                    await wait(0.004)
        await http.delete(made.headers["location"])
    await client.close()
    sys.stdout.write(f"{80 * SHARE:.0f} MB\n")


ATTACKS = (
    many_candidates,
    many_names,
    many_sections,
    many_ports,
    nomination_without_priority,
    datagrams_before_the_handshake,
)
