"""The plan: avenue, streets, lanes and the cells of ground between their centre lines.

Streets are first drawn straight on a sheet of metres (east, north; the avenue is the line north = 0), where a
superblock between streets is cut again and again by lanes that run from one side to the other, so that
lanes meet in T-junctions. The sheet is then bent by a gentle smooth field. Every junction is a vertex of
all the lines that meet in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import shapely

from twin.places.synthetic.streets import AVENUE_WIDTH, Bend, Line, Street, bent_outline, bent_streets

_STUB = 30.0
_ROW_DEPTH = 46.0

Cut = tuple[float, float]


@dataclass
class Cell:
    """Ground between centre lines: corners south-west, south-east, north-east, north-west, ``(4, 2)``.

    ``half`` are half the widths of the streets on its south, east, north and west side; ``use`` says what
    stands on it: courtyards, slabs, square, hall, school or park.
    """

    corners: np.ndarray
    half: np.ndarray
    community: int
    use: str = "courtyards"
    outline: shapely.Polygon = field(default_factory=shapely.Polygon)
    ground: shapely.Polygon = field(default_factory=shapely.Polygon)

    @property
    def clear(self) -> tuple[float, float]:
        """Size east and north between the walls [m]."""
        sw, se, ne, nw = self.corners
        across = (np.hypot(*(se - sw)) + np.hypot(*(ne - nw))) / 2 - self.half[1] - self.half[3]
        along = (np.hypot(*(nw - sw)) + np.hypot(*(ne - se))) / 2 - self.half[0] - self.half[2]
        return float(across), float(along)


@dataclass
class Plan:
    """Streets, and the cells between them with the ground that is left for building."""

    streets: list[Street]
    cells: list[Cell]
    communities: list[shapely.Polygon]
    blocks: list[tuple[shapely.Polygon, int]]
    """Ground between centre lines with the number of its community; the blocks of a community make it up."""

    def corridors(self) -> list[shapely.Polygon]:
        """The ground of every street, in their order."""
        return [street.corridor for street in self.streets]


@dataclass(frozen=True)
class _Sheet:
    """What a size of district is made of: where its streets lie on the sheet."""

    east: float
    """Streets run from -east to +east."""
    rows: tuple[tuple[float, float, tuple[float, ...]], ...]
    """South, north and inner north-south streets of every row of superblocks."""
    square: tuple[int, int]
    """Row and column of the superblock with the square."""
    school: tuple[int, int] | None
    park: tuple[int, int] | None
    slabs: tuple[tuple[int, int], ...]
    """Superblocks with slabs along the avenue."""
    together: bool = False
    """All superblocks are one community."""


_SHEETS = {
    "full": _Sheet(
        east=600.0,
        rows=(
            (-305.0, 0.0, (-325.0, 110.0, 365.0)),
            (0.0, 318.0, (-340.0, -95.0, 150.0, 385.0)),
            (318.0, 596.0, (-280.0, 30.0, 320.0)),
        ),
        square=(0, 1),
        school=(1, 3),
        park=(2, 0),
        slabs=((0, 0), (0, 3), (1, 0), (1, 2), (1, 4)),
    ),
    "small": _Sheet(
        east=165.0,
        rows=((-250.0, 0.0, ()), (0.0, 260.0, ())),
        square=(0, 0),
        school=None,
        park=None,
        slabs=((1, 0),),
        together=True,
    ),
}
SIZES = tuple(_SHEETS)


def make_plan(size: str, rng: np.random.Generator) -> Plan:
    """Draw the plan of a district of the given size, in metres from its centre on the avenue."""
    sheet = _SHEETS[size]
    lines, superblocks = _main_streets(sheet, rng)
    cells: list[Cell] = []
    for place, block in superblocks.items():
        cells += _fill(block, place, sheet, lines, rng)
    bend = Bend(rng)
    streets = bent_streets(lines, bend, rng)
    blocks = _blocks(
        streets, {block.community: bent_outline(block.corners, bend) for block in superblocks.values()}
    )
    if sheet.together:
        blocks = [(outline, 0) for outline, _ in blocks]
    communities = [
        shapely.union_all([outline for outline, of in blocks if of == k])
        for k in range(1 + max(of for _, of in blocks))
    ]
    for cell in cells:
        cell.outline = bent_outline(cell.corners, bend)
        cell.corners = bend(cell.corners)
        cell.community = 0 if sheet.together else cell.community
    plan = Plan(streets, cells, communities, blocks)
    _clear_ground(plan)
    return plan


def _blocks(
    streets: list[Street], superblocks: dict[int, shapely.Polygon]
) -> list[tuple[shapely.Polygon, int]]:
    """What the centre lines enclose, each with the number of the superblock that it lies in."""
    lines = shapely.union_all([street.line for street in streets])
    faces = shapely.get_parts(shapely.polygonize([lines]))
    middles = shapely.point_on_surface(faces)
    found, block = shapely.STRtree(list(superblocks.values())).query(middles, predicate="within")
    numbers = list(superblocks)
    return [(faces[i], numbers[k]) for i, k in zip(found, block, strict=True)]


def _clear_ground(plan: Plan) -> None:
    """Take the streets off the ground of every cell."""
    corridors = np.array(plan.corridors(), dtype=object)
    tree = shapely.STRtree(corridors)
    for cell in plan.cells:
        streets = shapely.union_all(corridors[tree.query(cell.outline)])
        cell.ground = largest(cell.outline.difference(streets))


def largest(shape: shapely.Geometry) -> shapely.Polygon:
    """The largest polygon of a shape, an empty one if there is none."""
    pieces = [p for p in shapely.get_parts(shape, return_index=False) if p.geom_type == "Polygon"]
    return max(pieces, key=lambda p: p.area, default=shapely.Polygon())


def _main_streets(sheet: _Sheet, rng: np.random.Generator) -> tuple[list[Line], dict[tuple[int, int], Cell]]:
    """The avenue, the streets, and the superblocks between them by row and column."""
    east, levels = sheet.east, sorted({y for row in sheet.rows for y in row[:2]})
    lines: list[Line] = []
    superblocks: dict[tuple[int, int], Cell] = {}
    wide = {y: AVENUE_WIDTH if y == 0 else float(rng.uniform(14, 20)) for y in levels}
    border = {x: float(rng.uniform(16, 22)) for x in (-east, east)}
    crossings: dict[float, set[float]] = {y: {-east, east} for y in levels}
    for south, north, inner in sheet.rows:
        xs = [-east, *(x + float(rng.uniform(-12, 12)) for x in inner), east]
        widths = [border.get(x) or float(rng.uniform(11, 17)) for x in xs]
        low = south - (_STUB if south == levels[0] else 0)
        high = north + (_STUB if north == levels[-1] else 0)
        for x, width in zip(xs, widths, strict=True):
            lines.append(Line(np.array([[x, low], [x, high]]), width, "street"))
            crossings[south].add(x)
            crossings[north].add(x)
        for column in range(len(xs) - 1):
            x0, x1 = xs[column], xs[column + 1]
            row = len({r for r, _ in superblocks}) if column == 0 else max(r for r, _ in superblocks)
            superblocks[row, column] = Cell(
                np.array([[x0, south], [x1, south], [x1, north], [x0, north]]),
                np.array([wide[south], widths[column + 1], wide[north], widths[column]]) / 2,
                len(superblocks),
            )
    for y in levels:
        stops = [-east - _STUB, *sorted(crossings[y]), east + _STUB]
        stops[1:2], stops[-2:-1] = [], []
        for x0, x1 in pairwise(stops):
            lines.append(Line(np.array([[x0, y], [x1, y]]), wide[y], "avenue" if y == 0 else "street"))
    return lines, superblocks


def _fill(
    block: Cell, place: tuple[int, int], sheet: _Sheet, lines: list[Line], rng: np.random.Generator
) -> list[Cell]:
    """Cut a superblock into cells, setting the ground for landmarks aside first."""
    cells: list[Cell] = []
    if place == sheet.square:
        return _around_square(block, lines, rng)
    if place in sheet.slabs:
        front, block = _avenue_front(block, lines, rng)
        cells.append(front)
    wanted = "school" if place == sheet.school else "park" if place == sheet.park else None
    if wanted:
        _, along = block.clear
        depth = (105.0 if wanted == "school" else 125.0) / along
        lower, upper = _cut_across(block, (1 - depth, 1 - depth), float(rng.uniform(6, 8)), lines)
        cut = float(rng.uniform(0.52, 0.6))
        left, right = _cut_along(upper, (cut, cut), float(rng.uniform(5, 7)), lines)
        left.use = wanted
        return [*cells, left, *_divide(lower, lines, rng), *_divide(right, lines, rng)]
    return [*cells, *_divide(block, lines, rng)]


def _avenue_front(block: Cell, lines: list[Line], rng: np.random.Generator) -> tuple[Cell, Cell]:
    """Split off the strip along the avenue for slabs; returns (strip, rest)."""
    height = float(np.ptp(block.corners[:, 1]))
    share = (AVENUE_WIDTH / 2 + float(rng.uniform(62, 72))) / height
    north_of_avenue = bool(block.corners[0, 1] == 0)
    at = share if north_of_avenue else 1 - share
    lower, upper = _cut_across(block, (at, at), float(rng.uniform(7, 9)), lines, kind="service")
    front, rest = (lower, upper) if north_of_avenue else (upper, lower)
    front.use = "slabs"
    return front, rest


def _around_square(block: Cell, lines: list[Line], rng: np.random.Generator) -> list[Cell]:
    """The square on the avenue; in a wide superblock a hall on either side and courtyards behind."""
    across, along = block.clear
    if along < 240:
        block.use = "square"
        return [block]
    behind, front = _cut_across(block, (0.26, 0.26), 10.0, lines, kind="service")
    hall = 70.0 / across
    west, rest = _cut_along(front, (hall, hall), 12.0, lines, kind="service")
    share = 1 - 70.0 / rest.clear[0]
    square, east = _cut_along(rest, (share, share), 12.0, lines, kind="service")
    west.use, square.use, east.use = "hall", "square", "hall"
    return [west, square, east, *_divide(behind, lines, rng)]


def _divide(cell: Cell, lines: list[Line], rng: np.random.Generator) -> list[Cell]:
    """Cut a cell by lanes until what is left holds one to three rows of courtyards."""
    across, along = cell.clear
    rows = max(1, round(along / _ROW_DEPTH))
    if rows > 1 and (across < 190 or rng.random() < 0.62):
        k = int(rng.integers(max(1, rows // 2 - 1), rows // 2 + 1 + rows % 2))
        share = k / rows + float(rng.uniform(-0.06, 0.06)) / (rows - 1)
        at = (cell.half[0] + share * along) / (cell.half[0] + along + cell.half[2])
        tilt = float(rng.uniform(-3.5, 3.5)) / along
        width = float(np.clip(rng.normal(6.0 if across > 170 else 4.8, 1.0), 3.0, 9.0))
        pieces = _cut_across(cell, (at - tilt, at + tilt), width, lines)
    elif across > 205 or (across > 120 and rng.random() < 0.45) or (rows > 1):
        share = float(rng.uniform(0.36, 0.64))
        at = (cell.half[3] + share * across) / (cell.half[3] + across + cell.half[1])
        tilt = float(rng.uniform(-3.0, 3.0)) / across
        width = float(np.clip(rng.normal(4.6, 1.0), 2.5, 7.5))
        pieces = _cut_along(cell, (at - tilt, at + tilt), width, lines)
    else:
        return [cell]
    return [leaf for piece in pieces for leaf in _divide(piece, lines, rng)]


def _cut_across(
    cell: Cell, at: Cut, width: float, lines: list[Line], kind: str = "lane"
) -> tuple[Cell, Cell]:
    """Lay a street from the west to the east side at these shares of their height; returns (south, north)."""
    sw, se, ne, nw = cell.corners
    s, e, n, w = cell.half
    west, east = sw + at[0] * (nw - sw), se + at[1] * (ne - se)
    lines.append(Line(np.array([west, east]), width, kind))
    south = Cell(np.array([sw, se, east, west]), np.array([s, e, width / 2, w]), cell.community)
    north = Cell(np.array([west, east, ne, nw]), np.array([width / 2, e, n, w]), cell.community)
    return south, north


def _cut_along(cell: Cell, at: Cut, width: float, lines: list[Line], kind: str = "lane") -> tuple[Cell, Cell]:
    """Lay a street from the south to the north side at these shares of their length; returns (west, east)."""
    sw, se, ne, nw = cell.corners
    s, e, n, w = cell.half
    south, north = sw + at[0] * (se - sw), nw + at[1] * (ne - nw)
    lines.append(Line(np.array([south, north]), width, kind))
    west = Cell(np.array([sw, south, north, nw]), np.array([s, width / 2, n, w]), cell.community)
    east = Cell(np.array([south, se, ne, north]), np.array([s, e, n, width / 2]), cell.community)
    return west, east
