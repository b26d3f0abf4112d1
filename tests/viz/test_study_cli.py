"""``hutong study``: runs, shows and selects; says in one sentence what cannot be."""

import json

import pytest
from study_case import small_event
from typer.testing import CliRunner

from sim.scenario_file import dump
from twin.errors import BadInput
from viz.cli.study import app


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    made = small_event(folder, {"four": 4, "one": 1}, people=10, duration_s=80)
    (folder / "evening.yaml").write_text(dump(made), encoding="utf-8")
    return folder / "evening.yaml"


def hutong(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


def test_run_show_and_select(scenario, tmp_path):
    told = json.loads(hutong("run", scenario, "-o", tmp_path / "s", "-n", 3, "-j", 1, "--json"))
    assert told["seeds"] == {"four": [1, 2, 3], "one": [1, 2, 3]} and told["correction"] == "holm"
    row = next(r for r in told["differences"]["one"] if r["key"] == "wait_mean")
    assert row["difference"] > 0 and row["mean_a"] == told["means"]["four"]["wait_mean"]["mean"]
    assert told["variance_reduction"]["one"]["access_p50"] > 0
    assert json.loads(hutong("show", tmp_path / "s", "--json"))["means"] == told["means"]
    assert "four" in hutong("show", tmp_path / "s", "--correction", "bonferroni")
    best = json.loads(hutong("select", scenario, "-o", tmp_path / "s", "--indifference", 5, "--first-stage", 3, "-j", 1,
                             "--json"))
    assert best["best"] == "four" and best["sure"] and best["total"] == sum(best["runs"].values())
    more = json.loads(hutong("run", scenario, "-o", tmp_path / "s", "-n", 3, "-j", 1, "--precision", "90%", "--json"))
    assert [p["n"] for p in more["precision"]] == [5, 5]


@pytest.mark.parametrize(("words", "sentence"), [
    (("run", "--precision", "much"), "no share"),
    (("run", "--correction", "some"), "none, bonferroni, holm"),
    (("run", "--layouts", "two"), "no layout 'two'"),
    (("run", "--scheduler", "nonsense"), "cannot be used"),
    (("select", "--method", "luck"), "say kn or ocba"),
    (("select", "--measure", "luck"), "no measure 'luck'"),
    (("select",), "difference that does not matter"),
    (("search", "--ends", "luck"), "nothing to have less of"),
    (("sensitivity", "--vary", "luck"), "nothing that can be varied")])
def test_what_cannot_be_is_said(scenario, tmp_path, words, sentence):
    with pytest.raises(BadInput, match=sentence):
        hutong(words[0], scenario, *words[1:], "-o", tmp_path / "s", "-j", 1)
    assert not list((tmp_path / "s").glob("replications/*"))


def test_an_experiment_has_no_layouts(tmp_path):
    (tmp_path / "lab.yaml").write_text("kind: lab\nname: x\n", encoding="utf-8")
    with pytest.raises(BadInput):
        hutong("run", tmp_path / "lab.yaml", "-o", tmp_path / "s")
