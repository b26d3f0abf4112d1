"""Courtyard houses (四合院): wings with gabled roofs round an open yard, later sheds in between.

The main wing stands on the north side and is the deepest and highest; deep plots have a hall across the
middle and two or more yards. The gate is at the south-east corner of plots that lie north of their lane,
at the north-west corner of plots that lie south of it, and there the wing leaves room for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely

from twin.places.synthetic.plots import Plot

_PITCH = 0.29
"""Height of a roof over its depth: grey tile roofs rise about 30 degrees to a ridge in the middle."""
_GAP = 0.2
_SHORTEST = 3.2


@dataclass(frozen=True)
class Wing:
    """A wing or shed: rectangle, heights [m], direction of the ridge [rad]."""

    outline: shapely.Polygon
    height: float
    roof: str
    roof_height: float
    roof_heading: float
    levels: int = 1


@dataclass
class House:
    """A courtyard with its wings, where its gate belongs, ``(2,)``, and the room inside its wall."""

    plot: Plot
    gate: np.ndarray
    room: shapely.Polygon
    wings: list[Wing] = field(default_factory=list)


@dataclass(frozen=True)
class _Side:
    """A side of a plot, walked counter-clockwise: the ground lies to the left."""

    start: np.ndarray
    end: np.ndarray

    @property
    def length(self) -> float:
        return float(np.hypot(*(self.end - self.start)))

    @property
    def along(self) -> np.ndarray:
        return (self.end - self.start) / max(self.length, 1e-9)

    def rectangle(self, first: float, last: float, near: float, far: float) -> np.ndarray:
        """Corners of a rectangle, ``first`` to ``last`` along the side and ``near`` to ``far`` from it."""
        along = self.along
        inward = np.array([-along[1], along[0]])
        return np.array(
            [
                self.start + a * along + b * inward
                for a, b in ((first, near), (last, near), (last, far), (first, far))
            ]
        )


def build_houses(plots: list[Plot], buildings: int | None, rng: np.random.Generator) -> list[House]:
    """Build a house on every plot, and sheds until there are ``buildings``, as far as yards allow."""
    houses = [_house(plot, rng) for plot in plots]
    for house in houses:
        tries = 0
        while not house.wings and tries < 200:
            _shed(house, rng)
            tries += 1
    if buildings is None:
        buildings = sum(len(house.wings) for house in houses) + len(houses) // 5
    _add_sheds(houses, buildings - sum(len(house.wings) for house in houses), rng)
    return houses


def _house(plot: Plot, rng: np.random.Generator) -> House:
    """Wings for one plot; a lone north wing at the least."""
    sw, se, ne, nw = plot.corners
    south, east, north, west = _Side(sw, se), _Side(se, ne), _Side(ne, nw), _Side(nw, sw)
    width, depth = (south.length + north.length) / 2, (east.length + west.length) / 2
    house = House(plot, _gate(plot, south, north), plot.outline.buffer(-0.08, join_style="mitre"))
    shapely.prepare(house.room)
    kind = _kind(width, depth, rng)
    gate_gap = float(rng.uniform(2.6, 3.2))
    main = float(np.clip(0.33 * depth, 4.4, rng.uniform(6.0, 7.4)))
    lower = float(np.clip(0.22 * depth, 3.6, rng.uniform(4.4, 5.4)))
    side = float(np.clip(0.24 * width, 3.2, rng.uniform(4.0, 5.2)))
    from_north = plot.front == "north"
    ears = float(rng.uniform(0.0, 1.5))

    house_north = _place(
        house, north, (0.3 + ears, gate_gap if from_north else 0.3 + ears), main, "main", rng
    )
    clear_n = (main if house_north else 0.0) + float(rng.uniform(0.9, 1.6))
    clear_s = 1.2
    if kind in ("four", "two_yards", "south", "three_south"):
        trim = (0.3, gate_gap if not from_north else float(rng.uniform(1.6, 3.0)))
        if _place(house, south, trim, lower, "lower", rng):
            clear_s = lower + float(rng.uniform(1.0, 1.8))
    elif not from_north:
        clear_s = gate_gap + 0.4
    if kind == "two_yards":
        _two_yards(house, (north, south), (west, east), (clear_n, clear_s), side, rng)
    elif kind in ("four", "three_north"):
        _place(house, west, (clear_n, clear_s), side, "side", rng)
        _place(house, east, (max(clear_s, gate_gap), clear_n), side, "side", rng)
    elif kind in ("corner", "three_south"):
        if rng.random() < 0.5:
            _place(house, west, (clear_n, clear_s), side, "side", rng)
        else:
            _place(house, east, (max(clear_s, gate_gap), clear_n), side, "side", rng)
    return house


def _gate(plot: Plot, south: _Side, north: _Side) -> np.ndarray:
    """Where the gate belongs: south-east on a southern front, north-west on a northern one."""
    side = north if plot.front == "north" else south
    return side.end - min(1.4, side.length / 4) * side.along


def _kind(width: float, depth: float, rng: np.random.Generator) -> str:
    """What stands on a plot of this size."""
    if depth > 32 and width > 11:
        return "two_yards"
    if width < 11.5 or depth < 12:
        return str(rng.choice(["north", "south", "corner"], p=[0.62, 0.2, 0.18]))
    if width < 14.5:
        return str(rng.choice(["north", "south", "corner", "three_south"], p=[0.44, 0.2, 0.22, 0.14]))
    return str(
        rng.choice(
            ["four", "three_north", "three_south", "south", "corner", "north"],
            p=[0.2, 0.2, 0.08, 0.14, 0.2, 0.18],
        )
    )


def _two_yards(
    house: House,
    ends: tuple[_Side, _Side],
    flanks: tuple[_Side, _Side],
    clear: tuple[float, float],
    side: float,
    rng: np.random.Generator,
) -> None:
    """A hall across the middle, and side wings round the rear yard, sometimes the front yard too."""
    north, _ = ends
    west, east = flanks
    depth = (west.length + east.length) / 2
    hall = float(rng.uniform(5.2, 6.4))
    at = float(rng.uniform(0.5, 0.56)) * depth
    passage = float(rng.uniform(1.8, 2.8))
    trims = (0.4, passage) if rng.random() < 0.5 else (passage, 0.4)
    _place(house, north, trims, hall, "main", rng, near=at - hall / 2)
    rear_end = depth - at + hall / 2 + 1.0
    front_start = at + hall / 2 + 1.0
    if rng.random() < 0.42:
        _place(house, west, (clear[0], rear_end), side, "side", rng)
        _place(house, east, (rear_end, clear[0]), side, "side", rng)
    if rng.random() < 0.2:
        _place(house, west, (front_start, clear[1]), side, "side", rng)


_HEIGHTS = {"main": (3.2, 3.7), "lower": (2.8, 3.2), "side": (2.7, 3.1)}
"""Height of the eaves by what a wing is [m]: from, to."""


def _place(
    house: House,
    side: _Side,
    trims: tuple[float, float],
    deep: float,
    what: str,
    rng: np.random.Generator,
    near: float = _GAP,
) -> bool:
    """Put a wing along a side, ``trims`` short of its ends; False if it does not fit, even shrunk."""
    first, last = trims[0], side.length - trims[1]
    others = [wing.outline for wing in house.wings]
    for _ in range(7):
        if last - first < _SHORTEST or deep < 2.8:
            return False
        outline = shapely.Polygon(side.rectangle(first, last, near, near + deep))
        if house.room.contains_properly(outline) and not np.any(shapely.dwithin(outline, others, 0.25)):
            break
        first, last, near, deep = first + 0.3, last - 0.3, near + 0.12, deep - 0.12
    else:
        return False
    along = side.along if last - first >= deep else np.array([-side.along[1], side.along[0]])
    low, high = _HEIGHTS[what]
    rise = _PITCH * min(deep, last - first)
    modern = what != "main" and rng.random() < 0.04
    if modern:
        house.wings.append(Wing(outline, round(float(rng.uniform(3.2, 3.8)), 2), "flat", 0.0, 0.0))
    else:
        height = float(np.clip(rng.uniform(low, high) + rise, 3.2, 6.5))
        heading = float(np.arctan2(along[1], along[0])) % np.pi
        house.wings.append(Wing(outline, round(height, 2), "gabled", round(rise, 2), round(heading, 4)))
    return True


def _add_sheds(houses: list[House], number: int, rng: np.random.Generator) -> None:
    """Later sheds that fill yards, against a wall or a wing and never before the gate."""
    left = number
    for _ in range(40):
        for k in rng.permutation(len(houses)):
            if left <= 0:
                return
            if len(houses[k].wings) < 7 and _shed(houses[k], rng):
                left -= 1


def _shed(house: House, rng: np.random.Generator) -> bool:
    """Try one shed somewhere along a random side; True if it fits."""
    corners = house.plot.corners
    k = int(rng.integers(4))
    side = _Side(corners[k], corners[(k + 1) % 4])
    length, deep = float(rng.uniform(2.8, 5.2)), float(rng.uniform(2.2, 3.0))
    if side.length < length + 1.5:
        return False
    first = float(rng.uniform(0.4, side.length - length - 0.4))
    near = float(rng.choice([_GAP, rng.uniform(4, 9)]))
    outline = shapely.Polygon(side.rectangle(first, first + length, near, near + deep))
    others = [wing.outline for wing in house.wings]
    if (
        not house.room.contains_properly(outline)
        or np.any(shapely.dwithin(outline, others, 0.3))
        or outline.distance(shapely.Point(house.gate)) < 2.2
    ):
        return False
    if rng.random() < 0.6:
        rise = round(_PITCH * deep, 2)
        heading = round(float(np.arctan2(side.along[1], side.along[0])) % np.pi, 4)
        house.wings.append(
            Wing(outline, round(float(rng.uniform(2.4, 2.8)) + rise, 2), "gabled", rise, heading)
        )
    else:
        house.wings.append(Wing(outline, round(float(rng.uniform(2.4, 2.9)), 2), "flat", 0.0, 0.0))
    return True
