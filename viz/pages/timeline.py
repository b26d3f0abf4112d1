"""The timeline: play, speed, scrub, marks of what happened, and the measures that matter over time."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import dash
import dash_mantine_components as dmc
import numpy as np
from dash import ALL, Input, Output, State, dcc, html

from sim.run import Run
from viz import words
from viz.words import say

SPEEDS = ("1", "5", "20", "60")
SPARKS = {"inside": "#2a72c4", "queue": "#c4780c", "density": "#b3261e"}
_POINTS = 700  # of each curve


def timeline(name: str, *, curves: bool = True) -> html.Div:
    """The panel at the bottom of a page with time. ``name`` begins every id in it."""
    play = html.Div(
        [
            dmc.ActionIcon(
                "▶",
                id=f"{name}-play",
                size="lg",
                radius="xl",
                **{"data-play": "1"},
                **words.marks(label="time.play", title="time.play"),
            ),
            dmc.SegmentedControl(
                id=f"{name}-speed",
                data=[{"value": s, "label": f"{s}×"} for s in SPEEDS],
                value="5",
                size="xs",
                **words.marks(label="time.speed"),
            ),
            html.Div([html.Span("–", id=f"{name}-clock"), html.Small(id=f"{name}-since")], className="clock"),
        ],
        className="play",
    )
    track = html.Div([
        dmc.Slider(id=f"{name}-t", value=0, min=0, max=1, step=1, label=None, updatemode="drag", size="sm",
                   **words.marks(label="time.position")),
        html.Div(id=f"{name}-marks", className="marks")], className="track")
    sparks = (
        [
            html.Div(
                [
                    html.Div([say(f"spark.{key}"), html.B("–", id=f"{name}-now-{key}")], className="spark-name"),
                    html.Div(
                        [
                            html.Img(id=f"{name}-spark-{key}", alt=""),
                            html.Div(className="spark-cursor", **{"data-cursor": name}),
                        ],
                        className="spark-plot",
                        **{"data-spark": name},
                    ),
                ],
                className="spark",
            )
            for key in SPARKS
        ]
        if curves
        else []
    )
    return html.Div(
        [
            play,
            track,
            html.Div(sparks, className="sparks") if curves else html.Div(),
            dcc.Store(id=f"{name}-facts"),
            dcc.Store(id=f"{name}-head", data={"t": 0, "rate": 5, "playing": False, "at": 0}),
            dcc.Interval(id=f"{name}-tick", interval=200),
        ],
        className="timeline",
    )


def facts(run: Run, seed: int) -> dict[str, Any]:
    """What the browser needs to run the clock of a run: its length, the time of day at its start, and the curves."""
    rows = run.series[run.series["seed"] == seed]
    t = rows["time_s"].to_numpy(float)
    step = max(len(t) // _POINTS, 1)
    queue = rows["queueing"].to_numpy(float) + rows["waiting_outside"].to_numpy(float)
    curves = {"inside": rows["inside"].to_numpy(float), "queue": queue, "density": rows["density_max"].to_numpy(float)}
    return {"duration": float(t[-1]) if len(t) else run.duration_s, "day_s": run.start_of_day_s, "t": t[::step].tolist(),
            "curves": {key: np.nan_to_num(_peaks(values, step)).round(2).tolist() for key, values in curves.items()}}


def _peaks(values: np.ndarray, step: int) -> np.ndarray:
    """The highest value of every ``step`` values, so that thinning loses no peak."""
    if step == 1 or not len(values):
        return values
    padded = np.concatenate([values, np.full(-len(values) % step, values[-1])])
    return padded.reshape(-1, step).max(1)


def spark(values: Sequence[float], colour: str) -> str:
    """A curve as a picture: an SVG data address, stretched to the width of the timeline."""
    v = np.asarray(values, float)
    top = max(float(v.max()) if len(v) else 0.0, 1e-9)
    x = np.linspace(0, 1000, len(v)).round(1)
    y = (98 - 94 * v / top).round(1)
    points = " ".join(f"{a},{b}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 100" preserveAspectRatio="none">'
        f'<polygon points="0,100 {points} 1000,100" fill="{colour}" fill-opacity=".16"/>'
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6" '
        'vector-effect="non-scaling-stroke"/></svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def marks(name: str, run: Run, seed: int) -> list[Any]:
    """A mark for every incident and every change of the layout; a click goes there."""
    rows = run.events[
        (run.events["seed"] == seed) & run.events["kind"].isin(["incident", "shut", "cleared", "cut off"])
    ]
    duration = max(run.duration_s, 1.0)
    found = []
    for k, row in enumerate(rows.head(200).itertuples()):
        said = f"{clock(run, row.time_s)} {row.kind}: {row.note or row.object}"
        found.append(
            html.Button(
                "▲" if row.kind in ("incident", "cut off") else "•",
                id={f"{name}-mark": k, "t": float(row.time_s)},
                className="mark-at",
                type="button",
                title=said,
                **{"aria-label": said},
                style={"left": f"{100 * min(float(row.time_s) / duration, 1):.2f}%"},
            )
        )
    return found


def clock(run: Run, time_s: float) -> str:
    """Time of day at a time of a run, such as 18:05:10; time since the start in an experiment."""
    total = int(run.start_of_day_s + time_s) % 86_400
    return f"{total // 3600:02d}:{total // 60 % 60:02d}:{total % 60:02d}"


def register_timeline(app: dash.Dash, name: str, scenes: Sequence[str], *, curves: bool = True) -> None:
    """The clock runs in the browser; the scenes are told only when somebody changes it."""
    app.clientside_callback(
        f"(...values) => hutong.head('{name}', values)",
        Output(f"{name}-head", "data"),
        Input(f"{name}-play", "n_clicks"),
        Input(f"{name}-speed", "value"),
        Input(f"{name}-t", "value"),
        Input({f"{name}-mark": ALL, "t": ALL}, "n_clicks"),
        Input(f"{name}-facts", "data"),
        State(f"{name}-head", "data"),
    )
    app.clientside_callback(
        f"(n, head, facts) => hutong.tick('{name}', head, facts)",
        Output(f"{name}-play", "children"), Output(f"{name}-clock", "children"), Output(f"{name}-since", "children"),
        *([Output(f"{name}-now-{key}", "children") for key in SPARKS] if curves else []),
        Input(f"{name}-tick", "n_intervals"), Input(f"{name}-head", "data"), State(f"{name}-facts", "data"))
    app.clientside_callback(
        "(facts) => facts ? facts.duration : 1", Output(f"{name}-t", "max"), Input(f"{name}-facts", "data")
    )
    for scene in scenes:
        app.clientside_callback("(head) => ({t: head.t, rate: head.rate, playing: head.playing})",
                                Output(scene, "playhead"), Input(f"{name}-head", "data"))


__all__ = ["SPARKS", "clock", "facts", "marks", "register_timeline", "spark", "timeline"]
