"""Calls by a WebSocket, where no WebRTC gets through: over a real server, without models."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import openai
import pytest
import websockets.sync.client
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from pipeline.clock import Clock
from pipeline.packet import MILLISECOND
from tests.vitagraph.host.dialling import RECITING, gone, hosting, scripted
from tests.vitagraph.host.fakes import SECRETS, bearer
from tests.vitagraph.host.test_server import serving
from vitagraph.host import socket as module
from vitagraph.host.app import make_app
from vitagraph.host.call_manager import CallManager
from vitagraph.host.server import MOST_EVENTS, HttpServer
from vitagraph.host.settings import HostSettings
from vitagraph.host.socket import WebSocketTransport

Event = dict[str, Any]
NO_FACE = Path("/nowhere.glb")


class Typist:
    """A client that types and reads."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.events: list[Event] = []

    async def tell(self, **event: Any) -> None:
        """Sends an event."""
        await self.socket.send(json.dumps(event))

    async def type(self, text: str) -> None:
        """Asks for an answer to a text."""
        content = [{"type": "input_text", "text": text}]
        await self.tell(type="conversation.item.create", item={"type": "message", "role": "user", "content": content})
        await self.tell(type="response.create")

    async def wait_for(self, kind: str) -> Event:
        """The next event of a type."""
        async with asyncio.timeout(10):
            while True:
                event = cast(Event, json.loads(await self.socket.recv()))
                self.events.append(event)
                if event["type"] == kind:
                    return event

    async def closed(self) -> int | None:
        """The code with which the host closes."""
        async with asyncio.timeout(10):
            try:
                while True:
                    self.events.append(json.loads(await self.socket.recv()))
            except ConnectionClosed as error:
                return error.rcvd.code if error.rcvd else None

    def kinds(self) -> list[str]:
        """The types of the events so far."""
        return [event["type"] for event in self.events]


class Host:
    """A server over a call manager."""

    def __init__(self, manager: CallManager, address: str) -> None:
        self.manager = manager
        self.address = address
        self.clock = Clock(asyncio.get_running_loop())

    @asynccontextmanager
    async def call(self, query: str = "", **options: Any) -> AsyncIterator[Typist]:
        """A call, once the session is there."""
        async with connect(f"{self.address}/v1/realtime{query}", proxy=None, **options) as socket:
            typist = Typist(socket)
            await typist.wait_for("session.created")
            yield typist

    async def refused(self, query: str = "", **options: Any) -> tuple[int, str, Any]:
        """The status, the code, and the headers of a refusal."""
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"{self.address}/v1/realtime{query}", proxy=None, **options)
        response = caught.value.response
        assert response.body is not None
        error = json.loads(response.body)["error"]
        assert set(error) == {"type", "code", "message", "param"}
        return response.status_code, error["code"], response.headers


def served(scene: Callable[[Host], Awaitable[None]], graph: Path | str = "echo", **settings: Any) -> None:
    """Plays a scene with a host on a port of this machine; afterwards no call is left."""
    settings = {"port": 0, "avatar": NO_FACE, "new_calls": "1000/second", **settings}

    async def main(manager: CallManager) -> None:
        chosen = HostSettings(**settings)
        server = HttpServer(make_app(chosen, manager, Path("/nowhere")), chosen)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            serving = asyncio.create_task(server.serve([listening]))
            await server.ready.wait()
            try:
                await scene(Host(manager, f"ws://127.0.0.1:{listening.getsockname()[1]}"))
                await gone(manager)
                assert not manager.count
            finally:
                server.should_exit = True
                await serving

    hosting(main, graph, **settings)


def test_websocket_call_answers_typed_text(tmp_path: Path) -> None:
    """With captions, and told as heard when it would have been heard to its end."""

    async def scene(host: Host) -> None:
        async with host.call("?graph=scripted") as typist:
            await typist.type("What time is it?")
            began = asyncio.get_running_loop().time()
            done = await typist.wait_for("response.done")
            assert done["response"]["status"] == "completed"
            assert done["response"]["output"][0]["content"][0]["transcript"] == "It is nine o'clock."
            spoken = 0.060 * len("It is nine o'clock.")
            assert asyncio.get_running_loop().time() - began > spoken - 0.1
            turn = await typist.wait_for("vitagraph.turn")
            assert turn["response"] == done["response"]["id"]
            assert "error" not in typist.kinds()
            assert {"output_audio_buffer.started", "response.output_audio_transcript.delta"} <= set(typist.kinds())

    served(scene, scripted(tmp_path))


def test_websocket_call_is_interrupted_by_typing(tmp_path: Path) -> None:
    """And the person sees exactly what had been said by then."""

    async def scene(host: Host) -> None:
        async with host.call() as typist:
            await typist.type("Anything?")
            await typist.wait_for("output_audio_buffer.started")
            await host.clock.sleep(400 * MILLISECOND)
            await typist.type("Wait, something else.")
            done = await typist.wait_for("response.done")
            assert done["response"]["status"] == "cancelled"
            truncated = next(each for each in typist.events if each["type"] == "conversation.item.truncated")
            assert 300 <= truncated["audio_end_ms"] < 900
            heard = done["response"]["output"][0]["content"][0]["transcript"]
            assert heard and "It is nine o'clock.".startswith(heard) and heard != "It is nine o'clock."
            assert (await typist.wait_for("response.done"))["response"]["status"] == "completed"

    served(scene, scripted(tmp_path))


def test_websocket_hang_up_by_the_host_closes_normally() -> None:
    """The page says that the other end hung up, and does not call again."""

    async def scene(host: Host) -> None:
        async with host.call() as typist:
            session = typist.events[0]["session"]
            call = host.manager.find(session["id"].replace("sess_", "rtc_"))
            assert call is not None
            call.hang_up("the test is over")
            assert await typist.closed() == 1000

    served(scene)


def test_websocket_full_host_and_unknown_graph_are_refused_over_http() -> None:
    """Before anything is accepted, in the shape of every other refusal."""

    async def scene(host: Host) -> None:
        status, code, _ = await host.refused("?graph=gone")
        assert (status, code) == (404, "unknown_graph")
        async with host.call("?model=echo"):
            status, code, headers = await host.refused()
            assert (status, code) == (503, "no_seat") and int(headers["retry-after"]) > 0
        await gone(host.manager)
        async with host.call():
            pass

    served(scene, calls=1)


def test_websocket_limits_calls_per_address() -> None:
    """By the same count as other calls."""

    async def scene(host: Host) -> None:
        async with host.call():
            assert (await host.refused())[:2] == (429, "too_many_calls")

    served(scene, new_calls="1/hour")


def test_websocket_refuses_a_cross_origin_page() -> None:
    """Browsers ask nobody before they open a WebSocket."""

    async def scene(host: Host) -> None:
        with pytest.raises(InvalidStatus, match="403"):
            await connect(f"{host.address}/v1/realtime", proxy=None, origin=cast(Any, "https://evil.example"))
        own = host.address.replace("ws://", "http://")
        async with host.call(origin=own):
            pass

    served(scene)


def protocols(token: str) -> list[Subprotocol]:
    """A token as a browser shows it."""
    return [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{token}")]


def test_websocket_host_with_a_key_requires_it() -> None:
    """In the header, or where a browser can put it; the answer never repeats it."""

    async def scene(host: Host) -> None:
        assert (await host.refused())[:2] == (401, "wrong_key")
        assert (await host.refused(subprotocols=protocols("k2")))[:2] == (401, "wrong_key")
        assert (await host.refused(subprotocols=protocols("ek_0")))[:2] == (401, "secret_unknown")
        async with host.call(subprotocols=protocols("k")) as typist:
            assert typist.socket.subprotocol == "realtime"
        async with host.call(additional_headers={"Authorization": "Bearer k"}) as typist:
            assert typist.socket.subprotocol is None
            assert "client_secret" not in typist.events[0]["session"]

    served(scene, key="k")


def test_websocket_secret_is_renewed_for_reconnecting() -> None:
    """All lines are busy with the caller's own lost call: it gives way to the new one."""

    async def scene(host: Host) -> None:
        first = await minted(host, instructions="Be brief.")
        async with host.call(subprotocols=protocols(first)) as lost:
            told = lost.events[0]["session"]["client_secret"]
            assert told["value"].startswith("ek_") and told["value"] != first
            assert (await host.refused(subprotocols=protocols(first)))[:2] == (401, "secret_used")
            async with host.call(subprotocols=protocols(told["value"])) as back:
                assert await lost.closed() == 1000
                assert back.events[0]["session"]["instructions"] == "Be brief."
                assert (await host.refused(subprotocols=protocols(told["value"])))[:2] == (401, "secret_used")

    served(scene, key="k", calls=1)


def test_websocket_secret_instructions_are_in_force_from_the_first_answer(tmp_path: Path) -> None:
    """A page cannot be trusted to say what its assistant is; also when it comes back."""

    async def scene(host: Host) -> None:
        secret = await minted(host, instructions="Be brief.")
        for _ in range(2):
            async with host.call(subprotocols=protocols(secret)) as typist:
                await typist.type("What are you told?")
                done = await typist.wait_for("response.done")
                assert done["response"]["output"][0]["content"][0]["transcript"] == "Be brief."
                secret = typist.events[0]["session"]["client_secret"]["value"]

    served(scene, scripted(tmp_path, text=RECITING), key="k")


def test_websocket_secret_fixes_graph_and_instructions(tmp_path: Path) -> None:
    """Before the call by a refusal, and during the call by an error."""

    async def scene(host: Host) -> None:
        secret = protocols(await minted(host, model="echo", instructions="Be brief."))
        assert (await host.refused("?graph=scripted", subprotocols=secret))[:2] == (403, "locked_field")
        async with host.call(subprotocols=secret) as typist:
            assert typist.events[0]["session"]["model"] == "echo"
            await typist.tell(type="session.update", session={"instructions": "Shout."})
            assert (await typist.wait_for("error"))["error"]["code"] == "locked_field"

    served(scene, scripted(tmp_path), key="k")


async def minted(host: Host, **session: str) -> str:
    """A client secret of a host whose key is `k`."""
    address = host.address.replace("ws://", "http://")
    async with httpx.AsyncClient(base_url=address, headers=bearer("k")) as http:
        return str((await http.post(SECRETS, json={"session": session})).json()["value"])


def test_websocket_long_event_is_an_error_and_a_huge_one_ends_the_call() -> None:
    """A client's fault is told; an attack takes no memory."""

    async def scene(host: Host) -> None:
        async with host.call() as typist:
            await typist.socket.send("[" * 1001)
            error = (await typist.wait_for("error"))["error"]
            assert (error["type"], error["code"]) == ("invalid_request_error", "message_too_long")
            await typist.socket.send(b"binary, which nobody reads")
            await typist.tell(type="response.cancel")
            assert (await typist.wait_for("error"))["error"]["code"] == "response_cancel_not_active"
            await typist.socket.send("[" * (MOST_EVENTS * 1000 + 1))
            assert await typist.closed() == 1009

    served(scene, message_bytes=1000)


def test_websocket_closed_tab_or_dead_network_ends_the_call() -> None:
    """Within 5 s, though nobody said goodbye; and what the client was to get goes nowhere."""

    async def scene(host: Host) -> None:
        async with host.call() as closed:
            closed.socket.transport.abort()
            assert await gone_in(host) < 1
        async with host.call() as silent:
            silent.socket.transport.pause_reading()  # not even pings
            assert await gone_in(host) < 5
            silent.socket.transport.abort()

    served(scene)


async def gone_in(host: Host) -> float:
    """Waits until no call is left; the seconds that it took."""
    now = asyncio.get_running_loop().time
    began = now()
    await gone(host.manager, 8)
    return now() - began


def test_websocket_fifty_calls_leave_no_resources(tmp_path: Path) -> None:
    """Whether they say goodbye or not."""

    async def scene(host: Host) -> None:
        async def one(number: int) -> None:
            async with host.call() as typist:
                await typist.type("Anything?")
                await typist.wait_for("output_audio_buffer.started")
                if number % 2:
                    typist.socket.transport.abort()
            await gone(host.manager)

        await one(0)
        await one(1)
        before = held()
        for number in range(50):
            await one(number)
        await host.clock.sleep(100 * MILLISECOND)
        after = held()
        assert all(after[name] <= before[name] for name in before), (before, after)

    served(scene, scripted(tmp_path))


def held() -> dict[str, int]:
    """What a call may leave behind."""
    gc.collect()
    return {"tasks": len(asyncio.all_tasks()), "files": len(os.listdir("/proc/self/fd"))}


def test_websocket_works_with_the_openai_package(tmp_path: Path) -> None:
    """Unchanged but for its base URL."""

    async def scene(host: Host) -> None:
        base = host.address.replace("ws://", "http://") + "/v1"
        client = openai.AsyncOpenAI(api_key="k", base_url=base, websocket_base_url=f"{host.address}/v1")
        async with client, client.realtime.connect(model="scripted") as connection, asyncio.timeout(10):
            content: Any = [{"type": "input_text", "text": "What time is it?"}]
            await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
            await connection.response.create()
            done = await anext(event async for event in connection if event.type == "response.done")
        assert done.response.status == "completed"

    served(scene, scripted(tmp_path), key="k")


def test_websocket_is_closed_normally_when_the_host_stops() -> None:
    """SIGTERM: the call goes on while it may, and is then closed in good order."""
    with serving("--drain", "1s") as host:
        address = f"{host.address.replace('http', 'ws')}/v1/realtime"
        with websockets.sync.client.connect(address, proxy=None) as socket:
            assert json.loads(socket.recv(10))["type"] == "session.created"
            host.process.send_signal(signal.SIGTERM)
            list(socket)
            assert socket.close_code == 1000
            assert host.end(within=10) == (0, "")


class StuckSocket:
    """Of a client that takes nothing."""

    scope: Any = {"type": "websocket", "subprotocols": []}

    async def accept(self, subprotocol: str | None) -> None:
        """It was there once."""

    async def receive(self) -> Event:
        """And says nothing."""
        await asyncio.Event().wait()
        return {}

    async def send_text(self, text: str) -> None:
        """Waits for ever."""
        await asyncio.Event().wait()


def test_websocket_client_that_does_not_read_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """When too much waits for it, or when it takes too long: it costs a megabyte and not all there is."""
    monkeypatch.setattr(module, "SEND_TIMEOUT", 0.05)

    async def carried(events: int) -> WebSocketTransport:
        line = WebSocketTransport(cast(WebSocket, StuckSocket()))
        carrying = asyncio.create_task(line.carry())
        await line.connected.wait()
        for _ in range(events):
            line.send_text("x" * 100_000)
        async with asyncio.timeout(2):
            await line.ended.wait()
            await line.close()
            await line.close()
            await carrying
        return line

    async def main() -> None:
        assert (await carried(1)).queued <= 200_000
        full = await carried(200)
        assert full.queued <= module.MOST_QUEUED + 100_000

    asyncio.run(main())


def test_websocket_client_gone_before_accept_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its call is over at once."""

    class Gone(StuckSocket):
        async def accept(self, subprotocol: str | None) -> None:
            raise OSError

    async def main() -> None:
        line = WebSocketTransport(cast(WebSocket, Gone()))
        await line.carry()
        assert line.ended.is_set() and not line.connected.is_set()
        await line.close()

    asyncio.run(main())
