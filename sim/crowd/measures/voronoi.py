"""Voronoi measures: the ground that each person has to themselves, and the density and speed that follow from it.

Every place belongs to the nearest person. Person i's cell A_i is that part of the walkable ground, no farther than a
cut-off from them where one is given; their density is 1 / |A_i| (Steffen and Seyfried 2010). These measures resolve
single steps and hardly jump, which makes them the field's choice for comparing with experiments.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from scipy.spatial import Voronoi


def voronoi_cells(*, xy: np.ndarray, walkable: shapely.Geometry, cut_off: float | None = None, corners: int = 16) -> np.ndarray:
    """The cells (n,) of people at different places (n, 2) of the walkable ground.

    ``cut_off`` [m] is the radius of the circle that a cell stays within, drawn with so many ``corners``. Where walls
    part a cell, the piece that its person stands in is taken.
    """
    xy = np.asarray(xy, float).reshape(-1, 2)
    points = shapely.points(xy)
    places, which = np.unique(xy, axis=0, return_inverse=True)
    cells = _shared(_endless(places, walkable.bounds)[which], xy, which) if len(points) else np.empty(0, object)
    if cut_off is not None:
        cells = shapely.intersection(cells, shapely.buffer(points, cut_off, quad_segs=max(corners // 4, 1)))
    shapely.prepare(walkable)
    cut = ~shapely.contains_properly(walkable, cells)
    cells[cut] = shapely.intersection(cells[cut], walkable)
    apart = shapely.get_type_id(cells) != shapely.GeometryType.POLYGON
    for k in np.flatnonzero(apart):
        cells[k] = _own_piece(cells[k], points[k])
    return cells


def _endless(xy: np.ndarray, bounds: tuple[float, float, float, float]) -> np.ndarray:
    """The cells (n,) of different places (n, 2), to far beyond some bounds: eight places far off make all of them finite."""
    corners = np.concatenate([xy, np.reshape(bounds, (2, 2))])
    middle = (corners.min(0) + corners.max(0)) / 2
    angle = np.arange(8) * np.pi / 4 + 0.1
    far = 20 * (np.ptp(corners, axis=0).max() + 1) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    cells = Voronoi(np.concatenate([xy - middle, far]))
    regions = [cells.regions[k] for k in cells.point_region[:len(xy)]]
    which = np.repeat(np.arange(len(xy)), [len(region) for region in regions])
    vertices = cells.vertices[np.concatenate(regions)] + middle
    return shapely.convex_hull(shapely.multipoints(shapely.points(vertices), indices=which))


def _shared(cells: np.ndarray, xy: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Cells (n,) in which those who stand at one place have each their strip, as if they stood a micrometre beside each other."""
    for one in np.flatnonzero(np.bincount(place) > 1):
        who = np.flatnonzero(place == one)
        x0, y0, x1, y1 = cells[who[0]].bounds
        sides = np.concatenate([[x0], xy[who[0], 0] + 1e-6 * (np.arange(1, len(who)) - 0.5), [x1]])
        cells[who] = shapely.intersection(cells[who], shapely.box(sides[:-1], y0, sides[1:], y1))
    return cells


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
