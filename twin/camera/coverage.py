"""What ground cameras see between the buildings, where they are blind, and where one more helps most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.camera.lens import Array
from twin.errors import BadInput
from twin.places.district import District

REACH_M = 45.0
"""Beyond this a person is too small for a common camera (4 mm lens, 1080 lines) to be counted."""
VIEW_RAD = np.radians(80.0)
MOUNTED_M = 4.5
_EYE_M = 1.0
"""A place counts as seen when a person's middle there is seen [m above the ground]."""
_DIRECTIONS = 12


@dataclass(frozen=True)
class Cover:
    """Ground points (n, 2) [m], the ground that each stands for [m2], and which camera sees which: ``seen`` (cameras, n)."""

    cameras: list[str]
    points: Array
    area_m2: float
    seen: NDArray[np.bool_]

    @property
    def share(self) -> float:
        """Share of the ground that at least one camera sees."""
        return float(self.seen.any(axis=0).mean()) if len(self.points) else float("nan")

    def blind(self) -> Array:
        """Ground points (k, 2) that no camera sees."""
        return self.points[~self.seen.any(axis=0)] if len(self.cameras) else self.points

    def blind_spots(self, least_m2: float = 100.0) -> list[tuple[float, float, float]]:
        """Connected blind ground: x, y of its middle [m] and its area [m2], the largest first."""
        dark = self.blind()
        if not len(dark):
            return []
        side = float(np.sqrt(self.area_m2))
        merged = shapely.union_all(shapely.box(*(dark - 0.505 * side).T, *(dark + 0.505 * side).T))
        parts = [p for p in shapely.get_parts(merged) if p.area >= least_m2]
        spots = [(p.representative_point(), p.area) for p in sorted(parts, key=lambda p: -p.area)]
        return [(point.x, point.y, float(area)) for point, area in spots]


@dataclass(frozen=True)
class Proposal:
    """A place for a new camera: x, y [m], heading [rad], mounting height [m], and the ground that it adds [m2]."""

    x: float
    y: float
    heading: float
    height: float
    adds_m2: float


class Sights:
    """Lines of sight in a district, over its buildings: they block by footprint and height."""

    def __init__(self, district: District) -> None:
        table = district.buildings[district.buildings.geometry.notna()]
        height = table["height"].to_numpy(dtype=float, na_value=np.nan)
        base = table["base"].to_numpy(dtype=float, na_value=0.0)
        known = np.where(np.isfinite(height), height, 6.0)
        stands = (known > 0.5) & (np.nan_to_num(base) < 2.5)
        self._shapes = table.geometry.to_numpy()[stands]
        self._heights = known[stands]
        self._tree = shapely.STRtree(self._shapes)

    def clear(self, eye: tuple[float, float, float], points: Array) -> NDArray[np.bool_]:
        """Whether points (n, 2), at the height of a person's middle, are seen from an eye (x, y, z).

        A building blocks where the line passes through its footprint below its top: exact for blocks with level tops.
        """
        if not len(points):
            return np.zeros(0, bool)
        x, y, z = eye
        lines = shapely.linestrings(np.stack([np.tile([x, y], (len(points), 1)), points], axis=1))
        line, shape = self._tree.query(lines, predicate="intersects")
        high = self._heights[shape] > _EYE_M
        line, shape = line[high], shape[high]
        clear = np.ones(len(points), bool)
        if not len(line):
            return clear
        inside = shapely.intersection(lines[line], self._shapes[shape])
        # the lowest place of a falling line within the footprint is where it leaves it
        far = np.array([_farthest(part, x, y) for part in inside])
        whole = np.hypot(points[line, 0] - x, points[line, 1] - y)
        low = z + (_EYE_M - z) * np.divide(far, whole, out=np.ones_like(far), where=whole > 0)
        blocked = (far > 0.05) & (low < self._heights[shape])
        clear[np.unique(line[blocked])] = False
        return clear


def camera_coverage(district: District, *, step_m: float = 3.0, reach_m: float = REACH_M, view: float = VIEW_RAD,
                    area: shapely.Geometry | None = None) -> Cover:
    """What the district's cameras see of its walkable ground (or of ``area``), on a grid of ``step_m``.

    A camera is a ``parts`` row of the kind ``camera`` with a place; one without a heading turns and sees all around.
    """
    cameras = district.parts[(district.parts["kind"] == "camera") & district.parts.geometry.notna()]
    points = ground_points(district, step_m, area)
    sights = Sights(district)
    seen = np.zeros((len(cameras), len(points)), bool)
    for k, row in enumerate(cameras.itertuples()):
        height = MOUNTED_M if row.height is None or not np.isfinite(float(row.height)) else float(row.height)
        heading = float(row.heading) if row.heading is not None else float("nan")
        place = row.geometry.centroid
        seen[k] = _view(sights, (place.x, place.y, height), heading, points, reach_m, view)
    return Cover([str(i) for i in cameras["id"]], points, step_m**2, seen)


def best_new_cameras(district: District, cover: Cover, *, number: int = 1, spacing_m: float = 25.0, reach_m: float = REACH_M,
                     view: float = VIEW_RAD, height: float = MOUNTED_M) -> list[Proposal]:
    """Where new cameras would see most ground that no camera sees: at lamps, else along the walkable ground; greedy."""
    sights, dark = Sights(district), ~cover.seen.any(axis=0) if len(cover.cameras) else np.ones(len(cover.points), bool)
    sites = _sites(district, cover, spacing_m)
    turns = np.arange(_DIRECTIONS) * 2 * np.pi / _DIRECTIONS
    around = [_view(sights, (float(x), float(y), height), float("nan"), cover.points, reach_m, view) for x, y in sites]
    bearing = [np.arctan2(cover.points[:, 1] - y, cover.points[:, 0] - x) for x, y in sites]
    found: list[Proposal] = []
    for _ in range(number):
        best: tuple[int, int, int] | None = None
        for k in range(len(sites)):
            fresh = around[k] & dark
            if not fresh.any() or (best is not None and int(fresh.sum()) <= best[0]):
                continue
            gains = [int((fresh & (np.abs(_turned(bearing[k] - t)) <= view / 2)).sum()) for t in turns]
            if best is None or max(gains) > best[0]:
                best = (max(gains), k, int(np.argmax(gains)))
        if best is None or best[0] == 0:
            break
        gain, k, turn = best
        found.append(Proposal(float(sites[k, 0]), float(sites[k, 1]), float(turns[turn]), height, gain * cover.area_m2))
        dark &= ~(around[k] & (np.abs(_turned(bearing[k] - turns[turn])) <= view / 2))
    return found


def ground_points(district: District, step_m: float, area: shapely.Geometry | None = None) -> Array:
    """Points (n, 2) [m] of a grid over the walkable ground of a district, or over ``area``."""
    if area is None:
        from twin.places.walkable import walkable_area
        area = walkable_area(district)
    west, south, east, north = area.bounds
    if not np.isfinite(west) or (east - west) * (north - south) / step_m**2 > 4e6:
        raise BadInput("this ground is empty, or too large for so fine a grid", mend="give a larger step or a smaller area")
    x, y = np.meshgrid(np.arange(west + step_m / 2, east, step_m), np.arange(south + step_m / 2, north, step_m))
    shapely.prepare(area)
    inside = shapely.contains_xy(area, x.ravel(), y.ravel())
    return np.c_[x.ravel(), y.ravel()][inside]


def _view(sights: Sights, eye: tuple[float, float, float], heading: float, points: Array, reach: float,
          view: float) -> NDArray[np.bool_]:
    off = points - np.array(eye[:2])
    near = np.hypot(*off.T) <= reach
    if not np.isnan(heading):
        near &= np.abs(_turned(np.arctan2(off[:, 1], off[:, 0]) - heading)) <= view / 2
    seen = np.zeros(len(points), bool)
    seen[near] = sights.clear(eye, points[near])
    return seen


def _sites(district: District, cover: Cover, spacing: float) -> Array:
    """Lamps, thinned to one in ``spacing``, and the ground where there are none."""
    lamps = district.parts[(district.parts["kind"] == "lamp") & district.parts.geometry.notna()].geometry
    places = np.array([[g.centroid.x, g.centroid.y] for g in lamps]).reshape(-1, 2)
    every = np.r_[places, cover.points]
    cell = np.floor(every / spacing).astype(int)
    _, first = np.unique(cell, axis=0, return_index=True)
    return every[np.sort(first)]


def _turned(angle: Any) -> Any:
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _farthest(part: shapely.Geometry, x: float, y: float) -> float:
    at = shapely.get_coordinates(part)
    return float(np.hypot(at[:, 0] - x, at[:, 1] - y).max()) if len(at) else 0.0
