"""Values of foreign columns in the types and units of a district's tables."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from twin.places.tables import COMMON, TABLES
from twin.sources.imported import Tally
from twin.sources.osm.buildings import ASSUMED_BY_USE_M, ASSUMED_HEIGHT_M, ROOFS, STOREY_M
from twin.sources.osm.tags import length_m, whole

NOT_NEGATIVE = ("height", "width", "levels", "capacity", "base", "roof_height")
MOST = {"height": 1000.0, "width": 500.0, "levels": 200.0, "base": 1000.0, "roof_height": 200.0}


def column_values(table: str, name: str, values: pd.Series, tally: Tally) -> list[Any]:
    """Return the values of a column of the file for a column of a table, None where there is none or it
    cannot be used (counted)."""
    column = next(c for c in (*COMMON, *TABLES[table].columns) if c.name == name)
    allowed = set(column.values)
    out: list[Any] = []
    for value in values:
        if value is None or value is pd.NA or value is pd.NaT or value != value or value == "":
            out.append(None)
            continue
        mine = _value(column.kind, name, value)
        if mine is not None and allowed and mine not in allowed:
            mine = ROOFS.get(str(mine)) if name == "roof" else None
        if mine is None:
            tally.drop(f"unknown {name} value")
        out.append(mine)
    return out


def _value(kind: str, name: str, value: Any) -> Any:
    if kind == "text":
        return str(value)
    if kind == "time":
        stamp = pd.to_datetime(value, errors="coerce", utc=True)
        return None if stamp is pd.NaT else stamp
    if kind == "truth":
        return {"yes": True, "true": True, "1": True, "1.0": True, "no": False, "false": False, "0": False,
                "0.0": False}.get(str(value).strip().lower())
    measure: float | None = length_m(value) if isinstance(value, str) else _real(value)
    if measure is None or (name in NOT_NEGATIVE and measure < 0) or abs(measure) > MOST.get(name, 1e9):
        return None
    if name in ("height", "width", "levels") and measure == 0:
        return None
    if kind == "integer":
        return round(measure) if isinstance(value, int | float) else whole(str(value), least=-1000)
    return measure


def _real(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def heights_known(table: dict[str, Any], count: int) -> dict[str, list[Any]]:
    """Return heights for ``count`` buildings and how each is known: measured, from its levels, else assumed
    by its use."""
    empty = [None] * count
    heights, sources = [], []
    for height, levels, use in zip(table.get("height", empty), table.get("levels", empty),
                                   table.get("use", empty),
                                   strict=True):
        if height is not None:
            heights.append(height)
            sources.append("measured")
        elif levels:
            heights.append(levels * STOREY_M)
            sources.append("levels")
        else:
            heights.append(ASSUMED_BY_USE_M.get(str(use).lower(), ASSUMED_HEIGHT_M))
            sources.append("assumed")
    return {"height": heights, "height_source": sources}
