"""Every answer that is no 2xx, in one shape: the OpenAI API's, so that its clients can read it.

    {"error": {"type": "...", "code": "...", "message": "...", "param": null}}

`code` is for programs and stays; `message` is for the person, in plain words: the page shows it
as it is. Nothing of the host's inside is in it: what the person cannot mend goes to the log.
"""

from __future__ import annotations

import logging
import math

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from pipeline.errors import AdmissionError, UserInputError, VitagraphError
from vitagraph.host.gallery import UnknownGraph

_log = logging.getLogger("vitagraph.host")
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_OF_ROUTING = {404: ("not_found", "There is nothing at this address."), 405: ("method_not_allowed", "Not like this.")}


class ApiError(HTTPException):
    """A request that is not done; `retry_after` in seconds where it may be later."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after: float | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        later = {} if retry_after is None else {"Retry-After": str(max(1, math.ceil(retry_after)))}
        super().__init__(status, message, {**(headers or {}), **later})
        self.code = code

    def response(self) -> JSONResponse:
        """The answer to the client."""
        kind = "server_error" if self.status_code >= 500 else _TYPES.get(self.status_code, "invalid_request_error")
        error = {"type": kind, "code": self.code, "message": self.detail, "param": None}
        return JSONResponse({"error": error}, self.status_code, self.headers)


def refusal_of(error: Exception) -> ApiError:
    """How any error is told to a client."""
    match error:
        case ApiError():
            return error
        case HTTPException():
            code, message = _OF_ROUTING.get(error.status_code, ("invalid_request", "The request cannot be read."))
            return ApiError(error.status_code, code, message, headers=dict(error.headers or {}))
        case RequestValidationError() | ClientDisconnect():
            return ApiError(400, "invalid_request", "The request cannot be read.")
        case AdmissionError():
            # Its hint is for whoever runs the host.
            seconds = math.ceil(error.retry_after)
            again = f"Try again in {seconds} second{'' if seconds == 1 else 's'}."
            return ApiError(503, "no_seat", f"{sentences(error.message)} {again}", retry_after=seconds)
        case UnknownGraph():
            return ApiError(404, "unknown_graph", sentences(error.message, error.hint))
        case UserInputError():
            return ApiError(400, "unusable_input", sentences(error.message, error.hint))
        case _:
            return ApiError(500, "internal_error", "The host's log says what it was.")


def sentences(*texts: str) -> str:
    """Messages and hints of errors as a person would write them."""
    parts = (text.strip() for text in texts)
    return " ".join(part[0].upper() + part[1:] + ("" if part[-1] in ".!?" else ".") for part in parts if part)


def register(app: FastAPI) -> None:
    """Makes the app answer all errors so."""
    for kind in (HTTPException, RequestValidationError, ClientDisconnect, VitagraphError, Exception):
        app.add_exception_handler(kind, _answer)


async def _answer(_request: Request, error: Exception) -> JSONResponse:
    refusal = refusal_of(error)
    # What is no VitagraphError either is logged by the server, which gets to see it after this.
    if refusal.status_code == 500 and isinstance(error, VitagraphError):
        _log.error("a request failed: %s", error)
    return refusal.response()
