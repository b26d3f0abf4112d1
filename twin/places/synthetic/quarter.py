"""The quarter put together: streets, courtyards, landmarks, parts, bays and grids as one district."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS

from twin.errors import BadInput
from twin.places.district import District, table_frame
from twin.places.synthetic.courtyards import House, build_houses
from twin.places.synthetic.entrances import Entrance, make_entrances
from twin.places.synthetic.furniture import make_parts, views
from twin.places.synthetic.grids import make_grids
from twin.places.synthetic.landmarks import Landmarks, make_landmarks
from twin.places.synthetic.names import community_names
from twin.places.synthetic.parking import make_bays
from twin.places.synthetic.placing import Part
from twin.places.synthetic.plan import SIZES as SIZES
from twin.places.synthetic.plan import Plan, make_plan
from twin.places.synthetic.plots import make_plots
from twin.places.synthetic.streams import stream
from twin.places.synthetic.streets import Street

OBSERVED_AT = datetime(2026, 1, 1, tzinfo=UTC)
CRS_OF_BEIJING = CRS.from_epsg(32650)
CENTRE = (446150.0, 4417400.0)
"""Where the middle of the avenue lies in EPSG:32650 [m]: 116.370 E, 39.905 N."""


class _Counts(NamedTuple):
    """How many there are; None where the ground decides."""

    courtyards: int | None
    buildings: int | None
    grids: int
    residential: int


_COUNTS = {"full": _Counts(1454, 3800, 71, 44), "small": _Counts(None, None, 4, 2)}
_HEIGHT_SOURCES = (("measured", "levels", "assumed"), (0.72, 0.2, 0.08))

_MILLIMETRE = 0.001

Rows = list[dict[str, Any]]


def generate(name: str = "xichangan", *, seed: int = 1, size: str = "full") -> District:
    """Make the built-in district.

    ``full`` has 13 communities, 71 grids, 1,454 courtyards and 3,800 buildings on about 1.2 x 0.9 km;
    ``small`` is one community with the square, for tests. The same seed gives the same district, to the
    last digit.
    """
    if size not in SIZES:
        raise BadInput(f"there is no size {size!r}", where=name, mend=f"take {' or '.join(SIZES)}")
    if seed < 0:
        raise BadInput(f"the seed {seed} is negative", where=name, mend="take a whole number from 0")
    counts = _COUNTS[size]
    plan = make_plan(size, stream(seed, "plan"))
    plots = make_plots(plan, counts.courtyards, stream(seed, "plots"))
    landmarks = make_landmarks(plan, stream(seed, "landmarks"))
    buildings = counts.buildings
    houses = build_houses(
        plots,
        None if buildings is None else buildings - len(landmarks.structures),
        stream(seed, "courtyards"),
    )
    entrances = make_entrances(houses, plan.streets, stream(seed, "entrances"))
    parts = make_parts(plan.streets, houses, landmarks, stream(seed, "furniture"))
    bays = make_bays(plan.streets, landmarks, stream(seed, "parking"))
    outlines = np.array([house.plot.outline for house in houses], dtype=object)
    names = community_names(len(plan.communities), stream(seed, "names"))
    grids, grid_of = make_grids(plan, outlines, names, counts.grids, counts.residential, views(parts))

    courtyard_ids = [f"cy-{k + 1:04d}" for k in range(len(houses))]
    rows: dict[str, Rows] = {
        "streets": _street_rows(plan),
        "courtyards": _courtyard_rows(
            houses, courtyard_ids, grid_of, _addresses(entrances, plan.streets, len(houses))
        ),
        "buildings": _building_rows(houses, courtyard_ids, landmarks, plan.streets, stream(seed, "heights")),
        "parts": _part_rows(parts),
        "bays": [
            {
                "id": f"bay-{k:04d}",
                "kind": b.kind,
                "name": b.name,
                "capacity": b.capacity,
                "access": b.access,
                "street": b.street,
                "geometry": b.outline,
            }
            for k, b in enumerate(bays, start=1)
        ],
        "areas": [
            {
                "id": f"area-{k:02d}",
                "kind": a.kind,
                "name": a.name,
                "on_foot": a.on_foot,
                "geometry": a.outline,
            }
            for k, a in enumerate(landmarks.grounds, start=1)
        ],
        "grids": [
            {
                "id": g.id,
                "scheme": g.scheme,
                "level": g.level,
                "parent": g.parent,
                "name": g.name,
                "geometry": g.outline,
            }
            for g in grids
        ],
    }
    rows["entrances"] = _entrance_rows(entrances, courtyard_ids, plan.streets, rows["buildings"], landmarks)
    tables = {table: _at_home(table, content) for table, content in rows.items()}
    bounds = np.array([frame.total_bounds for frame in tables.values()])
    low, high = np.floor(bounds[:, :2].min(axis=0)), np.ceil(bounds[:, 2:].max(axis=0))
    return District(
        name,
        CRS_OF_BEIJING,
        tables,
        attribution="Hutong built-in district (invented)",
        extent=shapely.box(*low, *high),
    )


def _at_home(table: str, rows: Sequence[Mapping[str, Any]]) -> gpd.GeoDataFrame:
    """The table at its place in Beijing."""
    frame = table_frame(table, rows, CRS_OF_BEIJING, source="synthetic", observed_at=OBSERVED_AT)
    moved = shapely.transform(np.asarray(frame.geometry.values), lambda xy: xy + CENTRE)
    polygons = shapely.get_dimensions(moved) == 2
    moved[polygons] = shapely.set_precision(moved[polygons], _MILLIMETRE)
    broken = ~shapely.is_valid(moved)  # rounding may, rarely, put one part of an area into another
    moved[broken] = shapely.make_valid(moved[broken], method="structure", keep_collapsed=False)
    return frame.set_geometry(gpd.GeoSeries(moved, crs=CRS_OF_BEIJING))


def _street_rows(plan: Plan) -> Rows:
    return [
        {
            "id": s.id,
            "name": s.name,
            "kind": s.kind,
            "width": s.width,
            "width_source": "measured",
            "oneway": s.oneway,
            "on_foot": True,
            "layer": 0,
            "geometry": s.line,
        }
        for s in plan.streets
    ]


def _addresses(entrances: list[Entrance], streets: list[Street], courtyards: int) -> list[tuple[str, str]]:
    """Street name and house number of every courtyard by its front: odd numbers left, even right.

    A courtyard that opens into another one has the number of that one with the addition 后 (behind).
    """
    fronts = {e.courtyard: e for e in entrances if e.kind == "front"}
    by_side: dict[tuple[str, bool], list[tuple[int, float, int]]] = {}
    for k, front in fronts.items():
        if front.street >= 0:
            line = streets[front.street].line
            along = line.project(shapely.Point(front.point))
            (ax, ay), (bx, by) = (line.interpolate(max(0.0, along + d)).coords[0] for d in (-0.5, 0.5))
            left = (bx - ax) * (front.point[1] - ay) > (by - ay) * (front.point[0] - ax)
            by_side.setdefault((streets[front.street].name, bool(left)), []).append((front.street, along, k))
    addresses = [("", "")] * courtyards
    for (street, left), places in by_side.items():
        for number, (_, _, k) in enumerate(sorted(places)):
            addresses[k] = (street, f"{2 * number + (1 if left else 2)}号")
    behind: dict[int, int] = {}
    for k, front in fronts.items():
        if front.street < 0:
            street, before = addresses[front.neighbour]
            behind[front.neighbour] = nth = behind.get(front.neighbour, 0) + 1
            addresses[k] = (street, f"{before}后" + (str(nth) if nth > 1 else ""))
    return addresses


def _courtyard_rows(
    houses: list[House], ids: list[str], grid_of: list[str], addresses: list[tuple[str, str]]
) -> Rows:
    return [
        {
            "id": courtyard,
            "name": f"{number}院",
            "address": f"{street} {number}",
            "grid": grid,
            "walled": True,
            "geometry": house.plot.outline,
        }
        for house, courtyard, grid, (street, number) in zip(houses, ids, grid_of, addresses, strict=True)
    ]


def _building_rows(
    houses: list[House], ids: list[str], landmarks: Landmarks, streets: list[Street], rng: np.random.Generator
) -> Rows:
    """Wings and landmarks. A third of the wings along the avenue and the streets are shops."""
    busy = shapely.union_all([s.corridor for s in streets if s.kind in ("avenue", "street")]).buffer(1.0)
    shapely.prepare(busy)
    rows: Rows = []
    for house, courtyard in zip(houses, ids, strict=True):
        for wing in house.wings:
            shop = rng.random() < 0.35 and busy.intersects(wing.outline)
            rows.append(
                {
                    "use": "retail" if shop else "residential",
                    "height": wing.height,
                    "levels": wing.levels,
                    "base": 0.0,
                    "height_source": str(rng.choice(_HEIGHT_SOURCES[0], p=_HEIGHT_SOURCES[1])),
                    "roof": wing.roof,
                    "roof_height": wing.roof_height,
                    "roof_heading": wing.roof_heading if wing.roof == "gabled" else None,
                    "courtyard": courtyard,
                    "geometry": wing.outline,
                }
            )
    for s in landmarks.structures:
        rows.append(
            {
                "name": s.name,
                "use": s.use,
                "height": s.height,
                "levels": s.levels,
                "base": 0.0,
                "height_source": "measured",
                "roof": s.roof,
                "roof_height": s.roof_height,
                "roof_heading": None if s.roof == "flat" else s.roof_heading,
                "geometry": s.outline,
            }
        )
    return [{"id": f"b-{k:05d}", **row} for k, row in enumerate(rows, start=1)]


def _entrance_rows(
    entrances: list[Entrance], ids: list[str], streets: list[Street], buildings: Rows, landmarks: Landmarks
) -> Rows:
    rows: Rows = [
        {
            "courtyard": ids[e.courtyard],
            "leads_to": streets[e.street].id if e.street >= 0 else ids[e.neighbour],
            "kind": e.kind,
            "state": e.state,
            "width": e.width,
            "step_free": e.step_free,
            "heading": round(e.heading, 4),
            "geometry": shapely.Point(e.point),
        }
        for e in entrances
    ]
    lines = np.array([street.line for street in streets], dtype=object)
    large = buildings[len(buildings) - len(landmarks.structures) :]
    for row, structure in zip(large, landmarks.structures, strict=True):
        for number, (point, heading) in enumerate(structure.doors):
            ahead = shapely.Point(point + 12 * np.array([np.cos(heading), np.sin(heading)]))
            street = streets[int(np.argmin(shapely.distance(lines, ahead)))]
            rows.append(
                {
                    "courtyard": row["id"],
                    "leads_to": street.id,
                    "kind": "front" if number == 0 else "back",
                    "state": "open" if number == 0 else "locked",
                    "width": 3.0 if number == 0 else 1.6,
                    "step_free": True,
                    "heading": round(heading, 4),
                    "geometry": shapely.Point(point),
                }
            )
    return [{"id": f"e-{k:05d}", **row} for k, row in enumerate(rows, start=1)]


def _part_rows(parts: list[Part]) -> Rows:
    numbers: dict[str, int] = {}
    rows = []
    for part in parts:
        numbers[part.kind] = number = numbers.get(part.kind, 0) + 1
        rows.append(
            {
                "id": f"{part.kind.replace('_', '-')}-{number:04d}",
                "kind": part.kind,
                "name": part.name,
                "width": part.width,
                "height": part.height,
                "heading": part.heading,
                "state": part.state,
                "geometry": part.geometry,
            }
        )
    return rows
