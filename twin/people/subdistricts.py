"""Totals of real subdistricts: WorldPop estimates for the subdistricts of Beijing, for who wants a population of their size."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from twin.errors import BadInput


def subdistrict_totals(folder: str | PathLike[str]) -> pd.DataFrame:
    """Subdistricts with their estimated people: the names in the shapefile, and ``people`` (column 0 of the array).

    ``folder`` holds one shapefile and ``worldpop.npy`` (subdistricts, years) in the same order.
    """
    folder = Path(folder)
    shapes, counts = sorted(folder.glob("*.shp")), folder / "worldpop.npy"
    if len(shapes) != 1 or not counts.is_file():
        raise BadInput("there are not one shapefile and worldpop.npy", where=str(folder), mend="give the folder beijing_blocks")
    table = gpd.read_file(shapes[0])
    people = np.load(counts, allow_pickle=False)
    people = people.reshape(len(people), -1)[:, 0]
    if len(people) != len(table):
        raise BadInput(f"{len(table)} subdistricts have {len(people)} totals", where=str(folder),
                       mend="give both files of one release")
    made = pd.DataFrame(table.drop(columns=[table.geometry.name, "geom"], errors="ignore"))
    made["people"] = np.round(people).astype(np.int64)
    return made
