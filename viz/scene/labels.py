"""Names in the scene: streets along their run, squares, courtyards, metro entrances, grids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import shapely

from twin.places import District
from viz.scene.ground import drawn_grids

EVERY = 320.0
"""A long street has its name again after this length [m]."""
NAMED_PARTS = ["metro_entrance", "bus_stop", "toilet", "gate"]
"""Parts whose names help to find the way; the others are named when they are pointed at."""
_PRIORITY = {"motorway": 75, "avenue": 72, "street": 66, "lane": 48, "service": 30, "footway": 25}


def labels(district: District) -> list[dict[str, Any]]:
    """Labels as {text, position [x, y] in local metres, priority, kind, heading?}."""
    return [*_streets(district), *_areas(district), *_parts(district), *_buildings(district), *_courtyards(district),
            *_grids(district)]


def _streets(district: District) -> list[dict[str, Any]]:
    streets = district.streets
    named = streets[(streets["name"].notna() & ~streets["kind"].isin(["crossing", "steps"])).to_numpy()]
    out = []
    for name, rows in named.groupby("name", sort=True):
        kind = rows["kind"].iloc[0] or "street"
        run = shapely.line_merge(shapely.union_all(shapely.force_2d(rows.geometry.to_numpy())))
        for line in shapely.get_parts(run):
            length = shapely.length(line)
            if length < 25:
                continue
            times = max(int(length // EVERY), 1)
            for k in range(times):
                out.append(_along(district, line, (k + 0.5) / times, str(name), kind))
    return out


def _along(district: District, line: shapely.LineString, share: float, name: str, kind: str) -> dict[str, Any]:
    length = shapely.length(line)
    a, b = (shapely.get_coordinates(shapely.line_interpolate_point(line, at))[0]
            for at in (max(share * length - 8, 0), min(share * length + 8, length)))
    at = shapely.get_coordinates(shapely.line_interpolate_point(line, share * length))[0]
    return _label(district, name, at, _PRIORITY.get(kind, 40), "street" if kind in ("avenue", "street", "motorway")
                  else "lane") | {"heading": round(float(np.arctan2(b[1] - a[1], b[0] - a[0])), 3)}


def _areas(district: District) -> list[dict[str, Any]]:
    rows = district.areas[district.areas["name"].notna().to_numpy()]
    at = shapely.get_coordinates(shapely.point_on_surface(rows.geometry.to_numpy()))
    return [_label(district, name, xy, 80, "square") for name, xy in zip(rows["name"], at, strict=True)]


def _parts(district: District) -> list[dict[str, Any]]:
    parts = district.parts
    rows = parts[(parts["name"].notna() & parts["kind"].isin(NAMED_PARTS)).to_numpy()]
    at = shapely.get_coordinates(shapely.centroid(rows.geometry.to_numpy()))
    metro = (rows["kind"] == "metro_entrance").to_numpy()
    return [_label(district, name, xy, 78 if m else 20, "metro" if m else "part", 4.0 if m else 2.5)
            for name, xy, m in zip(rows["name"], at, metro, strict=True)]


def _buildings(district: District) -> list[dict[str, Any]]:
    rows = district.buildings[district.buildings["name"].notna().to_numpy()]
    at = shapely.get_coordinates(shapely.point_on_surface(rows.geometry.to_numpy()))
    tall = rows["height"].fillna(6.0)
    return [_label(district, name, xy, 45, "building", float(h) + 1.0)
            for name, xy, h in zip(rows["name"], at, tall, strict=True)]


def _courtyards(district: District) -> list[dict[str, Any]]:
    rows = district.courtyards
    text = rows["name"].where(rows["name"].notna(), rows["address"])
    rows, text = rows[text.notna().to_numpy()], text[text.notna()]
    at = shapely.get_coordinates(shapely.point_on_surface(rows.geometry.to_numpy()))
    return [_label(district, name, xy, 10, "courtyard") for name, xy in zip(text, at, strict=True)]


def _grids(district: District) -> list[dict[str, Any]]:
    rows = drawn_grids(district)
    text: pd.Series = rows["name"].where(rows["name"].notna(), rows["id"])
    at = shapely.get_coordinates(shapely.point_on_surface(rows.geometry.to_numpy()))
    return [_label(district, name, xy, 35, "grid") for name, xy in zip(text, at, strict=True)]


def _label(district: District, text: str, at: Any, priority: int, kind: str, z: float = 0.5) -> dict[str, Any]:
    x, y = district.origin
    return {"text": str(text), "position": [round(float(at[0]) - x, 2), round(float(at[1]) - y, 2), z],
            "priority": priority, "kind": kind}
