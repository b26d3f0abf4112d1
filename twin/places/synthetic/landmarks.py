"""What is not a courtyard: the square and its halls, slabs, the school, the park, metro exits."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely

from twin.places.synthetic.plan import Cell, Plan, largest
from twin.places.synthetic.streets import AVENUE_WIDTH


@dataclass
class Structure:
    """A large building: footprint, use, height [m] and roof; ``doors`` are places ``(2,)`` with headings."""

    outline: shapely.Polygon
    name: str
    use: str
    height: float
    levels: int
    roof: str = "flat"
    roof_height: float = 0.0
    roof_heading: float = 0.0
    doors: list[tuple[np.ndarray, float]] = field(default_factory=list)


@dataclass
class Ground:
    """Ground that is not a street."""

    outline: shapely.Polygon
    kind: str
    name: str
    on_foot: bool


@dataclass
class Landmarks:
    """All landmarks: structures, grounds, walls with their gate (line, point, heading), lots, metro exits."""

    structures: list[Structure] = field(default_factory=list)
    grounds: list[Ground] = field(default_factory=list)
    walls: list[tuple[shapely.Geometry, np.ndarray, float]] = field(default_factory=list)
    lots: list[tuple[shapely.Polygon, str]] = field(default_factory=list)
    metro: list[tuple[np.ndarray, float]] = field(default_factory=list)


@dataclass
class _Site:
    """The ground of a landmark, with axes from its south-west corner; ``length`` along, ``depth`` across."""

    cell: Cell
    origin: np.ndarray
    along: np.ndarray
    across: np.ndarray
    length: float
    depth: float

    @classmethod
    def of(cls, cell: Cell) -> _Site:
        sw, se, ne, nw = cell.corners
        along = (se + ne - sw - nw) / 2
        along = along / np.hypot(*along)
        across = np.array([-along[1], along[0]])
        xy = shapely.get_coordinates(cell.ground)
        sides = np.array(
            [s.min() for s in (xy @ along, xy @ across)] + [(xy @ along).max(), (xy @ across).max()]
        )
        return cls(
            cell,
            sides[0] * along + sides[1] * across,
            along,
            across,
            sides[2] - sides[0],
            sides[3] - sides[1],
        )

    @property
    def heading(self) -> float:
        return float(np.arctan2(self.along[1], self.along[0]))

    def at(self, a: float, b: float) -> np.ndarray:
        """Point ``a`` metres along and ``b`` metres across from the south-west corner."""
        return self.origin + a * self.along + b * self.across

    def box(self, a: float, b: float, length: float, depth: float) -> shapely.Polygon:
        """Rectangle with its south-west corner at (a, b)."""
        return shapely.Polygon(
            [self.at(a, b), self.at(a + length, b), self.at(a + length, b + depth), self.at(a, b + depth)]
        )


def make_landmarks(plan: Plan, rng: np.random.Generator) -> Landmarks:
    """Build on every cell that is not for courtyards."""
    made = Landmarks()
    build = {"slabs": _slabs, "square": _square, "school": _school, "park": _park}
    square = next(cell for cell in plan.cells if cell.use == "square").corners.mean(axis=0)
    for cell in plan.cells:
        if cell.use == "hall":
            _hall(_Site.of(cell), made, bool(square[0] > cell.corners[:, 0].mean()), rng)
        elif cell.use in build:
            build[cell.use](_Site.of(cell), made, rng)
    _open_to_streets(plan, made)
    _metro(plan, made)
    return made


def _slabs(site: _Site, made: Landmarks, rng: np.random.Generator) -> None:
    """Flat-roofed office and retail slabs with their long side to the avenue, a forecourt, a lot behind."""
    north = site.origin[1] > 0
    names = ("办公楼", "商场", "写字楼", "酒店")
    a, number = 9.0, 1
    while a < site.length - 34:
        length = float(min(rng.uniform(34, 62), site.length - a - 9))
        depth, height = float(rng.uniform(16, 23)), float(rng.uniform(14, 30))
        b = float(rng.uniform(9, 13)) if north else site.depth - depth - float(rng.uniform(9, 13))
        outline = site.box(a, b, length, depth)
        if length > 22 and site.cell.ground.contains_properly(outline):
            use = str(rng.choice(["office", "retail"], p=[0.6, 0.4]))
            face = b if north else b + depth
            doors = [
                (site.at(a + length / 2, face), site.heading + (-np.pi / 2 if north else np.pi / 2)),
                (
                    site.at(a + length / 3, b + depth if north else b),
                    site.heading + (np.pi / 2 if north else -np.pi / 2),
                ),
            ]
            made.structures.append(
                Structure(
                    outline,
                    f"{names[int(rng.integers(4))]}{number}座",
                    use,
                    round(height, 1),
                    round(height / 3.6),
                    doors=doors,
                )
            )
            lot = site.box(a, b + depth + 6 if north else b - 6 - 11, length, 11)
            if site.cell.ground.contains_properly(lot):
                made.lots.append((lot, "customers" if use == "retail" else "private"))
            number += 1
        a += length + float(rng.uniform(13, 20))
    made.grounds.append(Ground(site.cell.ground, "pedestrian", "临街广场", True))


def _square(site: _Site, made: Landmarks, rng: np.random.Generator) -> None:
    """The square, with a monument south of its middle."""
    del rng
    side = 12.0
    monument = site.box(site.length / 2 - side / 2, site.depth * 0.3 - side / 2, side, side)
    made.structures.append(Structure(monument, "纪念碑", "monument", 26.0, 1))
    made.grounds.append(Ground(site.cell.ground, "square", "长宁广场", True))


def _hall(site: _Site, made: Landmarks, faces_east: bool, rng: np.random.Generator) -> None:
    """A hall with a hipped roof beside the square, and a smaller one behind it."""
    length, depth = site.length - 22, site.depth * 0.5
    b = site.depth * 0.36
    name = str(rng.choice(["文化馆", "展览馆", "博物馆", "会堂"]))
    to_square = 0.0 if faces_east else np.pi
    face = site.at(11 + (length if faces_east else 0), b + depth / 2)
    made.structures.append(
        Structure(
            site.box(11, b, length, depth),
            name,
            "civic",
            24.0,
            4,
            "hipped",
            7.5,
            (site.heading + np.pi / 2) % np.pi,
            [(face, site.heading + to_square)],
        )
    )
    small = site.box(16, 14, length - 10, site.depth * 0.16)
    made.structures.append(
        Structure(
            small,
            f"{name}配楼",
            "civic",
            12.0,
            2,
            "hipped",
            4.0,
            site.heading % np.pi,
            [(site.at(site.length / 2, 14), site.heading - np.pi / 2)],
        )
    )
    made.grounds.append(Ground(site.cell.ground, "pedestrian", f"{name}前广场", True))


def _school(site: _Site, made: Landmarks, rng: np.random.Generator) -> None:
    """A walled school: teaching block, gymnasium, yard and pitch, one gate to the south."""
    del rng
    teaching = site.box(site.length * 0.12, site.depth - 24, site.length * 0.62, 14)
    gym = site.box(site.length - 34, 18, 24, 36)
    made.structures.append(
        Structure(
            teaching,
            "教学楼",
            "school",
            14.4,
            4,
            "gabled",
            2.4,
            site.heading % np.pi,
            [(site.at(site.length * 0.4, site.depth - 24), site.heading - np.pi / 2)],
        )
    )
    made.structures.append(
        Structure(
            gym,
            "体育馆",
            "school",
            11.0,
            1,
            "gabled",
            3.2,
            (site.heading + np.pi / 2) % np.pi,
            [(site.at(site.length - 34, 36), np.pi)],
        )
    )
    pitch = site.box(14, 20, site.length - 62, site.depth - 58)
    made.grounds.append(Ground(pitch, "pitch", "操场", False))
    made.grounds.append(Ground(site.cell.ground.difference(pitch), "ground", "校园", False))
    _wall_in(site, made, 6.0)


def _wall_in(site: _Site, made: Landmarks, width: float) -> None:
    """A wall round the ground with a gate in the middle of the south side."""
    fence = shapely.get_exterior_ring(site.cell.ground.buffer(-0.3, join_style="mitre"))
    south = shapely.LineString([site.at(site.length / 2, -30), site.at(site.length / 2, site.depth / 2)])
    gate = shapely.get_coordinates(fence.intersection(south))[0]
    wall = fence.difference(shapely.Point(gate).buffer(width / 2))
    made.walls.append((shapely.line_merge(wall), gate, site.heading - np.pi / 2))


def _park(site: _Site, made: Landmarks, rng: np.random.Generator) -> None:
    """A small park: a pond, and pavilions by it."""
    middle = site.at(site.length * 0.52, site.depth * 0.5)
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radius = 1 + 0.16 * np.sin(2 * turn + rng.uniform(0, 6)) + 0.1 * np.sin(3 * turn + rng.uniform(0, 6))
    shore = (
        middle
        + (radius * site.length * 0.24 * np.cos(turn))[:, None] * site.along
        + (radius * site.depth * 0.25 * np.sin(turn))[:, None] * site.across
    )
    pond = shapely.Polygon(np.round(shore, 2))
    made.grounds.append(Ground(pond, "water", "荷塘", False))
    made.grounds.append(Ground(site.cell.ground.difference(pond), "park", "荷塘公园", True))
    for a, b, wide, deep in ((0.1, 0.42, 16.0, 10.0), (0.46, 0.86, 18.0, 9.0), (0.84, 0.12, 9.0, 9.0)):
        outline = site.box(a * site.length, b * site.depth, wide, deep)
        if site.cell.ground.contains_properly(outline) and not pond.intersects(outline):
            made.structures.append(
                Structure(outline, "荷风亭", "pavilion", 6.0, 1, "hipped", 2.4, site.heading % np.pi)
            )


def _open_to_streets(plan: Plan, made: Landmarks) -> None:
    """Let ground for walking reach half a metre into the streets beside it, so that no crack parts them."""
    corridors = np.array(plan.corridors(), dtype=object)
    tree = shapely.STRtree(corridors)
    for ground in made.grounds:
        if ground.on_foot:
            rim = ground.outline.buffer(0.5, join_style="mitre")
            streets = shapely.union_all(corridors[tree.query(rim)])
            ground.outline = largest(ground.outline.union(rim.intersection(streets)).buffer(0))


def _metro(plan: Plan, made: Landmarks) -> None:
    """Exits of the metro on the footways of the avenue about the square."""
    west, _, east, _ = next(c for c in plan.cells if c.use == "square").ground.bounds
    kerb = AVENUE_WIDTH / 2 - 6.0
    for share, south in (
        (0.04, True),
        (0.96, True),
        (0.5, True),
        (-0.12, False),
        (0.4, False),
        (1.12, False),
    ):
        x = west + share * (east - west)
        made.metro.append((np.array([x, -kerb if south else kerb]), -np.pi / 2 if south else np.pi / 2))
