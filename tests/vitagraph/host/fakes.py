"""A host without media: its calls are only names, and requests to it need no socket."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
from fastapi import Response

from pipeline.runtime.health import MemberHealth
from vitagraph.host.app import make_app
from vitagraph.host.call_manager import CallManager, Offer
from vitagraph.host.graph_catalogue import GraphInfo
from vitagraph.host.settings import HostSettings

OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n"
SDP = {"Content-Type": "application/sdp"}
CALLS = "/v1/realtime/calls"
SECRETS = "/v1/realtime/client_secrets"
HERE = "http://localhost:8080"


@dataclass
class FakeCall:
    """It can only be opened and hung up."""

    id: str
    answer: str = "v=0\r\nanswer"
    opened: bool = True
    ended: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.on_open: Callable[[], None] = lambda: None
        self.on_end: Callable[[], None] = lambda: None

    def open(self) -> None:
        """Its client connects, and gets what it needs to reconnect."""
        self.opened = True
        self.on_open()

    def hang_up(self, reason: str) -> None:
        """Notes why, and is gone at once."""
        self.ended.append(reason)
        self.on_end()

    async def freed(self) -> None:
        """It is, where it was hung up."""
        assert self.ended


@dataclass
class FakeCatalogue:
    """Two graphs."""

    default: str = "assistant"

    def list(self) -> list[GraphInfo]:
        """Both."""
        return [GraphInfo("assistant", "Talks."), GraphInfo("echo", "Says it back.")]


class FakeMetrics:
    """Counts nothing."""

    @contextmanager
    def counting_refusals(self) -> Iterator[None]:
        """Lets everything through."""
        yield

    async def answer(self, request: object) -> Response:
        """One metric."""
        return Response("up 1\n", media_type="text/plain")


@dataclass
class FakeCallManager:
    """Takes every call, unless it has an error to raise."""

    error: Exception | None = None
    reason: str = ""
    graphs: FakeCatalogue = field(default_factory=FakeCatalogue)
    offers: list[Offer] = field(default_factory=list)
    calls: list[FakeCall] = field(default_factory=list)
    ill: list[MemberHealth] = field(default_factory=list)
    metrics: FakeMetrics = field(default_factory=FakeMetrics)
    console: Any = None

    async def answer(self, offer: Offer) -> FakeCall:
        """A new call."""
        self.offers.append(offer)
        if self.error:
            raise self.error
        call = FakeCall(f"rtc_{len(self.calls)}")
        self.calls.append(call)
        return call

    def find(self, id: str) -> FakeCall | None:
        """A call that was not hung up."""
        return next((call for call in self.calls if call.id == id and not call.ended), None)

    def has_ended(self, id: str) -> bool:
        """A call that was hung up."""
        return any(call.id == id and call.ended for call in self.calls)

    def not_ready(self) -> str:
        """What the test says."""
        return self.reason

    def degraded(self) -> list[MemberHealth]:
        """Whom the test says."""
        return self.ill


class Host:
    """The app over a fake call manager, and a client that is nearer than any network."""

    def __init__(self, static: Path = Path("/nowhere"), *, manager: Any = None, **settings: Any) -> None:
        self.settings = HostSettings(**{"new_calls": "1000000/second", **settings})
        self.manager: FakeCallManager = manager or FakeCallManager()
        self.app = make_app(self.settings, cast(CallManager, self.manager), static)

    def close(self) -> None:
        """The process ends."""
        self.app.state.auth.close()

    def request(self, method: str, path: str, *, client: str = "192.0.2.1", **what: Any) -> httpx.Response:
        """One request, from its own event loop."""
        return asyncio.run(self.send(method, path, client=client, **what))

    async def send(self, method: str, path: str, *, client: str = "192.0.2.1", **what: Any) -> httpx.Response:
        """One request."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(client, 5000))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as http:
            return await http.request(method, path, **what)

    def get(self, path: str, **what: Any) -> httpx.Response:
        """GET."""
        return self.request("GET", path, **what)

    def post(self, path: str, **what: Any) -> httpx.Response:
        """POST."""
        return self.request("POST", path, **what)

    def call(self, query: str = "", **what: Any) -> httpx.Response:
        """A call with an offer that the fake takes."""
        headers = {**SDP, **what.pop("headers", {})}
        return self.post(f"{CALLS}{query}", content=what.pop("content", OFFER), headers=headers, **what)

    def secret(self, **what: Any) -> str:
        """A new client secret."""
        value = self.post(SECRETS, **what).json()["value"]
        assert isinstance(value, str)
        return value


def bearer(token: str) -> dict[str, str]:
    """The header that shows a token."""
    return {"Authorization": f"Bearer {token}"}


def code(response: httpx.Response) -> str:
    """The code of a refusal, whose shape is looked at by the way."""
    body = response.json()
    assert list(body) == ["error"]
    error = body["error"]
    assert set(error) == {"type", "code", "message", "param"}
    assert error["message"][0].isupper() and error["message"].endswith(".")
    assert isinstance(error["code"], str)
    return error["code"]


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that nobody but itself has signed, and its key."""
    chain, key = folder / "chain.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    more = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(chain)]
    subprocess.run([*command.split(), *more], check=True, capture_output=True)
    return chain, key
