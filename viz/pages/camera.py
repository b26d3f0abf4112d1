"""Camera: points of a still and their places on the map, how far off they are in metres, lines and the region to count in.

The still stays in the browser: only the pixels that were clicked are sent.
"""

from __future__ import annotations

from typing import Any

import dash
import dash_mantine_components as dmc
import numpy as np
import shapely
import yaml
from dash import Input, Output, State, ctx, dcc, html, no_update

from twin.camera.calibration import Calibration, CalibrationFile, calibration
from twin.camera.zones import visible_ground
from twin.errors import BadInput
from viz import words
from viz.callbacks import answers
from viz.jobs import Jobs
from viz.library import Library
from viz.pages import panels
from viz.words import say

TOOL_KEYS = {"points": "camera.tool.points", "line": "camera.tool.line", "region": "camera.tool.region"}
CHOICES = {("camera-tool", "data"): TOOL_KEYS}
SCENES = ("camera-scene",)
_SEEN, _POINT, _LINE = [30, 120, 200, 60], [179, 38, 30, 255], [214, 120, 10, 255]


def layout(library: Library, asked: dict[str, str], language: str) -> html.Div:
    """The page; ``?district=`` chooses the district."""
    names = library.districts()
    district = asked.get("district") if asked.get("district") in names else names[0]
    left = [
        panels.section("twin.district", dmc.Select(id="camera-district", data=names, value=district, allowDeselect=False,
                                                   **words.marks(label="twin.district"))),
        panels.section("camera.still", html.P(say("camera.still.about"), className="note"),
                       dcc.Upload(dmc.Button(say("camera.still.choose"), size="compact-sm"), id="camera-upload",
                                  accept="image/*")),
        panels.section("camera.tool", dmc.SegmentedControl(id="camera-tool", data=words.options(TOOL_KEYS, language),
                                                           value="points", fullWidth=True, size="xs"),
                       html.P(say("camera.how"), className="note"),
                       dmc.Button(say("camera.undo"), id="camera-undo", size="compact-sm", variant="default")),
    ]
    right = [
        panels.section("camera.residuals", html.Div(id="camera-found")),
        panels.section("camera.file", html.P(say("camera.file.about"), className="note"),
                       dmc.Textarea(id="camera-file", readOnly=True, autosize=True, minRows=5, maxRows=14,
                                    **words.marks(label="camera.file"))),
        panels.section("camera.zones", html.P(say("camera.zones.about"), className="note"),
                       dmc.Textarea(id="camera-zones", readOnly=True, autosize=True, minRows=5, maxRows=14,
                                    **words.marks(label="camera.zones"))),
    ]
    scene = panels.scene("camera-scene", sceneUrl=f"/api/districts/{district}/scene", tool="select")
    stores = [dcc.Store(id="camera-pixel"), dcc.Store(id="camera-drawn", data=nothing())]
    still = html.Div([html.Img(id="camera-still", alt=""), html.Div(id="camera-marks")], className="overlay camera-stillbox")
    return panels.page("camera", left=left, middle=[scene, still, *stores], right=right)


def register(app: dash.Dash, library: Library, _jobs: Jobs) -> None:
    """Callbacks of the page."""
    app.clientside_callback("(contents) => contents || ''", Output("camera-still", "src"), Input("camera-upload", "contents"))
    app.clientside_callback("(drawn, pending) => hutong_camera.marks(drawn, pending)", Output("camera-marks", "title"),
                            Input("camera-drawn", "data"), Input("camera-pixel", "data"))

    @answers(app, Output("camera-scene", "sceneUrl"), Input("camera-district", "value"), prevent_initial_call=True)
    def change_district(name: str) -> str:
        return f"/api/districts/{name}/scene"

    @answers(app, Output("camera-drawn", "data"), Output("camera-pixel", "data"), Input("camera-scene", "clickInfo"),
             Input("camera-undo", "n_clicks"), Input("camera-district", "value"), State("camera-tool", "value"),
             State("camera-pixel", "data"), State("camera-drawn", "data"), prevent_initial_call=True)
    def draw(click: dict[str, Any] | None, _undo: int | None, name: str, tool: str, pending: dict[str, Any] | None,
             drawn: dict[str, Any] | None) -> Any:
        drawn = drawn or nothing()
        if ctx.triggered_id == "camera-district":
            return nothing(), None
        if ctx.triggered_id == "camera-undo":
            return undone(drawn, tool), None
        at = (click or {}).get("coordinate")
        if not at:
            return no_update, no_update
        origin = library.district(name).origin
        return clicked(drawn, tool, (at[0] + origin[0], at[1] + origin[1]), pending)

    @answers(app, Output("camera-found", "children"), Output("camera-file", "value"), Output("camera-zones", "value"),
             Output("camera-scene", "data"), Input("camera-drawn", "data"), State("camera-district", "value"))
    def show(drawn: dict[str, Any] | None, name: str) -> Any:
        drawn = drawn or nothing()
        content = calibration_file(drawn)
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True) if drawn["points"] else ""
        zones = yaml.safe_dump(zones_file(drawn), sort_keys=False) if drawn["line"] or drawn["region"] else ""
        known: Calibration | None = None
        said: Any = html.P(say("camera.more", n=max(4 - len(drawn["points"]), 0)), className="note")
        if len(drawn["points"]) >= 4:
            try:
                known = calibration(CalibrationFile.model_validate(content), where="")
                said = residuals(known)
            except BadInput as error:
                said = html.P(str(error), className="note", role="alert")
        return said, text, zones, on_map(drawn, known, library.district(name).origin)


def nothing() -> dict[str, Any]:
    """What is drawn on a page that was just opened."""
    return {"points": [], "size": None, "line": [], "region": []}


def clicked(drawn: dict[str, Any], tool: str, at: tuple[float, float], pending: dict[str, Any] | None) -> tuple[Any, Any]:
    """What is drawn, and what waits, after a click on the map at a place [m of the district]."""
    place = [round(float(v), 2) for v in at]
    if tool in ("line", "region"):
        return {**drawn, tool: [*drawn[tool], place]}, pending
    if not pending or not pending.get("pixel"):
        return no_update, no_update  # a point begins on the still
    return {**drawn, "points": [*drawn["points"], {"pixel": pending["pixel"], "ground": place}], "size": pending["size"]}, None


def undone(drawn: dict[str, Any], tool: str) -> dict[str, Any]:
    """What is drawn without the last step of a tool."""
    return {**drawn, tool: drawn[tool][:-1]}


def calibration_file(drawn: dict[str, Any]) -> dict[str, Any]:
    """The calibration file of what is drawn."""
    return {"size": drawn["size"], "points": drawn["points"]}


def zones_file(drawn: dict[str, Any]) -> dict[str, Any]:
    """The zones file of what is drawn: every two places are a line."""
    ends = drawn["line"]
    lines = [{"id": f"line {k // 2 + 1}", "from": ends[k], "to": ends[k + 1]} for k in range(0, len(ends) - 1, 2)]
    return ({"region": drawn["region"]} if len(drawn["region"]) >= 3 else {}) | {"lines": lines}


def residuals(known: Calibration) -> list[Any]:
    """How far off each point is, and where the camera would stand."""
    x, y, z = (float(v) for v in known.lens.position)
    rows = [(f"{number}", f"{off:.2f} m") for number, off in enumerate(known.residuals, start=1)]
    return [panels.big_number("camera.accuracy", f"{known.accuracy_m:.2f}", "m"), panels.facts(rows),
            html.P(say("camera.stands", x=round(x, 1), y=round(y, 1), z=round(z, 1)), className="note")]


def on_map(drawn: dict[str, Any], known: Calibration | None, origin: tuple[float, float]) -> dict[str, Any]:
    """Layers for the map: the ground in view, the points, lines and region."""
    layers: list[dict[str, Any]] = []
    here = np.asarray(origin, float)
    rings = []
    if known is not None:
        try:
            seen = visible_ground(known.lens)
            rings += [(np.asarray(part.exterior.coords)[:, :2] - here).tolist() for part in shapely.get_parts(seen)]
        except BadInput:
            pass  # too far off to be counted: the residuals say enough
    if len(drawn["region"]) >= 3:
        rings.append((np.asarray(drawn["region"]) - here).tolist())
    if rings:
        layers.append({"@@type": "PolygonLayer", "id": "camera-ground", "data": [{"ring": ring} for ring in rings],
                       "getPolygon": "@@=ring", "getFillColor": _SEEN, "getLineColor": _LINE, "lineWidthMinPixels": 2})
    points = [(np.asarray(p["ground"]) - here).tolist() for p in drawn["points"]]
    points += [(np.asarray(p) - here).tolist() for p in (*drawn["line"], *drawn["region"])]
    if points:
        layers.append({"@@type": "ScatterplotLayer", "id": "camera-points", "data": [{"at": p} for p in points],
                       "getPosition": "@@=at", "getRadius": 0.6, "radiusMinPixels": 5, "getFillColor": _POINT})
    pairs = [drawn["line"][k:k + 2] for k in range(0, len(drawn["line"]) - 1, 2)]
    if pairs:
        layers.append({"@@type": "LineLayer", "id": "camera-lines", "getSourcePosition": "@@=a", "getTargetPosition": "@@=b",
                       "data": [{"a": (np.asarray(a) - here).tolist(), "b": (np.asarray(b) - here).tolist()} for a, b in pairs],
                       "getColor": _LINE, "getWidth": 4})
    return {"layers": layers}
