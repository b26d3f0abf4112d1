"""Plots: how the ground between lanes is shared out among courtyards, and the dead-end alleys between them.

A cell is cut along its length into stretches; a stretch holds one row of plots that reach from lane to lane, two rows
back to back, or three rows of which the middle one is reached through its neighbours only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from twin.places.synthetic.plan import Cell, Plan, Street, largest

_MIDDLE_PLOT_DEPTH = 40.0


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
    """A row of plots: its ground, the axes of its cell, where it begins and ends along them, and its front."""

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
    plots = [plot for i, (row, n) in enumerate(zip(rows, numbers, strict=True)) for plot in _cut(row, int(n), i, rng)]
    return plots


def apportion(wanted: np.ndarray, total: int) -> np.ndarray:
    """Whole numbers of at least one, in proportion to ``wanted`` and adding up to ``total`` (largest remainder)."""
    wanted = np.asarray(wanted, dtype=float)
    shares = wanted / wanted.sum() * (total - len(wanted))
    numbers = np.floor(shares).astype(int)
    for i in np.argsort(numbers - shares, kind="stable")[: total - len(wanted) - numbers.sum()]:
        numbers[i] += 1
    return numbers + 1


def _rows(cell: Cell, streets: list[Street], rng: np.random.Generator) -> list[_Row]:
    """Cut a cell into stretches and these into rows."""
    if cell.ground.is_empty:
        return []
    frame = _Frame.of(cell)
    st = frame.local(shapely.get_coordinates(cell.ground))
    (s0, t0), (s1, t1) = st.min(axis=0), st.max(axis=0)
    shape = shapely.Polygon(st)
    pieces = max(1, round((s1 - s0) / float(rng.uniform(48, 75))))
    cuts = np.linspace(s0, s1, pieces + 1)
    cuts[1:-1] += rng.uniform(-8, 8, pieces - 1)
    skews = np.concatenate([[0], rng.uniform(-0.035, 0.035, pieces - 1), [0]])
    far = 90.0
    rows: list[_Row] = []
    gap = 0.0
    for i in range(pieces):
        first, last = i == 0, i == pieces - 1
        s, e = cuts[i] + gap, cuts[i + 1]
        mids = _middle_line(shape, s + 4, e - 4)
        depth = mids[1]
        kind = _stretch_kind(depth, e - s, rng)
        alley = (not last and kind == "two" and e - s > 30 and 30 < cuts[i + 2] - e and rng.random() < 0.5)
        if alley:
            skews[i + 1] = 0.0
        left = (s - far if first else s, skews[i] if gap == 0 else 0.0)
        right = (e + far if last else e, skews[i + 1])
        gap = 0.0
        share = float(rng.uniform(0.43, 0.57))
        levels = {"through": [], "two": [share], "three": [share - 0.17, share + 0.17]}[kind]
        lines = [(mids[2] + (f - 0.5) * depth, mids[3] + (f - 0.5) * depth) for f in levels]
        if alley:
            lines = [(float(np.mean(lines[0])),) * 2]
        bands = [(-far, -far), *lines, (far, far)]
        rights = [right] * (len(bands) - 1)
        if alley:
            width = round(float(rng.uniform(2.5, 3.8)), 1)
            south = bool(rng.random() < 0.6)
            if _lay_alley(frame, streets, e, lines[0][0], south, width, shape):
                near, beyond = (e - width / 2, 0.0), (e + width / 2, 0.0)
                rights = [near, beyond] if south else [beyond, near]
                gap = width / 2
        fronts = {"through": ["south"], "two": ["south", "north"], "three": ["south", "inner", "north"]}[kind]
        narrow = {"through": 15.0, "two": 18.5, "three": 19.0}[kind] * float(rng.uniform(0.85, 1.2))
        for k, front in enumerate(fronts):
            ground = _strip(shape, left, rights[k], bands[k], bands[k + 1], (s, e))
            if ground.area > 60:
                rows.append(_Row(ground, frame, max(s, s0), min(rights[k][0], s1), front, narrow))
    return rows


def _stretch_kind(depth: float, length: float, rng: np.random.Generator) -> str:
    if depth < 27 or (depth < 40 and rng.random() < 0.3) or length < 14:
        return "through"
    if depth > _MIDDLE_PLOT_DEPTH and rng.random() < (0.12 if depth < 50 else 0.3):
        return "three"
    return "two"


def _middle_line(shape: shapely.Polygon, s: float, e: float) -> tuple[float, float, float, float]:
    """Middle of the ground, its mean depth, and the height of its middle at two places along it."""
    mids, depths = [], []
    for at in (s, e):
        _, low, _, high = shape.intersection(shapely.LineString([(at, -500), (at, 500)])).bounds
        mids.append((low + high) / 2)
        depths.append(high - low)
    return (mids[0] + mids[1]) / 2, (depths[0] + depths[1]) / 2, mids[0], mids[1]


def _strip(shape: shapely.Polygon, left: tuple[float, float], right: tuple[float, float],
           low: tuple[float, float], high: tuple[float, float], ends: tuple[float, float]) -> shapely.Polygon:
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


def _lay_alley(frame: _Frame, streets: list[Street], s: float, t: float, south: bool, width: float,
               shape: shapely.Polygon) -> bool:
    """Lay a dead-end alley from the lane on one side of the cell to (s, t); False if it would meet no lane."""
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
    streets.append(Street(f"alley-{number:03d}", f"{parent.name}支巷", "lane", round(width, 1),
                          np.array([foot, np.round(tip, 3)])))
    return True


def _cut(row: _Row, number: int, index: int, rng: np.random.Generator) -> list[Plot]:
    """Cut a row into plots of uneven width."""
    shares = rng.uniform(0.6, 1.45, number)
    cuts = row.start + np.concatenate([[0], np.cumsum(shares)]) / shares.sum() * (row.end - row.start)
    skews = rng.uniform(-0.03, 0.03, number + 1)
    far, plots = 90.0, []
    _, low, _, high = row.ground.bounds
    for i in range(number):
        left = (cuts[i] - far, 0.0) if i == 0 else (cuts[i], skews[i])
        right = (cuts[i + 1] + far, 0.0) if i == number - 1 else (cuts[i + 1], skews[i + 1])
        piece = _strip(row.ground, left, right, (low - 1, low - 1), (high + 1, high + 1), (left[0], right[0]))
        st = _tidy(shapely.get_coordinates(piece.exterior)[:-1])
        corners = np.array([st[np.argmax(st @ direction)] for direction in
                            np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])])
        plots.append(Plot(shapely.Polygon(row.frame.world(st)), row.frame.world(corners), row.front, index))
    return plots


def _tidy(ring: np.ndarray) -> np.ndarray:
    """Leave out vertices that lie within a millimetre of the one before."""
    step = np.hypot(*(ring - np.roll(ring, 1, axis=0)).T)
    return ring[step > 1e-3]
