"""The page People and the command ``hutong people``; and that nothing in viz counts residents past the gate."""

import ast
import json
from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

import viz
import viz.pages.people as page
import viz.pages.people_units as units
from twin.errors import BadInput
from twin.people import Gate, make_population, make_task
from twin.places import synthetic
from viz import words
from viz.cli import people as command
from viz.library import Library

ROOT = Path(viz.__file__).parent
ALLOWED = {
    "LEAST_K", "LEVELS", "MEASURES", "SCHEMES", "Assumptions", "Backtest", "ChildrenForecast", "Fit", "Gate", "Population",
    "Schemes", "SitePlan", "Size", "Task", "forecast_children", "from_inputs", "make_population", "make_task", "plan_sites",
    "read_inputs", "subdistrict_size", "try_forecast", "whole_zone"}
TABLES = {"households", "persons", "published", "_shown", "_population"}


@pytest.fixture(scope="module")
def district():
    return synthetic.generate(size="small")


@pytest.fixture(scope="module")
def file(district, tmp_path_factory):
    return district.save(tmp_path_factory.mktemp("people") / "small.gpkg")


@pytest.fixture(scope="module")
def kept(district, tmp_path_factory):
    """The folder of a population that is already made."""
    return make_population(district).save(tmp_path_factory.mktemp("population") / "people")


def past_the_gate(source: str) -> list[str]:
    """What a module does with a population beside asking the gate: forbidden imports, and columns that it reads."""
    found, uses = [], False
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("twin.people"):
            uses = True
            found += [f"{node.module}.{a.name}" for a in node.names if node.module != "twin.people" or a.name not in ALLOWED]
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.startswith("twin.people")]
        if isinstance(node, ast.Constant) and str(node.value) in ("persons.parquet", "households.parquet"):
            found.append(str(node.value))
    if uses:
        found += [f".{node.attr}" for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in TABLES]
    return found


def test_nothing_in_viz_reads_the_tables_of_a_population():
    modules = [file for file in ROOT.rglob("*.py") if "node_modules" not in file.parts]
    assert len(modules) > 50
    for module in modules:
        assert past_the_gate(module.read_text(encoding="utf-8")) == [], module


@pytest.mark.parametrize("source", [
    "from twin.people.measures import counts_by_place", "from twin.people import schedule", "import twin.people.population",
    "from twin.people import make_population\nlen(make_population(d).persons)", "read(folder / 'persons.parquet')"])
def test_a_module_that_went_past_the_gate_would_be_found(source):
    assert past_the_gate(source)


def test_the_page_has_every_choice_in_both_languages(file):
    laid = page.layout(Library(file), {}, "zh").to_plotly_json()
    shown = json.dumps(laid, default=lambda o: o.to_plotly_json(), ensure_ascii=False)
    assert "户籍网格" in shown and "people-scene" in shown
    for keys in page.CHOICES.values():
        for language in words.LANGUAGES:
            assert all(words.text(key, language) for key in keys.values())


@pytest.fixture(scope="module")
def callbacks(file):
    """The callbacks of the page over a library with the small district, by name."""
    found = {}
    before = page.answers
    page.answers = units.answers = lambda *_a, **_k: lambda function: found.setdefault(function.__name__, function)
    try:
        page.register(None, Library(file), None)
    finally:
        page.answers = units.answers = before
    return Library(file).districts()[0], found


def test_the_page_shows_what_the_gate_shows(callbacks, district):
    name, call = callbacks
    gate = Gate.of(district, make_population(district))
    data, labels, _, heads, rows, _ = call["show"](name, "now", "age", "household", "grid", "en", None)
    told = gate.aggregate("age")
    assert [r["all"] for r in rows] == [None if pd.isna(v) else v for v in told["all"]]
    assert [h["field"] for h in heads] == list(told.columns)
    assert len(labels) == len(told) and {p["id"] for p in data["layers"][0]["data"]} == set(told["id"])


def test_what_is_hidden_is_grey_and_has_no_number(callbacks):
    name, call = callbacks
    data, _, _, _, rows, _ = call["show"](name, "now", "households", "household", "courtyard", "en", None)
    hidden = {r["id"] for r in rows if r["all"] is None}
    assert hidden
    assert {p["id"] for p in data["layers"][0]["data"] if p["fill"] == page._HIDDEN} == hidden


def test_the_page_forecasts_sites_and_says_how_well_the_population_fits(callbacks):
    name, call = callbacks
    assert len(call["show_forecast"](name)) == 2
    _, _, _, heads, rows, _ = call["show"](name, "forecast", "people", "household", "grid", "zh", None)
    assert {"low_80", "high_95"} <= {h["field"] for h in heads} and rows
    listed, _ = call["find_sites"](1, name, "median")
    assert len(listed.children) == 2
    data, *_ = call["show"](name, "now", "people", "household", "grid", "en", listed)
    assert [layer["id"] for layer in data["layers"]] == ["people-cells", "people-sites"]
    assert call["show_fit"](name)


def test_the_page_crosses_two_schemes_makes_tasks_and_names_units(callbacks, district):
    name, call = callbacks
    gate = Gate.of(district, make_population(district))
    *_, rows, _ = call["show"](name, "now", "households", "household", "grid", "en", None, "residential")
    told = gate.aggregate("households", across="residential")
    assert [r["all"] for r in rows] == [None if pd.isna(v) else v for v in told["all"]]
    assert len({r["id"] for r in rows}) == len(rows)
    cells, chosen = call["cells"](name)
    assert {"value": chosen, "label": cells[-1]["label"]} in cells and len(cells) > 2
    listed, done = call["make"](1, name, "cars", "grid-01")
    assert [box.value for box in listed[1:]] == list(make_task(gate, make_population(district), "cars", "grid-01").courtyards)
    assert done == []
    said = call["progress"]([listed[1].value], listed)
    assert said.children == f"1 of {len(listed) - 1} courtyards told"
    with pytest.raises(BadInput, match="needs a place"):
        call["make"](1, name, "cars", None)
    for language, word in (("en", "Household"), ("zh", "户籍")):
        units_told = json.dumps(call["responsible"]("cy-0001", name, language), default=lambda o: o.to_plotly_json(),
                                ensure_ascii=False)
        assert "grid-" in units_told and word.lower() in units_told.lower()
    assert call["responsible"]("", name, "en") == []
    problems = json.dumps(call["problems"](name, "en"), default=lambda o: o.to_plotly_json())
    assert "courtyards in no unit" in problems and "none" in problems


def run(*arguments):
    app = typer.Typer()
    app.add_typer(command.app, name="people")
    return CliRunner().invoke(app, ["people", *map(str, arguments)])


def answer(*arguments):
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_make_and_fit_and_aggregate(file, tmp_path):
    made = answer("make", "--district", file, "--seed", 3, "-o", tmp_path / "p")
    assert made["fit"]["met"] and made["fit"]["srmse"] < 0.05
    assert answer("fit", tmp_path / "p") == made["fit"]
    told = answer("aggregate", "people", "--level", "district", "--district", file, "--population", tmp_path / "p")
    assert [c["all"] for c in told["cells"]] == [made["persons"]]
    assert "–" in run("aggregate", "households", "--level", "courtyard", "--district", file).stdout


def test_forecast_and_site(file, kept):
    ahead = answer("forecast", "--district", file, "--population", kept, "--draws", 300, "--births", 0.05)
    assert len(ahead["total"]) == 2 and ahead["assumptions"]["births_per_woman"] == 0.05
    assert {"low_80", "high_80", "low_95", "high_95"} <= set(ahead["cells"][0])
    sited = answer("site", "--district", file, "--population", kept, "--number", 1, "--goal", "centre")
    assert len(sited["sites"]) == 1 and sited["optimal"] and sited["mean_m"] <= sited["worst_m"]


def test_tasks_units_and_schemes_from_the_command_line(file, kept, tmp_path, district):
    made = answer("task", "cars", "--cell", "grid-01", "-o", tmp_path / "task.json", "--district", file, "--population", kept)
    assert made["courtyards"] and made["progress"] == 0
    first = made["courtyards"][0]
    assert answer("done", tmp_path / "task.json", first)["progress"] == pytest.approx(1 / len(made["courtyards"]))
    assert answer("done", tmp_path / "task.json")["done"] == [first]
    assert "told" in run("done", tmp_path / "task.json").stdout
    again = run("task", "cars", "--cell", "grid-01", "-o", tmp_path / "task.json", "--district", file)
    assert "something already" in str(again.exception)
    wkt = district.courtyards.union_all().buffer(50).wkt
    everywhere = answer("task", "cars", "--zone", wkt, "--district", file, "--population", kept)
    assert set(made["courtyards"]) <= set(everywhere["courtyards"])
    units_told = answer("responsible", "cy-0001", "--district", file)["units"]
    assert {u["scheme"] for u in units_told} == {"household", "functional", "residential", "video"}
    problems = answer("schemes", "--district", file)["schemes"]
    assert any(p["places_in_none"] for p in problems) and "places in none" in run("schemes", "--district", file).stdout


def test_own_controls_from_the_command_line(tmp_path):
    (tmp_path / "households.csv").write_text("hh_id,veh\n1,0\n2,1\n")
    (tmp_path / "persons.csv").write_text("hh_id,age,sex,rac1p\n1,70,2,1\n2,40,1,1\n2,8,2,1\n")
    (tmp_path / "control_totals_taz.csv").write_text("TAZ,HOUSEHOLDS,CARLESS,OLD\n1,10,4,4\n2,5,1,1\n")
    (tmp_path / "controls.csv").write_text(
        "target,geography,seed_table,importance,control_field,expression\n"
        "n,TAZ,households,1000,HOUSEHOLDS,(households.NP > 0)\n"
        "c,TAZ,households,10,CARLESS,(households.VEH == 0)\n"
        "o,TAZ,persons,10,OLD,(persons.AGEP >= 65) & (persons.AGEP <= 110)\n")
    made = answer("make", "--inputs", tmp_path)
    assert (made["households"], made["persons"]) == (15, 5 + 2 * 10)
    assert [(c["control"], c["fitted"]) for c in made["fit"]["controls"]] == [("HOUSEHOLDS", 15), ("CARLESS", 5), ("OLD", 5)]
    (tmp_path / "control_totals_taz.csv").write_text("TAZ,HOUSEHOLDS,CARLESS,OLD\n1,10,4,9\n2,5,1,1\n")
    assert "zone 1" in answer("fit", "--inputs", tmp_path)["compromises"][0]
    assert "contradict each other" in str(run("fit", "--strict", "--inputs", tmp_path).exception)


@pytest.mark.parametrize(("arguments", "sentence"), [
    (("make", "--size", "100,50,0"), "zero dwellings"),
    (("make", "--size", "a,b,c"), "is not a size"),
    (("aggregate", "income"), "no measure 'income'"),
    (("aggregate", "--k", "2"), "would say too much"),
    (("site", "--goal", "best"), "say median or centre"),
    (("fit", "nowhere"), "not a population"),
    (("task", "cars"), "needs a place"),
    (("task", "income", "--cell", "grid-01"), "cannot be about 'income'"),
    (("task", "cars", "--cell", "grid-99"), "no cell 'grid-99'"),
    (("task", "cars", "--cell", "cy-0001"), "a single courtyard"),
    (("task", "cars", "--zone", "POLYGON"), "not WKT"),
    (("task", "cars", "--zone", "POINT (1 2)"), "encloses nothing"),
    (("task", "cars", "--zone", "POLYGON ((0 0, 1 0, 1 1, 0 0))"), "no grid lies in the zone"),
    (("done", "nowhere.json"), "no such file"),
])
def test_bad_input_is_one_sentence(file, kept, arguments, sentence):
    extra = () if arguments[0] in ("fit", "done") else ("--district", file)
    people = ("--population", kept) if arguments[0] in ("aggregate", "task", "site") else ()
    result = run(*arguments, *extra, *people)
    assert isinstance(result.exception, BadInput) and sentence in str(result.exception)


def test_a_population_as_large_as_a_real_subdistrict(file, data):
    folder = data / "population" / "beijing_blocks"
    made = answer("make", "--district", file, "--blocks", folder, "--subdistrict", "延庆县/刘斌堡乡")
    assert made["persons"] == 6465
    result = run("make", "--district", file, "--blocks", folder)
    assert isinstance(result.exception, BadInput) and "go together" in str(result.exception)


def test_candidates_without_a_place_are_named(file, tmp_path):
    (tmp_path / "c.csv").write_text("id,x,y\na,1,2\nb,,3\n")
    result = run("site", "--district", file, "--candidates", tmp_path / "c.csv")
    assert "line 3: a candidate has no place" in str(result.exception)
