"""Entrances of courtyards: front gates, back doors onto another lane, side doors, passages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from twin.places.synthetic.courtyards import House
from twin.places.synthetic.streets import Street

_STEP = 0.8
_REACH = 0.45

_STATES = {
    "front": (("open", "locked", "blocked"), (0.94, 0.05, 0.01)),
    "back": (("open", "locked", "blocked", "unknown"), (0.42, 0.38, 0.1, 0.1)),
    "side": (("open", "locked", "blocked", "unknown"), (0.55, 0.3, 0.08, 0.07)),
    "passage": (("open", "locked", "blocked", "unknown"), (0.56, 0.2, 0.18, 0.06)),
    "emergency": (("locked",), (1.0,)),
}
_WIDTHS = {
    "front": (1.2, 2.6),
    "back": (0.8, 1.2),
    "side": (0.8, 1.4),
    "passage": (0.8, 1.5),
    "emergency": (0.9, 1.4),
}
_STEP_FREE = {"front": 0.35, "back": 0.45, "side": 0.5, "passage": 0.6, "emergency": 0.6}


@dataclass
class Entrance:
    """A way into a courtyard; ``street`` or ``neighbour`` numbers what lies outside, the other is -1."""

    courtyard: int
    point: np.ndarray
    heading: float
    kind: str
    street: int
    neighbour: int
    state: str
    width: float
    step_free: bool | None


@dataclass
class _Outlines:
    """Places along the outlines of all courtyards where a door could be, and what lies outside each."""

    courtyard: np.ndarray
    xy: np.ndarray
    outward: np.ndarray
    free: np.ndarray
    street: np.ndarray
    neighbour: np.ndarray
    has_street: np.ndarray
    """By courtyard: whether a street lies along any of its outline."""


def make_entrances(houses: list[House], streets: list[Street], rng: np.random.Generator) -> list[Entrance]:
    """At least one front for every courtyard; about one courtyard in six keeps a single way in."""
    spots = _walk_outlines(houses, streets)
    begins = np.searchsorted(spots.courtyard, np.arange(len(houses) + 1))
    joined: set[tuple[int, int]] = set()
    entrances: list[Entrance] = []
    for k, house in enumerate(houses):
        entrances += _of_courtyard(k, house, np.arange(begins[k], begins[k + 1]), spots, joined, rng)
    return entrances


def _walk_outlines(houses: list[House], streets: list[Street]) -> _Outlines:
    """Points about 0.8 m apart along every outline, what is outside, and whether a wing is in the way."""
    outlines = np.array([house.plot.outline for house in houses], dtype=object)
    rings = shapely.get_exterior_ring(shapely.orient_polygons(outlines))
    lengths = shapely.length(rings)
    numbers = np.maximum(8, (lengths / _STEP).astype(int))
    courtyard = np.repeat(np.arange(len(houses)), numbers)
    place = np.concatenate([(np.arange(n) + 0.5) / n for n in numbers]) * lengths[courtyard]
    points = shapely.line_interpolate_point(rings[courtyard], place)
    xy = shapely.get_coordinates(points)
    before = shapely.get_coordinates(
        shapely.line_interpolate_point(rings[courtyard], np.maximum(place - 0.2, 0))
    )
    after = shapely.get_coordinates(shapely.line_interpolate_point(rings[courtyard], place + 0.2))
    step = after - before
    outward = np.stack([step[:, 1], -step[:, 0]], axis=1) / np.hypot(*step.T)[:, None]
    outside = shapely.points(xy + _REACH * outward)

    street = _first_hit(np.array([s.corridor for s in streets], dtype=object), outside)
    neighbour = _first_hit(outlines, outside)
    wings = np.array([wing.outline for house in houses for wing in house.wings], dtype=object)
    near, _ = shapely.STRtree(wings).query(points, predicate="dwithin", distance=0.75)
    free = np.ones(len(points), dtype=bool)
    free[near] = False
    street = np.where(neighbour >= 0, -1, street)
    has_street = np.bincount(courtyard, weights=street >= 0, minlength=len(houses)) > 0
    return _Outlines(courtyard, xy, outward, free, street, neighbour, has_street)


def _first_hit(polygons: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Number of the smallest polygon that each point lies in, -1 for none."""
    tree = shapely.STRtree(polygons)
    which, polygon = tree.query(points, predicate="within")
    order = np.argsort(-shapely.area(polygons[polygon]), kind="stable")
    hit = np.full(len(points), -1)
    hit[which[order]] = polygon[order]
    return hit


def _of_courtyard(
    k: int,
    house: House,
    at: np.ndarray,
    spots: _Outlines,
    joined: set[tuple[int, int]],
    rng: np.random.Generator,
) -> list[Entrance]:
    """Choose the entrances of one courtyard among the places along its outline."""
    on_street, beside = at[spots.street[at] >= 0], at[spots.neighbour[at] >= 0]
    found: list[Entrance] = []
    towards = np.array([0.0, 1.0]) if house.plot.front == "north" else np.array([0.0, -1.0])
    facing = on_street[spots.outward[on_street] @ towards > 0.7]
    to_lane = beside[spots.has_street[spots.neighbour[beside]]]
    options = next(o for o in (facing, on_street, to_lane, beside, at) if len(o))
    front = _nearest(options, house.gate, spots)
    found.append(_entrance(k, front, "front", spots, rng))
    if spots.neighbour[front] >= 0:
        joined.add((k, int(spots.neighbour[front])))
    if rng.random() < 0.13:
        return found
    others = on_street[
        (spots.outward[on_street] @ spots.outward[front] < 0.5)
        & (np.hypot(*(spots.xy[on_street] - spots.xy[front]).T) > 5)
    ]
    others = others[spots.free[others]] if np.any(spots.free[others]) else others
    if len(others) and rng.random() < 0.8:
        pick = int(rng.choice(others))
        opposite = spots.outward[pick] @ spots.outward[front] < -0.7
        found.append(_entrance(k, pick, "back" if opposite else "side", spots, rng))
    elif rng.random() < 0.2:
        away = facing[(np.hypot(*(spots.xy[facing] - spots.xy[front]).T) > 6) & spots.free[facing]]
        if len(away):
            found.append(_entrance(k, int(rng.choice(away)), "side", spots, rng))
    for neighbour in _neighbours(beside, spots, rng):
        open_spots = beside[(spots.neighbour[beside] == neighbour) & spots.free[beside]]
        enough = len(found) > 1 and rng.random() > 0.62
        if enough or len(open_spots) < 2 or (k, neighbour) in joined or (neighbour, k) in joined:
            continue
        joined.add((k, neighbour))
        kind = "emergency" if rng.random() < 0.04 else "passage"
        found.append(_entrance(k, int(open_spots[len(open_spots) // 2]), kind, spots, rng))
    return found


def _neighbours(beside: np.ndarray, spots: _Outlines, rng: np.random.Generator) -> list[int]:
    """Up to three neighbours to try a passage to."""
    return [int(n) for n in rng.permutation(np.unique(spots.neighbour[beside]))[:3]]


def _nearest(options: np.ndarray, gate: np.ndarray, spots: _Outlines) -> int:
    """The free place nearest to where the gate belongs, any place if a wing is everywhere."""
    distance = np.hypot(*(spots.xy[options] - gate).T) + np.where(spots.free[options], 0.0, 30.0)
    return int(options[np.argmin(distance)])


def _entrance(k: int, spot: int, kind: str, spots: _Outlines, rng: np.random.Generator) -> Entrance:
    states, shares = _STATES[kind]
    low, high = _WIDTHS[kind]
    known = rng.random() > 0.08
    return Entrance(
        k,
        spots.xy[spot],
        float(np.arctan2(spots.outward[spot, 1], spots.outward[spot, 0])),
        kind,
        int(spots.street[spot]),
        int(spots.neighbour[spot]),
        str(rng.choice(states, p=shares)),
        round(float(rng.uniform(low, high)), 2),
        bool(rng.random() < _STEP_FREE[kind]) if known else None,
    )
