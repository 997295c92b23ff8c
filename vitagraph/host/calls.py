"""The routes of the OpenAI Realtime API that make and end calls."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Response, WebSocket
from fastapi.responses import JSONResponse
from starlette.requests import HTTPConnection

from vitagraph.host.auth import Auth, Authorization
from vitagraph.host.call_manager import CallManager, Offer
from vitagraph.host.errors import ApiError
from vitagraph.host.graph_catalogue import UnknownGraph
from vitagraph.host.limits import RateLimit, client_network, read_body
from vitagraph.host.offer import BODY, SESSION_BYTES, content_type, read_offer
from vitagraph.host.settings import HostSettings
from vitagraph.host.socket import WebSocketTransport
from vitagraph.host.tokens import MOST_INSTRUCTIONS, LockedFields

PREFIX = "/v1/realtime"


class ExpiresAfter(msgspec.Struct):
    """The lifetime of a client secret."""

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, msgspec.Meta(ge=10, le=7200)] = 600


class SecretSession(msgspec.Struct):
    """What a secret keeps of a Realtime session object; the rest of it is not even decoded."""

    type: Literal["realtime"] = "realtime"
    model: str | None = None
    instructions: str | None = None


class SecretRequest(msgspec.Struct):
    """The body of a request for a client secret."""

    expires_after: ExpiresAfter | None = None
    session: SecretSession | None = None


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
                        "session": {
                            "type": "object",
                            "description": "The Realtime session object. `model`, as a graph, and `instructions` "
                            "are fixed for the call; everything else is ignored.",
                            "properties": {
                                "type": {"const": "realtime"},
                                "model": {"type": "string"},
                                "instructions": {"type": "string"},
                            },
                        },
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
        router.add_api_route("/calls/{id}", self.get, methods=["GET"])
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
        with self.calls.metrics.counting_refusals():
            self.new_calls.check(request)
            async with self.auth.authorize(request) as authorized:
                sdp, session = await read_offer(request, self.settings.sdp_bytes)
                call = await self.calls.answer(self._offer(request, authorized, sdp, graph, model, session))
                authorized.call_started(call)
        if await request.is_disconnected():
            call.hang_up("the caller has gone")
        return Response(
            call.answer, 201, headers={"Location": f"{PREFIX}/calls/{call.id}"}, media_type="application/sdp"
        )

    async def connect(self, socket: WebSocket, graph: str = "", model: str = "") -> None:
        """Makes a call by WebSocket; errors are answered over HTTP, before the socket is accepted."""
        with self.calls.metrics.counting_refusals():
            self.new_calls.check(socket)
            line = WebSocketTransport(socket)
            async with self.auth.authorize(socket) as authorized:
                call = await self.calls.join(line, self._offer(socket, authorized, "", graph, model, {}))
                authorized.call_started(call)
        await line.carry()

    async def get(self, id: str) -> JSONResponse:
        """Whether a call goes on. A client asks when nothing comes any more; 404 means that it must call again."""
        if self.calls.find(id) is None:
            raise ApiError(404, "unknown_call", "There is no such call.")
        return JSONResponse({"object": "realtime.call", "id": id}, headers={"Cache-Control": "no-store"})

    async def delete(self, id: str) -> None:
        """Hangs up."""
        self._end(id)

    async def hang_up(self, id: str) -> Response:
        """Hangs up."""
        self._end(id)
        return Response()

    async def mint(
        self,
        request: Request,
        graph: Annotated[str, Query(description="The graph of the call; in place of the session's `model`.")] = "",
    ) -> JSONResponse:
        """Makes a client secret, good for one call within its lifetime."""
        self.auth.check(request)
        if self.auth.open:  # The key is held by a server, which asks for all of its users.
            self.new_secrets.check(request)
        wanted = await _wanted(request)
        locked = self._locked(graph, wanted.session or SecretSession())
        seconds = (wanted.expires_after or ExpiresAfter()).seconds
        secret = self.auth.secrets.mint(locked, seconds, client_network(request))
        session = {"model": locked.graph, "instructions": locked.instructions}
        about = {"type": "realtime", "object": "realtime.session", "id": f"sess_{secrets.token_hex(12)}"}
        return JSONResponse(
            {**secret.resource(), "session": {**{key: it for key, it in session.items() if it is not None}, **about}},
            headers={"Cache-Control": "no-store"},
        )

    def _locked(self, graph: str, session: SecretSession) -> LockedFields:
        instructions = session.instructions
        if instructions is not None and len(instructions.encode("utf-8", "replace")) > MOST_INSTRUCTIONS:
            raise ApiError(
                413,
                "too_large",
                f"The instructions of a client secret have at most {MOST_INSTRUCTIONS} bytes.",
                param="session.instructions",
            )
        if session.model is None:
            return LockedFields(self._graph(graph), instructions)
        # A call with that model would have the default graph if the name is unknown.
        return LockedFields(self._graph(graph, session.model) or self.calls.graphs.default, instructions)

    def _offer(
        self,
        connection: HTTPConnection,
        authorized: Authorization,
        sdp: str,
        graph: str,
        model: str,
        session: Mapping[str, Any],
    ) -> Offer:
        """The offer with what the client secret fixes; raises an ApiError (403) if the request says otherwise."""
        locked = authorized.locked
        models = {"model": model, "session.model": session.get("model")}
        name = self._graph(graph, *models.values())
        if locked.graph is not None:
            for param, given in {"graph": graph, **models}.items():
                if given in self._names() and given != locked.graph:
                    raise _fixed(param)
            name = self._graph(locked.graph)
        if locked.instructions is not None:
            if session.get("instructions") not in (None, locked.instructions):
                raise _fixed("session.instructions")
            session = {**session, "instructions": locked.instructions}
        return Offer(
            sdp,
            name,
            session,
            authorized.renewal,
            instructions_locked=locked.instructions is not None,
            returning=authorized.returning,
            address=client_network(connection),
        )

    def _names(self) -> list[str]:
        return [info.name for info in self.calls.graphs.list()]

    def _graph(self, graph: str, *models: object) -> str | None:
        names = self._names()
        if graph and graph not in names:
            raise UnknownGraph(f"there is no conversation {graph[:60]!r} here", hint=f"there are: {', '.join(names)}")
        return graph or next((str(model) for model in models if model in names), None)

    def _end(self, id: str) -> None:
        call = self.calls.find(id)
        if call is not None:
            call.hang_up("the caller hung up")
        elif not self.calls.has_ended(id):
            raise ApiError(404, "unknown_call", "There is no such call.")


def _fixed(param: str) -> ApiError:
    return ApiError(
        403, "locked_field", f"The client secret fixes `{param}`. Leave it out, or give the same value.", param=param
    )


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
