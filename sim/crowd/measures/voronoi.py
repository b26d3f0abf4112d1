"""Voronoi measures: the ground that each person has to themselves, and the density and speed that follow from it.

Every place belongs to the nearest person. Person i's cell A_i is that part of the walkable ground, no farther than a
cut-off from them where one is given; their density is 1 / |A_i| (Steffen and Seyfried 2010). These measures resolve
single steps and hardly jump, which makes them the field's choice for comparing with experiments.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely


def voronoi_cells(*, xy: np.ndarray, walkable: shapely.Geometry, cut_off: float | None = None, corners: int = 16) -> np.ndarray:
    """The cells (n,) of people at different places (n, 2) of the walkable ground.

    ``cut_off`` [m] is the radius of the circle that a cell stays within, drawn with so many ``corners``. Where walls
    part a cell, the piece that its person stands in is taken.
    """
    points = shapely.points(_parted(np.asarray(xy, float).reshape(-1, 2)))
    if len(points) < 2:
        cells = np.full(len(points), walkable, object)
    else:
        cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(points), extend_to=walkable, ordered=True))
    if cut_off is not None:
        cells = shapely.intersection(cells, shapely.buffer(points, cut_off, quad_segs=max(corners // 4, 1)))
    shapely.prepare(walkable)
    cut = ~shapely.contains_properly(walkable, cells)
    cells[cut] = shapely.intersection(cells[cut], walkable)
    apart = shapely.get_type_id(cells) != shapely.GeometryType.POLYGON
    for k in np.flatnonzero(apart):
        cells[k] = _own_piece(cells[k], points[k])
    return cells


def _parted(xy: np.ndarray) -> np.ndarray:
    """Places (n, 2) with those who stand exactly where somebody else does a micrometre beside them."""
    _, first, twin = np.unique(xy, axis=0, return_index=True, return_inverse=True)
    double = first[twin.ravel()] != np.arange(len(xy))
    if double.any():
        xy = xy.copy()
        xy[double, 0] += 1e-6 * np.cumsum(double)[double]
    return xy


def _own_piece(cell: shapely.Geometry, person: shapely.Point) -> shapely.Polygon:
    pieces = shapely.get_parts(cell)
    pieces = pieces[shapely.get_type_id(pieces) == shapely.GeometryType.POLYGON]
    return pieces[shapely.distance(pieces, person).argmin()] if len(pieces) else shapely.Polygon()


def compute_voronoi_cells(*, tracks: pd.DataFrame, walkable: shapely.Geometry, cut_off: float | None = None,
                          corners: int = 16) -> pd.DataFrame:
    """The cell of each person in each frame of ``tracks`` (``id, frame, x, y``).

    One row a row of ``tracks``: ``id, frame, cell`` (polygon) and ``density`` [1/m2], one over the cell's area.
    """
    rows = tracks.sort_values(["frame", "id"], kind="stable")
    xy = rows[["x", "y"]].to_numpy(float)
    ends = np.flatnonzero(np.diff(rows["frame"].to_numpy())) + 1
    cells = [voronoi_cells(xy=frame, walkable=walkable, cut_off=cut_off, corners=corners)
             for frame in np.split(xy, ends) if len(frame)]
    cell = np.concatenate(cells) if cells else np.empty(0, object)
    with np.errstate(divide="ignore"):
        density = 1 / shapely.area(cell)
    return pd.DataFrame({"id": rows["id"].to_numpy(), "frame": rows["frame"].to_numpy(), "cell": cell, "density": density})


def compute_voronoi_density(*, cells: pd.DataFrame, area: shapely.Geometry) -> pd.DataFrame:
    """Density [1/m2] in an area by frame: ``frame, density``, the sum over people of |A_i ∩ M| / |A_i|, over |M|.

    ``cells`` are those of :func:`compute_voronoi_cells`; frames without anybody in sight of the area have 0.
    """
    share = shapely.area(shapely.intersection(cells["cell"].to_numpy(), area)) * cells["density"].to_numpy()
    by_frame = pd.Series(share).groupby(cells["frame"].to_numpy()).sum() / area.area
    return pd.DataFrame({"frame": by_frame.index.to_numpy(), "density": by_frame.to_numpy()})


def compute_voronoi_speed(*, cells: pd.DataFrame, speeds: pd.DataFrame, area: shapely.Geometry) -> pd.DataFrame:
    """Speed [m/s] in an area by frame: ``frame, speed, covered``.

    The speed is the mean over the part of the area that cells cover, sum of v_i |A_i ∩ M| over sum of |A_i ∩ M|, and
    ``covered`` that part's share of the area. With a cut-off less than all of an area is covered; the integral over
    the whole area that some programs give is ``speed`` times ``covered``. ``speeds`` has ``id, frame, speed``; frames
    and people without a speed are left out.
    """
    known = cells.merge(speeds[["id", "frame", "speed"]], on=["id", "frame"])
    part = shapely.area(shapely.intersection(known["cell"].to_numpy(), area))
    table = pd.DataFrame({"frame": known["frame"], "part": part, "flow": part * known["speed"]})
    sums = table[table["part"] > 0].groupby("frame").sum()
    return pd.DataFrame({"frame": sums.index.to_numpy(), "speed": (sums["flow"] / sums["part"]).to_numpy(),
                         "covered": (sums["part"] / area.area).to_numpy()})
