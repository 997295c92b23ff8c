"""What a request to make a call says: an SDP offer, and what the session shall be.

Content-Type: application/sdp         the offer
Content-Type: multipart/form-data     `sdp`, and `session` as JSON
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any

import msgspec
from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from vitagraph.host.errors import ApiError
from vitagraph.host.limits import read_body

SESSION_BYTES = 64_000
"""The longest session object."""
DEPTH = 16
"""How deep a session object may nest; the API's own are 5 deep."""
_PARTS = 8
_ENVELOPE = 4_000
"""Bytes of a multipart body beside its parts."""

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
    """The SDP and the session object; raises an ApiError (4xx) for anything else."""
    match content_type(request):
        case "application/sdp":
            return _sdp(await read_body(request, sdp_bytes)), {}
        case "multipart/form-data":
            parts = await _parts(request, await read_body(request, sdp_bytes + SESSION_BYTES + _ENVELOPE))
            if len(parts.get("sdp", b"")) > sdp_bytes:
                raise ApiError(413, "too_large", f"The offer is too large: at most {sdp_bytes} bytes.")
            return _sdp(parts.get("sdp", b"")), session_of(parts.get("session", b"{}"))
        case _:
            raise ApiError(
                415,
                "wrong_content_type",
                "Send the offer as application/sdp, or as multipart/form-data with sdp in it.",
            )


def content_type(request: Request) -> str:
    """The media type of the body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def session_of(json: bytes) -> dict[str, Any]:
    """A Realtime session object; its keys are looked at by whom they concern. Raises an ApiError (400)."""
    try:
        session = msgspec.json.decode(json, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ApiError(400, "bad_session", "The session is no JSON object.") from None
    return checked(session)


def checked(session: dict[str, Any]) -> dict[str, Any]:
    """The same session, where it is one that the host can have; else raises an ApiError (400)."""
    if _deeper(session, DEPTH):
        raise ApiError(400, "bad_session", "The session nests too deep.")
    if session.get("type", "realtime") != "realtime":
        raise ApiError(400, "bad_session", "The session's type can only be realtime.")
    return session


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Two session objects as one; where both say something, `over` counts."""
    both = {**base, **over}
    for key in base.keys() & over.keys():
        if isinstance(base[key], dict) and isinstance(over[key], dict):
            both[key] = merged(base[key], over[key])
    return both


def _sdp(body: bytes) -> str:
    try:
        sdp = body.decode()
    except UnicodeDecodeError:
        sdp = ""
    if not sdp.startswith("v=0"):
        raise ApiError(400, "bad_offer", "The request holds no SDP offer.")
    return sdp


async def _parts(request: Request, body: bytes) -> dict[str, bytes]:
    try:
        form = await MultiPartParser(
            request.headers, _once(body), max_files=_PARTS, max_fields=_PARTS, max_part_size=len(body) + 1
        ).parse()
    except MultiPartException:
        raise ApiError(400, "bad_form", "The form cannot be read.") from None
    try:
        return {name: await _bytes(value) for name, value in form.multi_items()}
    finally:
        await form.close()


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


async def _bytes(value: UploadFile | str) -> bytes:
    return value.encode("utf-8", "replace") if isinstance(value, str) else await value.read()


def _deeper(value: Any, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    below = value.values() if isinstance(value, dict) else value
    return depth == 0 or any(_deeper(each, depth - 1) for each in below)
