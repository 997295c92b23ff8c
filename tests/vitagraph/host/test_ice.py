"""STUN and TURN servers, with credentials that do not last."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import UserInputError
from tests.vitagraph.host.fakes import Host, bearer
from vitagraph.host import ice
from vitagraph.host.settings import HostSettings

STUN, TURN = "stun:stun.example:3478", "turn:turn.example:3478?transport=udp"


def test_ice_credentials_match_those_of_turn_servers() -> None:
    """The name is when they expire; the password, the HMAC of it (worked out with `openssl dgst -sha1 -hmac`)."""
    settings = HostSettings(ice=(STUN, TURN), turn_secret="north", call_length=3600)
    stun, turn = ice.servers(settings, now=1_700_000_000.9)
    assert stun == {"urls": [STUN]}
    assert turn == {
        "urls": [TURN],
        "username": "1700004200:vitagraph",
        "credential": "AqoJHUGvWSQhHtaAOU75HSSdZCY=",
    }


def test_ice_servers_are_used_by_the_host_itself() -> None:
    """Else calls to a host behind a firewall would have no way."""
    servers = ice.ice_servers(HostSettings(ice=(STUN, TURN), turn_secret="north"))
    assert [server.urls for server in servers] == [[STUN], [TURN]]
    assert servers[1].username and servers[1].credential
    assert ice.ice_servers(HostSettings()) == []


def test_ice_servers_are_listed_with_the_graphs() -> None:
    """Never the secret; and on a host with a key only who has it."""
    settings: dict[str, Any] = {"ice": (STUN, TURN), "turn_secret": "north"}
    keyed = Host(key="k", **settings)
    assert "ice_servers" not in keyed.get("/graphs").json()
    for token in ("k", keyed.secret(headers=bearer("k"))):
        answer = keyed.get("/graphs", headers=bearer(token))
        assert [server["urls"] for server in answer.json()["ice_servers"]] == [[STUN], [TURN]]
        assert "north" not in answer.text
        assert answer.headers["cache-control"] == "no-store"
    assert "ice_servers" not in Host().get("/graphs").json()


def test_ice_turn_servers_are_not_listed_without_a_key() -> None:
    """Their credentials would let anyone send anything through the server, at the operator's cost."""
    host = Host(ice=(STUN, TURN), turn_secret="north")
    for headers in ({}, bearer("anything"), bearer(host.secret())):
        assert host.get("/graphs", headers=headers).json()["ice_servers"] == [{"urls": [STUN]}]
    assert Host(ice=(TURN,), turn_secret="north").get("/graphs").json()["ice_servers"] == []


@pytest.mark.parametrize("address", ["example.com", "https://x", "stun:", "turn:x?transport=sctp", "stun:a b"])
def test_ice_server_with_an_invalid_address_is_reported(address: str) -> None:
    """At the start: a browser would only throw."""
    with pytest.raises(UserInputError, match="no address"):
        ice.check(HostSettings(ice=(address,), turn_secret="x"))


def test_ice_turn_server_needs_the_secret() -> None:
    """Without one it would refuse every call that needs it."""
    with pytest.raises(UserInputError, match="secret"):
        ice.check(HostSettings(ice=(TURN,)))
    ice.check(HostSettings(ice=(TURN, STUN), turn_secret="x"))
