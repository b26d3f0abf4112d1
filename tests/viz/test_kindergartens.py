"""The report on kindergartens, from the command line."""

import json
import re

import pytest
import typer
from typer.testing import CliRunner

from twin.errors import BadInput
from twin.people import Assumptions, Gate, make_population
from twin.people.history import drawn_past
from twin.people.planning import cohorts
from twin.places import synthetic
from viz.cli import people as command
from viz.report.kindergartens import page, plan_kindergartens


@pytest.fixture(scope="module")
def district():
    return synthetic.generate(size="small")


@pytest.fixture(scope="module")
def file(district, tmp_path_factory):
    return district.save(tmp_path_factory.mktemp("kindergartens") / "small.gpkg")


def run(*arguments):
    app = typer.Typer()
    app.add_typer(command.app, name="people")
    return CliRunner().invoke(app, ["people", "kindergartens", *map(str, arguments)])


@pytest.fixture(scope="module")
def planned(district):
    people = make_population(district)
    gate = Gate.of(district, people)
    return people, gate, plan_kindergartens(district, people, gate, number=1)


@pytest.mark.parametrize(("language", "word"), [("en", "Where kindergartens go"), ("zh", "幼儿园选址")])
def test_the_report_has_the_map_the_intervals_the_sites_and_the_backtest(district, planned, language, word):
    _, gate, found = planned
    text = page(found, district, gate, language)
    assert word in text and "http" not in text
    drawn = re.findall(r"<title>(grid-\d+): (\S+)</title>", text)
    hidden = gate.aggregate("age").set_index("id")["0-3"].isna()
    assert {cell for cell, told in drawn if told == "–"} == set(hidden.index[hidden])
    assert len(drawn) == len(hidden) and not hidden.all()
    for plan in (found.median, found.centre):
        assert plan.chosen.optimal and f"{plan.farthest_m:.0f} m" in text
        assert all(site in text for site in plan.candidates["id"].iloc[list(plan.chosen.sites)])
    for row in found.forecast.total.itertuples():
        assert f"{int(row.low_80)}–{int(row.high_80)}" in text and f"{int(row.low_95)}–{int(row.high_95)}" in text
    scores = found.backtest.scores()
    assert not found.real_past and len(scores) == 2 and f"{100 * scores['covered_95'].iloc[0]:.1f} %" in text


def test_the_command_writes_the_report_and_tries_a_past_of_ones_own(file, planned, tmp_path):
    people, gate, _ = planned
    past, women = drawn_past(*cohorts(people, gate.schemes, gate.schemes.rows("household", "grid")), Assumptions(), years=6)
    lines = ["year,grid,age_0,age_1,age_2,age_3,women"]
    lines += [f"{y},{g},{','.join(map(str, past[y, g]))},{women[y, g]}" for y in range(6) for g in range(past.shape[1])]
    (tmp_path / "past.csv").write_text("\n".join(lines), encoding="utf-8")
    done = run("--district", file, "--number", 1, "--history", tmp_path / "past.csv", "--report", tmp_path / "out.html", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["real_past"] and set(said["goals"]) == {"median", "centre"} and said["backtest"]
    assert "Forecast from every past year" in (tmp_path / "out.html").read_text(encoding="utf-8")


def test_an_unknown_language_is_refused(file):
    assert isinstance(run("--district", file, "--language", "fr").exception, BadInput)
