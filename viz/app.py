"""The application: one ASGI process that serves pages, REST with OpenAPI, and streams of moving people."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import dcc, html
from dash.backends._fastapi import reset_current_request, set_current_request
from dash.exceptions import DependencyException, InvalidResourceError
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

import viz.component
from twin.errors import BadInput, HutongError
from twin.guard import Guard
from viz import pages, words
from viz.api import add_api
from viz.drill.api import add_drills
from viz.drill.room import Rooms
from viz.guard import Provider, add_guard, policy, shut
from viz.jobs import Jobs
from viz.library import Library
from viz.shell import add_shell, shell
from viz.stream import add_routes

ASSETS = Path(__file__).parent / "assets"
BUNDLE = Path(viz.component.__file__).parent / "dist" / "hutong_scene.min.js"
MESSAGE = 1 << 20
"""Longest message that a socket takes [bytes]."""
_INDEX = """<!DOCTYPE html>
<html lang="{lang}"><head>{{%metas%}}<title>{{%title%}}</title>{{%favicon%}}{{%css%}}<script>{words}</script></head>
<body>{{%app_entry%}}<footer>{{%config%}}{{%scripts%}}{{%renderer%}}</footer></body></html>"""
_DOCS = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Hutong API</title>
<link rel="stylesheet" href="/assets/docs/docs.css"></head><body><h1>Hutong API</h1>
<p>The OpenAPI document is at <a href="/api/openapi.json">/api/openapi.json</a>.</p><div id="routes"></div>
<script src="/assets/docs/docs.js"></script></body></html>"""


def create_app(library: Library, *, language: str = "en", live: Any = None, guard: Guard | None = None,
               provider: Provider | None = None) -> dash.Dash:
    """Make the application. ``app.server`` is the FastAPI application, ``language`` the one until a visitor chooses.

    With a ``guard`` everything needs a login. Without one everybody is the person at this machine, who plans and
    analyses: such an application must listen on loopback only, and serves nothing ``live``.
    """
    if language not in words.LANGUAGES:
        raise BadInput(f"the language {language!r} is unknown", mend="say en or zh")
    if live is not None and guard is None:
        raise BadInput("a live twin needs accounts", mend="give it a guard")
    jobs = Jobs()
    drills: list[Rooms] = []

    @contextlib.asynccontextmanager
    async def lifespan(_server: FastAPI) -> AsyncIterator[None]:
        yield
        jobs.close()
        for rooms in drills:
            rooms.close()

    server = FastAPI(title="Hutong", version=viz.component.__version__, docs_url=None, redoc_url=None,
                     openapi_url="/api/openapi.json", lifespan=lifespan,
                     description="Districts, scenarios, rehearsals and comparisons of a Hutong twin.")
    server.add_api_route("/", lambda: RedirectResponse("/twin"), include_in_schema=False)
    server.add_api_route("/docs", lambda: HTMLResponse(_DOCS), include_in_schema=False)
    add_guard(server, guard, language=language, provider=provider)
    add_api(server, library, jobs)
    if live is not None:
        _add_live(server, live, guard)
    drills.append(add_drills(server, library, live))
    server.add_api_route("/api/{rest:path}", _no_such_route, include_in_schema=False,
                         methods=["GET", "POST", "PUT", "DELETE"])
    add_routes(server, library)
    app = dash.Dash(
        "hutong", server=server, backend="fastapi", assets_folder=str(ASSETS), assets_path_ignore=["docs", "login"],
        serve_locally=True, title=words.text("app.title", language), update_title="", suppress_callback_exceptions=True,
        index_string=_INDEX.format(lang="zh-CN" if language == "zh" else "en",
                                   words=words.script(language).replace("{%", "{ %")))
    for missing in (DependencyException, InvalidResourceError):
        server.add_exception_handler(missing, _no_such_file)
    # Every page would open a socket for callbacks that none of them uses, and the gate keeps that door shut.
    app.backend.websocket_capability = False
    app.layout = dmc.MantineProvider(id="mantine", forceColorScheme="light", theme={
        "primaryColor": "blue", "fontFamily": "var(--font)", "headings": {"fontFamily": "var(--font)"},
        "defaultRadius": "sm", "cursorType": "pointer"}, children=[
        dcc.Location(id="url"), dcc.Store(id="language", storage_type="local", data=language),
        dcc.Store(id="theme", storage_type="local", data="light"), dcc.Store(id="ignored"),
        dmc.NotificationContainer(id="notices"), shell(), html.Div(id="page")])
    add_shell(app)
    pages.add_pages(app, library, jobs, live)
    # Dash does this before the first request to `/`, which here leads on to `/twin`: that page would lack its scripts.
    app._setup_server()
    _add_index(app)
    shut(app, guard)
    return app


def _add_live(server: FastAPI, live: Any, guard: Guard | None) -> None:
    """The live twin's own routes."""
    from viz.live.observations import add_observation_api
    from viz.live.stream import add_live_routes
    add_live_routes(server, live, guard)
    add_observation_api(server, live)


def _add_index(app: dash.Dash) -> None:
    """Every page is the same document, in which the scripts that Dash and Hutong write are named by their hashes."""
    made: list[tuple[str, str]] = []  # the document and its policy, once the first request has come

    async def index(request: Request) -> Response:
        if not made:
            asked = set_current_request(request)
            try:
                document = app.index()
            finally:
                reset_current_request(asked)
            made.append((document, policy(document)))
        document, allowed = made[0]
        return HTMLResponse(document, headers={"Content-Security-Policy": allowed})

    app.server.add_api_route("/{path:path}", index, methods=["GET"], include_in_schema=False)


async def _no_such_route(rest: str) -> JSONResponse:
    return JSONResponse({"error": f"there is no /api/{rest}; see /api/openapi.json."}, status_code=404)


async def _no_such_file(_request: Request, _error: Exception) -> JSONResponse:
    return JSONResponse({"error": "there is no such file."}, status_code=404)


def _warm(library: Library) -> None:
    """Make the first district's scene before somebody asks for it."""
    with contextlib.suppress(HutongError):
        library.packed_scene(library.districts()[0])


def _require_free(host: str, port: int) -> None:
    """Refuse an address that cannot be listened on before anything is said to be there."""
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            pass
    except (OSError, OverflowError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise BadInput(f"cannot listen on {host} port {port} ({reason.lower()})",
                       mend="choose another with --port, or stop what runs there") from None


def serve(library: Library, host: str = "127.0.0.1", port: int = 8050, *, language: str = "en", live: Any = None,
          guard: Guard | None = None, provider: Provider | None = None, certificate: Path | None = None,
          key: Path | None = None, begin: Callable[[dash.Dash], str] = lambda _app: "") -> None:
    """Serve until Ctrl-C; over https with a certificate and its key. ``begin`` is called with the application before it
    listens, and gives the page to open."""
    import uvicorn
    if not BUNDLE.is_file():
        raise BadInput(
            "the scene component is not built", where=str(BUNDLE), mend="run `python viz/component/build_hook.py`"
        )
    _require_free(host, port)
    app = create_app(library, language=language, live=live, guard=guard, provider=provider)
    threading.Thread(target=_warm, args=(library,), daemon=True).start()
    page = begin(app)
    print(f"Hutong is at {'https' if certificate else 'http'}://{f'[{host}]' if ':' in host else host}:{port}{page}", flush=True)
    # Deflating every frame of positions would cost more time than the smaller frames save.
    uvicorn.run(app.server, host=host, port=port, log_level="warning", ws_per_message_deflate=False, ws_max_size=MESSAGE,
                server_header=False, ssl_certfile=certificate, ssl_keyfile=key)
