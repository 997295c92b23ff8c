"""Errors over HTTP, in the shape of the OpenAI API, so that its clients can read them.

    {"error": {"type": "...", "code": "...", "message": "...", "param": null}}

`code` is for programs and stable. `message` is for the user: the page shows it as it is. It has
no internals of the host; what only an operator can fix goes to the log.
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
from vitagraph.host.admission import try_again
from vitagraph.host.graph_catalogue import UnknownGraph
from vitagraph.host.seats import TooManyFromAddress

_log = logging.getLogger("vitagraph.host")
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_ROUTING_ERRORS = {
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not allow that method."),
}


class ApiError(HTTPException):
    """A request that is refused or failed; `retry_after` is in seconds, rounded up to at least 1.

    `param` names the field of the request that is wrong.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after: float | None = None,
        headers: dict[str, str] | None = None,
        param: str | None = None,
    ) -> None:
        later = {} if retry_after is None else {"Retry-After": str(max(1, math.ceil(retry_after)))}
        super().__init__(status, message, {**(headers or {}), **later})
        self.code = code
        self.param = param

    def response(self) -> JSONResponse:
        """The HTTP response."""
        kind = "server_error" if self.status_code >= 500 else _TYPES.get(self.status_code, "invalid_request_error")
        error = {"type": kind, "code": self.code, "message": self.detail, "param": self.param}
        return JSONResponse({"error": error}, self.status_code, self.headers)


def api_error_of(error: Exception) -> ApiError:
    """Any exception as an error for a client."""
    match error:
        case ApiError():
            return error
        case HTTPException():
            code, message = _ROUTING_ERRORS.get(error.status_code, ("invalid_request", "The request cannot be read."))
            return ApiError(error.status_code, code, message, headers=dict(error.headers or {}))
        case RequestValidationError() | ClientDisconnect():
            return ApiError(400, "invalid_request", "The request cannot be read.")
        case AdmissionError():
            # Its hint is for the operator.
            status, code = (429, "too_many_calls") if isinstance(error, TooManyFromAddress) else (503, "no_seat")
            message = f"{sentences(error.message)} {try_again(error.retry_after)}"
            return ApiError(status, code, message, retry_after=error.retry_after)
        case UnknownGraph():
            return ApiError(404, "unknown_graph", sentences(error.message, error.hint))
        case UserInputError():
            return ApiError(400, "unusable_input", sentences(error.message, error.hint))
        case _:
            return ApiError(500, "internal_error", "The host's log says what it was.")


def sentences(*texts: str) -> str:
    """Messages and hints of errors as sentences, with capitals and full stops."""
    parts = (text.strip() for text in texts)
    return " ".join(part[0].upper() + part[1:] + ("" if part[-1] in ".!?" else ".") for part in parts if part)


def register(app: FastAPI) -> None:
    """Makes the app answer with an ApiError to every exception."""
    for kind in (HTTPException, RequestValidationError, ClientDisconnect, VitagraphError, Exception):
        app.add_exception_handler(kind, _answer)


async def _answer(_request: Request, error: Exception) -> JSONResponse:
    answer = api_error_of(error)
    # The server logs exceptions that are no VitagraphError.
    if answer.status_code == 500 and isinstance(error, VitagraphError):
        _log.error("a request failed: %s", error)
    return answer.response()
