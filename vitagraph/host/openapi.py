"""The OpenAPI description of the host, with the status codes that its routes really answer with."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from fastapi import FastAPI

_REFUSALS = {
    400: "The request cannot be read or used.",
    401: "The key or the client secret is missing or not valid.",
    403: "The host is not called by this name, or may not be called by this page.",
    404: "There is no such graph or call.",
    408: "The body took too long to arrive.",
    413: "The body is too large.",
    415: "The body has another Content-Type than those above.",
    429: "Too many calls from this address. Retry-After says when to try again, in seconds.",
    503: "The host takes no call now. Retry-After says when to try again, in seconds.",
}
_BODY = (400, 408, 413, 415)
_CODES: dict[tuple[str, str], tuple[int, ...]] = {
    ("get", "/v1/realtime"): (401, 404, 429, 503),
    ("post", "/v1/realtime/calls"): (*_BODY, 401, 404, 429, 503),
    ("get", "/v1/realtime/calls/{id}"): (404,),
    ("delete", "/v1/realtime/calls/{id}"): (404,),
    ("post", "/v1/realtime/calls/{id}/hangup"): (404,),
    ("post", "/v1/realtime/client_secrets"): (*_BODY, 401, 429),
    ("get", "/readyz"): (503,),
    ("get", "/metrics"): (401, 429),
}
"""The refusals of each operation, beside 403, with which each may refuse."""
_WEB_SOCKET = {
    "tags": ["calls"],
    "summary": "Connect",
    "description": "Makes a call by WebSocket: events both ways as text, without sound. Errors come over HTTP, "
    "before the WebSocket is accepted.",
    "parameters": [
        {
            "name": name,
            "in": "query",
            "required": False,
            "schema": {"type": "string", "default": ""},
            "description": description,
        }
        for name, description in (
            ("graph", "The conversation, one of /graphs."),
            ("model", "The same, for other clients; unknown names are ignored."),
        )
    ],
    "responses": {"101": {"description": "The call's WebSocket."}},
}


def install(app: FastAPI) -> None:
    """Makes an app describe itself; to be called when it has its routes."""
    described = cache(partial(_describe, app.openapi))
    app.openapi = described  # type: ignore[method-assign]  # as FastAPI documents it


def _describe(openapi: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The description of FastAPI, which says 422 everywhere, and nothing of WebSockets and of refusals."""
    schema = openapi()
    schema["paths"].setdefault("/v1/realtime", {})["get"] = _WEB_SOCKET
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            answers: dict[str, Any] = operation["responses"]
            answers.pop("422", None)
            for code in (403, *_CODES.get((method, path), ())):
                answers.setdefault(str(code), {"description": _REFUSALS[code]})
            operation["responses"] = dict(sorted(answers.items()))
    return schema
