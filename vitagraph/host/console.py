"""The operator's pages, and their data: only for those who may read the metrics.

/console                            what happens now
/console/state                      its data (Console)
/console/sessions/{id}              the timeline of a session
/console/sessions/{id}/timeline     its data (Timeline)
/console/sessions/{id}/{side}.wav   its sound, if it was recorded

The pages themselves have no secrets: they ask for the key where there is one.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from vitagraph.host import pages
from vitagraph.host.auth import Auth
from vitagraph.host.errors import ApiError
from vitagraph.host.metrics import check_reader
from vitagraph.host.site import Asset
from vitagraph.observe.timeline import Console, Side, Timeline

CONSOLE_PAGE = "console.html"
SESSION_PAGE = "console/sessions/session.html"
"""It is served at addresses of the same depth, so that the addresses of its assets are relative."""
_WORTH_PACKING = 20_000
"""Bytes of JSON from which it is compressed: the sound of an hour as an envelope has 250 kB."""
_FRESH = {"Cache-Control": "no-store"}


class ConsoleSource(Protocol):
    """Where the data come from."""

    def state(self) -> Console:
        """What the console shows now."""

    def timeline(self, id: str) -> Timeline | None:
        """The timeline of a session that runs or is still known; None of others."""

    def sound(self, id: str, side: Side) -> bytes | None:
        """The recorded sound of one side as a WAV file, None without one; called in a thread."""


class ConsoleRoutes:
    """The routes of the console; `source` is asked anew for each request."""

    def __init__(self, source: Callable[[], ConsoleSource], auth: Auth, site: Mapping[str, Asset]) -> None:
        self._source, self._auth, self._site = source, auth, site

    def router(self) -> APIRouter:
        """All of them."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/console/state", self.state)
        router.add_api_route("/console/sessions/{id}/timeline", self.timeline)
        router.add_api_route("/console/sessions/{id}/{side}.wav", self.sound)
        router.add_route("/console", self._page(CONSOLE_PAGE))
        router.add_route("/console/sessions/{id}", self._page(SESSION_PAGE))
        return router

    async def state(self, request: Request) -> Response:
        """What the host does now: calls, graphs, latest turns, alerts, quality.

        To those who have the host's key, or without one to this machine.
        """
        check_reader(request, self._auth)
        return await _json(request, self._source().state())

    async def timeline(self, request: Request, id: str) -> Response:
        """What happened in a session, with its words. As for `/console/state`, not for everybody."""
        check_reader(request, self._auth)
        if (timeline := self._source().timeline(id)) is None:
            raise ApiError(404, "not_found", "There is no such session, or it is no longer kept.")
        return await _json(request, timeline)

    async def sound(self, request: Request, id: str, side: Side) -> Response:
        """The recorded sound of one side of a session, from its beginning. Not for everybody either."""
        check_reader(request, self._auth)
        sound = await asyncio.to_thread(self._source().sound, id, side)
        if sound is None:
            raise ApiError(404, "not_found", "The sound of this session was not recorded.")
        return Response(sound, media_type="audio/wav", headers=_FRESH)

    def _page(self, name: str) -> Callable[[Request], Response]:
        def page(request: Request) -> Response:
            if asset := self._site.get(name):
                return asset.answer(request)
            return HTMLResponse(pages.not_built(), 503, _FRESH)

        return page


async def _json(request: Request, document: Console | Timeline) -> Response:
    body = msgspec.json.encode(document)
    if len(body) < _WORTH_PACKING or "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(body, media_type="application/json", headers=_FRESH)
    packed = await asyncio.to_thread(gzip.compress, body, 1)
    headers = {**_FRESH, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(packed, media_type="application/json", headers=headers)
