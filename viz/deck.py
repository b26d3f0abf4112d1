"""A district as a pydeck specification: for notebooks, for `dash-deck`, and for our own component as ``data``.

Only classic layers are used (SolidPolygonLayer, PathLayer, ScatterplotLayer, PolygonLayer), in an OrbitView with
local metres, so that deck.gl 8.2 draws it as well as 9.4.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.errors import BadInput
from twin.places import District
from twin.places.solids import heights
from twin.places.walkable import street_widths

if TYPE_CHECKING:
    import pydeck

    from sim.run import Run

LAYERS = ("areas", "courtyards", "streets", "heat", "buildings", "parts", "people")
"""Layers in the order in which they are drawn."""
_COLORS: dict[str, dict[str, list[int]]] = {
    "light": {"background": [226, 222, 214], "building": [206, 200, 191], "courtyard": [218, 211, 198],
              "street": [249, 247, 242], "square": [236, 231, 221], "park": [205, 211, 190], "water": [176, 196, 203],
              "part": [110, 110, 112], "tree": [142, 160, 118], "red": [163, 52, 40]},
    "dark": {"background": [35, 39, 43], "building": [122, 121, 119], "courtyard": [51, 53, 54],
             "street": [72, 77, 82], "square": [54, 58, 61], "park": [46, 57, 47], "water": [38, 62, 76],
             "part": [160, 160, 162], "tree": [84, 104, 74], "red": [168, 66, 52]}}
_STATES = np.array([[29, 111, 184], [196, 120, 12], [122, 78, 160], [66, 140, 90], [38, 148, 168], [206, 40, 40]])
"""Colours of people by what they do, as in `theme.ts`."""
_FRUIN = ((0.308, [49, 104, 189]), (0.431, [38, 157, 160]), (0.718, [84, 168, 75]), (1.076, [236, 202, 48]),
          (2.153, [240, 134, 34]), (np.inf, [207, 42, 39]))
"""Upper densities [1/m2] and colours of Fruin's levels of service for walking, A-F."""


def deck(district: District, run: Run | str | Path | None = None, *, time: float | None = None,
         layers: Collection[str] | None = None, theme: str = "light", seed: int | None = None) -> pydeck.Deck:
    """Describe a district, and the people of a run at ``time`` [s from its start], as a :class:`pydeck.Deck`.

    ``layers`` chooses among :data:`LAYERS`; ``theme`` is light or dark; ``seed`` names the replication. Without a
    ``time`` people are left out, and the heat map is the largest density of the whole run.
    """
    import pydeck

    if theme not in _COLORS:
        raise BadInput(f"there is no theme {theme!r}", mend="choose light or dark")
    wanted = list(LAYERS) if layers is None else list(layers)
    unknown = sorted(set(wanted) - set(LAYERS))
    if unknown:
        raise BadInput(f"there is no layer {unknown[0]!r}", mend=f"choose among {', '.join(LAYERS)}")
    if isinstance(run, str | Path):
        from sim.run import Run
        run = Run(run)
    made = {"areas": _areas, "courtyards": _courtyards, "streets": _streets, "buildings": _buildings, "parts": _parts}
    drawn = []
    for name in LAYERS:
        if name not in wanted:
            continue
        if name in made:
            drawn.append(made[name](district, _COLORS[theme]))
        elif name == "heat" and run is not None:
            drawn.append(_heat(district, run, seed))
        elif name == "people" and run is not None and time is not None:
            drawn.append(_people(run, time, seed))
    west, south, east, north = district.bounds
    zoom = float(np.log2(900 / max(east - west, north - south, 10.0)))
    view = pydeck.ViewState(target=[0, 0, 0], zoom=round(zoom, 2), rotation_x=42, rotation_orbit=-18)
    return pydeck.Deck(layers=drawn, views=[pydeck.View(type="OrbitView", controller=True)], initial_view_state=view,
                       map_provider=None, map_style=None, tooltip={"text": "{name}"},
                       parameters={"clearColor": [c / 255 for c in _COLORS[theme]["background"]] + [1.0]})


def _layer(kind: str, name: str, data: list[dict[str, Any]], **props: Any) -> pydeck.Layer:
    import pydeck

    # pydeck makes an accessor of every bare string, so strings name columns here and constants are numbers or lists.
    return pydeck.Layer(kind, data, id=name, pickable=True, **props)


def _rings(polygon: shapely.Polygon, origin: tuple[float, float]) -> list[list[list[float]]]:
    return [np.round(shapely.get_coordinates(ring) - origin, 2).tolist()
            for ring in (polygon.exterior, *polygon.interiors)]


def _polygons(frame: Any, origin: tuple[float, float]) -> tuple[list[list[list[list[float]]]], NDArray[np.intp]]:
    """Rings of every polygon, and the row that each is of."""
    present = frame.geometry.notna().to_numpy()
    parts, owner = shapely.get_parts(shapely.force_2d(frame.geometry.to_numpy()[present]), return_index=True)
    flat = shapely.get_dimensions(parts) == 2
    rows = np.flatnonzero(present)[owner[flat]]
    return [_rings(part, origin) for part in parts[flat]], rows


def _buildings(district: District, colors: dict[str, list[int]]) -> pydeck.Layer:
    rings, rows = _polygons(district.buildings, district.origin)
    low, eaves, top = heights(district.buildings)
    ids, names = district.buildings["id"], district.buildings["name"]
    data = [{"id": ids.iloc[k], "name": names.iloc[k] or ids.iloc[k], "polygon": ring,
             "height": round(float((eaves[k] + top[k]) / 2 - low[k]), 2)} for ring, k in zip(rings, rows, strict=True)]
    return _layer("PolygonLayer", "buildings", data, get_polygon="polygon", get_elevation="height", extruded=True,
                  get_fill_color=colors["building"], stroked=False)


def _flat(district: District, table: str, name: str, color: dict[str, list[int]] | list[int]) -> pydeck.Layer:
    frame = district.tables[table]
    rings, rows = _polygons(frame, district.origin)
    kinds = frame.get("kind")
    data = []
    for ring, k in zip(rings, rows, strict=True):
        shade = color if isinstance(color, list) else color.get(str(kinds.iloc[k]) if kinds is not None else "")
        data.append({"id": frame["id"].iloc[k], "name": frame["name"].iloc[k] or frame["id"].iloc[k],
                     "polygon": ring, "color": shade or [223, 219, 211]})
    return _layer("PolygonLayer", name, data, get_polygon="polygon", get_fill_color="color", stroked=False)


def _areas(district: District, colors: dict[str, list[int]]) -> pydeck.Layer:
    by_kind = {"square": colors["square"], "pedestrian": colors["square"], "park": colors["park"],
               "grass": colors["park"], "pitch": colors["park"], "water": colors["water"]}
    return _flat(district, "areas", "areas", by_kind)


def _courtyards(district: District, colors: dict[str, list[int]]) -> pydeck.Layer:
    return _flat(district, "courtyards", "courtyards", colors["courtyard"])


def _streets(district: District, colors: dict[str, list[int]]) -> pydeck.Layer:
    frame = district.streets
    width = street_widths(frame)
    parts, owner = shapely.get_parts(shapely.force_2d(frame.geometry.to_numpy()), return_index=True)
    data = [{"id": frame["id"].iloc[k], "name": frame["name"].iloc[k] or frame["id"].iloc[k],
             "path": np.round(shapely.get_coordinates(line) - district.origin, 2).tolist(), "width": float(width[k])}
            for line, k in zip(parts, owner, strict=True)]
    return _layer("PathLayer", "streets", data, get_path="path", get_width="width", get_color=colors["street"])


def _parts(district: District, colors: dict[str, list[int]]) -> pydeck.Layer:
    frame = district.parts[(district.parts.geometry.geom_type == "Point").to_numpy()]
    at = np.round(shapely.get_coordinates(frame.geometry.to_numpy()) - district.origin, 2)
    shade = {"tree": colors["tree"], "hydrant": colors["red"], "gate": colors["red"]}
    data = [{"id": i, "name": name or f"{kind} {i}", "position": [*xy, 1.0], "color": shade.get(kind, colors["part"]),
             "radius": 1.8 if kind == "tree" else 0.5}
            for i, name, kind, xy in zip(frame["id"], frame["name"], frame["kind"], at.tolist(), strict=True)]
    return _layer("ScatterplotLayer", "parts", data, get_position="position", get_radius="radius",
                  get_fill_color="color")


def _people(run: Run, time: float, seed: int | None) -> pydeck.Layer:
    frame = run.frames(seed).at(time)
    colors = _STATES[np.minimum(frame.state, len(_STATES) - 1)].tolist()
    data = [{"id": int(i), "name": int(i), "position": [round(float(x), 2), round(float(y), 2), 1.0], "color": color}
            for i, (x, y), color in zip(frame.ids, frame.xy, colors, strict=True)]
    return _layer("ScatterplotLayer", "people", data, get_position="position", get_radius=0.4, radius_min_pixels=1.5,
                  get_fill_color="color")


def _heat(district: District, run: Run, seed: int | None) -> pydeck.Layer:
    """Cells of the largest density that people met, by Fruin's levels; level A is left clear."""
    maps = run.maps(seed)
    density, cell = maps["density_max"], float(maps["cell"])
    origin = np.asarray(maps["origin"]) - district.origin
    data = []
    for row, column in np.argwhere(np.nan_to_num(density) >= _FRUIN[0][0]):
        x, y = (origin + cell * np.array([column, row])).round(2).tolist()
        value = float(density[row, column])
        color = next(shade for top, shade in _FRUIN if value < top)
        data.append({"name": f"{value:.1f} /m2", "color": [*color, 190],
                     "polygon": [[x, y], [x + cell, y], [x + cell, y + cell], [x, y + cell]]})
    return _layer("PolygonLayer", "heat", data, get_polygon="polygon", get_fill_color="color", stroked=False)
