"""Totals of real subdistricts: WorldPop estimates for the subdistricts of Beijing, for who wants a population of their size."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from twin.errors import BadInput
from twin.people.marginals import LIVED_IN, MEAN_SIZE, Size


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


def subdistrict_size(folder: str | PathLike[str], name: str) -> Size:
    """How large a population of a subdistrict is to be: its people, in households and dwellings as in the built-in district.

    ``name`` is one of the names in the shapefile, or several of them with a slash between (``东城区/景山街道``) where one
    alone is not enough. Raises :class:`BadInput` for a name that fits none, or more than one.
    """
    table = subdistrict_totals(folder)
    names = table.drop(columns="people").astype(str)
    fits = np.ones(len(table), bool)
    for part in name.split("/"):
        fits &= (names == part.strip()).any(axis=1).to_numpy()
    if fits.sum() != 1:
        some = "/".join(names[fits].iloc[0, -2:]) if fits.any() else "/".join(names.iloc[0, -2:])
        raise BadInput(f"{int(fits.sum())} subdistricts are called {name!r}", where=str(folder), mend=f"write it like {some}")
    people = int(table["people"].to_numpy()[fits][0])
    households = max(1, round(people / MEAN_SIZE))
    return Size(people, households, max(1, round(households / LIVED_IN)))
