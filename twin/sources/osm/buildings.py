"""Buildings, their parts, and the courtyards that they enclose."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from twin.sources.imported import Tally
from twin.sources.osm.elements import Elements
from twin.sources.osm.outlines import Outline
from twin.sources.osm.tags import Tags, length_m, name_of, number, positive_m
from twin.sources.shapes import rings_around

STOREY_M = 3.2
PITCHED_ROOF_M = 2.0
"""A pitched roof on a building that gives its levels and the roof's shape but not the roof's height."""
ASSUMED_HEIGHT_M = 6.0
ASSUMED_BY_USE_M = {"apartments": 18.0, "office": 18.0, "hotel": 18.0, "hospital": 15.0, "dormitory": 15.0,
                    "university": 15.0, "college": 12.0, "school": 12.0, "train_station": 10.0,
                    "commercial": 9.0,
                    "retail": 6.0, "industrial": 8.0, "warehouse": 8.0, "roof": 4.0, "garage": 3.0,
                    "garages": 3.0,
                    "carport": 3.0, "shed": 3.0, "hut": 3.0, "kiosk": 3.0, "toilets": 3.0, "guardhouse": 3.0}
CANOPY_M = 0.5
"""Thickness of a roof that stands on posts."""
ROOFS = {"flat": "flat", "gabled": "gabled", "half-hipped": "hipped", "hipped": "hipped",
         "pyramidal": "hipped",
         "gambrel": "gabled", "saltbox": "gabled", "skillion": "gabled", "mansard": "hipped",
         "round": "gabled",
         "side_hipped": "hipped", "hipped-and-gabled": "hipped", "gabled_height_moved": "gabled"}

Row = dict[str, Any]


def is_building(tags: Tags) -> bool:
    """Whether tags say that something is a building."""
    return tags.get("building", "no") not in ("no", "courtyard")


def is_part(tags: Tags) -> bool:
    """Whether tags say that something is a part of a building and not a building of its own."""
    return tags.get("building:part", "no") != "no" and not is_building(tags)


def building_of(tags: Tags, tally: Tally) -> Row:
    """Return the columns of a building that its tags tell: name, use, height and how it is known, levels,
    roof."""
    use = tags.get("building") if is_building(tags) else tags.get("building:part")
    row: Row = {"name": name_of(tags), "use": _use(tags, use),
                "roof": ROOFS.get(tags.get("roof:shape", "").strip())}
    if row["roof"] is None and tags.get("roof:shape"):
        tally.drop("unknown roof shape")
    levels = _levels(tags, "building:levels", tally)
    row["levels"] = None if levels is None else round(levels)
    roof_height = _metres(tags, "roof:height", tally)
    roof_levels = _levels(tags, "roof:levels", tally)
    if roof_height is None and roof_levels:
        roof_height = roof_levels * STOREY_M
    _heights(row, tags, use or "", levels, roof_height, tally)
    return row


def _use(tags: Tags, use: str | None) -> str | None:
    if use not in (None, "yes", "roof"):
        return use
    return tags.get("amenity") or (tags.get("shop") and "retail") or (tags.get("office") and "office") or use


def _heights(row: Row, tags: Tags, use: str, levels: float | None, roof_height: float | None,
             tally: Tally) -> None:
    height = next((value for key in ("height", "building:height") if (value := _metres(tags, key, tally))),
                  None)
    row["height_source"] = "measured"
    if height is None and (levels or 0) + (roof_height or 0) > 0:
        if roof_height is None and row["roof"] in ("gabled", "hipped"):
            roof_height = PITCHED_ROOF_M
        height, row["height_source"] = (levels or 0) * STOREY_M + (roof_height or 0), "levels"
    if height is None:
        height, row["height_source"] = ASSUMED_BY_USE_M.get(use, ASSUMED_HEIGHT_M), "assumed"
    if _underground(tags):
        row.update(height=0.0, base=-height, roof_height=None)
        return
    row["height"] = height
    row["roof_height"] = roof_height if roof_height is not None and roof_height <= height else None
    row["base"] = _base(tags, use, height, tally)


def _underground(tags: Tags) -> bool:
    """Whether a building, such as a metro station, lies below the ground that people walk on."""
    return tags.get("location") == "underground" or (number(tags.get("layer")) or 0) < 0


def _base(tags: Tags, use: str, height: float, tally: Tally) -> float | None:
    base = length_m(tags.get("min_height"))
    if base is None and tags.get("building:min_level"):
        base = (number(tags["building:min_level"]) or 0) * STOREY_M
    if base is None:
        return max(height - CANOPY_M, 0.0) if use in ("roof", "carport") else None
    if not 0 <= base < height:
        tally.drop("unknown height value")
        return None
    return base


def _metres(tags: Tags, key: str, tally: Tally) -> float | None:
    """A height; zero, negative and unreadable ones are no height and counted."""
    if key not in tags:
        return None
    value = positive_m(tags[key])
    if value is None:
        tally.drop("unknown height value")
    return value


def _levels(tags: Tags, key: str, tally: Tally) -> float | None:
    if key not in tags:
        return None
    value = number(tags[key])
    if value is None or not 0 <= value <= 200 or (value == 0 and key == "building:levels"):
        tally.drop("unknown number of levels")
        return None
    return value


def building_rows(found: list[Outline], tally: Tally) -> list[Row]:
    """Return the rows of buildings."""
    return [{"id": outline.element, "source": f"osm:{outline.element}", "observed_at": outline.seen,
             "geometry": outline.shape, **building_of(outline.tags, tally)} for outline in found]


def part_rows(found: list[Outline], buildings: list[Row], elements: Elements, tally: Tally) -> list[Row]:
    """Return the rows of building parts, each with the building that a ``type=building`` relation names,
    else the smallest one that it stands in."""
    rows = building_rows(found, tally)
    named = _parts_by_relation(elements)
    there = {row["id"] for row in buildings}
    shapes = np.array([row["geometry"] for row in buildings], dtype=object)
    tree = shapely.STRtree(shapes)
    kept: list[Row] = []
    for row in rows:
        building = named.get(row["id"])
        if building not in there:
            inside = tree.query(row["geometry"].representative_point(), predicate="intersects")
            smallest = inside[np.argsort(shapely.area(shapes[inside]), kind="stable")][:1]
            building = buildings[smallest[0]]["id"] if len(smallest) else None
        if building is None:
            tally.note("building parts outside of any building are kept as buildings of their own")
        kept.append({**row, "part_of": building})
    return kept


def _parts_by_relation(elements: Elements) -> dict[str, str]:
    kinds = {"w": "way", "r": "relation"}
    found: dict[str, str] = {}
    for relation in elements.relations.values():
        if relation.tags.get("type") != "building":
            continue
        labels = [(f"{kinds[kind]}/{ref}", role) for kind, ref, role in relation.members if kind in kinds]
        outline = next((label for label, role in labels if role == "outline"), None)
        if outline:
            found.update({label: outline for label, role in labels if role == "part"})
    return found


def enclosed_courtyards(buildings: list[Row]) -> list[Row]:
    """Return a courtyard for every hole in a building, and say so in the building's ``courtyard`` (its
    largest)."""
    courtyards: list[Row] = []
    for building in buildings:
        _, holes = rings_around(building["geometry"])
        holes.sort(key=lambda hole: -hole.area)
        ids = [f"{building['id']}/courtyard" + (f"/{k + 1}" if len(holes) > 1 else "")
               for k in range(len(holes))]
        courtyards.extend({"id": court, "source": building["source"], "observed_at": building["observed_at"],
                           "geometry": hole, "name": building["name"], "walled": False}
                          for court, hole in zip(ids, holes, strict=True))
        if ids:
            building["courtyard"] = ids[0]
    return courtyards
