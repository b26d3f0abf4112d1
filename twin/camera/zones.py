"""What of a view is counted: the region, counting lines and zones, in metres on the ground.

A file is YAML, or GeoJSON with features whose ``kind`` is ``region``, ``line`` or ``zone``::

    region: [[-14.07, -14.27], [4.98, -14.27], [4.98, 1.73], [-14.07, 1.73]]
    lines:
      - {id: gate, from: [-5, -14], to: [-5, 1.5]}
    zones:
      - {id: bus stop, polygon: [[...], ...], profile: platform}
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from twin.camera.crossing import Line
from twin.camera.lens import Lens
from twin.errors import BadInput

Ring = list[tuple[float, float]]
_SMALLEST_PX = 36.0
"""Where a person is shorter than this in the picture nobody is counted unless the file says so."""


def polygon(ring: Ring) -> shapely.Polygon:
    """The polygon of a ring; raises ``ValueError`` where it crosses itself or has no area."""
    if len(ring) < 3:
        raise ValueError("a polygon needs three corners")
    shape = shapely.Polygon(ring)
    if not shape.is_valid:
        raise ValueError("the polygon crosses itself")
    if shape.area < 0.25:
        raise ValueError("the polygon has no area to speak of")
    return shape


class Zone(BaseModel):
    """A part of the region with figures, a state and alarms of its own; ``profile`` names its thresholds."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    id: str
    polygon: Ring
    profile: str | None = None

    @field_validator("polygon")
    @classmethod
    def _sound(cls, ring: Ring) -> Ring:
        polygon(ring)
        return ring

    @property
    def shape(self) -> shapely.Polygon:
        """The zone on the ground."""
        return shapely.Polygon(self.polygon)


class Zones(BaseModel):
    """What is counted in one view."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    region: Ring | None = None
    lines: list[Line] = Field(default_factory=list)
    zones: list[Zone] = Field(default_factory=list)
    profile: str | None = None

    @field_validator("region")
    @classmethod
    def _sound(cls, ring: Ring | None) -> Ring | None:
        if ring is not None:
            polygon(ring)
        return ring


def read_zones(path: str | Path) -> Zones:
    """Read a zones file; raises :class:`BadInput` for anything that cannot be used."""
    source = Path(path)
    if not source.is_file():
        raise BadInput("there is no such file", where=str(path), mend="check the path")
    try:
        content = yaml.safe_load(source.read_text(encoding="utf-8"))  # JSON is YAML too
        if isinstance(content, dict) and content.get("type") == "FeatureCollection":
            content = _from_geojson(content)
        return Zones.model_validate(content or {})
    except (yaml.YAMLError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, IndexError):
        raise BadInput("this is neither YAML nor GeoJSON of zones", where=str(path), mend="see docs/camera.md") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg'].removeprefix('Value error, ')}",
                       where=str(path), mend="see docs/camera.md") from None


def _from_geojson(collection: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"lines": [], "zones": []}
    for number, feature in enumerate(collection["features"]):
        about, coordinates = feature.get("properties") or {}, feature["geometry"]["coordinates"]
        name = str(about.get("id", feature.get("id", number + 1)))
        if feature["geometry"]["type"] == "LineString":
            made["lines"].append({"id": name, "from": coordinates[0][:2], "to": coordinates[-1][:2]})
        elif about.get("kind") == "region":
            made["region"] = [c[:2] for c in coordinates[0]]
        else:
            made["zones"].append({"id": name, "polygon": [c[:2] for c in coordinates[0]], "profile": about.get("profile")})
    return made


def region_of(zones: Zones, lens: Lens, *, where: str = "zones") -> shapely.Polygon:
    """The ground on which people are counted: the file's region, or all where people are tall enough in the picture.

    Raises :class:`BadInput` where a line, a zone or the region lies outside the picture.
    """
    for line in zones.lines:
        points = np.linspace(line.start, line.end, 41)
        if not lens.inside(lens.pixels(points)).any():
            raise BadInput(f"line {line.id} lies outside the picture", where=where,
                           mend="draw it where the camera sees the ground")
    for zone in zones.zones:
        if not _seen(zone.shape, lens):
            raise BadInput(f"zone {zone.id} lies outside the picture", where=where,
                           mend="draw it where the camera sees the ground")
    if zones.region is None:
        return visible_ground(lens)
    region = polygon(zones.region)
    if not _seen(region, lens):
        raise BadInput("the region lies outside the picture", where=where, mend="draw it where the camera sees the ground")
    return region


def visible_ground(lens: Lens, least_px: float = _SMALLEST_PX) -> shapely.Polygon:
    """The ground in the picture on which a person of 1.7 m is at least ``least_px`` tall."""
    w, h = lens.size
    u, v = np.meshgrid(np.linspace(0, w - 1, 17), np.arange(h - 1, -1, -2.0))
    at = lens.ground(np.c_[u.ravel(), v.ravel()])
    foot, head = lens.upright(at)
    with np.errstate(invalid="ignore"):
        good = np.atleast_1d(((foot - head)[:, 1] >= least_px).reshape(u.shape).all(axis=1))
    rows = int(np.argmin(good)) if not good.all() else len(good)
    if rows < 2:
        raise BadInput("people would be too small everywhere in this picture", mend="give a region, or a picture of more pixels")
    last, across = v[rows - 1, 0], np.linspace(0, w - 1, 33)
    up = np.linspace(h - 1, last, 17)
    ring = np.concatenate([np.c_[across, np.full(33, h - 1.0)], np.c_[np.full(17, w - 1.0), up],
                           np.c_[across[::-1], np.full(33, last)], np.c_[np.zeros(17), up[::-1]]])
    return shapely.Polygon(lens.ground(ring)).buffer(0)


def _seen(shape: shapely.Polygon, lens: Lens) -> bool:
    ring = shape.exterior.segmentize(max(shape.length / 80, 0.1))
    points = np.r_[shapely.get_coordinates(ring), shapely.get_coordinates(shape.representative_point())]
    return bool(lens.inside(lens.pixels(points)).any())
