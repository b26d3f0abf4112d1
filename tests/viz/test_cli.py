"""The command line as a person meets it: what it prints, its exit codes, and that nothing is half written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from viz.cli import main

SMALL = """\
name: small
district: plan.gpkg
start: 2026-10-01T18:00:00+08:00
duration_s: 40
entries:
  door: {at: [2, 10], width: 4}
venues:
  stage: {area: [[20, 2], [38, 2], [38, 18], [20, 18]]}
demand:
  guests: {entry: door, venue: stage, people: 30, arrive: {uniform: [0, 10]}}
layouts:
  A: {}
  B:
    checkpoints:
      - {id: desk, at: [12, 10], heading: 0, lanes: 2, service: {constant: 3}}
"""


def hutong(capsys, *arguments):
    """Run a command in this process: exit code, what it printed, what it complained of."""
    with pytest.raises(SystemExit) as ended:
        main([str(a) for a in arguments])
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


@pytest.fixture
def folder(tmp_path, monkeypatch, capsys):
    """A folder with a floor plan of 40 x 20 m as a district, and a scenario in it."""
    monkeypatch.chdir(tmp_path)
    Path("plan.wkt").write_text("POLYGON ((0 0, 40 0, 40 20, 0 20, 0 0))", encoding="utf-8")
    code, _, err = hutong(capsys, "district", "import", "plan.wkt", "-o", "plan.gpkg")
    assert code == 0, err
    Path("small.yaml").write_text(SMALL, encoding="utf-8")
    return tmp_path


def test_import_says_what_it_found_and_dropped(folder, capsys):
    code, out, _ = hutong(capsys, "district", "import", "plan.wkt", "-o", "again.gpkg", "--json")
    found = json.loads(out)
    assert code == 0
    assert {"buildings", "courtyards", "streets", "parts", "bays", "crs", "dropped"} <= found.keys()
    assert isinstance(found["dropped"], dict)


def test_rehearse_compare_and_show(folder, capsys):
    for layout in "AB":
        code, out, err = hutong(
            capsys, "rehearse", "small.yaml", "--layout", layout, "-n", "2", "--workers", "1", "-o", f"runs/{layout}", "--json"
        )
        assert code == 0, err
        result = json.loads(out)
        entered = result["measures"]["people_entered"]
        assert entered["mean"] == 30 and entered["low"] == entered["high"] == 30
        assert result["measures"]["access_p50"]["n"] == 2
    code, out, _ = hutong(capsys, "compare", "runs/A", "runs/B", "--json", "--html", "c.html")
    compared = json.loads(out)
    assert code == 0 and compared["takes"]["lanes"] == [0, 2]
    assert Path("c.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    code, out, _ = hutong(capsys, "compare", "runs/A", "runs/B")
    assert code == 0 and "is better" in out and "people who entered" in out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["rehearse", "small.yaml", "--layout", "Z", "-o", "x"], "choose one of A, B"),
        (["rehearse", "nothing.yaml", "-o", "x"], "no such file"),
        (["rehearse", "plan.wkt", "-o", "x"], "scenario"),
        (["rehearse", "small.yaml", "--frames", "some", "-o", "x"], "first, all or none"),
        (["compare", "plan.wkt", "x"], "not a run"),
        (["district", "show", "plan.wkt"], "not a GeoPackage"),
        (["district", "show", "plan.gpkg", "b-1"], "b-1"),
        (["district", "import", "small.yaml", "-o", "x"], "small.yaml"),
        (["district", "import", "plan.wkt", "-o", "x", "--crs", "EPSG:4326"], "degrees"),
        (["district", "import", "plan.wkt", "-o", "x", "--crs", "EPSG:2263"], "EPSG"),
        (["district", "import", "plan.wkt", "-o", "x", "--crs", "nonsense"], "nonsense"),
        (["district", "export", "plan.gpkg"], "--glb"),
        (["serve", "--port", "0"], "port"),
        (["nonsense"], "nonsense"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(folder, capsys, arguments, word):
    before = sorted(p.name for p in folder.iterdir())
    code, out, err = hutong(capsys, *arguments)
    assert code == 2
    assert word in err
    assert len(err.strip().splitlines()) == 1 and "Traceback" not in err + out
    assert sorted(p.name for p in folder.iterdir()) == before


def test_scenario_schema_and_check(folder, capsys):
    code, out, _ = hutong(capsys, "scenario", "schema")
    assert code == 0 and "layouts" in json.loads(out)["properties"]
    code, out, _ = hutong(capsys, "scenario", "check", "small.yaml")
    assert code == 0 and "layout B: can be rehearsed" in out
    Path("small.yaml").write_text(
        SMALL.replace("A: {}", "A: {barriers: [{id: w, line: [[10, -1], [10, 21]]}]}"), encoding="utf-8"
    )
    code, out, _ = hutong(capsys, "scenario", "check", "small.yaml")
    assert code == 2 and "no way from door to stage" in out


def test_ctrl_c_leaves_a_run_that_can_go_on(folder):
    command = [sys.executable, "-m", "viz.cli", "rehearse", "small.yaml", "-n", "200", "--workers", "1", "-o", "runs/long"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "200"})
    done = folder / "runs" / "long.part" / "done"
    for _ in range(1800):
        if done.is_dir() and len(list(done.glob("*/metrics.json"))) >= 1:
            break
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.1)
    process.send_signal(2)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "go on" in err and "Traceback" not in err
    assert not (folder / "runs" / "long").exists()
