"""Trees: rows along the avenue and streets, in yards, in the park."""

from __future__ import annotations

import numpy as np
import shapely

from twin.places.synthetic.courtyards import House
from twin.places.synthetic.landmarks import Landmarks
from twin.places.synthetic.placing import OnStreets, Part, rows_along


def street_trees(on: OnStreets, landmarks: Landmarks, rng: np.random.Generator) -> list[Part]:
    """Two rows on either side of the avenue, one along streets, none at an exit of the metro."""
    made = []
    exits = shapely.MultiPoint([xy for xy, _ in landmarks.metro])
    for kinds, spacing, inset, height in (
        (("avenue",), 9.0, 5.0, 11.0),
        (("avenue",), 9.0, 13.0, 11.0),
        (("street",), 10.0, 2.2, 9.0),
    ):
        for _, _, xy, _ in rows_along(on, kinds, spacing, inset):
            made += [
                Part("tree", p, "国槐", height=round(height * float(rng.uniform(0.8, 1.15)), 1))
                for p in xy[~shapely.dwithin(shapely.points(xy), exits, 6.0)]
            ]
    return made


def yard_trees(houses: list[House], rng: np.random.Generator) -> list[Part]:
    """A tree or two in the open middle of about half the yards, at least 1.6 m from every wing."""
    made = []
    kinds = ("枣树", "石榴", "柿树", "香椿", "海棠")
    for house in houses:
        if rng.random() > 0.6:
            continue
        corners = house.plot.corners
        weights = rng.dirichlet(np.full(4, 3.0), size=6)
        spots = weights @ corners
        wings = [wing.outline for wing in house.wings]
        for spot in spots[: 1 + int(rng.random() < 0.2) * 2]:
            point = shapely.Point(spot)
            if house.plot.outline.contains(point) and not np.any(shapely.dwithin(point, wings, 1.6)):
                made.append(
                    Part("tree", spot, str(rng.choice(kinds)), height=round(float(rng.uniform(4.5, 9.5)), 1))
                )
    return made


def ground_trees(landmarks: Landmarks, rng: np.random.Generator) -> list[Part]:
    """Trees scattered over the park and along the edge of the school and the forecourts of slabs."""
    made = []
    blocked = [s.outline for s in landmarks.structures] + [
        g.outline for g in landmarks.grounds if g.kind == "pitch"
    ]
    for ground in landmarks.grounds:
        number = {"park": 110, "ground": 24, "pedestrian": 26}.get(ground.kind, 0)
        x0, y0, x1, y1 = ground.outline.bounds
        inner = ground.outline.buffer(-2.5)
        xy = rng.uniform((x0, y0), (x1, y1), (number * 2, 2))
        if ground.kind == "pedestrian":
            ring = inner.exterior
            spots = np.linspace(0, ring.length, number, endpoint=False)
            xy = shapely.get_coordinates(shapely.line_interpolate_point(ring, spots))
        keep = shapely.dwithin(inner, shapely.points(xy), 0.01) if number else np.zeros(0, dtype=bool)
        for spot in xy[keep][:number]:
            if not np.any(shapely.dwithin(shapely.Point(spot), blocked, 3.0)):
                made.append(
                    Part(
                        "tree",
                        spot,
                        "垂柳" if ground.kind == "park" else "银杏",
                        height=round(float(rng.uniform(6, 11)), 1),
                    )
                )
    return made
