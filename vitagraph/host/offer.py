"""Reads the request to make a call: an SDP offer, and the configuration of the session.

Content-Type: application/sdp         the offer
Content-Type: multipart/form-data     `sdp`, and `session` as JSON
"""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import Request

from vitagraph.host.errors import ApiError
from vitagraph.host.forms import InvalidForm, parse_form
from vitagraph.host.limits import read_body

SESSION_BYTES = 64_000
"""The longest session object."""
DEPTH = 16
"""The deepest nesting of a session object; the API's own have 5 levels."""
_ENVELOPE = 4_000
"""Bytes of a multipart body in addition to its parts."""

BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/sdp": {"schema": {"type": "string", "description": "The SDP offer."}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["sdp"],
                    "properties": {
                        "sdp": {"type": "string", "description": "The SDP offer."},
                        "session": {"type": "string", "description": "The Realtime session object, as JSON."},
                    },
                }
            },
        },
    }
}
"""For the OpenAPI page."""


async def read_offer(request: Request, sdp_bytes: int) -> tuple[str, dict[str, Any]]:
    """The SDP and the session object; raises an ApiError (4xx)."""
    match content_type(request):
        case "application/sdp":
            return _sdp(await read_body(request, sdp_bytes)), {}
        case "multipart/form-data":
            parts = _parts(request, await read_body(request, sdp_bytes + SESSION_BYTES + _ENVELOPE))
            if len(parts.get("sdp", b"")) > sdp_bytes:
                raise ApiError(413, "too_large", f"The offer is too large: at most {sdp_bytes} bytes.")
            return _sdp(parts.get("sdp", b"")), decode_session(parts.get("session", b"{}"))
        case _:
            raise ApiError(
                415,
                "wrong_content_type",
                "Send the offer as application/sdp, or as multipart/form-data with sdp in it.",
            )


def content_type(request: Request) -> str:
    """The media type of the body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def decode_session(json: bytes) -> dict[str, Any]:
    """Decodes a Realtime session object without checking its keys; raises an ApiError (400)."""
    try:
        session = msgspec.json.decode(json, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ApiError(400, "bad_session", "The session is no JSON object.") from None
    return checked_session(session)


def checked_session(session: dict[str, Any]) -> dict[str, Any]:
    """The same session object; raises an ApiError (400) if it has another type or nests too deeply."""
    if _nests_deeper(session, DEPTH):
        raise ApiError(400, "bad_session", "The session nests too deep.")
    if session.get("type", "realtime") != "realtime":
        raise ApiError(400, "bad_session", "The session's type can only be realtime.")
    return session


def _sdp(body: bytes) -> str:
    try:
        sdp = body.decode()
    except UnicodeDecodeError:
        sdp = ""
    if not sdp.startswith("v=0"):
        raise ApiError(400, "bad_offer", "The request holds no SDP offer.")
    return sdp


def _parts(request: Request, body: bytes) -> dict[str, bytes]:
    try:
        return parse_form(request.headers.get("content-type", ""), body)
    except InvalidForm as error:
        raise ApiError(400, "bad_form", f"The form cannot be read: {error}.") from None


def _nests_deeper(value: Any, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    below = value.values() if isinstance(value, dict) else value
    return depth == 0 or any(_nests_deeper(each, depth - 1) for each in below)
