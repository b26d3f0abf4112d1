"""Placing parts along streets, clear of the streets that meet them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import shapely

from twin.places.synthetic.streets import Street


@dataclass
class Part:
    """A part at a point ``(2,)`` or along a line; lengths in metres, heading in radians."""

    kind: str
    place: np.ndarray | shapely.Geometry
    name: str | None = None
    width: float | None = None
    height: float | None = None
    heading: float | None = None
    state: str | None = None

    @property
    def geometry(self) -> shapely.Geometry:
        """The point or the line."""
        return shapely.Point(self.place) if isinstance(self.place, np.ndarray) else self.place


@dataclass
class OnStreets:
    """Streets with their corridors, to keep what belongs to one out of the way of another."""

    streets: list[Street]
    corridors: np.ndarray
    tree: shapely.STRtree

    def clear(self, xy: np.ndarray, own: int) -> np.ndarray:
        """Which places ``(n, 2)`` lie in no other street's corridor."""
        point, corridor = self.tree.query(shapely.points(xy), predicate="intersects")
        free = np.ones(len(xy), dtype=bool)
        free[point[corridor != own]] = False
        return free


def along(street: Street, spacing: float, offset: float, start: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Places evenly along a street, ``offset`` metres left of its centre line.

    ``spacing`` is stretched so that places are spread evenly; the first lies ``start`` spacings from the
    beginning. Returns places ``(n, 2)`` and directions ``(n,)``.
    """
    line = street.line
    number = max(1, int(line.length / spacing))
    at = (np.arange(number) + start) * line.length / number
    at = at[at <= line.length]
    before = shapely.get_coordinates(shapely.line_interpolate_point(line, np.maximum(at - 0.5, 0.0)))
    after = shapely.get_coordinates(shapely.line_interpolate_point(line, np.minimum(at + 0.5, line.length)))
    step = after - before
    heading = np.arctan2(step[:, 1], step[:, 0])
    left = np.stack([-np.sin(heading), np.cos(heading)], axis=1)
    return (before + after) / 2 + offset * left, heading


def rows_along(
    on: OnStreets, kinds: tuple[str, ...], spacing: float, inset: float
) -> Iterable[tuple[int, float, np.ndarray, np.ndarray]]:
    """By side of every street of these kinds: number, side (+1 left), clear places, street directions."""
    for k, street in enumerate(on.streets):
        if street.kind in kinds:
            for side in (1.0, -1.0):
                xy, heading = along(street, spacing, side * (street.width / 2 - inset))
                free = on.clear(xy, k)
                yield k, side, xy[free], heading[free]


def turned(angle: float) -> float:
    """The angle within (-pi, pi], rounded."""
    return round(float(np.arctan2(np.sin(angle), np.cos(angle))), 4)
