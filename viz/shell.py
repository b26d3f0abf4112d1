"""The head of every page: the way to the pages, language, light and dark, and the whole wall."""

from __future__ import annotations

import dash
from dash import Input, Output, State, dcc, html

from viz import words
from viz.words import say

PAGES = ("twin", "plan", "rehearse", "playback", "compare", "study", "people", "parking", "camera", "drill", "command")


def shell() -> html.Div:
    """The header and the link that skips it."""
    links = [dcc.Link(say(f"nav.{name}"), href=f"/{name}", id=f"nav-{name}", className="nav") for name in PAGES]
    return html.Div(
        [
            html.A(say("skip"), href="#scene-main", className="skip"),
            html.Header(
                [
                    html.Div(
                        [html.Span("胡同", className="mark", **{"aria-hidden": "true"}), html.H1(say("app.title"))],
                        className="brand",
                    ),
                    html.Nav(links, className="navs", **words.marks(label="nav")),
                    html.Div(
                        [
                            html.Button(
                                say("language.other"),
                                id="switch-language",
                                type="button",
                                className="quiet",
                                **words.marks(title="language.switch"),
                            ),
                            html.Button(
                                html.Span("◐", **{"aria-hidden": "true"}),
                                id="switch-theme",
                                type="button",
                                className="quiet",
                                **words.marks(label="theme.switch", title="theme.switch"),
                            ),
                            html.Button(
                                html.Span("⛶", **{"aria-hidden": "true"}),
                                id="fill-wall",
                                type="button",
                                className="quiet",
                                **{"data-wall": "toggle"},
                                **words.marks(label="wall.switch", title="wall.switch"),
                            ),
                        ],
                        className="switches",
                    ),
                ],
                className="head",
            ),
        ]
    )


def add_shell(app: dash.Dash) -> None:
    """Language and theme are switched in the browser alone."""
    app.clientside_callback("(n, now) => n ? (now === 'zh' ? 'en' : 'zh') : dash_clientside.no_update",
                            Output("language", "data"), Input("switch-language", "n_clicks"), State("language", "data"),
                            prevent_initial_call=True)
    app.clientside_callback("(n, now) => n ? (now === 'dark' ? 'light' : 'dark') : dash_clientside.no_update",
                            Output("theme", "data"), Input("switch-theme", "n_clicks"), State("theme", "data"),
                            prevent_initial_call=True)
    app.clientside_callback("(language) => { hutong.speak(language); return dash_clientside.no_update; }",
                            Output("ignored", "data"), Input("language", "data"))
    app.clientside_callback("(theme) => { hutong.paint(theme); return theme; }",
                            Output("mantine", "forceColorScheme"), Input("theme", "data"))
    app.clientside_callback(
        "(path) => hutong.here(path, " + str(list(PAGES)) + ")",
        [Output(f"nav-{name}", "className") for name in PAGES], Input("url", "pathname"))


__all__ = ["PAGES", "add_shell", "shell"]
