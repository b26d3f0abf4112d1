"""The three-dimensional scene as a Dash component on deck.gl 9.4.

The scene is fed by binary messages: static geometry by one GET (:mod:`viz.scene`), moving people over a WebSocket
(:mod:`viz.stream`). Dash props carry controls and small descriptions only. It also takes what `dash-deck` takes
(``data`` as a pydeck specification, ``tooltip``, ``enableEvents``, ``clickInfo``, ``hoverInfo``), so that pages made
for `dash-deck` carry over.
"""

from __future__ import annotations

from typing import Any

from dash.development.base_component import Component, ComponentRegistry

__all__ = ["PROPS", "Scene"]
__version__ = "0.1.0"

_js_dist = [{"relative_package_path": "dist/hutong_scene.min.js", "namespace": __name__}]
_css_dist: list[dict[str, Any]] = []

PROPS: dict[str, str] = {
    "id": "id of the component in callbacks; `window.hutongScenes[id]` is the scene in the browser",
    "style": "CSS of the outer element; give it a height",
    "className": "CSS class of the outer element",
    "ariaLabel": "what a screen reader calls the scene",
    "data": "a pydeck specification as dict or JSON string; its layers are drawn over the district",
    "tooltip": "dash-deck's: True, or {html | text, style} with {column} places, for the layers of `data`",
    "enableEvents": "dash-deck's: True, or a list of click, hover, dblclick; all are on if missing",
    "clickInfo": "out: {table, id, name, coordinate [x, y, z] local metres, x, y pixels, layer, object, n}",
    "hoverInfo": "out: as clickInfo, None when the pointer leaves everything",
    "dblclickInfo": "out: as clickInfo",
    "sceneUrl": "where to GET the static geometry that `viz.scene.scene_bytes` makes",
    "streamUrl": "WebSocket of the moving people (`viz.stream`); a path is taken relative to the page",
    "playhead": "{t: seconds, rate: seconds per second, playing: truth}, sent to the stream when it changes",
    "initialViewState": "{target [x, y, z] local metres, zoom, rotationX, rotationOrbit} to begin with",
    "setView": "fly there: a view state or part of it, or {id: object to fly to}, or {bounds: [w, s, e, n]}",
    "viewState": "out, a second after the camera rests: where it is",
    "savedViews": "list of up to nine view states, flown to with the keys 1-9",
    "selected": "list of object ids that are outlined",
    "visible": "{name: truth}: buildings, ground, shadows, parts, grid, labels, people, heat, overlays, positions, "
               "tracks, cases, cameras, alarms, or a layer id of `data`",
    "colorBy": "people coloured by speed, density (Fruin levels) or state",
    "theme": "light or dark",
    "language": "zh or en, for what the scene says itself",
    "labels": "list of {text, position [x, y] or [x, y, z] local metres, priority (higher first), heading (rad)}",
    "overlays": "list of {id, kind: zone | barrier | gate | checkpoint | post | closure | oneway | entry | venue | "
                "incident | reach | blind, style (core, guard, control), geometry (GeoJSON in local metres), "
                "heading [rad], width, lanes, lane_width, label}",
    "tool": "select, barrier, zone, gate, checkpoint, post, closure, entry, incident, oneway, measure or None",
    "edit": "out: {n, action: add | move | delete, kind, id, geometry (GeoJSON in local metres), heading}",
    "follow": "id (number) of the person whom the camera follows, None for nobody",
    "linkedTo": "scenes of one page with the same name here share their camera",
    "heat": "map on the ground: {url | values (base64 of float32, rows from the south), origin [x, y] local metres, "
            "cell, shape [rows, columns], ramp: cividis | viridis | fruin | diverging, range [low, high], opacity}",
    "liveUrl": "WebSocket of live positions (`viz.live.stream`); a path is taken relative to the page",
    "liveAt": "moment that is shown [s since 1970], None for now",
    "liveMarks": "list of {id, kind: case | camera | alarm, sign (icons.ts), position [x, y] local metres, label, line}",
    "liveUnit": "call-sign of the unit that is ringed",
    "liveFollow": "whether the camera stays over that unit",
    "liveState": "out: {state: live | recorded | lost | refused, why}",
    "stats": "out, each second while things move: {frames, updates, fps, ups, bytes, people, t, ready}",
    "drawCallsStubbed": "leave out the drawing itself, to measure transport",
    "antialias": "smooth edges (default); costs 1.2-2.7 times where there is no graphics card",
}
"""Every prop of :class:`Scene` and what it means."""


class Scene(Component):
    """The scene of one district. Props are described in :data:`PROPS`; unknown ones raise ``TypeError``."""

    _children_props: list[str] = []  # noqa: RUF012
    _base_nodes = ["children"]  # noqa: RUF012
    _namespace = "hutong_scene"
    _type = "Scene"

    def __init__(self, id: str | dict[str, Any] | None = None, **props: Any) -> None:  # noqa: A002
        self._prop_names = list(PROPS)
        self.available_properties = list(PROPS)
        self._valid_wildcard_attributes: list[str] = []
        self.available_wildcard_properties: list[str] = []
        given = {name: value for name, value in props.items() if value is not Component.UNDEFINED}
        if id is not None:
            given["id"] = id
        super().__init__(**given)


# Dash looks for the script under the top-level package of a component's module, which would be `viz`.
ComponentRegistry.registry.add(__name__)
