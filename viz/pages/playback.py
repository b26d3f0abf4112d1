"""Playback: watch a rehearsal on the district, with its maps, its queues and what happened."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import dash
import dash_mantine_components as dmc
from dash import Input, Output, State, dcc, html, no_update

from sim.run import Run
from viz import shown, words
from viz.callbacks import answers
from viz.heat import RAMPS, UNITS, heat
from viz.jobs import Jobs
from viz.library import Library
from viz.pages import legend, panels, timeline
from viz.words import say

COLOURS = {"speed": "color.speed", "density": "color.density", "state": "color.state"}
MAPS = {"none": "map.none", "fruin": "map.fruin", "density_max": "map.density_max", "density_mean": "map.density_mean",
        "pressure_max": "map.pressure_max", "travel_time": "map.travel_time"}
NOW = {"people": "now.people", "queues": "now.queues", "events": "now.events"}
CHOICES = {("playback-colour", "data"): COLOURS, ("playback-map", "data"): MAPS, ("playback-now", "data"): NOW}
SCENES = ("playback-scene",)
LAYERS = ("people", "overlays", "labels", "buildings")
ROWS = 400  # people in the table at once
_COLUMNS = {"people": ["id", "state", "speed", "x", "y"], "queues": ["checkpoint", "lane", "queue", "served"],
            "events": ["time", "event", "object", "note", "value"]}


def layout(library: Library, asked: dict[str, str], language: str) -> html.Div:
    """The page; ``?run=`` chooses what is shown."""
    names = [entry.name for entry in library.runs()]
    if not names:
        return html.Main(
            panels.empty("playback.none", dcc.Link(say("nav.rehearse"), href="/rehearse", className="linkbutton")),
            className="alone",
            id="scene-main",
        )
    run = asked.get("run") if asked.get("run") in names else names[0]
    left = [
        panels.section(
            "playback.run",
            html.Div(
                [
                    dmc.Select(
                        id="playback-run",
                        data=names,
                        value=run,
                        allowDeselect=False,
                        **words.marks(label="playback.run"),
                    ),
                    dmc.Select(id="playback-seed", data=[], label=say("rehearse.seed"), allowDeselect=False),
                ],
                className="stack",
            ),
        ),
        panels.section(
            "playback.colour",
            dmc.SegmentedControl(
                id="playback-colour", data=words.options(COLOURS, language), value="speed", fullWidth=True, size="xs"
            ),
        ),
        panels.section(
            "playback.map",
            dmc.Select(
                id="playback-map",
                data=words.options(MAPS, language),
                value="none",
                allowDeselect=False,
                **words.marks(label="playback.map"),
            ),
        ),
        panels.section(
            "twin.layers",
            dmc.CheckboxGroup(
                id="playback-layers",
                value=list(LAYERS),
                children=dmc.Stack([dmc.Checkbox(label=say(f"layer.{n}"), value=n, size="xs") for n in LAYERS], gap=7),
            ),
        ),
        panels.section("playback.follow", html.Div(id="playback-follow")),
    ]
    middle = [
        panels.scene(
            "playback-scene", enableEvents=["click"], overlays=[], playhead={"t": 0, "rate": 5, "playing": False}
        ),
        html.Div(id="playback-band", className="overlay band", role="status"),
        html.Div(id="playback-legend", className="overlay legend"),
    ]
    right = [html.Div([
        html.Div(dmc.SegmentedControl(id="playback-now", data=words.options(NOW, language), value="queues", size="xs",
                                      fullWidth=True, className="grow"), className="tablebar"),
        html.Div(id="playback-now-note", className="note", style={"padding": "4px 10px"}),
        html.Div(panels.table("playback-table", [], select="single"), className="tablebody")], className="tablebox"),
        dcc.Store(id="playback-person"), dcc.Interval(id="playback-second", interval=1500, disabled=True)]
    return panels.page("playback", left=left, middle=middle, right=right, bottom=[timeline.timeline("playback")])


def register(app: dash.Dash, library: Library, _jobs: Jobs) -> None:
    """Callbacks of the page."""
    timeline.register_timeline(app, "playback", ["playback-scene"])
    _choosing(app, library)
    _looking(app, library)
    _following(app)

    @answers(app, Output("playback-table", "rowData"), Output("playback-now-note", "children"),
             Input("playback-second", "n_intervals"), Input("playback-head", "data"), Input("playback-now", "value"),
             Input("language", "data"), State("playback-t", "value"), State("playback-run", "value"),
             State("playback-seed", "value"))
    def now(
        _n: int | None, head: dict[str, Any], which: str, language: str, t: float, name: str, seed: str | None
    ) -> Any:
        if not seed:
            return no_update, no_update
        at = float(head["t"]) if dash.ctx.triggered_id == "playback-head" else float(t or 0)
        return rows_now(library.run(name), int(seed), which, at, language)

    @answers(app, Output("playback-table", "columnDefs"), Input("playback-now", "value"), Input("language", "data"))
    def heads(which: str, language: str) -> Any:
        return panels.columns(
            _COLUMNS[which],
            language,
            id={"width": 76},
            note={"flex": 2},
            state={"flex": 1},
            checkpoint={"flex": 1},
            event={"flex": 1},
            object={"flex": 1},
            **{k: {"width": 78} for k in ("x", "y", "speed", "lane", "queue", "served", "value", "time")},
        )


def _choosing(app: dash.Dash, library: Library) -> None:
    @answers(
        app,
        Output("playback-seed", "data"),
        Output("playback-seed", "value"),
        Output("playback-scene", "sceneUrl"),
        Output("playback-scene", "overlays"),
        Output("playback-scene", "setView"),
        Output("playback-band", "children"),
        Input("playback-run", "value"),
    )
    def choose_run(name: str) -> Any:
        run = library.run(name)
        kept = [s for s in run.seeds if (run.path / "frames" / f"{s}.parquet").is_file()]
        seeds = [str(s) for s in run.seeds]
        district_name = library.run_district(run)
        district = library.district(district_name)
        drawn = shown.overlays(district, run)
        return (seeds, str((kept or run.seeds)[0]), f"/api/districts/{quote(district_name)}/scene", drawn,
                shown.view(run, drawn) or no_update, band(run))

    @answers(
        app,
        Output("playback-scene", "streamUrl"),
        Output("playback-facts", "data"),
        Output("playback-marks", "children"),
        *[Output(f"playback-spark-{key}", "src") for key in timeline.SPARKS],
        Input("playback-seed", "value"),
        State("playback-run", "value"),
    )
    def choose_seed(seed: str | None, name: str) -> Any:
        if not seed:
            return [no_update] * 6
        run, number = library.run(name), int(seed)
        if number not in run.seeds:
            return [no_update] * 6
        told = timeline.facts(run, number)
        sparks = [timeline.spark(told["curves"][key], colour) for key, colour in timeline.SPARKS.items()]
        return (f"/ws/run/{quote(name)}?seed={number}", told | {"run": name, "seed": number},
                timeline.marks("playback", run, number), *sparks)


def _looking(app: dash.Dash, library: Library) -> None:
    @answers(
        app,
        Output("playback-scene", "heat"),
        Output("playback-legend", "children"),
        Input("playback-map", "value"),
        Input("playback-seed", "value"),
        Input("playback-colour", "value"),
        State("playback-run", "value"),
    )
    def colour(which: str, seed: str | None, color_by: str, name: str) -> Any:
        parts = [legend.people(color_by)]
        if which == "travel_time" and library.run(name).kind == "lab":
            return None, [*parts, html.P(say("map.travel_time.experiment"), className="note")]
        if which == "none" or not seed or int(seed) not in library.run(name).seeds:
            return None, parts
        shown = heat(library.run(name), which, int(seed))
        if which == "fruin":
            return shown, [*parts, legend.fruin("map.fruin")]
        low, high = shown["range"]
        return shown, [*parts, legend.ramp(f"map.{which}", RAMPS[which], f"{low:g}", f"{high:g} {UNITS[which]}")]

    # Dash drops an answer that the next tick overtakes: the table ticks only while time passes.
    app.clientside_callback(
        "(head) => !head.playing", Output("playback-second", "disabled"), Input("playback-head", "data"))
    app.clientside_callback("(by) => by", Output("playback-scene", "colorBy"), Input("playback-colour", "value"))
    app.clientside_callback(
        "(on) => Object.fromEntries(" + str(list(LAYERS)) + ".map((name) => [name, (on || []).includes(name)]))",
        Output("playback-scene", "visible"), Input("playback-layers", "value"))


def _following(app: dash.Dash) -> None:
    app.clientside_callback(
        """(click, row, stop) => {
          const by = dash_clientside.callback_context.triggered_id, none = dash_clientside.no_update;
          if (by === 'playback-scene') return click && click.table === 'people' ? Number(click.id) : none;
          if (by === 'playback-table') return row && row[0] && row[0].speed !== undefined ? Number(row[0].id) : none;
          return stop.some(Boolean) ? null : none;
        }""",
        Output("playback-person", "data"),
        Input("playback-scene", "clickInfo"),
        Input("playback-table", "selectedRows"),
        Input({"stop-following": dash.ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        "(person) => person ?? null", Output("playback-scene", "follow"), Input("playback-person", "data")
    )

    @answers(app, Output("playback-follow", "children"), Input("playback-person", "data"))
    def followed(person: int | None) -> Any:
        if person is None:
            return html.P(say("playback.follow.how"), className="note")
        return html.Div([html.Span(say("playback.follow.who", id=person)),
                         dmc.Button(say("playback.follow.stop"), id={"stop-following": person}, size="compact-sm",
                                    variant="default")], className="row")


def band(run: Run) -> list[Any]:
    """The band that tells a simulated moment from a real one."""
    what = [run.title, " · ", say("band.experiment") if run.kind == "lab" else run.layout_name]
    return [html.B(say("band.simulated")), html.Span(what, className="grow")]


def rows_now(run: Run, seed: int, which: str, t: float, language: str = "en") -> tuple[list[dict[str, Any]], Any]:
    """What the scene shows at a time as rows, and a line that says how much of it."""
    if which == "people":
        if not (run.path / "frames" / f"{seed}.parquet").is_file():
            return [], say("now.no_frames")
        frame = run.frames(seed).at(t)
        some = slice(0, ROWS)
        rows = [
            {
                "id": str(i),
                "state": words.text(f"state.{s}", language),
                "speed": round(v, 2),
                "x": round(x, 1),
                "y": round(y, 1),
            }
            for i, s, v, (x, y) in zip(
                frame.ids[some].tolist(),
                frame.state[some].tolist(),
                frame.speed[some].tolist(),
                frame.xy[some].tolist(),
                strict=True,
            )
        ]
        return rows, say("now.people.count", n=len(frame.ids), shown=len(rows))
    if run.kind == "lab":
        return [], say(f"now.{which}.experiment")
    if which == "queues":
        queues = run.queues[(run.queues["seed"] == seed) & (run.queues["time_s"] <= t)]
        last = queues[queues["time_s"] == queues["time_s"].max()] if len(queues) else queues
        rows = [
            {
                "id": f"{r.checkpoint}/{r.lane}",
                "checkpoint": str(r.checkpoint),
                "lane": int(r.lane),
                "queue": int(r.queue),
                "served": int(r.served),
            }
            for r in last.itertuples()
        ]
        return rows, say("now.queues.count", n=sum(row["queue"] for row in rows))
    events = run.events[(run.events["seed"] == seed) & (run.events["time_s"] <= t)].iloc[::-1].head(ROWS)
    rows = [
        {
            "id": str(k),
            "time": timeline.clock(run, r.time_s),
            "event": words.either(f"event.{r.kind}", str(r.kind), language),
            "object": str(r.object),
            "note": str(r.note),
            "value": float(r.value),
        }
        for k, r in enumerate(events.itertuples())
    ]
    return rows, say("now.events.count", n=len(rows))
