"""``hutong verify``, and ``hutong rehearse`` with an experiment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest

from sim.verify import Check, Figures
from viz.cli import main, verification

LAB = """\
name: door-1m
kind: lab
seed: 1
duration_s: 30
fps: 16
walkable: "POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0))"
people:
  - {area: "POLYGON ((0 0, 4 0, 4 10, 0 10, 0 0))", count: 20, goal: exit}
goals: {exit: "POLYGON ((9 4, 10 4, 10 6, 9 6, 9 4))"}
measure:
  lines: {middle: "LINESTRING (7 0, 7 10)"}
"""


def hutong(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(a) for a in arguments])
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("lab.yaml").write_text(LAB, encoding="utf-8")
    return tmp_path


def test_rehearse_writes_the_run_of_an_experiment(folder, capsys):
    code, out, err = hutong(capsys, "rehearse", "lab.yaml", "-o", "run", "--json")
    assert code == 0, err
    said = json.loads(out)["measures"]
    assert said["out"]["mean"] == said["crossed:middle"]["mean"] == 20
    assert said["flow_per_m:middle"]["unit"] == "1/(m s)"
    assert {"scenario.yaml", "run.json", "metrics.parquet", "series.parquet", "trajectories.csv"} <= {
        p.name for p in Path("run").iterdir()
    }
    assert pd.read_parquet("run/metrics.parquet")["out"].tolist() == [20]
    code, out, _ = hutong(capsys, "rehearse", "lab.yaml", "-o", "again")
    assert code == 0 and "evacuation_p95" in out
    code, _, err = hutong(capsys, "rehearse", "lab.yaml", "-o", "again")
    assert code == 2 and "there already" in err


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('10 10, 0 10, 0 0))"\npeople', '0 10, 10 10, 0 0))"\npeople', "line 6"),
        ("count: 20", "count: 9000", "do not fit"),
        ("goal: exit", "goal: door", "not among goals"),
        ("kind: lab", "kind: labs", "no kind"),
    ],
)
def test_bad_experiments_are_one_sentence(folder, capsys, old, new, word):
    assert old in LAB
    Path("lab.yaml").write_text(LAB.replace(old, new), encoding="utf-8")
    code, _, err = hutong(capsys, "rehearse", "lab.yaml", "-o", "run")
    assert code == 2 and word in err and len(err.strip().splitlines()) == 1
    assert [p.name for p in folder.iterdir()] == ["lab.yaml"]
    code, _, _ = hutong(capsys, "scenario", "check", "lab.yaml")
    assert code == 2


def test_check_says_that_it_can_be_run(folder, capsys):
    code, out, _ = hutong(capsys, "scenario", "check", "lab.yaml")
    assert code == 0 and "can be run" in out


def test_verify_prints_results_and_writes_the_page(folder, capsys):
    code, out, _ = hutong(capsys, "verify", "--suite", "imo", "--test", "1", "--json", "--docs", "page.md")
    assert code == 0
    rows = json.loads(out)
    assert [set(row) for row in rows] == [{"suite", "test", "criterion", "measured", "status", "reason"}]
    assert rows[0]["status"] == "pass"
    assert "IMO" in Path("page.md").read_text(encoding="utf-8")
    code, out, _ = hutong(capsys, "verify", "--suite", "nist", "--test", "2.7")
    assert code == 0 and "not applicable" in out


def test_verify_ends_with_one_where_something_fails(folder, capsys, monkeypatch):
    class Broken(Check):
        """A door that is too fast."""

        suite, test, title, criterion = "imo", "1", "broken", "never"
        counterexample: ClassVar[Figures] = {}

        def measure(self) -> Figures:
            return {"flow": 9.0}

        def judge(self, figures: Figures) -> bool:
            return False

    monkeypatch.setattr(verification, "checks", lambda suite, test: [Broken()])
    code, out, _ = hutong(capsys, "verify", "--json")
    assert code == 1 and json.loads(out)[0]["status"] == "fail"


@pytest.mark.parametrize(
    ("arguments", "word"), [(["--suite", "rimae"], "experiments"), (["--test", "99"], "no test 99")]
)
def test_verify_refuses_what_it_does_not_know(folder, capsys, arguments, word):
    code, _, err = hutong(capsys, "verify", *arguments)
    assert code == 2 and word in err and len(err.strip().splitlines()) == 1
