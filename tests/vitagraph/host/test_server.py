"""The host as a process: how it starts, and how it ends."""

from __future__ import annotations

import asyncio
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiortc
import httpx
import pytest

from pipeline.errors import UserInputError
from tests.vitagraph.host.fakes import CALLS, SDP, SECRETS, code, make_certificate
from vitagraph.host.server import check, greeting
from vitagraph.host.settings import HostSettings

ROOT = Path(__file__).resolve().parents[3]
MOST_PROBES = 5_000
"""Before a signal must have arrived."""


class Serving:
    """`vitagraph serve` in a process of its own, with a graph that needs no model."""

    def __init__(self, *options: str) -> None:
        command = [
            sys.executable,
            "-m",
            "vitagraph",
            "serve",
            "echo",
            "--port",
            "0",
            "--offline",
            "--log",
            "human",
            *options,
        ]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.first = self.process.stdout.readline()
        self.address = self.first.rpartition(" ")[2].strip()

    def end(self, within: float) -> tuple[int, str]:
        """The exit code and what was said on stderr."""
        _, said = self.process.communicate(timeout=within)
        return self.process.returncode, said


@contextmanager
def serving(*options: str) -> Iterator[Serving]:
    """It is there no longer than the test."""
    host = Serving(*options)
    try:
        yield host
    finally:
        host.process.kill()
        host.process.communicate()


async def offer() -> str:
    """As a client makes it that then does not connect."""
    peer = aiortc.RTCPeerConnection()
    peer.addTransceiver("audio")
    await peer.setLocalDescription(await peer.createOffer())
    sdp = peer.localDescription.sdp
    await peer.close()
    return str(sdp)


def until_not_ready(http: httpx.Client) -> httpx.Response:
    """What a probe hears once the host was told to stop."""
    answers = (http.get("/readyz") for _ in range(MOST_PROBES))
    return next(answer for answer in answers if answer.status_code != 200)


def test_server_prints_its_address_and_stops_on_signal() -> None:
    """Nobody calls: it is gone at once, in good order and without a word."""
    with serving() as host:
        assert host.first.startswith("Vitagraph is ready: http://localhost:")
        assert httpx.get(f"{host.address}/readyz").json() == {"ready": True, "degraded": []}
        host.process.send_signal(signal.SIGTERM)
        assert host.end(within=10) == (0, "")


def test_server_speaks_https(tmp_path: Path) -> None:
    """So that browsers of other machines get a microphone: with the certificate that was given."""
    chain, key = make_certificate(tmp_path)
    with serving("--certificate", str(chain), "--private-key", str(key)) as host:
        assert host.address.startswith("https://localhost:")
        trusted = ssl.create_default_context(cafile=str(chain))
        assert httpx.get(f"{host.address}/healthz", verify=trusted).json() == {"healthy": True}


def test_server_believes_only_its_proxies() -> None:
    """Nobody on this machine either can have as many addresses as they like."""

    def statuses(*options: str) -> list[int]:
        with serving("--new-calls", "1/hour", *options) as host:
            return [
                httpx.post(f"{host.address}{SECRETS}", headers={"X-Forwarded-For": f"203.0.113.{n}"}).status_code
                for n in range(2)
            ]

    assert statuses() == [200, 429]
    assert statuses("--proxy", "127.0.0.1", "--proxy", "::1") == [200, 200]


def test_server_drains_running_calls_and_refuses_new_ones() -> None:
    """An update cuts nobody off: probes and the page are answered all the while."""
    sdp = asyncio.run(offer())
    with serving("--drain", "1m") as host, httpx.Client(base_url=host.address) as http:
        call = http.post(CALLS, content=sdp, headers=SDP)
        assert call.status_code == 201
        host.process.send_signal(signal.SIGTERM)
        assert "shutting down" in until_not_ready(http).json()["reason"]
        assert http.get("/healthz").status_code == 200
        refused = http.post(CALLS, content=sdp, headers=SDP)
        assert (refused.status_code, code(refused)) == (503, "no_seat")
        assert int(refused.headers["retry-after"]) > 0
        assert http.delete(call.headers["location"]).status_code == 204
        assert host.end(within=10) == (0, "")


def test_server_second_signal_stops_at_once() -> None:
    """Ctrl-C twice: whoever is in a hurry need not wait for the calls."""
    sdp = asyncio.run(offer())
    with serving("--drain", "1h") as host, httpx.Client(base_url=host.address) as http:
        http.post(CALLS, content=sdp, headers=SDP)
        host.process.send_signal(signal.SIGINT)
        assert until_not_ready(http).status_code == 503
        host.process.send_signal(signal.SIGINT)
        assert host.end(within=10) == (0, "")


@pytest.mark.parametrize(
    ("settings", "address", "warned"),
    [
        (HostSettings(), "http://localhost:80", []),
        (HostSettings(certificate=Path("a"), private_key=Path("b")), "https://localhost:80", []),
        (HostSettings(host="0.0.0.0"), "http://localhost:80", ["only over https", "anyone"]),
        (HostSettings(host="0.0.0.0", key="k"), "http://localhost:80", ["only over https"]),
        (HostSettings(host="192.0.2.1", certificate=Path("a")), "https://192.0.2.1:80", ["anyone"]),
        (HostSettings(ice=("turn:turn.example",), turn_secret="t"), "http://localhost:80", ["no credentials of TURN"]),
        (HostSettings(host="2001:db8::1", certificate=Path("a"), key="k"), "https://[2001:db8::1]:80", []),
    ],
)
def test_server_start_messages_show_address_and_warnings(
    settings: HostSettings, address: str, warned: list[str]
) -> None:
    """The address as it is opened, and why there will be no microphone, or too many callers."""
    first, *others = greeting(settings, 80)
    assert first == f"Vitagraph is ready: {address}"
    assert [
        all(line.startswith("warning: ") and words in line for line, words in zip(others, warned, strict=True))
    ] == [True]


@pytest.mark.parametrize(
    "settings",
    [
        HostSettings(port=0, origins=("example.com",)),
        HostSettings(port=0, ice=("example.com",)),
        HostSettings(port=0, new_calls="many"),
        HostSettings(port=0, certificate=Path("chain.pem")),
        HostSettings(port=0, avatar=Path("none.glb")),
        HostSettings(port=0, key="a key"),
        HostSettings(port=0, names=("a:80",)),
        HostSettings(port=0, proxies=("a",)),
        HostSettings(port=0, state=Path("/no/such/folder/secrets")),
        HostSettings(host="192.0.2.1"),
    ],
)
def test_server_invalid_settings_are_reported_before_loading(settings: HostSettings) -> None:
    """Not after a minute of loading models, and not at the first call."""
    with pytest.raises(UserInputError):
        check(settings)
    check(HostSettings(port=0))
