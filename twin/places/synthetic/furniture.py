"""Grid parts on the street: lamps, hydrants, cameras, gates, bollards, bus stops, signs, toilets ..."""

from __future__ import annotations

import numpy as np
import shapely

from twin.places.synthetic.courtyards import House
from twin.places.synthetic.landmarks import Landmarks
from twin.places.synthetic.placing import OnStreets, Part, along, rows_along, turned
from twin.places.synthetic.streets import Street
from twin.places.synthetic.trees import ground_trees, street_trees, yard_trees

_VIEW_ANGLE = np.radians(70)
_VIEW_REACH = 42.0


def make_parts(
    streets: list[Street], houses: list[House], landmarks: Landmarks, rng: np.random.Generator
) -> list[Part]:
    """All parts of the district, in a fixed order of kinds."""
    corridors = np.array([street.corridor for street in streets], dtype=object)
    on = OnStreets(streets, corridors, shapely.STRtree(corridors))
    return [
        *_lamps(on),
        *_hydrants(on, rng),
        *_cameras(on, landmarks),
        *street_trees(on, landmarks, rng),
        *yard_trees(houses, rng),
        *ground_trees(landmarks, rng),
        *_lane_mouths(on, rng),
        *_manholes(on),
        *_bus_stops(on),
        *_square_furniture(landmarks),
        *_toilets_and_bins(on, rng),
        *_enclosures(landmarks),
        *(
            Part("metro_entrance", xy, f"长宁站{'ABCDEF'[i]}口", 5.0, 3.2, heading)
            for i, (xy, heading) in enumerate(landmarks.metro)
        ),
    ]


def _lamps(on: OnStreets) -> list[Part]:
    """Lamps 25-30 m apart: on both sides of streets, on alternating sides of lanes, by the wall."""
    made = []
    for _, side, xy, heading in rows_along(on, ("avenue", "street"), 27.0, 1.2):
        made += [
            Part("lamp", p, height=10.0, heading=turned(h - side * np.pi / 2))
            for p, h in zip(xy, heading, strict=True)
        ]
    for k, street in enumerate(on.streets):
        if street.kind in ("lane", "service"):
            side = 1.0 if k % 2 else -1.0
            xy, heading = along(street, 25.0, side * (street.width / 2 - 0.35))
            made += [
                Part("lamp", p, height=5.0, heading=turned(h - side * np.pi / 2))
                for p, h in zip(xy[on.clear(xy, k)], heading[on.clear(xy, k)], strict=True)
            ]
    return made


def _hydrants(on: OnStreets, rng: np.random.Generator) -> list[Part]:
    made = []
    for k, street in enumerate(on.streets):
        if street.line.length > 45:
            side = float(rng.choice([-1, 1]))
            inset = 0.5 if street.kind == "lane" else 2.0
            xy, _ = along(
                street, 105.0, side * (street.width / 2 - inset), start=float(rng.uniform(0.25, 0.6))
            )
            made += [
                Part(
                    "hydrant",
                    p,
                    height=0.8,
                    state=str(rng.choice(["in order", "low pressure"], p=[0.95, 0.05])),
                )
                for p in xy[on.clear(xy, k)]
            ]
    return made


def _cameras(on: OnStreets, landmarks: Landmarks) -> list[Part]:
    """A camera where a lane meets another street, looking into it; four at the corners of the square."""
    made: list[Part] = []
    for k, street in enumerate(on.streets):
        if (
            street.kind not in ("lane", "street")
            or street.line.length < 55
            or (street.kind == "lane" and k % 2)
        ):
            continue
        step = street.xy[1] - street.xy[0]
        heading = float(np.arctan2(step[1], step[0]))
        left = np.array([-np.sin(heading), np.cos(heading)])
        reach = 4.0
        while reach < 60:
            place = street.line.interpolate(reach)
            spot = np.array(place.coords[0]) + (street.width / 2 - 0.4) * left
            if on.clear(spot[None], k)[0]:
                made.append(
                    Part(
                        "camera",
                        spot,
                        height=4.0 if street.kind == "lane" else 6.5,
                        heading=turned(heading - 0.06),
                        state="in order",
                    )
                )
                break
            reach += 4.0
    for ground in landmarks.grounds:
        if ground.kind == "square":
            corners = shapely.get_coordinates(ground.outline.minimum_rotated_rectangle)[:4]
            middle = corners.mean(axis=0)
            for corner in corners:
                spot = corner + 0.06 * (middle - corner)
                aim = middle - spot
                made.append(
                    Part(
                        "camera",
                        spot,
                        height=12.0,
                        heading=turned(float(np.arctan2(aim[1], aim[0]))),
                        state="in order",
                    )
                )
    return made


def views(parts: list[Part]) -> list[shapely.Polygon]:
    """What every camera sees of the ground: a fan of 70 degrees, 42 m deep (further from a high mast)."""
    fans = []
    for part in parts:
        if part.kind == "camera" and part.heading is not None and part.height is not None:
            turn = part.heading + np.linspace(-_VIEW_ANGLE / 2, _VIEW_ANGLE / 2, 9)
            reach = _VIEW_REACH * (2.0 if part.height > 10 else 1.0)
            rim = np.asarray(part.place) + reach * np.stack([np.cos(turn), np.sin(turn)], axis=1)
            fans.append(shapely.Polygon([np.asarray(part.place), *rim]))
    return fans


def _lane_mouths(on: OnStreets, rng: np.random.Generator) -> list[Part]:
    """Where a lane leaves a wider street: bollards or a gate across it, and a sign with its name."""
    made = []
    for k, street in enumerate(on.streets):
        if street.kind != "lane":
            continue
        for line in (street.xy, street.xy[::-1]):
            mouth = _mouth(on, k, shapely.LineString(line))
            if mouth is None:
                continue
            spot, heading = mouth
            left = np.array([-np.sin(heading), np.cos(heading)])
            made.append(
                Part(
                    "sign",
                    spot + (street.width / 2 - 0.3) * left,
                    street.name,
                    height=2.4,
                    heading=turned(heading + np.pi),
                )
            )
            chance = rng.random()
            if chance < 0.3 and street.width >= 3.0:
                number = int(street.width // 1.6)
                across = (np.arange(number) + 0.5) / number * street.width - street.width / 2
                made += [Part("bollard", spot + a * left, height=0.8) for a in across]
            elif chance < 0.42:
                made.append(
                    Part(
                        "gate", spot, street.name, round(street.width - 0.6, 1), 2.6, turned(heading), "open"
                    )
                )
    return made


def _mouth(on: OnStreets, own: int, line: shapely.LineString) -> tuple[np.ndarray, float] | None:
    """The first place along a lane that is clear of the street that it leaves, with its direction."""
    start = shapely.Point(line.coords[0])
    parents = [
        k for k in on.tree.query(start, predicate="intersects") if on.streets[k].kind in ("avenue", "street")
    ]
    if not parents:
        return None
    own_width = on.streets[own].width
    for reach in np.arange(2.0, min(60.0, line.length - 1), 1.0):
        spot = np.array(line.interpolate(reach).coords[0])
        if not np.any(shapely.dwithin(shapely.Point(spot), on.corridors[parents], own_width / 2)):
            ahead = np.array(line.interpolate(reach + 1).coords[0]) - spot
            return spot, float(np.arctan2(ahead[1], ahead[0]))
    return None


def _manholes(on: OnStreets) -> list[Part]:
    return [
        Part("manhole", p, width=0.7)
        for street in on.streets
        if street.kind != "avenue"
        for p in along(street, 55.0, 0.8 if street.width > 3 else 0.0)[0]
    ]


def _bus_stops(on: OnStreets) -> list[Part]:
    made = []
    for _, side, xy, heading in rows_along(on, ("avenue",), 210.0, 8.0):
        made += [
            Part("bus_stop", p, "长宁街", heading=turned(h + side * np.pi / 2))
            for p, h in zip(xy, heading, strict=True)
        ]
    for k, street in enumerate(on.streets):
        if street.kind == "street" and street.line.length > 250:
            xy, heading = along(street, street.line.length / 2, -(street.width / 2 - 1.5))
            made += [
                Part("bus_stop", p, street.name, heading=turned(h - np.pi / 2))
                for p, h in zip(xy[:1][on.clear(xy[:1], k)], heading[:1], strict=False)
            ]
    return made


def _square_furniture(landmarks: Landmarks) -> list[Part]:
    """Benches round the park's pond; lamps and bins on a wide grid over the edge of the square."""
    made = []
    for ground in landmarks.grounds:
        if ground.kind == "water":
            ring = ground.outline.buffer(3.0).exterior
            spots = shapely.get_coordinates(
                shapely.line_interpolate_point(ring, np.arange(0, ring.length, 16.0))
            )
            middle = np.array(ground.outline.centroid.coords[0])
            made += [Part("bench", p, heading=turned(float(np.arctan2(*(middle - p)[::-1])))) for p in spots]
        if ground.kind == "square":
            ring = ground.outline.buffer(-8.0, join_style="mitre").exterior
            spots = shapely.get_coordinates(
                shapely.line_interpolate_point(ring, np.arange(10, ring.length, 30.0))
            )
            made += [Part("lamp", p, height=14.0) for p in spots]
            made += [Part("bin", p + np.array([2.0, 0.0])) for p in spots[::3]]
    return made


def _toilets_and_bins(on: OnStreets, rng: np.random.Generator) -> list[Part]:
    """A public toilet every eighth lane, bins at every third."""
    made = []
    for k, street in enumerate(on.streets):
        if street.kind != "lane" or street.line.length < 60:
            continue
        what = "toilet" if k % 8 == 3 else "bin" if k % 3 == 0 else None
        if what:
            xy, heading = along(
                street, street.line.length, street.width / 2 - 0.5, start=float(rng.uniform(0.3, 0.7))
            )
            made += [
                Part(what, p, "公共厕所" if what == "toilet" else None, heading=turned(h - np.pi / 2))
                for p, h in zip(xy[on.clear(xy, k)], heading, strict=False)
            ]
    return made


def _enclosures(landmarks: Landmarks) -> list[Part]:
    made = []
    for line, gate, heading in landmarks.walls:
        made.append(Part("wall", line, width=0.3, height=2.4))
        made.append(Part("gate", gate, "校门", 6.0, 2.6, turned(heading), "locked"))
    return made
