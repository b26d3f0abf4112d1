"""Density and speed in the measured areas of an experiment by Voronoi cells, second by second."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import shapely

from sim.crowd.measures.voronoi import compute_voronoi_cells, compute_voronoi_density, compute_voronoi_speed
from sim.run import Frame

CUT_OFF = 1.0
"""Radius that nobody's Voronoi cell exceeds [m]."""
COLUMNS = ["time_s", "area", "people", "density", "voronoi_density", "voronoi_speed"]


class AreaWatch:
    """Looks at areas once a second.

    ``areas`` are parts of the ``walkable`` ground by name; frames count from ``origin``. A cell reaches at most
    :data:`CUT_OFF`, so people farther than three times that from an area cannot change what is measured in it.
    """

    def __init__(self, areas: Mapping[str, shapely.Geometry], walkable: shapely.Geometry, origin: tuple[float, float]) -> None:
        self._areas, self._walkable, self._origin = areas, walkable, np.asarray(origin)
        self._near = {name: area.buffer(3 * CUT_OFF) for name, area in areas.items()}
        for shape in (*self._areas.values(), *self._near.values()):
            shapely.prepare(shape)
        self._rows: list[tuple[float, str, int, float, float, float]] = []

    def look(self, frame: Frame) -> None:
        """Take in a second."""
        xy = frame.xy.astype(float) + self._origin
        for name, area in self._areas.items():
            inside = int(shapely.contains_xy(area, xy[:, 0], xy[:, 1]).sum())
            near = shapely.contains_xy(self._near[name], xy[:, 0], xy[:, 1])
            density, speed = self._voronoi(area, xy[near], frame.speed[near])
            self._rows.append((frame.time_s, name, inside, inside / area.area, density, speed))

    def _voronoi(self, area: shapely.Geometry, xy: np.ndarray, speed: np.ndarray) -> tuple[float, float]:
        people = pd.DataFrame({"id": np.arange(len(xy)), "frame": 0, "x": xy[:, 0], "y": xy[:, 1], "speed": speed})
        cells = compute_voronoi_cells(tracks=people, walkable=self._walkable, cut_off=CUT_OFF)
        density = compute_voronoi_density(cells=cells, area=area)["density"]
        there = compute_voronoi_speed(cells=cells, speeds=people, area=area)["speed"]
        return (float(density.iloc[0]) if len(density) else 0.0, float(there.iloc[0]) if len(there) else np.nan)

    def table(self) -> pd.DataFrame:
        """One row a second and area: ``time_s, area, people, density`` (people over the area), ``voronoi_density``
        [1/m2], ``voronoi_speed`` [m/s], NaN where nobody's cell reaches the area."""
        return pd.DataFrame(self._rows, columns=COLUMNS)

    def measures(self) -> dict[str, float]:
        """``voronoi_density`` and ``voronoi_speed`` of each area: means over the seconds from the first to the last in
        which somebody's cell reached it, speed weighted by density."""
        table, found = self.table(), {}
        for name in self._areas:
            rows = table[table["area"] == name]
            there = np.flatnonzero(rows["voronoi_density"].to_numpy() > 0)
            span = rows.iloc[there[0]:there[-1] + 1] if len(there) else rows.iloc[:0]
            density, speed = span["voronoi_density"].to_numpy(), span["voronoi_speed"].to_numpy()
            known = np.isfinite(speed)
            found[f"voronoi_density:{name}"] = float(density.mean()) if len(there) else 0.0
            found[f"voronoi_speed:{name}"] = (
                float((speed[known] * density[known]).sum() / density[known].sum()) if known.any() else np.nan)
        return found
