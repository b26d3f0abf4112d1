"""Rows of a district's tables, and differences of runs' maps, as the pages and the API show them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import shapely

from sim.run import Run
from twin.errors import BadInput
from twin.places import District
from twin.places.tables import TABLES

FOUND = 12  # hits that a search shows


def table_rows(district: District, table: str, offset: int = 0, limit: int | None = None) -> list[dict[str, Any]]:
    """Rows of a table without geometry; ``x`` and ``y`` are a point inside each in local metres."""
    frame = district.tables[table]
    part = frame.iloc[offset:None if limit is None else offset + limit]
    inside = shapely.get_coordinates(shapely.point_on_surface(part.geometry.to_numpy())) - np.array(district.origin)
    columns: dict[str, list[Any]] = {}
    for name in TABLES[table].column_names:
        if name != "geometry":
            columns[name] = _plain_column(part[name])
    if len(inside) == len(part):
        columns["x"], columns["y"] = np.round(inside, 1).T.tolist() if len(part) else ([], [])
    names = list(columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _plain_column(values: pd.Series) -> list[Any]:
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        texts = values.dt.strftime("%Y-%m-%d")
        return [None if missing else text for text, missing in zip(texts, values.isna(), strict=True)]
    if values.dtype.kind == "f":
        values = values.round(3)
    return values.astype("object").where(values.notna(), None).tolist()


def object_row(district: District, object_id: str) -> dict[str, Any]:
    """One object: table, row, local point, bounds in local metres and geometry (GeoJSON in the district's CRS)."""
    table, row = district.find(object_id)
    frame = district.tables[table]
    index = int(np.flatnonzero((frame["id"] == object_id).to_numpy())[0])
    values = table_rows(district, table, index, 1)[0]
    x0, y0 = district.origin
    west, south, east, north = row.geometry.bounds
    return {"table": table, "row": values, "bounds": [west - x0, south - y0, east - x0, north - y0],
            "geometry": json.loads(shapely.to_geojson(row.geometry))}


def search(district: District, words: str) -> list[dict[str, str]]:
    """Objects whose id, name or address holds the words, those that begin with them first."""
    wanted = words.strip().lower()
    if not wanted:
        return []
    hits: list[tuple[int, int, dict[str, str]]] = []
    for table in ("courtyards", "streets", "areas", "buildings", "parts", "bays", "grids", "entrances", "zones"):
        frame = district.tables[table]
        texts = [frame[column].fillna("").astype(str) for column in ("id", "name", "address") if column in frame]
        if not texts or not len(frame):
            continue
        found = np.zeros(len(frame), bool)
        first = np.zeros(len(frame), bool)
        for column in texts:
            lower = column.str.lower()
            found |= lower.str.contains(wanted, regex=False).to_numpy()
            first |= lower.str.startswith(wanted).to_numpy()
        for k in np.flatnonzero(found)[:FOUND * 4]:
            said = next((str(column.iloc[k]) for column in reversed(texts) if column.iloc[k]), "")
            hits.append(
                (0 if first[k] else 1, len(hits), {"id": str(frame["id"].iloc[k]), "table": table, "name": said})
            )
    return [hit for _, _, hit in sorted(hits, key=lambda h: h[:2])[:FOUND]]


def map_difference(a: Run, b: Run, which: str) -> np.ndarray:
    """Map of run ``a`` minus that of ``b`` (rows, columns) on the grid of ``a``; NaN where either is unknown.

    Raises :class:`BadInput` where the grids do not lie on one another cell by cell.
    """
    left, right = a.maps(), b.maps()
    cell = float(left["cell"])
    shift = (right["origin"] - left["origin"]) / cell
    if float(right["cell"]) != cell or np.abs(shift - np.round(shift)).max() > 0.01:
        raise BadInput(
            f"the maps of {a.name} and {b.name} have different grids", mend="rehearse both with the same `cell`"
        )
    column, row = round(float(shift[0])), round(float(shift[1]))
    known = which in ("speed_mean", "travel_time")
    fill = np.nan if known else 0.0
    rows, columns = left[which].shape
    other = np.full((rows, columns), fill, np.float32)
    theirs = right[which]
    r0, c0 = max(row, 0), max(column, 0)
    r1, c1 = min(row + theirs.shape[0], rows), min(column + theirs.shape[1], columns)
    if r1 > r0 and c1 > c0:
        other[r0:r1, c0:c1] = theirs[r0 - row:r1 - row, c0 - column:c1 - column]
    return left[which] - other
