"""Dwellings: in which buildings of a district people live, how many dwellings each has, and in which zone it lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely

from twin.errors import BadInput
from twin.people.marginals import shared
from twin.places.district import District

LIVED_IN = ("residential", "apartments", "house", "detached", "terrace", "dormitory", "hutong")
ROOM_SPREAD = 0.35
"""Standard deviation of the logarithm of the floor area of the dwellings of one building."""


@dataclass(frozen=True)
class Homes:
    """Buildings that hold dwellings: a table ``building, place, zone, x, y, floor_area`` (one row each).

    ``place`` is the courtyard of the building, or the building where it has none: the smallest place that anything is
    counted for. ``zone`` is the community that it lies in.
    """

    table: pd.DataFrame

    @property
    def zones(self) -> list[str]:
        """Zones in alphabetical order."""
        return sorted(self.table["zone"].unique())


def homes(district: District, *, most: int | None = None) -> Homes:
    """The buildings of a district that people live in, the ``most`` largest of them if that is given."""
    b = district.buildings
    part = b["part_of"].notna() | (b["base"].fillna(0) < 0)
    use = b["use"].fillna("").str.lower()
    lived = ~part & (use.isin(LIVED_IN) | (use.isin(("", "retail", "mixed")) & b["courtyard"].notna()))  # shops are lived in
    if not lived.any():
        lived = ~part & (use == "")
    chosen = b[lived.to_numpy(dtype=bool)]
    if chosen.empty:
        raise BadInput("there is no building that people live in, so there are zero dwellings", where=district.name,
                       mend="give buildings the use residential, or a courtyard")
    area = chosen.geometry.area.to_numpy() * np.maximum(chosen["levels"].fillna(1).to_numpy(dtype=float), 1.0)
    middle = shapely.point_on_surface(chosen.geometry.to_numpy())
    place = chosen["courtyard"].where(chosen["courtyard"].notna(), chosen["id"])
    table = pd.DataFrame({
        "building": chosen["id"].to_numpy(), "place": place.to_numpy(), "zone": _zones(district, middle),
        "x": shapely.get_x(middle), "y": shapely.get_y(middle), "floor_area": area})
    if most is not None:
        if len(table) < most:
            raise BadInput(f"{most:,} buildings are asked, people live in {len(table):,}", where=district.name,
                           mend="ask for fewer")
        table = table.sort_values(["floor_area", "building"], ascending=[False, True]).head(most)
    return Homes(table.sort_values("building").reset_index(drop=True))


def _zones(district: District, points: np.ndarray) -> np.ndarray:
    """The community of every place; the nearest for places outside all, ``all`` where there are no communities."""
    cells = district.grids[district.grids["level"] == "community"].sort_values("id")
    if cells.empty:
        return np.full(len(points), "all", dtype=object)
    nearest = shapely.STRtree(cells.geometry.to_numpy()).query_nearest(points, all_matches=False)
    zone = np.empty(len(points), dtype=object)
    zone[nearest[0]] = cells["id"].to_numpy()[nearest[1]]
    return zone


def dwellings(found: Homes, number: int, rng: np.random.Generator) -> pd.DataFrame:
    """``number`` dwellings shared over the buildings by floor area: ``building, place, zone, floor_area`` [m2]."""
    if number < 1:
        raise BadInput("there are zero dwellings", where="population", mend="ask for at least one dwelling")
    table = found.table
    each = shared(table["floor_area"].to_numpy(), number).astype(np.int64)
    row = np.repeat(np.arange(len(table)), each)
    weight = np.exp(rng.normal(0.0, ROOM_SPREAD, number))
    whole = np.bincount(row, weights=weight, minlength=len(table))
    made = table.iloc[row][["building", "place", "zone"]].reset_index(drop=True)
    made["floor_area"] = weight / whole[row] * table["floor_area"].to_numpy()[row]
    return made
