"""A district: the tables of one place in one projected metric CRS, kept in a GeoPackage."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from pyproj import CRS

from twin.errors import BadInput
from twin.places.tables import COMMON, TABLES, Column, Table

FORMAT = 1
LOCAL_METRES = CRS.from_wkt(
    'ENGCRS["Local metres",EDATUM["Local"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["metre",1]]')
"""The CRS of floor plans and bare experiments, which lie nowhere on the earth."""
_DTYPES = {"text": "object", "real": "float64", "integer": "Int64", "truth": "boolean", "time": "datetime64[ms, UTC]"}


def table_frame(name: str, rows: Sequence[Mapping[str, Any]], crs: CRS, *, source: str | None = None,
                observed_at: datetime | None = None) -> gpd.GeoDataFrame:
    """Make a table from rows.

    Each row is a mapping of column names to values with at least ``id`` and ``geometry``; columns that a row
    lacks are null, ``source`` and ``observed_at`` fill in where a row has none. Unknown columns are an error.
    """
    table = TABLES[name]
    unknown = {key for row in rows for key in row} - set(table.column_names)
    if unknown:
        raise ValueError(f"table {name} has no column {', '.join(sorted(unknown))}")
    data = {column: [row.get(column) for row in rows] for column in table.column_names}
    frame = gpd.GeoDataFrame(data, geometry="geometry", crs=crs)
    if source is not None:
        frame["source"] = frame["source"].where(frame["source"].notna(), source)
    if observed_at is not None:
        frame["observed_at"] = frame["observed_at"].where(frame["observed_at"].notna(), pd.Timestamp(observed_at))
    return _typed(frame, table)


def _typed(frame: gpd.GeoDataFrame, table: Table) -> gpd.GeoDataFrame:
    """Give every column of the table its type, in the order of the schema."""
    out = frame.reindex(columns=table.column_names)
    for column in (*COMMON, *table.columns):
        out[column.name] = _column(out[column.name], column)
    return gpd.GeoDataFrame(out, geometry="geometry", crs=frame.crs).reset_index(drop=True)


def _column(values: pd.Series, column: Column) -> pd.Series:
    if column.kind == "time":
        return pd.to_datetime(values, utc=True).astype(_DTYPES["time"])
    if column.kind == "text":
        return values.astype("object").where(values.notna(), None)
    return values.astype(_DTYPES[column.kind])


@dataclass(repr=False)
class District:
    """One place. ``tables`` has a GeoDataFrame for every name in :data:`twin.places.tables.TABLES`.

    All geometry is in ``crs``, a projected CRS in metres. ``origin`` is the (x, y) that local coordinates, such as
    those of scenes and recorded frames, count from.
    """

    name: str
    crs: CRS
    tables: dict[str, gpd.GeoDataFrame] = field(default_factory=dict)
    attribution: str = ""
    extent: shapely.Polygon | None = None

    def __post_init__(self) -> None:
        self.crs = require_metric(CRS.from_user_input(self.crs))
        for name in TABLES:
            self.tables.setdefault(name, table_frame(name, [], self.crs))

    def __repr__(self) -> str:
        return f"District({self.name!r}, {self.crs.to_string()[:40]}, {self.counts()})"

    @property
    def buildings(self) -> gpd.GeoDataFrame:
        """The table of buildings."""
        return self.tables["buildings"]

    @property
    def courtyards(self) -> gpd.GeoDataFrame:
        """The table of courtyards."""
        return self.tables["courtyards"]

    @property
    def entrances(self) -> gpd.GeoDataFrame:
        """The table of entrances."""
        return self.tables["entrances"]

    @property
    def parts(self) -> gpd.GeoDataFrame:
        """The table of grid parts."""
        return self.tables["parts"]

    @property
    def streets(self) -> gpd.GeoDataFrame:
        """The table of streets."""
        return self.tables["streets"]

    @property
    def bays(self) -> gpd.GeoDataFrame:
        """The table of parking bays and lots."""
        return self.tables["bays"]

    @property
    def areas(self) -> gpd.GeoDataFrame:
        """The table of squares, parks, water and other ground."""
        return self.tables["areas"]

    @property
    def grids(self) -> gpd.GeoDataFrame:
        """The table of administrative grid cells."""
        return self.tables["grids"]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the stated extent, else of everything in the tables [m]."""
        if self.extent is not None:
            return self.extent.bounds
        boxes = [t.total_bounds for t in self.tables.values() if len(t)]
        if not boxes:
            return (0.0, 0.0, 0.0, 0.0)
        low, high = np.min(boxes, axis=0), np.max(boxes, axis=0)
        return (float(low[0]), float(low[1]), float(high[2]), float(high[3]))

    @property
    def origin(self) -> tuple[float, float]:
        """Centre of the bounds, rounded to whole metres: local coordinates count from here."""
        west, south, east, north = self.bounds
        return (float(round((west + east) / 2)), float(round((south + north) / 2)))

    def find(self, object_id: str) -> tuple[str, pd.Series]:
        """Return the table name and the row of an object, or raise :class:`BadInput` with near misses."""
        for name, frame in self.tables.items():
            hit = frame.index[frame["id"] == object_id]
            if len(hit):
                return name, frame.loc[hit[0]]
        close = self._close_ids(object_id)
        mend = f"did you mean {' or '.join(close)}?" if close else "look it up with `hutong district show`"
        raise BadInput(f"there is no object {object_id!r}", where=self.name, mend=mend)

    def _close_ids(self, object_id: str) -> list[str]:
        from difflib import get_close_matches
        ids = [i for frame in self.tables.values() for i in frame["id"]]
        return get_close_matches(object_id, ids, n=2, cutoff=0.7)

    def counts(self) -> dict[str, int]:
        """Number of rows of every table."""
        return {name: len(frame) for name, frame in self.tables.items()}

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the district as a GeoPackage, first under another name, then in one move."""
        path = Path(path)
        require_unique_ids(self.tables.values(), where=str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            draft = Path(folder) / "district.gpkg"
            for name, table in TABLES.items():
                _write_table(draft, self.tables[name], table)
            pyogrio.write_dataframe(self._about(), draft, layer="about", driver="GPKG")
            draft.replace(path)
        return path

    def _about(self) -> pd.DataFrame:
        extent = self.extent.wkt if self.extent is not None else ""
        return pd.DataFrame([{"format": FORMAT, "name": self.name, "crs": self.crs.to_string(), "extent": extent,
                              "attribution": self.attribution, "written_at": datetime.now(UTC).isoformat()}])

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> District:
        """Read a district from its GeoPackage."""
        path = Path(path)
        if not path.is_file():
            raise BadInput("there is no such file", where=str(path),
                           mend="import a map with `hutong district import MAP -o DISTRICT.gpkg`")
        try:
            layers = set(pyogrio.list_layers(path)[:, 0])
        except pyogrio.errors.DataSourceError as error:
            raise BadInput("this is not a GeoPackage", where=str(path),
                           mend="make one with `hutong district import`") from error
        if "about" not in layers:
            raise BadInput("this GeoPackage was not made by Hutong", where=str(path),
                           mend="bring it in with `hutong district import`")
        about = pyogrio.read_dataframe(path, layer="about").iloc[0]
        if int(about["format"]) > FORMAT:
            raise BadInput(f"this district has format {about['format']}, this Hutong reads up to {FORMAT}",
                           where=str(path), mend="update Hutong")
        crs = CRS.from_user_input(about["crs"])
        tables = {name: _read_table(path, table, crs) for name, table in TABLES.items() if name in layers}
        extent = shapely.from_wkt(about["extent"]) if about["extent"] else None
        return cls(about["name"], crs, tables, attribution=about["attribution"] or "", extent=extent)


def _write_table(path: Path, frame: gpd.GeoDataFrame, table: Table) -> None:
    geometry_type = None if len(frame) else ("Point" if "Point" in table.geometry else table.geometry[-1])
    if len(frame) and frame.geometry.geom_type.nunique() > 1:
        geometry_type = "Unknown"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        pyogrio.write_dataframe(frame, path, layer=table.name, driver="GPKG", geometry_type=geometry_type,
                                append=path.exists())


def _read_table(path: Path, table: Table, crs: CRS) -> gpd.GeoDataFrame:
    frame = pyogrio.read_dataframe(path, layer=table.name, use_arrow=True)
    return _typed(gpd.GeoDataFrame(frame, geometry="geometry", crs=crs), table)


def require_metric(crs: CRS, where: str | None = None) -> CRS:
    """Return the CRS if it is projected with metres on both axes, else raise :class:`BadInput`."""
    units = {axis.unit_name for axis in crs.axis_info[:2]}
    if not crs.is_projected and not crs.is_engineering:
        raise BadInput(f"{crs.name} counts in degrees", where=where,
                       mend="give a projected CRS in metres, such as EPSG:32650")
    if not units <= {"metre", "meter", "m"}:
        raise BadInput(f"{crs.name} counts in {', '.join(sorted(units))}", where=where,
                       mend="give a projected CRS in metres, such as EPSG:32650")
    return crs


def require_unique_ids(frames: Iterable[gpd.GeoDataFrame], where: str | None = None) -> None:
    """Raise :class:`BadInput` if an id stands twice, in one table or in two."""
    ids = pd.concat([frame["id"] for frame in frames], ignore_index=True)
    twice = ids[ids.duplicated()].unique()
    if len(twice):
        raise BadInput(f"the id {twice[0]!r} stands {int((ids == twice[0]).sum())} times"
                       + (f", and {len(twice) - 1} other ids more than once" if len(twice) > 1 else ""),
                       where=where, mend="give every object an id of its own")
