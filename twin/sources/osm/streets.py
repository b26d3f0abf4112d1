"""Streets: what a highway is for people on foot, and how wide."""

from __future__ import annotations

from typing import Any

from twin.sources.imported import Tally
from twin.sources.osm.elements import Elements, Ground
from twin.sources.osm.tags import Tags, name_of, number, on_foot, positive_m, whole

KINDS = {"motorway": "motorway", "motorway_link": "motorway", "trunk": "avenue", "trunk_link": "avenue",
         "primary": "avenue", "primary_link": "avenue", "secondary": "avenue", "secondary_link": "avenue",
         "tertiary": "street", "tertiary_link": "street", "unclassified": "street", "residential": "street",
         "road": "street", "busway": "street", "living_street": "lane", "track": "lane", "service": "service",
         "pedestrian": "footway", "footway": "footway", "path": "footway", "bridleway": "footway",
         "corridor": "footway", "cycleway": "cycleway", "steps": "steps", "crossing": "crossing"}
NOT_YET = ("construction", "proposed", "planned")
NO_LONGER = ("abandoned", "disused", "razed", "demolished", "no")
LANE_M = 3.25
FOOTWAYS_M = {"avenue": 6.0, "street": 4.0}
"""Both footways of a road that gives its lanes but says nothing of sidewalks."""
SIDEWALK_M = 2.0
WIDTHS_M = {"motorway": 12.0, "motorway_link": 6.0, "trunk": 18.0, "trunk_link": 7.0, "primary": 18.0,
            "primary_link": 7.0, "secondary": 14.0, "secondary_link": 7.0, "tertiary": 11.0,
            "tertiary_link": 7.0,
            "unclassified": 7.0, "residential": 8.0, "living_street": 5.0, "service": 4.0, "pedestrian": 8.0,
            "footway": 2.0, "path": 2.0, "cycleway": 2.5, "steps": 2.0, "crossing": 4.0, "track": 3.0}
"""Width by the value of highway where nothing better is known."""

Row = dict[str, Any]


def is_area(tags: Tags) -> bool:
    """Whether the tags say that a closed way is the ground itself and not a loop."""
    return tags.get("area") == "yes" or tags.get("type") == "multipolygon"


def street_of(tags: Tags, tally: Tally) -> Row | None:
    """Return the columns of a street that its tags tell, None (counted) if it is not one."""
    highway = tags.get("highway", "")
    if highway in NOT_YET or any(tags.get(key, "no") != "no" for key in NOT_YET):
        tally.drop("street under construction or proposed")
        return None
    if highway in NO_LONGER:
        tally.drop("street that is no longer there")
        return None
    if highway not in KINDS:
        tally.drop(f"not a street: highway={highway[:40]}")
        return None
    if any(tags.get(key) == "crossing" for key in ("footway", "path", "cycleway")):
        highway = "crossing"
    kind = "lane" if highway == "service" and tags.get("service") == "alley" else KINDS[highway]
    width, width_source = _width(tags, highway, kind, tally)
    return {"name": name_of(tags), "kind": kind, "width": width, "width_source": width_source,
            "oneway": _oneway(tags, highway), "on_foot": _on_foot(tags, highway, kind),
            "layer": _layer(tags, tally)}


def _width(tags: Tags, highway: str, kind: str, tally: Tally) -> tuple[float, str]:
    for key, known in (("width", "measured"), ("est_width", "assumed")):
        if key in tags:
            width = positive_m(tags[key], most=200.0)
            if width is not None:
                return width, known
            tally.drop("unknown width value")
    lanes = whole(tags.get("lanes"), least=1, most=30)
    if "lanes" in tags and lanes is None:
        tally.drop("unknown number of lanes")
    if lanes is not None:
        return lanes * LANE_M + _footways(tags, kind), "lanes"
    return WIDTHS_M.get(highway, 4.0), "assumed"


def _footways(tags: Tags, kind: str) -> float:
    """Width of the footways beside the lanes [m]; those that are drawn as lines of their own do not
    count."""
    sidewalk = tags.get("sidewalk") or tags.get("sidewalk:both")
    if sidewalk is None and {"sidewalk:left", "sidewalk:right"} & set(tags):
        sides = [tags.get(f"sidewalk:{side}") == "yes" for side in ("left", "right")]
        return SIDEWALK_M * sum(sides)
    if sidewalk in ("both", "yes"):
        return 2 * SIDEWALK_M
    if sidewalk in ("left", "right"):
        return SIDEWALK_M
    return 0.0 if sidewalk else FOOTWAYS_M.get(kind, 0.0)


def _oneway(tags: Tags, highway: str) -> str:
    value = tags.get("oneway")
    if value in ("yes", "true", "1"):
        return "forward"
    if value in ("-1", "reverse"):
        return "backward"
    implied = highway in ("motorway", "motorway_link") or tags.get("junction") in ("roundabout", "circular")
    return "forward" if implied and value is None else "no"


def _on_foot(tags: Tags, highway: str, kind: str) -> bool | None:
    stated = on_foot(tags)
    if stated is not None:
        return stated
    if kind == "motorway" or highway.startswith("trunk"):
        sidewalks = {tags.get(key) for key in ("sidewalk", "sidewalk:both", "sidewalk:left",
                                               "sidewalk:right")}
        return bool(sidewalks & {"both", "left", "right", "yes"})
    return None if kind == "cycleway" else True


def _layer(tags: Tags, tally: Tally) -> int:
    if "layer" in tags:
        layer = number(tags["layer"])
        if layer is not None and abs(layer) <= 20:
            return round(layer)
        tally.drop("unknown layer value")
    if tags.get("tunnel", "no") not in ("no", "building_passage"):
        return -1
    return 1 if tags.get("bridge", "no") != "no" else 0


def street_rows(elements: Elements, ground: Ground, tally: Tally) -> list[Row]:
    """Return the rows of streets, not yet clipped."""
    rows: list[Row] = []
    for way in elements.ways.values():
        highway = way.tags.get("highway")
        if highway is None or highway == "platform" or (way.closed and is_area(way.tags)):
            continue
        row = street_of(way.tags, tally)
        line = ground.line(way, tally) if row is not None else None
        if row is not None and line is not None:
            rows.append({"id": f"way/{way.id}", "source": f"osm:way/{way.id}", "observed_at": way.seen,
                         "geometry": line, **row})
    return rows
