"""Position tracks as tables, from CSV files of call-signs, times and places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from pyproj import CRS, Transformer

from twin.errors import BadInput

COLUMNS = ("unit", "t_s", "x", "y")


def read_tracks(path: str | Path, crs: CRS) -> pd.DataFrame:
    """Tracks from a CSV with ``unit``, ``time`` (ISO 8601 with zone, or seconds) and ``x, y`` [m] or ``lon, lat`` (WGS84).

    Raises :class:`BadInput` where a column is missing or a value cannot be read, naming the line.
    """
    path = Path(path)
    try:
        table = pd.read_csv(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise BadInput("this is not a CSV file", where=str(path), mend="give columns unit, time, x, y") from error
    table.columns = [str(name).strip().lower() for name in table.columns]
    time = "time" if "time" in table.columns else "t_s"
    across, up = ("x", "y") if {"x", "y"} <= set(table.columns) else ("lon", "lat")
    for name in ("unit", time, across, up):
        if name not in table.columns:
            raise BadInput(f"there is no column {name}", where=str(path), mend="give columns unit, time, and x, y or lon, lat")
    xy = np.column_stack([_numbers(table[name], path) for name in (across, up)])
    if across == "lon":
        xy = np.column_stack(Transformer.from_crs(4326, crs, always_xy=True).transform(xy[:, 0], xy[:, 1]))
    return pd.DataFrame({"unit": table["unit"].astype(str), "t_s": _seconds(table[time], path), "x": xy[:, 0], "y": xy[:, 1]})


def _numbers(column: pd.Series, path: Path) -> np.ndarray:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    _require(np.isfinite(numbers), column, path, "a number")
    return numbers


def _seconds(column: pd.Series, path: Path) -> np.ndarray:
    """Seconds as they are, or moments as seconds since 1970 UTC."""
    if pd.api.types.is_numeric_dtype(column):
        return _numbers(column, path)
    moments = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
    _require(moments.notna().to_numpy(), column, path, "a time like 2026-01-05T08:00:00+08:00")
    return ((moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)).to_numpy(dtype=float)


def _require(fine: np.ndarray, column: pd.Series, path: Path, what: str) -> None:
    if not fine.all():
        line = int(np.argmin(fine))
        raise BadInput(f"{column.iloc[line]!r} in the column {column.name} is not {what}", where=f"{path} line {line + 2}",
                       mend="correct it or take the line out")
