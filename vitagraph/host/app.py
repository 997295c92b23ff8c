"""The HTTP app: all routes and middleware.

/v1/realtime/…       calls (calls.py)
/graphs              the graphs that can be called
/avatar/head.glb     the face
/healthz, /readyz    probes
/metrics             for Prometheus
/console             for the operator (console.py)
/docs                the description of this interface
/                    the page
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.middleware.cors import CORSMiddleware

from vitagraph.host import errors, ice, openapi, pages
from vitagraph.host.auth import Auth
from vitagraph.host.call_manager import CallManager
from vitagraph.host.calls import CallRoutes
from vitagraph.host.console import ConsoleRoutes
from vitagraph.host.errors import ApiError
from vitagraph.host.metrics import check_reader
from vitagraph.host.proxies import ProxyMiddleware
from vitagraph.host.security import SecurityMiddleware, content_security_policy
from vitagraph.host.settings import HostSettings
from vitagraph.host.site import Asset, AvatarHead, read_folder

STATIC = Path(__file__).resolve().parent.parent / "static"
"""The page, as `npm run build` makes it."""
_DESCRIPTION = (
    "Calls by WebRTC with an assistant that has a voice and a face, in the shape of the OpenAI Realtime API. "
    "Errors are {error: {type, code, message, param}}."
)


def make_app(settings: HostSettings, calls: CallManager, static: Path = STATIC) -> FastAPI:
    """The app; `calls` must be open while it runs."""
    head = AvatarHead(settings.avatar)
    auth = Auth(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(head.load(), name="load the avatar")
        yield
        await loading
        auth.close()

    app = FastAPI(
        title="Vitagraph",
        version=version("vitagraph"),
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.auth = auth
    errors.register(app)
    app.include_router(CallRoutes(settings, calls, auth).router())
    _add_probes(app, settings, calls, auth)
    site = read_folder(static)
    app.include_router(ConsoleRoutes(lambda: calls.console, auth, site).router())
    _add_pages(app, head, site)
    _add_middleware(app, settings)
    openapi.install(app)
    return app


def _add_middleware(app: FastAPI, settings: HostSettings) -> None:
    # The last one added is the outermost: all others see the client's own address, and requests of other
    # origins never reach CORS.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["*"],
        expose_headers=["Location", "Retry-After"],
    )
    app.add_middleware(SecurityMiddleware, settings=settings, policy=content_security_policy(pages.STYLE_HASH))
    app.add_middleware(ProxyMiddleware, proxies=settings.proxies)


def _add_probes(app: FastAPI, settings: HostSettings, calls: CallManager, auth: Auth) -> None:
    @app.get("/graphs", tags=["about"])
    async def graphs(request: Request) -> JSONResponse:
        """The graphs that can be called, and the STUN and TURN servers to use.

        With a client secret that fixes the graph, only that one is listed. TURN servers are named only
        to clients with the key or a client secret made with it.
        """
        catalogue, fixed = calls.graphs, auth.locked(request).graph
        answer: dict[str, Any] = {
            "graphs": [
                {"name": info.name, "description": info.description}
                for info in catalogue.list()
                if fixed in (None, info.name)
            ],
            "default": fixed or catalogue.default,
        }
        if settings.ice and auth.may_call(request):
            answer["ice_servers"] = ice.servers(settings, turn=auth.trusts(request))
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    @app.get("/healthz", tags=["about"])
    async def healthz() -> JSONResponse:
        """Whether the process is alive: answers while its event loop runs."""
        return JSONResponse({"healthy": True})

    @app.get("/readyz", tags=["about"], responses={503: {"description": "Not now; the answer says why."}})
    async def readyz(request: Request) -> JSONResponse:
        """Whether a call would be taken now, and which members of the graphs are unhealthy.

        Their messages require a token with which a call could be made.
        """
        members = calls.degraded()
        told = bool(members) and auth.may_call(request)
        degraded = [
            {"node": member.node, "member": member.use, "message": member.message if told else ""} for member in members
        ]
        if reason := calls.not_ready():
            return JSONResponse({"ready": False, "reason": reason, "degraded": degraded}, 503)
        return JSONResponse({"ready": True, "degraded": degraded})

    @app.get("/metrics", tags=["about"], response_class=PlainTextResponse)
    async def metrics(request: Request) -> Response:
        """Metrics for Prometheus: to those who have the host's key, or without one to this machine.

        In the OpenMetrics format if `Accept` names it.
        """
        check_reader(request, auth)
        return await calls.metrics.answer(request)


def _add_pages(app: FastAPI, head: AvatarHead, site: Mapping[str, Asset]) -> None:
    async def avatar(request: Request) -> Response:
        return (await head.asset()).answer(request)

    async def docs(_: Request) -> Response:
        return HTMLResponse(pages.interface(app.openapi()))

    async def page(request: Request) -> Response:
        path = request.path_params["path"]
        if asset := site.get(path):
            return asset.answer(request)
        if path in ("", "index.html"):
            return HTMLResponse(pages.not_built(), 503, {"Cache-Control": "no-store"})
        raise ApiError(404, "not_found", "There is nothing at this address.")

    app.add_route("/avatar/head.glb", avatar, include_in_schema=False)
    app.add_route("/docs", docs, include_in_schema=False)
    app.add_route("/{path:path}", page, include_in_schema=False)
