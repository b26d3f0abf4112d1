"""The pages, one module each: ``layout`` builds one, ``register`` adds its callbacks."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import dash
from dash import Input, Output, State, html

from viz.callbacks import answers
from viz.jobs import Jobs
from viz.library import Library
from viz.live.twin import Live
from viz.pages import camera, command, compare, drill, panels, parking, people, plan, playback, rehearse, study, twin

_PAGES: dict[str, Any] = {"/twin": twin, "/plan": plan, "/rehearse": rehearse, "/playback": playback, "/compare": compare,
                          "/study": study, "/people": people, "/parking": parking, "/camera": camera, "/drill": drill}


def add_pages(app: dash.Dash, library: Library, jobs: Jobs, live: Live | None = None) -> None:
    """Register every page with the application and lead each address to its page."""
    every = {**_PAGES, "/command": command.Page(live)}

    @answers(
        app, Output("page", "children"), Input("url", "pathname"), State("url", "search"), State("language", "data")
    )
    def show(path: str, search: str | None, language: str | None) -> Any:
        chosen = every.get(path or "")
        if chosen is None:
            return html.Main(panels.empty("page.unknown", dash.dcc.Link(dash.html.Span("Twin"), href="/twin")),
                             className="alone", id="scene-main")
        asked = {name: values[0] for name, values in parse_qs((search or "").lstrip("?")).items()}
        return chosen.layout(library, asked, language or "en")

    for page in every.values():
        page.register(app, library, jobs)
        for (name, prop), keys in page.CHOICES.items():
            app.clientside_callback(
                "(language) => Object.entries(" + json.dumps(keys) + ").map(([value, key]) => "
                "({value, label: hutong.text(key, null, language)}))",
                Output(name, prop), Input("language", "data"))
        for name in page.SCENES:
            app.clientside_callback(
                "(language, theme) => [language, theme]",
                Output(name, "language"),
                Output(name, "theme"),
                Input("language", "data"),
                Input("theme", "data"),
            )


