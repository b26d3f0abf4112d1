"""Rehearse: start rehearsals, see how far they are, and what has been rehearsed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import dash
import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, ctx, dcc, html, no_update

from twin.errors import BadInput
from viz import words
from viz.api import RehearsalOrder, order_rehearsal
from viz.callbacks import answers
from viz.jobs import Job, Jobs
from viz.library import Library
from viz.pages import panels
from viz.words import say

CHOICES: dict[tuple[str, str], dict[str, str]] = {}
SCENES: tuple[str, ...] = ()


def layout(library: Library, asked: dict[str, str], _language: str) -> html.Div:
    """The page; ``?scenario=`` and ``?layout=`` choose what the form begins with."""
    names = library.scenarios()
    if not names:
        return html.Main(panels.empty("plan.no_scenario"), className="alone", id="scene-main")
    scenario = asked.get("scenario") if asked.get("scenario") in names else library.first_scenario()
    left = [panels.section("rehearse.new", html.Div([
        dmc.Select(id="rehearse-scenario", data=names, value=scenario, allowDeselect=False, label=say("plan.scenario")),
        dmc.Select(id="rehearse-layout", data=[], label=say("plan.layout"), allowDeselect=False),
        dmc.NumberInput(id="rehearse-replications", value=5, min=1, max=200, step=1, label=say("rehearse.replications"),
                        description=say("rehearse.replications.about")),
        dmc.NumberInput(id="rehearse-seed", value="", min=0, step=1, label=say("rehearse.seed"),
                        description=say("rehearse.seed.about")),
        dmc.Button(say("rehearse.start"), id="rehearse-start", mt=4)], className="stack"))]
    middle = [html.Div([
        html.Section([html.H2(say("rehearse.running"), className="js-hidden", id="rehearse-running"),
                      html.Div(id="rehearse-jobs", className="jobs", role="status")]),
        html.Div([html.H2(say("rehearse.runs"), className="grow", style={"fontSize": "15px"}),
                  html.Div(id="rehearse-actions", className="row")], className="row"),
        html.Div(panels.table("rehearse-runs", [], select="multiple"), className="runs", id="rehearse-runs-box"),
        html.Div(id="rehearse-none")], className="rehearsal"),
        dcc.Interval(id="rehearse-tick", interval=1000), dcc.Store(id="rehearse-asked", data=asked.get("layout")),
        dcc.Store(id="rehearse-started"), dcc.Store(id="rehearse-finished")]
    return panels.page("rehearse", left=left, middle=middle)


def register(app: dash.Dash, library: Library, jobs: Jobs) -> None:
    """Callbacks of the page."""

    @answers(
        app,
        Output("rehearse-layout", "data"),
        Output("rehearse-layout", "value"),
        Output("rehearse-seed", "placeholder"),
        Input("rehearse-scenario", "value"),
        State("rehearse-asked", "data"),
    )
    def choose(name: str, asked: str | None) -> Any:
        scenario = library.scenario(name)
        names = list(scenario.layouts)
        return names, asked if asked in names else names[0], str(scenario.seed)

    @answers(
        app,
        Output("rehearse-started", "data"),
        Input("rehearse-start", "n_clicks"),
        Input({"cancel": ALL}, "n_clicks"),
        State("rehearse-scenario", "value"),
        State("rehearse-layout", "value"),
        State("rehearse-replications", "value"),
        State("rehearse-seed", "value"),
        prevent_initial_call=True,
    )
    def start_or_cancel(
        clicks: int | None, cancels: list[int | None], scenario: str, name: str, replications: Any, seed: Any
    ) -> Any:
        by = ctx.triggered_id
        if isinstance(by, dict):
            if not any(cancels):
                return no_update
            return jobs.cancel(int(by["cancel"])).id
        if not clicks:
            return no_update
        if not isinstance(replications, (int, float)) or not 1 <= replications <= 200:
            raise BadInput("the number of replications is missing", mend="give a number from 1 to 200")
        order = RehearsalOrder(scenario=scenario, layout=name, replications=int(replications),
                               seed=int(seed) if isinstance(seed, (int, float)) and seed >= 0 else None)
        return order_rehearsal(library, jobs, order).id

    @answers(
        app,
        Output("rehearse-jobs", "children"),
        Output("rehearse-finished", "data"),
        Input("rehearse-tick", "n_intervals"),
        Input("rehearse-started", "data"),
        State("rehearse-finished", "data"),
    )
    def show_jobs(_n: int | None, _started: Any, before: Any) -> Any:
        all_jobs = jobs.all()
        finished = [job.id for job in all_jobs if job.state == "done"]
        shown = [card(job) for job in all_jobs if job.state != "cancelled"][:6]
        return shown, no_update if finished == before else finished

    @answers(
        app,
        Output("rehearse-runs", "columnDefs"),
        Output("rehearse-runs", "rowData"),
        Output("rehearse-none", "children"),
        Output("rehearse-runs-box", "className"),
        Input("rehearse-finished", "data"),
        Input("language", "data"),
    )
    def show_runs(_finished: Any, language: str) -> Any:
        runs = library.runs()
        heads = panels.columns(["id", "scenario", "layout", "replications", "seeds", "wall_s", "written"], language,
                               id={"flex": 2, "headerName": words.text("column.run", language)},
                               scenario={"flex": 1}, layout={"flex": 1})
        rows = [{"id": e.name, "scenario": e.scenario, "layout": e.layout, "replications": len(e.seeds),
                 "seeds": f"{min(e.seeds)}–{max(e.seeds)}" if len(e.seeds) > 1 else str(e.seeds[0]),
                 "wall_s": round(e.wall_s, 1), "written": datetime.fromtimestamp(e.written).strftime("%Y-%m-%d %H:%M")}
                for e in runs]
        return heads, rows, [] if runs else panels.empty("rehearse.none"), "runs" if runs else "runs js-hidden"

    @answers(app, Output("rehearse-actions", "children"), Input("rehearse-runs", "selectedRows"))
    def act(rows: list[dict[str, Any]] | None) -> Any:
        chosen = [row["id"] for row in rows] if isinstance(rows, list) else []
        if not chosen:
            return html.Span(say("rehearse.choose"), className="note")
        links = [
            dcc.Link(
                say("rehearse.watch"),
                href=f"/playback?{urlencode({'run': chosen[0]})}",
                className="linkbutton",
                id="rehearse-watch",
            )
        ]
        if len(chosen) == 2:
            links.append(
                dcc.Link(
                    say("rehearse.compare"),
                    href=f"/compare?{urlencode({'a': chosen[0], 'b': chosen[1]})}",
                    className="linkbutton",
                )
            )
        return links


def card(job: Job) -> html.Div:
    """One rehearsal: its name, its bar, the time that is left, and cancel."""
    head = [
        html.Span(job.run, className="job-name"),
        html.Span(say(f"job.{job.state}"), className=f"state state-{job.state}"),
    ]
    parts: list[Any] = [html.Div(head, className="row")]
    if job.state in ("running", "waiting"):
        left = say("job.starting") if job.left_s is None else say("job.left", time=spoken(job.left_s))
        if job.state == "waiting":
            left = say("job.queued")
        parts += [dmc.Progress(value=100 * job.share, size="lg", **words.marks(label="job.progress")),
                  html.Div([html.Span([f"{100 * job.share:.0f} % · ", left], className="note"),
                            dmc.Button(say("job.cancel"), id={"cancel": job.id}, size="compact-sm", variant="default")],
                           className="row")]
    elif job.state == "failed":
        parts.append(html.P(job.error, className="error", role="alert"))
    elif job.state == "done":
        parts.append(html.Div([html.Span(say("job.took", time=spoken(job.elapsed_s)), className="note"),
                               dcc.Link(say("rehearse.watch"), href=f"/playback?{urlencode({'run': job.run})}",
                                        className="linkbutton")], className="row"))
    return html.Div(parts, className="job", **{"data-job": job.state})


def spoken(seconds: float) -> str:
    """Seconds as minutes and seconds, such as 2:05."""
    whole = max(round(seconds), 0)
    return f"{whole // 60}:{whole % 60:02d} min" if whole >= 60 else f"{whole} s"
