"""Overlapping grids over one place: which cells of which schemes a place lies in, who is responsible, what is amiss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, vstack

from twin.errors import BadInput
from twin.places.district import District

SCHEMES = ("household", "functional", "residential", "video")
LEVELS = ("district", "subdistrict", "community", "grid", "courtyard")
PLACE_LEVEL = "courtyard"
SMALL = 1.0
"""Overlaps and gaps below this are drawing errors [m2]."""


@dataclass(frozen=True)
class Schemes:
    """The cells of all schemes over the places of a district.

    ``cells`` has ``id, scheme, level, parent, name`` and ``geometry``, coarse levels first; ``places`` are the ids of the
    courtyards (or buildings) that people are counted for; ``inside`` (cells, places) says which lie in which cell.
    """

    cells: pd.DataFrame
    places: NDArray[np.object_]
    inside: csr_array

    @classmethod
    def of(cls, district: District, places: Sequence[str] | None = None) -> Schemes:
        """The schemes of a district over its courtyards, or over the given courtyards and buildings.

        A place lies in every cell that holds its representative point. Courtyards are the finest cells of the household
        scheme; where a district has no grids at all they lie in one cell, the district.
        """
        shapes = _shapes(district, places)
        points = shapely.point_on_surface(shapes.to_numpy())
        grids = district.grids[["id", "scheme", "level", "parent", "name", "geometry"]]
        if grids.empty:
            whole = shapely.box(*shapely.total_bounds(shapes.to_numpy()))
            grids = pd.DataFrame([["district", "household", "district", None, district.name, whole]], columns=list(grids.columns))
        order = pd.DataFrame({"s": grids["scheme"].map(SCHEMES.index), "l": grids["level"].map(LEVELS.index), "id": grids["id"]})
        cells = pd.DataFrame(grids.loc[order.sort_values(["s", "l", "id"]).index]).reset_index(drop=True)
        cell, place = shapely.STRtree(points).query(cells["geometry"].to_numpy(), predicate="intersects")
        finest = cells.index[(cells["scheme"] == "household") & (cells["level"] != PLACE_LEVEL)]
        parent = np.full(len(shapes), None, dtype=object)
        for k in finest:  # finer levels come later and take over
            parent[place[cell == k]] = cells["id"][k]
        own = pd.DataFrame({"id": shapes.index, "scheme": "household", "level": PLACE_LEVEL, "parent": parent,
                            "name": shapes.index, "geometry": shapes.to_numpy()})
        n = len(shapes)
        own = own[~own["id"].isin(cells["id"])]
        pairs = coo_array((np.ones(len(cell), bool), (cell, place)), shape=(len(cells), n))
        alone = coo_array((np.ones(len(own), bool), (np.arange(len(own)), own.index)), shape=(len(own), n))
        return cls(pd.concat([cells, own], ignore_index=True), shapes.index.to_numpy(dtype=object),
                   csr_array(vstack([pairs, alone])))

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Row of every cell by its id."""
        return {name: k for k, name in enumerate(self.cells["id"])}

    def rows(self, scheme: str, level: str) -> NDArray[np.int64]:
        """Rows of the cells of one scheme and level, or :class:`BadInput` with those that there are."""
        chosen = np.flatnonzero(((self.cells["scheme"] == scheme) & (self.cells["level"] == level)).to_numpy())
        if not len(chosen):
            there = sorted({f"{s}/{lv}" for s, lv in zip(self.cells["scheme"], self.cells["level"], strict=True)})
            raise BadInput(f"there are no cells of {scheme}/{level}", where="schemes", mend=f"take {', '.join(there)}")
        return chosen

    def responsible(self, district: District, object_id: str) -> pd.DataFrame:
        """Which cell of every scheme and level answers for an object: ``scheme, level, cell, name, share, how``.

        A point belongs to the cell that it lies in, anything larger to the cell that holds most of it (``share``); what lies
        in no cell of a scheme is answered for by the nearest (``how`` is nearest, ``share`` 0).
        """
        _, row = district.find(object_id)
        shape = row.geometry
        drawn = self.cells[self.cells["level"] != PLACE_LEVEL]
        rows = []
        for (scheme, level), group in drawn.groupby(["scheme", "level"], sort=False):
            shapes = group["geometry"].to_numpy()
            share = _share(shape, shapes)
            best = int(np.argmax(share))
            how = "inside" if share[best] > 0.999 else "most of it"
            if share[best] <= 0:
                best, how = int(np.argmin(shapely.distance(shapes, shape))), "nearest"
            rows.append({"scheme": scheme, "level": level, "cell": group["id"].iloc[best], "name": group["name"].iloc[best],
                         "share": float(share[best]), "how": how})
        return pd.DataFrame(rows)

    def gaps(self, scheme: str, level: str = "grid") -> tuple[list[str], float]:
        """Places that lie in no cell of a scheme and level, and the area of the district that none covers [m2]."""
        rows = self.rows(scheme, level)
        uncovered = self.places[~np.asarray(self.inside[rows].sum(axis=0) > 0).ravel()]
        whole = shapely.union_all(self.cells.loc[self.cells["level"] == "district", "geometry"].to_numpy())
        missing = whole.difference(shapely.union_all(self.cells["geometry"].to_numpy()[rows]))
        return [str(p) for p in uncovered], float(missing.area)

    def conflicts(self, scheme: str, level: str = "grid") -> pd.DataFrame:
        """Pairs of cells of one scheme and level that claim the same ground: ``first, second, area`` [m2], ``places``."""
        rows = self.rows(scheme, level)
        shapes, ids = self.cells["geometry"].to_numpy()[rows], self.cells["id"].to_numpy()[rows]
        a, b = shapely.STRtree(shapes).query(shapes, predicate="intersects")
        a, b = a[a < b], b[a < b]
        area = shapely.area(shapely.intersection(shapes[a], shapes[b]))
        both = np.asarray((self.inside[rows][a].multiply(self.inside[rows][b])).sum(axis=1)).ravel()
        found = pd.DataFrame({"first": ids[a], "second": ids[b], "area": area, "places": both.astype(int)})
        return found[found["area"] > SMALL].sort_values("area", ascending=False).reset_index(drop=True)

    def problems(self) -> pd.DataFrame:
        """Gaps and conflicts of every scheme and level above the courtyard, one row each.

        Columns ``scheme, level, units, places_in_none, uncovered_m2, claimed_twice`` (pairs of cells), ``places_in_two,
        beyond_parent`` (cells).
        """
        drawn = self.cells[self.cells["level"] != PLACE_LEVEL]
        outside, rows = set(self.misnested()), []
        for (scheme, level), group in drawn.groupby(["scheme", "level"], sort=False):
            missing, area = self.gaps(scheme, level)
            clash = self.conflicts(scheme, level)
            twice = np.asarray(self.inside[self.rows(scheme, level)].sum(axis=0)).ravel() > 1
            rows.append({"scheme": scheme, "level": level, "units": len(group), "places_in_none": len(missing),
                         "uncovered_m2": area, "claimed_twice": len(clash), "places_in_two": int(twice.sum()),
                         "beyond_parent": len(outside & set(group["id"]))})
        return pd.DataFrame(rows)

    def misnested(self) -> list[str]:
        """Cells that are not inside the parent which they name: ids."""
        out = []
        for name, parent, shape in zip(self.cells["id"], self.cells["parent"], self.cells["geometry"], strict=True):
            if parent in self.row_of:
                around = self.cells["geometry"][self.row_of[parent]]
                if shape.difference(around.buffer(0.01)).area > SMALL:
                    out.append(name)
        return out


def _shapes(district: District, places: Sequence[str] | None) -> pd.Series:
    """Geometry of places by id."""
    known = pd.concat([pd.Series(t.geometry.to_numpy(), index=t["id"].to_numpy(), dtype=object)
                       for t in (district.courtyards, district.buildings)])
    if places is None:
        places = list(district.courtyards["id"]) or list(district.buildings["id"])
    wanted = sorted(set(places))
    missing = [p for p in wanted if p not in known.index]
    if missing:
        raise BadInput(f"the place {missing[0]!r} is in no table", where=district.name,
                       mend="make the population for this district")
    if not wanted:
        raise BadInput("there are no courtyards and no buildings", where=district.name, mend="import them")
    return known.loc[wanted]


def _share(shape: shapely.Geometry, cells: NDArray[np.object_]) -> NDArray[np.float64]:
    """Share of a geometry that lies in each cell: (n,) in 0 to 1."""
    if shape.area > 0:
        return shapely.area(shapely.intersection(cells, shape)) / shape.area
    if shape.length > 0:
        return shapely.length(shapely.intersection(cells, shape)) / shape.length
    return shapely.intersects(cells, shape).astype(float)
