"""The application: one ASGI process that serves pages, REST with OpenAPI, and streams of moving people."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import dash
import dash_mantine_components as dmc
from dash import dcc, html
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

import viz.component
from twin.errors import BadInput, HutongError
from viz import pages, words
from viz.api import add_api
from viz.jobs import Jobs
from viz.library import Library
from viz.shell import add_shell, shell
from viz.stream import add_routes

ASSETS = Path(__file__).parent / "assets"
BUNDLE = Path(viz.component.__file__).parent / "dist" / "hutong_scene.min.js"
# Everything comes from this server; AG Grid's formulas and deck.gl's shaders need eval and inline styles.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws: wss: data: blob:; "
    "worker-src 'self' blob:; "
    "frame-ancestors 'self'; base-uri 'self'; form-action 'self'"
)
_INDEX = """<!DOCTYPE html>
<html lang="{lang}"><head>{{%metas%}}<title>{{%title%}}</title>{{%favicon%}}{{%css%}}<script>{words}</script></head>
<body>{{%app_entry%}}<footer>{{%config%}}{{%scripts%}}{{%renderer%}}</footer></body></html>"""
_DOCS = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Hutong API</title>
<link rel="stylesheet" href="/assets/docs/docs.css"></head><body><h1>Hutong API</h1>
<p>The OpenAPI document is at <a href="/api/openapi.json">/api/openapi.json</a>.</p><div id="routes"></div>
<script src="/assets/docs/docs.js"></script></body></html>"""


def create_app(library: Library, *, language: str = "en") -> dash.Dash:
    """Make the application. ``app.server`` is the FastAPI application, ``language`` the one until a visitor chooses."""
    if language not in words.LANGUAGES:
        raise BadInput(f"the language {language!r} is unknown", mend="say en or zh")
    jobs = Jobs()

    @contextlib.asynccontextmanager
    async def lifespan(_server: FastAPI) -> AsyncIterator[None]:
        yield
        jobs.close()

    server = FastAPI(title="Hutong", version=viz.component.__version__, docs_url=None, redoc_url=None,
                     openapi_url="/api/openapi.json", lifespan=lifespan,
                     description="Districts, scenarios, rehearsals and comparisons of a Hutong twin.")
    server.add_api_route("/", lambda: RedirectResponse("/twin"), include_in_schema=False)
    server.add_api_route("/docs", lambda: HTMLResponse(_DOCS), include_in_schema=False)
    add_api(server, library, jobs)
    server.add_api_route("/api/{rest:path}", _no_such_route, include_in_schema=False,
                         methods=["GET", "POST", "PUT", "DELETE"])
    add_routes(server, library)
    server.middleware("http")(_guard)
    app = dash.Dash(
        "hutong", server=server, backend="fastapi", assets_folder=str(ASSETS), assets_path_ignore=["docs"],
        serve_locally=True, title=words.text("app.title", language), update_title="", suppress_callback_exceptions=True,
        index_string=_INDEX.format(lang="zh-CN" if language == "zh" else "en",
                                   words=words.script(language).replace("{%", "{ %")))
    app.layout = dmc.MantineProvider(id="mantine", forceColorScheme="light", theme={
        "primaryColor": "blue", "fontFamily": "var(--font)", "headings": {"fontFamily": "var(--font)"},
        "defaultRadius": "sm", "cursorType": "pointer"}, children=[
        dcc.Location(id="url"), dcc.Store(id="language", storage_type="local", data=language),
        dcc.Store(id="theme", storage_type="local", data="light"), dcc.Store(id="ignored"),
        dmc.NotificationContainer(id="notices"), shell(), html.Div(id="page")])
    add_shell(app)
    pages.add_pages(app, library, jobs)
    # Dash does this before the first request to `/`, which here leads on to `/twin`: that page would lack its scripts.
    app._setup_server()
    return app


async def _no_such_route(rest: str) -> JSONResponse:
    return JSONResponse({"error": f"there is no /api/{rest}; see /api/openapi.json."}, status_code=404)


async def _guard(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """Refuse changes that another site's page asks for, and keep every answer from loading anything from elsewhere."""
    origin = request.headers.get("origin")
    if request.method not in ("GET", "HEAD", "OPTIONS") and origin is not None and (
            urlsplit(origin).netloc != request.headers.get("host")):
        return JSONResponse({"error": "this came from another site; open Hutong itself."}, status_code=403)
    response = await answer(request)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _warm(library: Library) -> None:
    """Make the first district's scene before somebody asks for it."""
    with contextlib.suppress(HutongError):
        library.packed_scene(library.districts()[0])


def serve(library: Library, host: str = "127.0.0.1", port: int = 8050, *, language: str = "en") -> None:
    """Serve until Ctrl-C."""
    import uvicorn
    if not BUNDLE.is_file():
        raise BadInput(
            "the scene component is not built", where=str(BUNDLE), mend="run `python viz/component/build_hook.py`"
        )
    app = create_app(library, language=language)
    threading.Thread(target=_warm, args=(library,), daemon=True).start()
    print(f"Hutong is at http://{host}:{port}", flush=True)
    # Deflating every frame of positions would cost more time than the smaller frames save.
    uvicorn.run(app.server, host=host, port=port, log_level="warning", ws_per_message_deflate=False)
