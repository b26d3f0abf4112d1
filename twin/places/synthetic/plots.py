"""Plots: how the ground between lanes is shared out among courtyards, and the dead-end alleys between them.

A cell is cut along its length into stretches; a stretch holds one row of plots that reach from lane to
lane, two rows back to back, or three rows of which the middle one is reached through its neighbours only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from twin.places.synthetic.plan import Cell, Plan, largest
from twin.places.synthetic.streets import Street

_MIDDLE_PLOT_DEPTH = 40.0
_FAR = 90.0
"""Further than any cell is deep [m]."""
_LEAST_ROW = 60.0
"""A row with less ground is left out [m2]."""

_Edge = tuple[float, float]
"""A cut across a cell: where it crosses the axis, and how far it leans a metre."""
_Line = tuple[float, float]
"""A line along a cell: its height at either end."""


@dataclass(frozen=True)
class _StretchKind:
    """How a stretch is cut: the front of each row from the south, the lines between rows, usual plot width
    [m].

    Lines are given from the middle, in shares of the depth.
    """

    fronts: tuple[str, ...]
    lines: tuple[float, ...]
    plot_width: float


_ONE_ROW = _StretchKind(("south",), (), 15.0)
_TWO_ROWS = _StretchKind(("south", "north"), (0.0,), 18.5)
_THREE_ROWS = _StretchKind(("south", "inner", "north"), (-0.17, 0.17), 19.0)


@dataclass(frozen=True)
class _Middle:
    """The line half way between two lanes at either end of a stretch, and how deep the ground is there."""

    west: float
    east: float
    depth: float

    def shifted(self, shares: tuple[float, ...], by: float) -> list[_Line]:
        """Lines beside the middle, by shares of the depth."""
        return [(self.west + (f + by) * self.depth, self.east + (f + by) * self.depth) for f in shares]


@dataclass
class Plot:
    """The ground of one courtyard.

    ``corners`` (4, 2): south-west, south-east, north-east, north-west; ``front`` is the side with the gate
    (``south``, ``north``), or ``inner`` where no side lies on a lane; ``row`` numbers the row it stands in.
    """

    outline: shapely.Polygon
    corners: np.ndarray
    front: str
    row: int


@dataclass
class _Frame:
    """Axes of a cell: ``along`` runs roughly east, ``across`` roughly north, from its middle."""

    middle: np.ndarray
    along: np.ndarray
    across: np.ndarray

    @classmethod
    def of(cls, cell: Cell) -> _Frame:
        sw, se, ne, nw = cell.corners
        along = (se + ne - sw - nw) / 2
        along = along / np.hypot(*along)
        return cls(cell.corners.mean(axis=0), along, np.array([-along[1], along[0]]))

    def world(self, st: np.ndarray) -> np.ndarray:
        return self.middle + st[..., :1] * self.along + st[..., 1:] * self.across

    def local(self, xy: np.ndarray) -> np.ndarray:
        return np.stack([(xy - self.middle) @ self.along, (xy - self.middle) @ self.across], axis=-1)


@dataclass
class _Row:
    """A row of plots: its ground, the axes of its cell, where it begins and ends along them, its front."""

    ground: shapely.Polygon
    frame: _Frame
    start: float
    end: float
    front: str
    plot_width: float


def make_plots(plan: Plan, count: int | None, rng: np.random.Generator) -> list[Plot]:
    """Share the ground of all courtyard cells out; exactly ``count`` plots if a count is given.

    Adds the dead-end alleys that it lays to the streets of the plan.
    """
    rows: list[_Row] = []
    for cell in plan.cells:
        if cell.use == "courtyards":
            rows += _rows(cell, plan.streets, rng)
    wanted = np.array([(row.end - row.start) / row.plot_width for row in rows])
    numbers = np.maximum(1, np.round(wanted).astype(int)) if count is None else apportion(wanted, count)
    plots = [
        plot
        for i, (row, n) in enumerate(zip(rows, numbers, strict=True))
        for plot in _cut(row, int(n), i, rng)
    ]
    return plots


def apportion(wanted: np.ndarray, total: int) -> np.ndarray:
    """Whole numbers of one or more in proportion to ``wanted`` that add up to ``total`` (largest
    remainder)."""
    wanted = np.asarray(wanted, dtype=float)
    shares = wanted / wanted.sum() * (total - len(wanted))
    numbers = np.floor(shares).astype(int)
    for i in np.argsort(numbers - shares, kind="stable")[: total - len(wanted) - numbers.sum()]:
        numbers[i] += 1
    return numbers + 1


def _rows(cell: Cell, streets: list[Street], rng: np.random.Generator) -> list[_Row]:
    """Cut a cell into stretches, sometimes with a dead-end alley between two of them, and these into rows."""
    if cell.ground.is_empty:
        return []
    frame = _Frame.of(cell)
    st = frame.local(shapely.get_coordinates(cell.ground))
    shape = shapely.Polygon(st)
    first, last = float(st[:, 0].min()), float(st[:, 0].max())
    pieces = max(1, round((last - first) / float(rng.uniform(48, 75))))
    cuts = np.linspace(first, last, pieces + 1)
    cuts[1:-1] += rng.uniform(-8, 8, pieces - 1)
    skews = np.concatenate([[0], rng.uniform(-0.035, 0.035, pieces - 1), [0]])
    rows: list[_Row] = []
    left: _Edge = (first - _FAR, 0.0)
    start = first
    for i in range(pieces):
        end = float(cuts[i + 1])
        middle = _middle_line(shape, start + 4, end - 4)
        kind = _stretch_kind(middle.depth, end - start, rng)
        room_for_alley = i < pieces - 1 and min(end - start, cuts[i + 2] - end) > 30
        alley = room_for_alley and kind is _TWO_ROWS and rng.random() < 0.5
        right: _Edge = (end + _FAR if i == pieces - 1 else end, 0.0 if alley else float(skews[i + 1]))
        lines = middle.shifted(kind.lines, float(rng.uniform(-0.07, 0.07)))
        if alley:
            lines = [(float(np.mean(lines[0])),) * 2]
        bands = [(-_FAR, -_FAR), *lines, (_FAR, _FAR)]
        rights = [right] * len(kind.fronts)
        after = right
        if alley:
            width = round(float(rng.uniform(2.5, 3.8)), 1)
            south = bool(rng.random() < 0.6)
            if _lay_alley(frame, streets, end, lines[0][0], south, width, shape):
                near, after = (end - width / 2, 0.0), (end + width / 2, 0.0)
                rights = [near, after] if south else [after, near]
        plot_width = kind.plot_width * float(rng.uniform(0.85, 1.2))
        for k, front in enumerate(kind.fronts):
            ground = _strip(shape, left, rights[k], bands[k], bands[k + 1], (start, end))
            if ground.area > _LEAST_ROW:
                rows.append(_Row(ground, frame, start, min(rights[k][0], last), front, plot_width))
        left, start = after, after[0]
    return rows


def _stretch_kind(depth: float, length: float, rng: np.random.Generator) -> _StretchKind:
    """How many rows a stretch of this depth between lanes has."""
    if depth < 27 or (depth < 40 and rng.random() < 0.3) or length < 14:
        return _ONE_ROW
    if depth > _MIDDLE_PLOT_DEPTH and rng.random() < (0.12 if depth < 50 else 0.3):
        return _THREE_ROWS
    return _TWO_ROWS


def _middle_line(shape: shapely.Polygon, start: float, end: float) -> _Middle:
    """Measure a shape at two places along it."""
    spans = shapely.bounds(
        [shape.intersection(shapely.LineString([(s, -500), (s, 500)])) for s in (start, end)]
    )
    (west, east), (west_depth, east_depth) = (spans[:, 1] + spans[:, 3]) / 2, spans[:, 3] - spans[:, 1]
    return _Middle(float(west), float(east), float(west_depth + east_depth) / 2)


def _strip(
    shape: shapely.Polygon,
    left: _Edge,
    right: _Edge,
    low: _Line,
    high: _Line,
    ends: tuple[float, float],
) -> shapely.Polygon:
    """The part of a shape between two cuts (place, skew) and two lines (height at either end)."""

    def at(line: tuple[float, float], s: float) -> float:
        share = (s - ends[0]) / max(ends[1] - ends[0], 1.0)
        return line[0] + (line[1] - line[0]) * min(max(share, 0.0), 1.0)

    middle = shape.centroid.y
    corners = []
    for (s, skew), line in ((left, low), (right, low), (right, high), (left, high)):
        t = at(line, s)
        corners.append((s + skew * (t - middle), t))
    return largest(shape.intersection(shapely.Polygon(corners)))


def _lay_alley(
    frame: _Frame,
    streets: list[Street],
    s: float,
    t: float,
    south: bool,
    width: float,
    shape: shapely.Polygon,
) -> bool:
    """Lay a dead-end alley from the lane on one side of the cell to (s, t); False if none is there."""
    _, low, _, high = shape.bounds
    outside = low - 12 if south else high + 12
    tip = frame.world(np.array([s, t]))
    ray = shapely.LineString([tip, frame.world(np.array([s, outside]))])
    lines = [street.line for street in streets]
    best: tuple[float, int, np.ndarray] | None = None
    for k in np.flatnonzero(shapely.intersects(lines, ray)):
        for meeting in shapely.get_coordinates(lines[k].intersection(ray)):
            distance = float(np.hypot(*(meeting - tip)))
            if best is None or distance < best[0]:
                best = (distance, int(k), meeting)
    if best is None or best[0] < 12:
        return False
    parent = streets[best[1]]
    if parent.kind not in ("lane", "street", "service"):
        return False
    foot = np.round(best[2], 3)
    parent.join(foot)
    number = 1 + sum(street.id.startswith("alley") for street in streets)
    streets.append(
        Street(
            f"alley-{number:03d}",
            f"{parent.name}支巷",
            "lane",
            round(width, 1),
            np.array([foot, np.round(tip, 3)]),
        )
    )
    return True


def _cut(row: _Row, number: int, index: int, rng: np.random.Generator) -> list[Plot]:
    """Cut a row into plots of uneven width."""
    shares = rng.uniform(0.6, 1.45, number)
    cuts = row.start + np.concatenate([[0], np.cumsum(shares)]) / shares.sum() * (row.end - row.start)
    skews = rng.uniform(-0.03, 0.03, number + 1)
    plots = []
    _, low, _, high = row.ground.bounds
    for i in range(number):
        left = (cuts[i] - _FAR, 0.0) if i == 0 else (cuts[i], skews[i])
        right = (cuts[i + 1] + _FAR, 0.0) if i == number - 1 else (cuts[i + 1], skews[i + 1])
        piece = _strip(row.ground, left, right, (low - 1, low - 1), (high + 1, high + 1), (left[0], right[0]))
        st = _tidy(shapely.get_coordinates(piece.exterior)[:-1])
        corners = np.array(
            [st[np.argmax(st @ direction)] for direction in np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])]
        )
        plots.append(Plot(shapely.Polygon(row.frame.world(st)), row.frame.world(corners), row.front, index))
    return plots


def _tidy(ring: np.ndarray) -> np.ndarray:
    """Leave out vertices that lie within a millimetre of the one before."""
    step = np.hypot(*(ring - np.roll(ring, 1, axis=0)).T)
    return ring[step > 1e-3]
