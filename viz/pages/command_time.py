"""The timeline of the command page: the present, any moment before it, marks of what happened, and three curves."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
import numpy as np
from dash import dcc, html

from viz import words
from viz.live.picture import Picture
from viz.live.series import BUCKET_S, open_cases
from viz.live.twin import Live
from viz.pages.command_view import alarm_words, type_word
from viz.pages.timeline import spark
from viz.words import say

SPANS = {"3600": "command.span.1h", "28800": "command.span.8h", "86400": "command.span.24h"}
SPARKS = {"people": "#2a72c4", "open": "#c4780c", "units": "#0e7a5c"}
MOST_MARKS = 160
_SIGN = {"alarm": "▲", "case": "◆", "decision": "•", "note": "–"}


def timeline(at_s: float | None, language: str) -> html.Div:
    """The panel at the bottom: live button, steps, the clock, the slider with its marks, the curves."""
    steps = [
        html.Button(
            f"{sign}{abs(minutes)} min",
            className="quiet",
            type="button",
            **{"data-step": str(60 * minutes)},
            **words.marks(title="command.step"),
        )
        for sign, minutes in (("−", -5), ("−", -1), ("+", 1))
    ]
    play = html.Div(
        [
            html.Button(
                [html.Span("●", className="dot", **{"aria-hidden": "true"}), say("command.live")],
                id="command-live",
                type="button",
                className="livebutton",
                **words.marks(title="command.live.title"),
            ),
            *steps,
            html.Button("▶ 10×", id="command-play", type="button", className="quiet", **words.marks(title="command.play.title")),
            html.Div([html.Span("–", id="command-clock"), html.Small(id="command-date")], className="clock"),
            dmc.SegmentedControl(
                id="command-span",
                data=words.options(SPANS, language),
                value="3600",
                size="xs",
                **words.marks(label="command.span"),
            ),
        ],
        className="play",
    )
    track = html.Div(
        [
            dmc.Slider(
                id="command-t",
                value=1,
                min=0,
                max=1,
                step=1,
                label=None,
                updatemode="drag",
                size="sm",
                **words.marks(label="time.position"),
            ),
            html.Div(id="command-marks", className="marks"),
        ],
        className="track",
    )
    sparks = [
        html.Div(
            [
                html.Div([say(f"command.spark.{key}"), html.B("–", id=f"command-now-{key}")], className="spark-name"),
                html.Div(
                    [html.Img(id=f"command-spark-{key}", alt=""), html.Div(className="spark-cursor", **{"data-now": "1"})],
                    className="spark-plot",
                ),
            ],
            className="spark",
        )
        for key in SPARKS
    ]
    return html.Div(
        [
            play,
            track,
            html.Div(sparks, className="sparks"),
            dcc.Store(id="command-time", data={"at": at_s, "rate": 0}),
            dcc.Store(id="command-range"),
            dcc.Interval(id="command-tick", interval=500),
        ],
        className="timeline",
    )


def curves(
    live: Live,
    picture: Picture,
    since_s: float,
    until_s: float,
    grids: Any,
    simulated: tuple[np.ndarray, np.ndarray] | None = None,
) -> dict[str, str]:
    """The three curves of a span as pictures; what is simulated is drawn over the people as a broken line."""
    people = live.series.people(since_s, until_s, grids)
    lines = {"people": people, "open": open_cases(picture.cases, since_s, until_s)}
    lines["units"] = live.series.units(since_s, until_s) if grids is None else np.zeros(0)
    out = {key: spark(np.nan_to_num(values), SPARKS[key]) if np.isfinite(values).any() else "" for key, values in lines.items()}
    if simulated is not None:
        out["people"] = two_curves(people, since_s, until_s, *simulated)
    return out


def two_curves(
    measured: np.ndarray, since_s: float, until_s: float, t: np.ndarray, simulated: np.ndarray, *, width: int = 1000
) -> str:
    """Measured (filled) and simulated (broken, orange) over one span as an SVG data address.

    ``measured (k,)`` by minute from ``since_s``, NaN where unknown; ``simulated (n,)`` at ``t (n,)`` [s since 1970].
    """
    import base64

    known = np.isfinite(measured)
    within = (t >= since_s) & (t <= until_s)
    top = max([1e-9, *measured[known], *simulated[within]])

    def points(at: np.ndarray, values: np.ndarray) -> str:
        x = (width * (at - since_s) / max(until_s - since_s, 1.0)).round(1)
        return " ".join(f"{a},{b}" for a, b in zip(x.tolist(), (98 - 94 * values / top).round(1).tolist(), strict=True))

    at = since_s + (np.arange(len(measured)) + 0.5) * BUCKET_S
    own = points(at[known], measured[known])
    first, last = (own.split()[0].split(",")[0], own.split()[-1].split(",")[0]) if own else ("0", "0")
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 100" preserveAspectRatio="none">'
        f'<polygon points="{first},100 {own} {last},100" fill="{SPARKS["people"]}" fill-opacity=".16"/>'
        f'<polyline points="{own}" fill="none" stroke="{SPARKS["people"]}" stroke-width="1.6" '
        'vector-effect="non-scaling-stroke"/>'
        f'<polyline points="{points(t[within], simulated[within])}" fill="none" stroke="#c4600c" stroke-width="1.8" '
        'stroke-dasharray="5 3" vector-effect="non-scaling-stroke"/></svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def marks(picture: Picture, since_s: float, until_s: float, language: str) -> list[html.Button]:
    """A mark for every alarm, new case and decision of the span; a click shows that moment."""
    found: list[tuple[float, str, str]] = []
    for alarm in picture.alarms:
        found.append((alarm.first_s or alarm.at_s, "alarm", alarm_words(alarm, language)))
        if alarm.value["state"] != "raised":
            found.append((alarm.at_s, "decision", words.text(f"alarmstate.{alarm.value['state']}", language)))
    for case in picture.cases:
        if case.history[-1].at.timestamp() >= since_s:
            found.append((case.reported_at.timestamp(), "case", type_word(case.type, language)))
            found += [
                (taken.at.timestamp(), "decision", words.text(f"step.{taken.step.step.value}", language))
                for taken in case.history[1:]
                if taken.step.step.value in ("dispatch", "pass_up", "close")
            ]
    found += [(note.at_s, "note", note.value["text"]) for note in picture.notes]
    order = {"alarm": 0, "case": 1, "decision": 2, "note": 3}
    shown = sorted((m for m in found if since_s <= m[0] <= until_s), key=lambda m: (order[m[1]], -m[0]))[:MOST_MARKS]
    return [
        html.Button(
            _SIGN[kind],
            className=f"mark-at mark-{kind}",
            type="button",
            title=said,
            style={"left": f"{100 * (at - since_s) / (until_s - since_s):.2f}%"},
            **{"data-moment": f"{at:.0f}", "aria-label": said},
        )
        for at, kind, said in shown
    ]
