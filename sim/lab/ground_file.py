"""Walkable ground in a file of its own: WKT or GeoJSON, in metres."""

from __future__ import annotations

import re
from pathlib import Path

import shapely

from twin.errors import BadInput

_WKT = re.compile(
    r"\s*(SRID=\d+;)?\s*(POLYGON|MULTIPOLYGON|GEOMETRYCOLLECTION|LINESTRING|MULTILINESTRING|POINT|MULTIPOINT|"
    r"LINEARRING|CURVEPOLYGON)\b",
    re.IGNORECASE,
)


SMALL = 0.001
"""Share of the area by which the repair of a drawn outline may change it."""


def is_wkt(text: str) -> bool:
    """Whether a text is meant as WKT, and not as the name of a file."""
    return _WKT.match(text) is not None


def read_ground(path: Path) -> str:
    """WKT of the ground that a file holds: its polygons taken together, small faults repaired."""
    if not path.is_file():
        raise BadInput(
            "there is no such file",
            where=str(path),
            mend="give the walkable area as WKT, such as POLYGON ((0 0, 10 0, 10 5, 0 5, 0 0)), or name a file",
        )
    mend = "save the ground as WKT or GeoJSON, in metres"
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BadInput("this is not a text file", where=str(path), mend=mend) from None
    try:
        shape = shapely.from_wkt(text.strip()) if is_wkt(text) else shapely.from_geojson(text)
    except shapely.errors.ShapelyError:
        raise BadInput("this is neither WKT nor GeoJSON", where=str(path), mend=mend) from None
    parts = [p for p in shapely.get_parts(shape) if p.geom_type in ("Polygon", "MultiPolygon")]
    if not parts:
        raise BadInput("there is no polygon in this file", where=str(path), mend=mend)
    for k, part in enumerate(parts):
        parts[k] = shapely.make_valid(part)
        if abs(parts[k].area - part.area) > SMALL * parts[k].area:
            raise BadInput(
                f"an outline is not sound ({shapely.is_valid_reason(part).lower()})",
                where=str(path),
                mend="redraw it so that it does not cross or touch itself",
            )
    return str(shapely.to_wkt(shapely.union_all(parts), rounding_precision=-1, trim=True))
