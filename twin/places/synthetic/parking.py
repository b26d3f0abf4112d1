"""Where cars may stand: rows along kerbs, rows in wide lanes, lots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from twin.places.synthetic.landmarks import Landmarks
from twin.places.synthetic.streets import Street

_CAR_LENGTH = 6.0
"""Length of a bay along a kerb [m]."""
_LOT_AREA = 27.0
"""Ground that a car takes in a lot, aisles included [m2]."""


@dataclass
class Bay:
    """A row of bays or a lot; ``street`` is the id of the street that it is reached from."""

    outline: shapely.Polygon
    kind: str
    name: str
    capacity: int
    access: str
    street: str


def make_bays(streets: list[Street], landmarks: Landmarks, rng: np.random.Generator) -> list[Bay]:
    """Kerb rows along streets, rows on one side of lanes that leave 3 m to pass, lots of landmarks."""
    corridors = np.array([street.corridor for street in streets], dtype=object)
    tree = shapely.STRtree(corridors)
    made: list[Bay] = []
    for k, street in enumerate(streets):
        if street.kind == "street":
            for side in (1.0, -1.0):
                made += [
                    Bay(row, "kerb", f"{street.name}路侧", n, "public", street.id)
                    for row, n in _rows(street, k, side, 3.2, (4, 8), 0.6, tree, rng)
                ]
        elif street.kind == "service" or (street.kind == "lane" and street.width >= 5.6):
            access = "permit" if street.kind == "service" else "residents"
            side = float(rng.choice([-1, 1]))
            made += [
                Bay(row, "lane", f"{street.name}内", n, access, street.id)
                for row, n in _rows(street, k, side, 0.25, (2, 5), 0.4, tree, rng)
            ]
    lines = np.array([street.line for street in streets], dtype=object)
    for number, (outline, access) in enumerate(landmarks.lots, start=1):
        nearest = int(np.argmin(shapely.distance(lines, outline)))
        made.append(
            Bay(
                outline, "lot", f"停车场{number}", int(outline.area // _LOT_AREA), access, streets[nearest].id
            )
        )
    return made


def _rows(
    street: Street,
    own: int,
    side: float,
    inset: float,
    cars: tuple[int, int],
    share: float,
    tree: shapely.STRtree,
    rng: np.random.Generator,
) -> list[tuple[shapely.Polygon, int]]:
    """Rows along one side of a street, clear of the streets that meet it, each with its capacity."""
    line = street.line
    deep = 2.0
    made: list[tuple[shapely.Polygon, int]] = []
    at = 8.0
    while True:
        number = int(rng.integers(cars[0], cars[1] + 1))
        length = number * _CAR_LENGTH
        if at + length > line.length - 8:
            return made
        if rng.random() < share:
            start, end = (np.array(line.interpolate(a).coords[0]) for a in (at, at + length))
            direction = (end - start) / np.hypot(*(end - start))
            left = side * np.array([-direction[1], direction[0]])
            near, far = street.width / 2 - inset - deep, street.width / 2 - inset
            row = shapely.Polygon(
                [start + near * left, end + near * left, end + far * left, start + far * left]
            )
            meets = tree.query(row, predicate="intersects")
            if not len(meets[meets != own]) and street.corridor.contains(row):
                made.append((row, number))
        at += length + float(rng.uniform(8, 24))
