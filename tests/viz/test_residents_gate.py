"""The product walked for counts of residents that do not come from the gate: modules, tables, the API, parking studies."""

import ast
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sim
import viz
from sim.parking import Night, Option, scene_of
from sim.parking.outcome import by_grid_and_hour
from sim.parking.study import compare_options, deficit_map, load_study
from twin.places.tables import TABLES
from viz.library import Library
from viz.pages import parking

_SPEC = importlib.util.spec_from_file_location(
    "parking_case", Path(__file__).resolve().parent.parent / "sim" / "parking" / "parking_case.py")
case = importlib.util.module_from_spec(_SPEC)
sys.modules.setdefault("parking_case", case)
_SPEC.loader.exec_module(case)
ABOUT_RESIDENTS = {"residents", "households", "persons", "population", "inhabitants", "children", "demand", "deficit", "pigeons"}
IN_SIM = {"release"}
"""What a simulation may take from the residents: the gate for its own tables. People come to it as plain arrays."""


def taken_from_people(source: str) -> set[str]:
    """Names that a module imports from the residents' package."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("twin.people"):
            found |= {a.name if node.module == "twin.people" else f"{node.module}.{a.name}" for a in node.names}
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.startswith("twin.people")}
    return found


def test_no_simulation_reads_a_population():
    for module in Path(sim.__file__).parent.rglob("*.py"):
        assert taken_from_people(module.read_text(encoding="utf-8")) <= IN_SIM, module


def test_a_simulation_that_did_would_be_found():
    assert not taken_from_people("from twin.people.population import Population") <= IN_SIM
    assert not taken_from_people("from twin.people import make_population") <= IN_SIM


def test_only_the_gated_table_of_a_night_leaves_parking():
    """``by_grid_and_hour`` counts by where people live: nothing in viz may ask it, nor the cars by courtyard."""
    closed = {"by_grid_and_hour", "cars_by_courtyard", "draw_cars", "cars_at"}
    for module in Path(viz.__file__).parent.rglob("*.py"):
        if "node_modules" not in module.parts:
            names = {node.attr if isinstance(node, ast.Attribute) else node.id for node in ast.walk(
                ast.parse(module.read_text(encoding="utf-8"))) if isinstance(node, (ast.Attribute, ast.Name))}
            assert not names & closed, module


def test_no_table_of_a_district_counts_residents():
    for name, table in TABLES.items():
        assert not ABOUT_RESIDENTS & {str(column) for column in table.columns}, name


def test_no_answer_of_the_api_counts_residents(tmp_path):
    from viz.app import create_app
    case.town().save(tmp_path / "town.gpkg")
    said = create_app(Library(tmp_path / "town.gpkg", tmp_path / "runs", tmp_path)).server.openapi()
    fields = {(of, name) for of, schema in said["components"]["schemas"].items() for name in schema.get("properties", {})}
    about = {(of, name) for of, name in fields if name in ABOUT_RESIDENTS}
    assert len(fields) > 20 and about == {("Scenario", "demand")}  # the visitors of an event, which a planner writes
    assert not any(word in path for path in said["paths"] for word in ABOUT_RESIDENTS)


@pytest.fixture(scope="module")
def study():
    """A night of 3 residents' cars in the west, 40 in the east; an option that shuts a kerb."""
    residents = np.array([3, 0, 20, 0, 0, 0, 20, 0])
    plan = case.plan(visitors={"cars": 0}, options={"shut": Option(close=["kerb-north"]).model_dump()})
    return residents, plan, compare_options(case.town(), plan, replications=3, residents=residents, fire=False)


def small(values) -> list[float]:
    return [v for v in pd.Series(values).dropna().tolist() if 0 < v < 5]


def test_the_night_itself_has_small_counts_to_hide(study):
    residents, plan, _ = study
    raw = by_grid_and_hour(Night(scene_of(case.town(), plan, residents=residents), plan, 1).run(), case.town())
    assert small(raw["demand"])


def test_no_count_of_residents_under_five_is_in_a_study_its_files_its_map_or_its_picture(study, tmp_path):
    _, _, made = study
    again = load_study(made.save(tmp_path / "study"))
    for grids in (made.grids, again.grids, pd.read_parquet(tmp_path / "study" / "grids.parquet")):
        assert small(grids["demand"]) == small(grids["deficit"]) == []
        assert grids["demand"].isna().any() and (grids["demand"].dropna() >= 0).all()
        # Of two grids, neither may be shown where one is small: the sum over the place would tell it.
        hidden = grids.groupby(["option", "hour"])["demand"].agg(lambda values: values.isna().sum())
        assert set(hidden) <= {0, 2}
        left = (grids["demand"] - grids["deficit"]).dropna()
        assert small(left) == []
    for hour in range(20):
        assert not small([cell[key] for cell in deficit_map(made, case.town(), "shut", hour) for key in ("demand", "deficit")])
    spec, *_ = parking.picture(made, case.town(), "as it is", 39_600.0)
    assert any("not shown" in cell["name"] for cell in spec["layers"][0]["data"])
    told = json.dumps(made.to_dict(), default=str)
    assert "grid-west" not in told and "cy-0" not in told
    assert set(made.cars) == {"x", "y", "parked_s", "leaves_s", "legal", "option"}
