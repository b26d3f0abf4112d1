"""Nothing can hold who a resident is: a walk over every table, schema and model of the live twin."""

from __future__ import annotations

import inspect
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import twin
from twin.live import VALUES, Observation, Operation
from twin.live.report import CROWD_NAMES, ONE
from twin.live.row import Row
from twin.places.tables import TABLES
from twin.store import Refusal, open_store
from twin.store.migrate import SQLITE
from twin.store.postgres import STEPS
from twin.store.segment import SCHEMA

FORBIDDEN = re.compile(
    r"(^|_)(person|resident|citizen|surname|forename|firstname|lastname|fullname|nickname|phone|telephone|mobile|email|mail|"
    r"plate|licence|license|face|facial|biometric|fingerprint|iris|gait|passport|identity|idcard|id_number|ssn|hukou|ethnic|"
    r"ethnicity|race|nationality|religion|faith|party|health|disease|diagnosis|disability|gender|sex|age_group|birth|birthday|"
    r"born|marital|income|credit|score|suspect|criminal|petitioner|keyperson|imsi|imei|mac|wechat|photo|picture|voice)(_|$)")
NAMES = {"name"}  # of streets and buildings in the tables of places; of segments; never of anybody in the live twin


def words(name: str) -> str:
    """A camelCase or snake_case name in snake_case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def models() -> Iterator[type[BaseModel]]:
    """Every pydantic model of the live twin, cases and patrol included."""
    import importlib
    import pkgutil
    seen: set[type[BaseModel]] = set()
    for package in ("live", "store", "cases", "patrol"):
        folder = Path(twin.__file__).parent / package
        for module in pkgutil.walk_packages([str(folder)], prefix=f"twin.{package}."):
            for _, found in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
                if issubclass(found, BaseModel) and found.__module__.startswith("twin.") and found not in seen:
                    seen.add(found)
                    yield found


def properties(schema: Any) -> Iterator[str]:
    """Names of all properties in a JSON Schema."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from properties(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from properties(part)


def columns(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall():
        for line in connection.execute(f"PRAGMA table_info('{table}')"):
            yield table, line[1]


@pytest.mark.parametrize("name", [
    "phone", "plate_number", "faceId", "ethnicity", "residentName", "idcard", "health_state", "birth"])
def test_the_walk_would_find_one(name: str):
    assert FORBIDDEN.search(words(name))


def test_no_model_of_the_live_twin_has_a_forbidden_field():
    found = list(models())
    assert {Observation, Operation, *VALUES.values()} <= set(found)
    for model in found:
        for name in properties(model.model_json_schema()):
            assert not FORBIDDEN.search(words(name)), f"{model.__name__}.{name}"
        if model in {Observation, Operation, *VALUES.values()}:
            assert not NAMES & set(model.model_fields), model
            assert model.model_config.get("extra") == "forbid", f"{model.__name__} takes fields that nobody allowed"


def test_no_report_has_a_forbidden_field():
    for name in [*properties(ONE.json_schema()), *CROWD_NAMES.values()]:
        assert not FORBIDDEN.search(words(name)) and words(name) not in NAMES, name


def test_no_table_of_the_log_has_a_forbidden_column(tmp_path: Path):
    open_store(tmp_path / "log.sqlite").close()
    connection = sqlite3.connect(tmp_path / "log.sqlite")
    found = list(columns(connection))
    connection.close()
    assert {"observations", "quarantine", "operations", "log"} <= {table for table, _ in found}
    for table, column in found:
        assert not FORBIDDEN.search(column), f"{table}.{column}"
    for statement in [text for step in (*SQLITE, *STEPS) for text in step if isinstance(text, str)]:
        for name in re.findall(r"[(,]\s*\"?([a-z_]+)\"? (?:text|bigint|double|bytea|TEXT|INTEGER|REAL|BLOB)", statement):
            assert not FORBIDDEN.search(name), statement


def test_no_row_or_segment_or_refusal_has_a_forbidden_column():
    for name in (*Row._fields, *SCHEMA.names, *inspect.signature(Refusal).parameters):
        assert not FORBIDDEN.search(name) and name not in NAMES, name
    assert SCHEMA.names == list(Row._fields)


def test_no_table_of_places_has_a_forbidden_column():
    for table in TABLES.values():
        for name in table.column_names:
            assert not FORBIDDEN.search(name), f"{table.name}.{name}"
