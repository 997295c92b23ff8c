"""The routes of the OpenAI Realtime API that make and end calls."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Response, WebSocket
from fastapi.responses import JSONResponse

from vitagraph.host.auth import Auth
from vitagraph.host.call_manager import CallManager, Offer
from vitagraph.host.errors import ApiError
from vitagraph.host.graph_catalogue import UnknownGraph
from vitagraph.host.limits import RateLimit, read_body
from vitagraph.host.offer import BODY, SESSION_BYTES, checked_session, content_type, merged_sessions, read_offer
from vitagraph.host.settings import HostSettings
from vitagraph.host.socket import WebSocketTransport

PREFIX = "/v1/realtime"


class ExpiresAfter(msgspec.Struct):
    """The lifetime of a client secret."""

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, msgspec.Meta(ge=10, le=7200)] = 600


class SecretRequest(msgspec.Struct):
    """The body of a request for a client secret."""

    expires_after: ExpiresAfter | None = None
    session: dict[str, Any] | None = None


_decode_secret = msgspec.json.Decoder(SecretRequest).decode
_SECRET_BODY = {
    "requestBody": {
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "expires_after": {
                            "type": "object",
                            "properties": {
                                "anchor": {"const": "created_at"},
                                "seconds": {"type": "integer", "minimum": 10, "maximum": 7200, "default": 600},
                            },
                        },
                        "session": {"type": "object", "description": "The Realtime session object."},
                    },
                }
            }
        }
    }
}


@dataclass(slots=True)
class CallRoutes:
    """The handlers of the routes."""

    settings: HostSettings
    calls: CallManager
    auth: Auth
    new_calls: RateLimit = field(init=False)
    new_secrets: RateLimit = field(init=False)

    def __post_init__(self) -> None:
        self.new_calls = RateLimit(self.settings.new_calls)
        self.new_secrets = RateLimit(self.settings.new_calls)

    def router(self) -> APIRouter:
        """The routes, for the app."""
        router = APIRouter(prefix=PREFIX, tags=["calls"])
        router.add_api_route(
            "/calls",
            self.create,
            methods=["POST"],
            status_code=201,
            response_class=Response,
            responses={201: {"content": {"application/sdp": {}}, "description": "The SDP answer."}},
            openapi_extra=BODY,
        )
        router.add_api_websocket_route("", self.connect)
        router.add_api_route("/calls/{id}", self.delete, methods=["DELETE"], status_code=204)
        router.add_api_route("/calls/{id}/hangup", self.hang_up, methods=["POST"], response_class=Response)
        router.add_api_route("/client_secrets", self.mint, methods=["POST"], openapi_extra=_SECRET_BODY)
        return router

    async def create(
        self,
        request: Request,
        graph: Annotated[str, Query(description="The conversation, one of /graphs.")] = "",
        model: Annotated[str, Query(description="The same, for other clients; unknown names are ignored.")] = "",
    ) -> Response:
        """Makes a call. Location in the answer is the call's address, by which it can be ended."""
        self.new_calls.check(request)
        async with self.auth.authorize(request) as authorized:
            sdp, given = await read_offer(request, self.settings.sdp_bytes)
            session = merged_sessions(authorized.session, given)
            name = self._graph(graph, model, session.get("model"))
            call = await self.calls.answer(Offer(sdp, name, session, authorized.renewal))
            authorized.call_started(call)
        if await request.is_disconnected():
            call.hang_up("the caller has gone")
        return Response(
            call.answer, 201, headers={"Location": f"{PREFIX}/calls/{call.id}"}, media_type="application/sdp"
        )

    async def connect(self, socket: WebSocket, graph: str = "", model: str = "") -> None:
        """Makes a call by WebSocket; errors are answered over HTTP, before the socket is accepted."""
        self.new_calls.check(socket)
        line = WebSocketTransport(socket)
        async with self.auth.authorize(socket) as authorized:
            session = authorized.session
            name = self._graph(graph, model, session.get("model"))
            call = await self.calls.join(line, Offer("", name, session, authorized.renewal))
            authorized.call_started(call)
        await line.carry()

    async def delete(self, id: str) -> None:
        """Hangs up."""
        self._end(id)

    async def hang_up(self, id: str) -> Response:
        """Hangs up."""
        self._end(id)
        return Response()

    async def mint(self, request: Request) -> JSONResponse:
        """Makes a client secret, good for one call within its lifetime."""
        self.auth.check(request)
        if self.auth.open:  # The key is held by a server, which asks for all of its users.
            self.new_secrets.check(request)
        wanted = await _wanted(request)
        session = checked_session(wanted.session or {})
        secret = self.auth.secrets.mint(session, (wanted.expires_after or ExpiresAfter()).seconds)
        about = {"type": "realtime", "object": "realtime.session", "id": f"sess_{secrets.token_hex(12)}"}
        return JSONResponse(
            {**secret.resource(), "session": {**session, **about}},
            headers={"Cache-Control": "no-store"},
        )

    def _graph(self, graph: str, *models: object) -> str | None:
        names = [info.name for info in self.calls.graphs.list()]
        if graph and graph not in names:
            raise UnknownGraph(f"there is no conversation {graph[:60]!r} here", hint=f"there are: {', '.join(names)}")
        return graph or next((str(model) for model in models if model in names), None)

    def _end(self, id: str) -> None:
        call = self.calls.find(id)
        if call is not None:
            call.hang_up("the caller hung up")
        elif not self.calls.has_ended(id):
            raise ApiError(404, "unknown_call", "There is no such call.")


async def _wanted(request: Request) -> SecretRequest:
    body = await read_body(request, SESSION_BYTES)
    if not body:
        return SecretRequest()
    if content_type(request) != "application/json":
        raise ApiError(415, "wrong_content_type", "Send what the secret shall be as application/json.")
    try:
        return _decode_secret(body)
    except msgspec.ValidationError as error:
        raise ApiError(400, "invalid_request", f"{error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ApiError(400, "invalid_request", "The request is no JSON object.") from None
