"""Hot spots of place and hour: where and when cases gather more than chance would have them. Never of persons.

Cases are counted in square cells and hours of the day (local). The statistic is Getis-Ord Gi* (Getis and Ord 1992,
Ord and Ord 1995 form with the cell itself) with weight 1 for the eight cells around, at the same hour and the hours
before and after::

    Gi* = (sum_j w_ij x_j - W x_mean) / (s sqrt((n sum_j w_ij^2 - W^2) / (n - 1)))

The p-value is that of a randomisation in which every case keeps its hour and is dealt out anew over the ground, every
square metre alike. It needs no drawing of lots: the sum around a cell is then binomial with the cases of the three hours
and the share of the ground that the cells around it have, so ``p`` is exact, what endless permutation would come to.
Because many cells are looked at, a hot spot also has to pass the procedure of Benjamini and Hochberg (1995) at the false
discovery rate ``q``. A cell with fewer than ``fewest`` cases is never shown, so that no single household can be made out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy import ndimage, stats

from twin.cases.indicators import FEWEST_RATINGS
from twin.errors import BadInput

MOST_BINS = 2_000_000
FEWEST = FEWEST_RATINGS
BEIJING = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class HotSpots:
    """Cells and hours that stand out: ``spots`` has ``x, y`` (centre of the cell [m]), ``hour`` (local, 0-23), ``cases``
    (in the cell and hour), ``around`` (cases with its neighbours), ``z`` (Gi*), ``p``; the strongest first.

    ``cell_m`` is the side of a cell, ``bins`` how many cells and hours were looked at, ``used`` how many cases had a
    place there and ``threshold_p`` the highest p-value that passed (0 if none did).
    """

    spots: pd.DataFrame
    cell_m: float
    bins: int
    used: int
    threshold_p: float


def hot_spots(table: pd.DataFrame, *, area: shapely.Geometry | None = None, cell_m: float = 100.0, zone: tzinfo = BEIJING,
              q: float = 0.05, fewest: int = FEWEST) -> HotSpots:
    """The hot spots of cases in a :func:`~twin.cases.indicators.case_table` whose places are in metres.

    ``area`` is the ground that cases can come from (the district's extent); without it, the box around them. Raises
    :class:`BadInput` where the cells would be too many or the places are not in metres.
    """
    if not cell_m > 0:
        raise BadInput(f"cells of {cell_m:g} m hold nothing", mend="give a side above 0 m")
    placed = table[table["x"].notna() & table["y"].notna()]
    xy = placed[["x", "y"]].to_numpy(dtype=float)
    hours = _hours(placed["reported_s"].to_numpy(), zone)
    if area is None and len(xy):
        if np.abs(xy[:, 0]).max() <= 180 and np.abs(xy[:, 1]).max() <= 90:
            raise BadInput("the places are in degrees", mend="project them to metres first")
        area = shapely.box(*xy.min(axis=0), *np.maximum(xy.max(axis=0), xy.min(axis=0) + cell_m))
    inside = shapely.intersects_xy(area, xy[:, 0], xy[:, 1]) if len(xy) else np.zeros(0, dtype=bool)
    if area is None or not inside.any():
        return HotSpots(_spots([]), cell_m, 0, 0, 0.0)
    xy, hours = xy[inside], hours[inside]
    west, south, east, north = area.bounds
    nx, ny = (max(int(np.ceil((high - low) / cell_m - 1e-9)), 1) for low, high in ((west, east), (south, north)))
    if nx * ny * 24 > MOST_BINS:
        raise BadInput(f"cells of {cell_m:g} m make {nx * ny * 24:,} cells and hours", mend="widen the cells")
    column = np.minimum(((xy[:, 0] - west) // cell_m).astype(int), nx - 1)
    row = np.minimum(((xy[:, 1] - south) // cell_m).astype(int), ny - 1)
    counts = np.zeros((24, ny, nx))
    np.add.at(counts, (hours, row, column), 1)
    return _found(counts, _ground(area, cell_m, nx, ny), (west, south), cell_m, q, fewest)


def _hours(seconds: NDArray[np.float64], zone: tzinfo) -> NDArray[np.int64]:
    moments = pd.to_datetime(pd.Series(seconds), unit="s", utc=True)
    return moments.dt.tz_convert(zone).dt.hour.to_numpy(dtype=np.int64)


def _ground(area: shapely.Geometry, cell: float, nx: int, ny: int) -> NDArray[np.float64]:
    """Ground that lies in each cell [m2]: (rows, columns)."""
    west, south, _, _ = area.bounds
    x0, y0 = np.meshgrid(west + cell * np.arange(nx), south + cell * np.arange(ny))
    shapely.prepare(area)
    return np.asarray(shapely.area(shapely.intersection(area, shapely.box(x0, y0, x0 + cell, y0 + cell))))


def _found(counts: NDArray[np.float64], ground: NDArray[np.float64], corner: tuple[float, float], cell: float, q: float,
           fewest: int) -> HotSpots:
    bins = np.broadcast_to((ground > 0) | (counts.sum(axis=0) > 0), counts.shape)
    values = counts[bins]
    used, n = int(values.sum()), len(values)
    spread = float(values.std())
    if spread == 0:
        return HotSpots(_spots([]), cell, n, used, 0.0)
    weight = _around(bins.astype(float))[bins]
    around = np.rint(_around(counts)[bins])
    scale = spread * np.sqrt(np.maximum(n * weight - weight**2, 0) / (n - 1))
    z = np.divide(around - weight * values.mean(), scale, out=np.zeros(n), where=scale > 0)
    share = _around(np.broadcast_to(ground / ground.sum(), counts.shape))[bins] / 3
    per_hour = counts.sum(axis=(1, 2))
    hour, row, column = np.nonzero(bins)
    cases = (per_hour + np.roll(per_hour, 1) + np.roll(per_hour, -1))[hour]
    p = stats.binom.sf(around - 1, cases, np.clip(share, 0, 1))
    ranked = np.sort(p)
    passing = ranked[ranked <= q * np.arange(1, n + 1) / n]
    threshold = float(passing[-1]) if len(passing) else 0.0
    hot = np.flatnonzero((p <= threshold) & (values >= fewest) & (z > 0))
    hot = hot[np.argsort(-z[hot], kind="stable")]
    spots = [{"x": corner[0] + (column[i] + 0.5) * cell, "y": corner[1] + (row[i] + 0.5) * cell, "hour": int(hour[i]),
              "cases": int(values[i]), "around": int(around[i]), "z": float(z[i]), "p": float(p[i])} for i in hot]
    return HotSpots(_spots(spots), cell, n, used, threshold)


def _around(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over the cell, its eight neighbours and the hours before and after; hours go round, the edge of the map does not."""
    total = ndimage.uniform_filter1d(counts, 3, axis=0, mode="wrap")
    for axis in (1, 2):
        total = ndimage.uniform_filter1d(total, 3, axis=axis, mode="constant")
    return np.asarray(27 * total)


def _spots(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["x", "y", "hour", "cases", "around", "z", "p"])
