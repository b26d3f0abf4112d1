"""Which community a place belongs to."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st
from live_case import SOUTH, WEST, district

from twin.live.grids import NEAR_M, GridFinder
from twin.places import LOCAL_METRES, District

PLACE = district()
CELLS = {line["id"]: line["geometry"] for _, line in PLACE.grids[PLACE.grids["level"] == "community"].iterrows()}


@given(st.lists(st.tuples(st.floats(-200, 1200), st.floats(-200, 1200)), max_size=20))
def test_every_place_gets_its_cell_or_a_near_one(places: list[tuple[float, float]]):
    x, y = (np.array([p[k] for p in places], float) + (WEST, SOUTH)[k] for k in (0, 1))
    for found, a, b in zip(GridFinder(PLACE).find(x, y), x, y, strict=True):
        away = {name: shapely.distance(cell, shapely.Point(a, b)) for name, cell in CELLS.items()}
        least = min(away.values())
        assert found == (min(name for name in away if away[name] == least) if least <= NEAR_M else None)


def test_what_is_no_place_and_a_district_without_grids_have_none():
    assert GridFinder(PLACE).find(np.array([np.nan, WEST + 1]), np.array([SOUTH, SOUTH + 1])) == [None, "c-1"]
    assert GridFinder(District("bare", LOCAL_METRES)).find(np.array([1.0]), np.array([1.0])) == [None]
