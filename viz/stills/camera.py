"""Where a still is taken from."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import shapely

from twin.errors import BadInput
from twin.places.district import District

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Camera:
    """A camera: ``position`` and ``target`` in metres from the district's origin, z up; ``fov_deg``
    vertical."""

    position: Point
    target: Point
    fov_deg: float = 32.0


def view(camera: Camera | str | dict[str, Any] | None, district: District, size: tuple[int, int]) -> Camera:
    """Return the camera that is meant: itself, one from its fields, or the named view of a district."""
    if isinstance(camera, Camera):
        return camera
    if isinstance(camera, dict):
        unknown = set(camera) - {f.name for f in fields(Camera)}
        if unknown or not {"position", "target"} <= set(camera):
            raise BadInput("the camera is not complete" if not unknown else f"a camera has no {sorted(unknown)[0]}",
                           mend="give position (x, y, z), target (x, y, z) and, if wanted, fov_deg")
        return Camera(**camera)
    views = {"bird": bird, "street": street, "top": top}
    name = camera or "bird"
    if name not in views:
        raise BadInput(f"there is no view {name!r}", mend=f"take one of {', '.join(views)}, or give a camera")
    return views[name](district, size)


def bird(district: District, _size: tuple[int, int]) -> Camera:
    """Oblique from the south-west, onto the middle of the buildings, high enough to show the quarter."""
    x, y, reach = _middle(district)
    away = min(max(reach * 1.25, 60.0), 620.0)
    heading, tilt = math.radians(232.0), math.radians(31.0)
    return Camera((x + away * math.cos(tilt) * math.cos(heading), y + away * math.cos(tilt) * math.sin(heading),
                   away * math.sin(tilt)), (x, y, 0.0), 30.0)


def top(district: District, size: tuple[int, int]) -> Camera:
    """Straight down onto all of the district, north up."""
    west, south, east, north = district.bounds
    x, y = (west + east) / 2 - district.origin[0], (south + north) / 2 - district.origin[1]
    half = 0.52 * max(north - south, (east - west) * size[1] / size[0], 20.0)
    return Camera((x, y - 0.01, half / math.tan(math.radians(10.0))), (x, y, 0.0), 20.0)


def street(district: District, size: tuple[int, int]) -> Camera:
    """At eye height in the lane near the middle that most entrances open onto, looking along it."""
    streets = district.streets[district.streets.geometry.notna()]
    if not len(streets):
        return bird(district, size)
    lines = shapely.line_merge(streets.geometry.to_numpy())
    lines = np.array([max(shapely.get_parts(line), key=shapely.length) for line in lines], object)
    doors = district.entrances.geometry.dropna().to_numpy()
    here = shapely.points(*(np.array(_middle(district)[:2]) + district.origin))
    wanted = np.isin(streets["kind"].to_numpy(object), ["lane", "street", "footway", "service"])
    near_doors = np.zeros(len(lines))
    if len(doors):
        line, _ = shapely.STRtree(doors).query(lines, predicate="dwithin", distance=8.0)
        near_doors = np.bincount(line, minlength=len(lines)).astype(float)
    worth = (1 + near_doors) * np.minimum(shapely.length(lines), 120.0) * np.where(wanted, 1.0, 0.1)
    line = lines[np.argmax(worth / (1 + shapely.distance(lines, here) / 100.0))]
    start, ahead = 0.12 * line.length, min(0.12 * line.length + 45.0, line.length)
    eye, far = (shapely.get_coordinates(line.interpolate(d))[0] - district.origin for d in (start, ahead))
    return Camera((float(eye[0]), float(eye[1]), 2.1), (float(far[0]), float(far[1]), 2.2), 50.0)


def _middle(district: District) -> tuple[float, float, float]:
    """Middle of the courtyards if there are many, else of the buildings, else of the bounds, and their reach [m].

    Counted from the district's origin.
    """
    for table, enough in ((district.courtyards, 20), (district.buildings, 1)):
        if len(table) >= enough:
            points = shapely.get_coordinates(shapely.centroid(table.geometry.dropna().to_numpy())) - district.origin
            x, y = np.median(points, axis=0)
            reach = np.percentile(np.hypot(*(points - [x, y]).T), 80)
            return float(x), float(y), float(reach) + 40.0
    west, south, east, north = district.bounds
    return 0.0, 0.0, max(east - west, north - south, 80.0) / 2
