"""``hutong verify``, and ``hutong rehearse`` with an experiment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest

from sim.lab import folder as lab_folder
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


def test_replications_share_processes_and_go_on_after_an_interruption(folder, capsys, monkeypatch):
    code, out, err = hutong(capsys, "rehearse", "lab.yaml", "-n", "3", "--jobs", "2", "-o", "shared", "--json")
    assert code == 0, err
    assert json.loads(out)["seeds"] == [1, 2, 3]
    hutong(capsys, "rehearse", "lab.yaml", "-n", "3", "--jobs", "1", "-o", "alone")
    one, two = (pd.read_parquet(f"{name}/metrics.parquet") for name in ("alone", "shared"))
    pd.testing.assert_frame_equal(one, two)

    ran = []

    def stopped(job, on_progress):
        if job.seed == 3:
            raise KeyboardInterrupt
        ran.append(job.seed)
        run(job, on_progress)

    run = lab_folder._run
    monkeypatch.setattr(lab_folder, "_run", stopped)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        main(["rehearse", "lab.yaml", "-n", "3", "--jobs", "1", "-o", "again"])
    assert not Path("again").exists() and Path("again.part").is_dir() and ran == [1, 2]
    monkeypatch.setattr(lab_folder, "_run", lambda job, on_progress: (ran.append(job.seed), run(job, on_progress)))
    assert hutong(capsys, "rehearse", "lab.yaml", "-n", "3", "--jobs", "1", "-o", "again")[0] == 0
    assert ran == [1, 2, 3]
    pd.testing.assert_frame_equal(pd.read_parquet("again/metrics.parquet"), one)


def test_lab_runs_are_compared(folder, capsys):
    for name in ("a", "b"):
        hutong(capsys, "rehearse", "lab.yaml", "-n", "2", "-o", name)
        Path("lab.yaml").write_text(LAB.replace("9 4, 10 4, 10 6, 9 6, 9 4", "5 4, 6 4, 6 6, 5 6, 5 4"), encoding="utf-8")
    code, out, err = hutong(capsys, "compare", "a", "b", "--json")
    assert code == 0, err
    rows = {row["key"]: row for row in json.loads(out)["measures"]}
    assert rows["evacuation_p100"]["difference"] < 0 and rows["evacuation_p100"]["label"] == "everybody is out"
    assert hutong(capsys, "compare", "a", "b")[0] == 0
    Path("lab.yaml").write_text(LAB.replace("count: 20", "count: 10"), encoding="utf-8")
    hutong(capsys, "rehearse", "lab.yaml", "-o", "c")
    code, _, err = hutong(capsys, "compare", "a", "c")
    assert code == 2 and "different people" in err and len(err.strip().splitlines()) == 1


def test_measured_areas_have_voronoi_density_and_speed(folder, capsys):
    text = LAB + '  areas: {room: "POLYGON ((0 0, 8 0, 8 10, 0 10, 0 0))"}\n'
    Path("lab.yaml").write_text(text, encoding="utf-8")
    code, out, err = hutong(capsys, "rehearse", "lab.yaml", "-o", "run", "--json")
    assert code == 0, err
    said = json.loads(out)["measures"]
    table = pd.read_parquet("run/areas.parquet")
    assert table["people"].max() == 20 and table["voronoi_density"].max() == pytest.approx(20 / 80, rel=0.15)
    assert 0.5 < said["voronoi_speed:room"]["mean"] < 2 and said["voronoi_density:room"]["unit"] == "1/m²"
