"""Drill: trainers lead an exercise and trainees take part in it, on the running crowd.

The page is the same for everybody. ``assets/drill.js`` asks the server which drills there are, opens the socket of the
one in the address (``?id=``, and ``?who=`` where nobody logs in), and shows what the role is shown.
"""

from __future__ import annotations

import dash
from dash import Input, Output, dcc, html

from viz import words
from viz.jobs import Jobs
from viz.library import Library
from viz.pages import panels
from viz.words import say

CHOICES: dict[tuple[str, str], dict[str, str]] = {}
SCENES = ("drill-scene",)
SPEEDS = ("1", "2", "5", "10")
NUMBERS = ("people", "queueing", "density", "stuck", "outside", "left")


def layout(library: Library, _asked: dict[str, str], _language: str) -> html.Div:
    """The page: a district to look at, until the script opens a drill and shows its own."""
    district = library.districts()[0]
    left = [
        html.Section(id="drill-lobby", className="part stack"),
        html.Div([_pace(), _injects()], id="drill-lead", hidden=True),
        html.Div([panels.section("drill.inbox", html.Ol(id="drill-inbox", className="drill-list", **{"aria-live": "polite"}))],
                 id="drill-take", hidden=True),
    ]
    middle = [
        panels.scene("drill-scene", sceneUrl=f"/api/districts/{district}/scene", enableEvents=[], overlays=[], colorBy="density"),
        html.Div([html.B(say("drill.band")), html.Span(id="drill-title", className="grow"), html.Span(id="drill-you")],
                 id="drill-band", className="overlay band band-exercise", role="status"),
    ]
    right = [html.Div([_orders(), panels.section("drill.log", html.Ol(id="drill-log", className="drill-list"))],
                      id="drill-acts", hidden=True)]
    bottom = [html.Div([
        html.Div([html.Span("–", id="drill-clock", className="clock"), html.Span(id="drill-state", className="note")],
                 className="drill-time"),
        html.Div([panels.big_number(f"drill.now.{key}", html.Span("–", **{"data-drill": key})) for key in NUMBERS],
                 className="drill-numbers"),
        html.Div(id="drill-things", className="drill-things")], className="drill-bottom")]
    page = panels.page("drill", left=left, middle=middle, right=right, bottom=bottom)
    return html.Div([page, dcc.Store(id="drill-open", data=1), dcc.Store(id="drill-ignored")])


def _pace() -> html.Section:
    speeds = [html.Button(f"{speed}×", type="button", className="quiet", **{"data-drill-speed": speed}) for speed in SPEEDS]
    return panels.section(
        "drill.pace",
        html.Div([html.Button(say("drill.play"), id="drill-play", type="button", className="livebutton"), *speeds,
                  html.Button("+10 s", id="drill-step", type="button", className="quiet", **words.marks(title="drill.step"))],
                 className="row tight"),
        html.Div([html.Button(say("drill.end"), id="drill-end", type="button", className="quiet"),
                  html.A(say("drill.events"), id="drill-events", className="quietlink", href="#"),
                  html.Span(id="drill-lag", className="note")], className="row"),
        html.Div(id="drill-members", className="note"))


def _injects() -> html.Section:
    return panels.section(
        "drill.injects",
        html.Ol(id="drill-injects", className="drill-list"),
        html.Details([html.Summary(say("drill.add")), html.Div(id="drill-add", className="stack")]))


def _orders() -> html.Section:
    return panels.section("drill.orders", html.Div(id="drill-form", className="stack"),
                          html.P(id="drill-answer", className="note", role="status"))


def register(app: dash.Dash, _library: Library, _jobs: Jobs) -> None:
    """The script takes over when the page is there, and when its address changes."""
    app.clientside_callback("(n, search) => hutong.drill.open(search)", Output("drill-ignored", "data"),
                            Input("drill-open", "data"), Input("url", "search"))
