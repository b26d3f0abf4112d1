"""``hutong parking``, ``search`` and ``bench parking``."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
import typer

from sim.scenario_file import dump
from twin.errors import BadInput
from viz.cli import parking

_SPEC = importlib.util.spec_from_file_location(
    "parking_case", Path(__file__).resolve().parent.parent / "sim" / "parking" / "parking_case.py")
case = importlib.util.module_from_spec(_SPEC)
sys.modules.setdefault("parking_case", case)
_SPEC.loader.exec_module(case)
LOT = {"lots": [{"id": "new", "capacity": 25, "area": case.at((60, 125), (90, 125), (90, 150), (60, 150))}]}

app = typer.Typer()
app.add_typer(parking.app, name="parking")
app.command("search")(parking.search)
bench = typer.Typer()
bench.callback()(lambda: None)
bench.command("parking")(parking.bench)
app.add_typer(bench, name="bench")


def told(capsys, *arguments):
    app(args=[str(a) for a in arguments], standalone_mode=False)
    return capsys.readouterr().out


@pytest.fixture
def night(tmp_path):
    case.town().save(tmp_path / "town.gpkg")
    sites = [{"id": "north", "at": case.at((60, 128))[0], "capacity": 30},
             {"id": "east", "at": case.at((210, 20))[0], "capacity": 5}]
    path = tmp_path / "night.yaml"
    path.write_text(dump(case.plan(options={"lot": LOT}, residents={"cars": 60}, sites=sites)), encoding="utf-8")
    return path


def test_compare_tells_intervals_and_writes_the_study(night, tmp_path, capsys):
    said = json.loads(told(capsys, "parking", "compare", night, "-n", "4", "-o", tmp_path / "study", "--json"))
    unserved = next(row for row in said["differences"]["lot"] if row["key"] == "unserved")
    assert said["seeds"] == [1, 2, 3, 4] and unserved["low"] <= unserved["difference"] <= unserved["high"] < 0
    assert (tmp_path / "study" / "study.json").is_file()
    assert "95 % interval" in told(capsys, "parking", "compare", night, "-n", "3")
    with pytest.raises(BadInput, match="something already"):
        told(capsys, "parking", "compare", night, "-n", "2", "-o", tmp_path / "study")
    with pytest.raises(BadInput, match="no option"):
        told(capsys, "parking", "compare", night, "--option", "nothing")


def test_search_names_the_site_and_how_sure(night, capsys):
    said = json.loads(told(capsys, "search", night, "-k", "1", "-n", "6", "--json"))
    assert said["choices"][0]["sites"] == ["north"] and 0.9 < said["sure"] <= 1
    assert "certainty" in told(capsys, "search", night, "-k", "1", "-n", "4")


def test_bench_tells_pace_and_breaches(capsys):
    said = json.loads(told(capsys, "bench", "parking", "--json"))
    assert (said["kerbs"], said["spaces"], said["cars"]) == (168, 2872, 2872)
    assert said["double_parked"] == 0 and said["unparked"] < 0.03 * 2872
    assert said["cars_per_cpu_s"] >= 10_000


def test_profile_tells_the_dirt(tmp_path, capsys, data):
    said = told(capsys, "parking", "profile", data / "parking" / "birmingham_parking_first_half.csv")
    assert "373 over capacity" in said and "102 duplicates" in said and "arrive:" in said
    with pytest.raises(BadInput, match="no such file"):
        told(capsys, "parking", "profile", tmp_path / "none.csv")


def test_an_unknown_peer_of_the_bench_is_refused():
    with pytest.raises(BadInput, match="say sumo"):
        app(["bench", "parking", "--against", "matsim"], standalone_mode=False)


def test_known_behaviour_is_told_and_drawn(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sim.parking.behaviour.OCCUPANCIES", (0.8, 0.9, 0.98))
    said = json.loads(told(capsys, "parking", "known", "--plot", tmp_path / "search.svg", "--json"))
    assert said["straight"] < -0.99 and said["change"]["gave_up"] < -0.8
    assert said["search_s"]["0.98"] > 3 * said["search_s"]["0.9"] > 3 * said["search_s"]["0.8"]
    assert (tmp_path / "search.svg").read_text(encoding="utf-8").startswith("<svg")
