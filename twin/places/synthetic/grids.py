"""Administrative grids in four schemes over the same ground.

Household grids are runs of neighbouring blocks with about as many courtyards each; residential grids are
cut from the same blocks the other way round, so that the two overlap; functional grids follow what the
ground is used for; video grids are what each camera sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from twin.places.synthetic.plan import Plan, largest
from twin.places.synthetic.plots import apportion


@dataclass
class Grid:
    """A cell of a scheme."""

    id: str
    scheme: str
    level: str
    parent: str | None
    name: str
    outline: shapely.Geometry


@dataclass
class _Face:
    """Ground between centre lines, with the community it is in and how many courtyards stand on it."""

    outline: shapely.Polygon
    community: int
    courtyards: int
    middle: np.ndarray


def make_grids(
    plan: Plan,
    courtyards: np.ndarray,
    names: list[str],
    grids: int,
    residential: int,
    views: list[shapely.Polygon],
) -> tuple[list[Grid], list[str]]:
    """All grids, and for every courtyard (polygons ``(n,)``) the id of its household grid."""
    faces = _faces(plan, courtyards)
    whole = shapely.union_all(plan.communities)
    made = [
        Grid("district-01", "household", "district", None, "西城示范区", whole),
        Grid("subdistrict-01", "household", "subdistrict", "district-01", "西长宁街道", whole),
    ]
    made += [
        Grid(f"community-{k + 1:02d}", "household", "community", "subdistrict-01", name, outline)
        for k, (name, outline) in enumerate(zip(names, plan.communities, strict=True))
    ]
    household = _runs_of_blocks(faces, len(names), grids, turned=False)
    for number, (community, outline) in enumerate(household, start=1):
        made.append(
            Grid(
                f"grid-{number:02d}",
                "household",
                "grid",
                f"community-{community + 1:02d}",
                f"第{number}网格",
                outline,
            )
        )
    made.append(Grid("residential-district", "residential", "district", None, "居住管理区", whole))
    for number, (_, outline) in enumerate(
        _runs_of_blocks(faces, len(names), residential, turned=True), start=1
    ):
        made.append(
            Grid(
                f"residential-{number:02d}",
                "residential",
                "grid",
                "residential-district",
                f"居住片区{number}",
                outline,
            )
        )
    made += _functional(plan, whole)
    made.append(Grid("video-district", "video", "district", None, "视频覆盖区", whole))
    made += [
        Grid(f"video-{k:03d}", "video", "grid", "video-district", f"视频网格{k}", view)
        for k, view in enumerate(views, start=1)
    ]
    return made, _grid_of(courtyards, [outline for _, outline in household])


def _grid_of(courtyards: np.ndarray, cells: list[shapely.Geometry]) -> list[str]:
    inside = shapely.points(np.array([p.representative_point().coords[0] for p in courtyards]))
    point, cell = shapely.STRtree(cells).query(inside, predicate="within")
    ids = np.full(len(courtyards), "", dtype=object)
    ids[point] = [f"grid-{k + 1:02d}" for k in cell]
    return list(ids)


def _faces(plan: Plan, courtyards: np.ndarray) -> list[_Face]:
    """The blocks of the plan with the number of courtyards that stand on each."""
    outlines = np.array([outline for outline, _ in plan.blocks], dtype=object)
    points = shapely.point_on_surface(courtyards)
    _, face = shapely.STRtree(outlines).query(points, predicate="within")
    numbers = np.bincount(face, minlength=len(outlines))
    return [
        _Face(outline, community, int(n), shapely.get_coordinates(shapely.centroid(outline))[0])
        for (outline, community), n in zip(plan.blocks, numbers, strict=True)
    ]


def _runs_of_blocks(
    faces: list[_Face], communities: int, total: int, turned: bool
) -> list[tuple[int, shapely.Geometry]]:
    """Cut communities into groups of blocks, ``total`` in all, with about as many courtyards each."""
    inside = [[f for f in faces if f.community == k] for k in range(communities)]
    numbers = apportion(np.array([sum(f.courtyards for f in block) + 1 for block in inside]), total)
    numbers = _no_more_than([len(block) for block in inside], numbers)
    return [
        (k, shapely.union_all([f.outline for f in group]))
        for k, (block, number) in enumerate(zip(inside, numbers, strict=True))
        for group in _halve(block, int(number), turned)
    ]


def _no_more_than(most: list[int], numbers: np.ndarray) -> np.ndarray:
    """Move runs from communities that have too few blocks for them to those with blocks to spare."""
    numbers = numbers.copy()
    spare = np.array(most) - numbers
    while spare.min() < 0 and spare.max() > 0:
        numbers[np.argmin(spare)] -= 1
        numbers[np.argmax(spare)] += 1
        spare = np.array(most) - numbers
    return np.minimum(numbers, most)


def _halve(faces: list[_Face], number: int, turned: bool) -> list[list[_Face]]:
    """Cut a group of blocks in two by a straight order, again and again, until there are ``number`` groups.

    Of all cuts the one is taken that keeps both sides in one piece and their courtyards in proportion.
    """
    if number == 1:
        return [faces]
    first = number // 2
    share = first / number * sum(f.courtyards for f in faces)
    best: tuple[float, list[_Face], list[_Face]] | None = None
    for direction in ((1.0, 0.2), (0.2, -1.0), (0.7, 0.7), (0.7, -0.7)):
        ordered = sorted(faces, key=lambda f, d=direction: float(f.middle @ np.array(d)))  # type: ignore[misc]
        have = np.cumsum([f.courtyards for f in ordered])
        for cut in range(first, len(faces) - (number - first) + 1):
            off = abs(float(have[cut - 1]) - share) + (0.0 if (direction[0] > 0.5) == turned else 2.0)
            if best is not None and off >= best[0]:
                continue
            sides = ordered[:cut], ordered[cut:]
            off += 40.0 * sum(
                shapely.union_all([f.outline for f in side]).geom_type != "Polygon" for side in sides
            )
            if best is None or off < best[0]:
                best = (off, *sides)
    assert best is not None
    return _halve(best[1], first, turned) + _halve(best[2], number - first, turned)


_FUNCTIONS = {
    "square": "广场功能区",
    "hall": "文化功能区",
    "slabs": "商务功能区",
    "school": "教育功能区",
    "park": "公园功能区",
}


def _functional(plan: Plan, whole: shapely.Geometry) -> list[Grid]:
    """Cells for the square, halls, offices, school and park, and one for what is left of each community."""
    made = [Grid("functional-district", "functional", "district", None, "功能区", whole)]
    taken = []
    for use, name in _FUNCTIONS.items():
        outlines = [cell.outline for cell in plan.cells if cell.use == use]
        if not outlines:
            continue
        for number, outline in enumerate(outlines, start=1):
            made.append(
                Grid(
                    f"functional-{use}-{number}",
                    "functional",
                    "grid",
                    "functional-district",
                    name if len(outlines) == 1 else f"{name}{number}",
                    outline,
                )
            )
        taken += outlines
    used = shapely.union_all(taken)
    for number, community in enumerate(plan.communities, start=1):
        rest = largest(community.difference(used))
        if rest.area > 500:
            made.append(
                Grid(
                    f"functional-quarter-{number:02d}",
                    "functional",
                    "grid",
                    "functional-district",
                    f"胡同风貌区{number}",
                    rest,
                )
            )
    return made
