"""Ground that is not a street: areas, courtyards behind walls, and parking."""

from __future__ import annotations

from typing import Any

import shapely

from twin.sources.imported import Tally
from twin.sources.osm.buildings import is_building
from twin.sources.osm.elements import Elements, Ground
from twin.sources.osm.outlines import Outline
from twin.sources.osm.streets import is_area
from twin.sources.osm.tags import Tags, name_of, on_foot, whole
from twin.sources.shapes import rings_around

SPACE_M2 = 25.0
"""Ground for one car in a car park, its share of the drives included."""
KERB_SPACE_M2 = 12.5
KINDS = {
    ("place", "square"): "square", ("natural", "water"): "water", ("waterway", "riverbank"): "water",
    ("landuse", "basin"): "water", ("landuse", "reservoir"): "water", ("leisure", "swimming_pool"): "water",
    ("waterway", "dock"): "water", ("leisure", "park"): "park", ("leisure", "garden"): "park",
    ("leisure", "nature_reserve"): "park", ("natural", "wood"): "park", ("landuse", "forest"): "park",
    ("leisure", "dog_park"): "park", ("leisure", "pitch"): "pitch", ("leisure", "playground"): "pitch",
    ("leisure", "track"): "pitch", ("landuse", "grass"): "grass", ("landuse", "meadow"): "grass",
    ("landuse", "village_green"): "grass", ("landuse", "recreation_ground"): "grass",
    ("landuse", "flowerbed"): "grass", ("leisure", "golf_course"): "grass", ("natural", "grassland"): "grass",
    ("natural", "scrub"): "grass", ("natural", "heath"): "grass", ("railway", "platform"): "platform",
    ("public_transport", "platform"): "platform", ("highway", "platform"): "platform",
    ("area:highway", "pedestrian"): "pedestrian", ("area:highway", "footway"): "pedestrian"}
WALKED = {"square": True, "pedestrian": True, "platform": True, "park": True, "water": False}
PAVED = ("pedestrian", "footway", "path", "living_street", "corridor")
COMPOUNDS = ("school", "kindergarten", "college", "university", "hospital", "place_of_worship", "monastery")
ACCESS = {"yes": "public", "public": "public", "permissive": "public", "private": "private", "no": "private",
          "residents": "residents", "customers": "customers", "permit": "permit"}
GARAGES = ("underground", "multi-storey", "garage_boxes", "carports", "sheds")

Row = dict[str, Any]


def area_kind(tags: Tags) -> str | None:
    """Return the kind of an area that tags describe, None if it is none that a district keeps."""
    if is_building(tags) or tags.get("location") == "underground":
        return None
    for (key, value), kind in KINDS.items():
        if tags.get(key) == value:
            return kind
    return "pedestrian" if is_area(tags) and tags.get("highway") in PAVED else None


def area_of(tags: Tags) -> Row:
    """Return the columns of an area that its tags tell."""
    kind = area_kind(tags)
    stated = on_foot(tags)
    return {"kind": kind, "name": name_of(tags), "on_foot": WALKED.get(kind or "") if stated is None
            else stated}


def is_courtyard(tags: Tags) -> bool:
    """Whether tags say that an outline is a courtyard: mapped as one, or a compound whose outline is a
    wall."""
    if any(tags.get(key) == "courtyard" for key in ("place", "landuse", "leisure", "building", "man_made")):
        return True
    walled = tags.get("barrier") in ("wall", "fence", "city_wall", "hedge")
    return walled and not is_building(tags) and (
        tags.get("landuse") == "residential" or tags.get("amenity") in COMPOUNDS)


def courtyard_of(tags: Tags) -> Row:
    """Return the columns of a mapped courtyard that its tags tell."""
    street, house = tags.get("addr:street"), tags.get("addr:housenumber")
    return {"name": name_of(tags), "address": " ".join(filter(None, (street, house))) or None,
            "walled": True if tags.get("barrier") else None}


def is_parking(tags: Tags) -> bool:
    """Whether tags describe a place to park cars."""
    return tags.get("amenity") in ("parking", "parking_space")


def bay_of(tags: Tags, area_m2: float, tally: Tally) -> Row:
    """Return the columns of a bay, kerb row, lot or garage that its tags and its area tell."""
    parking = tags.get("parking", "")
    if tags.get("amenity") == "parking_space":
        kind, spaces = "bay", 1
    elif parking in GARAGES or tags.get("building") in ("parking", "garage", "garages"):
        levels = whole(tags.get("building:levels"), least=1, most=50) or 1
        kind, spaces = "garage", int(area_m2 * levels / SPACE_M2)
    elif parking in ("street_side", "lane", "on_kerb", "half_on_kerb", "shoulder", "layby"):
        kind, spaces = "kerb", int(area_m2 / KERB_SPACE_M2)
    else:
        kind, spaces = "lot", int(area_m2 / SPACE_M2)
    capacity = whole(tags.get("capacity"), most=100_000)
    if capacity is None and "capacity" in tags:
        tally.drop("unknown capacity value")
    if capacity is None and area_m2 > 0:
        capacity = max(spaces, 1)
    elif capacity is None and kind == "bay":
        capacity = 1
    return {"kind": kind, "name": name_of(tags), "capacity": capacity,
            "access": ACCESS.get(tags.get("access", ""))}


def _row(outline: Outline) -> Row:
    return {"id": outline.element, "source": f"osm:{outline.element}", "observed_at": outline.seen,
            "geometry": outline.shape}


def area_rows(found: list[Outline]) -> list[Row]:
    """Return the rows of areas."""
    return [{**_row(outline), **area_of(outline.tags)} for outline in found]


def courtyard_rows(found: list[Outline]) -> list[Row]:
    """Return the rows of courtyards that are mapped as such: all that lies inside the outer ring."""
    rows = []
    for outline in found:
        outer, _ = rings_around(outline.shape)
        rows.append({**_row(outline), "geometry": outer[0] if len(outer) == 1
                     else shapely.MultiPolygon(outer),
                     **courtyard_of(outline.tags)})
    return rows


def bay_rows(found: list[Outline], elements: Elements, ground: Ground, tally: Tally) -> list[Row]:
    """Return the rows of parking, drawn as outlines or as points."""
    rows = [{**_row(outline), **bay_of(outline.tags, outline.shape.area, tally)} for outline in found]
    for node in elements.nodes:
        if is_parking(node.tags):
            rows.append({"id": f"node/{node.id}", "source": f"osm:node/{node.id}", "observed_at": node.seen,
                         "geometry": ground.point(node.id), **bay_of(node.tags, 0.0, tally)})
    return rows
