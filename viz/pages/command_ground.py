"""What the command page lays on the ground: the zones of a layout, reach from a place, coverage, the track of a unit."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import dash
import dash_mantine_components as dmc
import numpy as np
import pandas as pd
import shapely
from dash import ALL, Input, Output, State, ctx, dcc, html, no_update

from twin.errors import BadInput, HutongError
from twin.guard import Permission
from twin.patrol.coverage import Watch, coverage, watch_of
from twin.patrol.ground import DensityMap
from twin.patrol.reach import isochrones, reach
from twin.store import query
from viz import drafting, words
from viz.callbacks import answers
from viz.library import Library
from viz.live.picture import Picture
from viz.live.rights import Asker, asker
from viz.live.twin import Live
from viz.pages.command_acts import require
from viz.words import say

TRACK_S = 600.0
COVERED_S = 3600.0
CROWD_CELL, SEEN_M = 10.0, 25.0
"""Cells in which crowds slow people down, and how far around a camera its density is taken to hold [m]."""
CLASSES_MIN = (10, 30, 60)
_COVER = ((23, 122, 92), (232, 190, 60), (222, 120, 30), (126, 88, 140))
_REACH = ((24, 110, 84, 92), (24, 110, 84, 62), (24, 110, 84, 36))
_FLAT = {"depthCompare": "always", "depthWriteEnabled": False}


def zone_choice(library: Library, live: Live, chosen: str) -> Any:
    """Which layout's zones, barriers and posts are drawn."""
    names = layouts(library, live)
    return dmc.Select(
        id="command-zones",
        data=[{"value": "none", "label": "–"}, *({"value": n, "label": n} for n in names)],
        value=chosen if chosen in names else "none",
        allowDeselect=False,
        size="xs",
        **words.marks(label="command.zones"),
    )


def layouts(library: Library, live: Live) -> list[str]:
    """``scenario/layout`` of every layout that lies in this district."""
    found = []
    for name in library.scenarios():
        try:
            scenario = library.scenario(name)
            if library.district_name(scenario) == live.name:
                found += [f"{name}/{layout}" for layout in scenario.layouts]
        except HutongError:
            continue
    return found


def reach_choice() -> Any:
    """Minutes, and whether a click asks who can be there."""
    return html.Div(
        [
            html.Div(
                [
                    dmc.Switch(id="command-reach-on", label=say("command.reach.on"), size="xs", checked=False),
                    dmc.NumberInput(
                        id="command-reach-min",
                        value=5,
                        min=1,
                        max=60,
                        size="xs",
                        w=84,
                        suffix=" min",
                        **words.marks(label="command.reach.minutes"),
                    ),
                ],
                className="row",
            ),
            html.Div(id="command-reach-found", className="note", role="status"),
        ],
        className="stack",
    )


def stores() -> list[Any]:
    """What is laid on the ground, one store a thing."""
    return [dcc.Store(id=f"command-on-{name}") for name in ("reach", "cover", "track")]


def register(app: dash.Dash, library: Library, live: Live) -> None:
    """Callbacks of the ground."""
    covering = Covering(live)

    @answers(app, Output("command-scene", "overlays"), Input("command-zones", "value"))
    def zones(chosen: str | None) -> Any:
        if not chosen or chosen == "none":
            return []
        scenario, layout = chosen.split("/", 1)
        return drafting.overlays(live.district, library.scenario(scenario), library.scenario(scenario).layouts[layout])

    @answers(
        app,
        Output("command-on-reach", "data"),
        Output("command-reach-found", "children"),
        Input("command-scene", "clickInfo"),
        Input("command-reach-on", "checked"),
        Input("command-reach-min", "value"),
        State("command-time", "data"),
        prevent_initial_call=True,
    )
    def reached(click: dict[str, Any] | None, on: bool, minutes: float | str | None, time: dict[str, Any]) -> Any:
        if not on:
            return None, ""
        at = (click or {}).get("coordinate")
        if not at or not minutes:
            return no_update, say("command.reach.how")
        who = asker(live)
        require(who, Permission.PATROL_READ)
        return reach_from(live, who, (at[0], at[1]), float(minutes), time.get("at"))

    app.clientside_callback(
        "(layers) => !(layers || []).includes('coverage')",
        Output("command-cover-legend", "hidden"),
        Input("command-layers", "value"),
    )

    @answers(
        app,
        Output("command-on-cover", "data"),
        Input("command-layers", "value"),
        Input("command-cover-tick", "n_intervals"),
        State("command-on-cover", "data"),
    )
    def cover(layers: list[str], _n: int | None, before: Any) -> Any:
        if "coverage" not in (layers or []):
            return None if before else no_update
        who = asker(live)
        require(who, Permission.PATROL_READ)
        return covering.layer(live.now())

    @answers(
        app,
        Output("command-on-track", "data"),
        Input({"track": ALL}, "n_clicks"),
        Input("command-selected", "data"),
        State("command-time", "data"),
        prevent_initial_call=True,
    )
    def track(clicks: list[int | None], _chosen: Any, time: dict[str, Any]) -> Any:
        if ctx.triggered_id == "command-selected":
            return None
        if not any(clicks) or not isinstance(ctx.triggered_id, dict):
            return no_update
        return track_of(live, asker(live), str(ctx.triggered_id["track"]), time.get("at"))

    app.clientside_callback(
        "(...parts) => ({layers: parts.filter(Boolean).flat()})",
        Output("command-scene", "data"),
        Input("command-on-cover", "data"),
        Input("command-on-reach", "data"),
        Input("command-on-track", "data"),
    )


def reach_from(live: Live, who: Asker, at: tuple[float, float], minutes: float, at_s: float | None) -> tuple[Any, Any]:
    """The ground from which a place (local metres) is reached in time, as layers, and who can be there, in words."""
    from viz.pages.command import seen

    picture = seen(live, who, at_s)
    x0, y0 = live.origin
    units = {u.id: (u.x + x0, u.y + y0) for u in picture.on_shift if u.x is not None and u.y is not None}
    try:
        found = reach(live.foot, (at[0] + x0, at[1] + y0), minutes, units=units, density=crowd_map(live, picture))
    except BadInput:
        return None, say("command.reach.off")
    shells = isochrones(live.foot, found.times, [minutes / 3, 2 * minutes / 3, minutes])
    layers = []
    for k, (shape, color) in reversed(list(enumerate(zip(shells, _REACH, strict=True)))):
        data = [
            {"polygon": [_ring(part.exterior, x0, y0), *(_ring(hole, x0, y0) for hole in part.interiors if hole.length > 24)]}
            for part in shapely.get_parts(shapely.simplify(shape, 1.0))
            if part.geom_type == "Polygon" and part.area > 12
        ]
        layers.append(
            {
                "@@type": "SolidPolygonLayer",
                "id": f"reach-{k}",
                "data": data,
                "getPolygon": "@@=polygon",
                "getFillColor": list(color),
                "parameters": _FLAT,
                "pickable": False,
            }
        )
    point = [{"position": [round(at[0], 1), round(at[1], 1), 0.4]}]
    layers.append(
        {
            "@@type": "ScatterplotLayer",
            "id": "reach-at",
            "data": point,
            "getPosition": "@@=position",
            "getRadius": 7,
            "radiusUnits": "'pixels'",
            "getFillColor": [24, 110, 84, 255],
            "stroked": True,
            "getLineColor": [255, 255, 255, 255],
            "lineWidthMinPixels": 2,
            "parameters": _FLAT,
            "pickable": False,
        }
    )
    if not found.units:
        return layers, say("command.reach.nobody", minutes=f"{minutes:g}")
    rows = [
        html.Li([html.Span(a.unit, className="who"), html.Span(say("command.minutes", n=f"{a.seconds / 60:.1f}"))])
        for a in found.units[:8]
    ]
    return layers, [say("command.reach.who", n=len(found.units), minutes=f"{minutes:g}"), html.Ol(rows, className="nearest")]


def crowd_map(live: Live, picture: Picture) -> DensityMap | None:
    """The densities that cameras report, each over the ground around it, in the district's CRS; None if none does."""
    x0, y0 = live.origin
    seen = [
        (c.x + x0, c.y + y0, float(c.value["density"]))
        for c in picture.crowds
        if c.x is not None and c.y is not None and c.value.get("density") is not None and not c.stale(picture.at_s)
    ]
    if not seen:
        return None
    west, south, east, north = live.district.bounds
    values = np.zeros((int((north - south) // CROWD_CELL) + 1, int((east - west) // CROWD_CELL) + 1))
    rows, columns = np.indices(values.shape)
    for x, y, density in seen:
        away = np.hypot(west + (columns + 0.5) * CROWD_CELL - x, south + (rows + 0.5) * CROWD_CELL - y)
        values = np.where(away < SEEN_M, np.maximum(values, density), values)
    return DensityMap((west, south), CROWD_CELL, values)


def _ring(ring: shapely.LinearRing, x0: float, y0: float) -> list[list[float]]:
    return [[round(x - x0, 1), round(y - y0, 1), 0.35] for x, y in shapely.get_coordinates(ring).tolist()]


class Covering:
    """How long ago every stretch of street was seen, by the positions of the last hour; made anew once a minute at most."""

    def __init__(self, live: Live) -> None:
        self._live, self._lock = live, threading.Lock()
        self._watch: Watch | None = None
        self._made: tuple[float, list[dict[str, Any]]] = (-1e9, [])

    def layer(self, now_s: float) -> list[dict[str, Any]]:
        """Street pieces as dots, coloured by the minutes since they were last seen."""
        with self._lock:
            if now_s - self._made[0] < 55:
                return self._made[1]
            live = self._live
            if self._watch is None:
                self._watch = watch_of(live.district, live.foot)
            until = datetime.fromtimestamp(now_s, UTC)
            rows = [
                (r.object, r.observed_at / 1e6, r.x, r.y)
                for r in live.log.read_rows(
                    query(live.stream, since=until - timedelta(seconds=COVERED_S), until=until, kinds=["position"])
                )
            ]
            tracks = pd.DataFrame(rows, columns=["unit", "t_s", "x", "y"])
            tracks = tracks[(tracks["t_s"] // 10 != tracks.groupby("unit")["t_s"].shift() // 10)]
            found = coverage(live.foot, self._watch, tracks, since_s=now_s - COVERED_S, until_s=now_s).places
            found = found[found["kind"] == "street"]
            kind = np.searchsorted([60 * m for m in CLASSES_MIN], found["age_s"].to_numpy(), side="left")
            data = [
                {"from": a, "to": b, "color": [*_COVER[k], 215]}
                for (a, b), k in zip(_stretches(found, live.origin), kind.tolist(), strict=True)
            ]
            made = [
                {
                    "@@type": "LineLayer",
                    "id": "coverage",
                    "data": data,
                    "getSourcePosition": "@@=from",
                    "getTargetPosition": "@@=to",
                    "getColor": "@@=color",
                    "getWidth": 5,
                    "parameters": _FLAT,
                    "pickable": False,
                }
            ]
            self._made = (now_s, made)
            return made


def _stretches(pieces: pd.DataFrame, origin: tuple[float, float]) -> list[tuple[list[float], list[float]]]:
    """Each piece of a street as a straight line about its middle, along the street as its neighbours show it."""
    xy = pieces[["x", "y"]].to_numpy(float) - np.asarray(origin)
    same = pieces["of"].to_numpy()[1:] == pieces["of"].to_numpy()[:-1]
    step = np.where(same[:, None], np.diff(xy, axis=0), 0.0)
    along = np.zeros_like(xy)
    along[:-1] += step
    along[1:] += step
    length = np.hypot(*along.T)
    half = np.where(length > 0, pieces["length_m"].to_numpy(float) / 2 / np.maximum(length, 1e-9), 0.0)[:, None] * along
    ends = np.round(np.stack([xy - half, xy + half], axis=1), 1).tolist()
    return [([*a, 0.3], [*b, 0.3]) for a, b in ends]


def cover_legend() -> html.Div:
    """What the colours of the coverage mean."""
    steps = [f"{m} min" for m in (f"< {CLASSES_MIN[0]}", f"< {CLASSES_MIN[1]}", f"< {CLASSES_MIN[2]}")]
    said = [*steps, say("command.cover.never")]
    signs = [
        html.Span([html.I(style={"background": "rgb({},{},{})".format(*color)}), word])
        for color, word in zip(_COVER, said, strict=True)
    ]
    return html.Div([html.Div(say("command.cover.legend")), *signs], className="cover-legend")


def track_of(live: Live, who: Asker, unit: str, at_s: float | None) -> list[dict[str, Any]]:
    """The way of a unit over the last ten minutes as a line; the read is in the audit."""
    require(who, Permission.POSITIONS_READ)
    until = datetime.fromtimestamp(live.now() if at_s is None else at_s, UTC)
    if live.operation(at_s) is None:
        raise BadInput(words.text("command.refused.operation"), mend=words.text("command.refused.operation.mend"))
    since = until - timedelta(seconds=TRACK_S)
    who.note("positions.read", units=[unit], since=since, until=until)
    rows = live.log.read_rows(
        query(live.stream, since=since, until=until + timedelta(microseconds=1), kinds=["position"], object=unit, grids=who.grids)
    )
    x0, y0 = live.origin
    path = [[round(r.x - x0, 1), round(r.y - y0, 1), 0.35] for r in rows if r.x is not None and r.y is not None]
    if len(path) < 2:
        return []
    return [
        {
            "@@type": "PathLayer",
            "id": "track",
            "data": [{"path": path}],
            "getPath": "@@=path",
            "getColor": [22, 110, 150, 235],
            "getWidth": 4,
            "widthUnits": "'pixels'",
            "jointRounded": True,
            "capRounded": True,
            "parameters": _FLAT,
            "pickable": False,
        }
    ]
