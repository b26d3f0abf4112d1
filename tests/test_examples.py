"""The examples of the documentation run as they stand."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples"


def run(name, folder):
    done = subprocess.run([sys.executable, str(EXAMPLES / name)], cwd=folder, capture_output=True, text=True,
                          timeout=240, env={**os.environ, "PYTHONWARNINGS": "default"})
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_district(tmp_path):
    said = run("district.py", tmp_path)
    assert "ha to walk on" in said and "gabled" in said
    courtyards = json.loads((tmp_path / "courtyards.geojson").read_text(encoding="utf-8"))
    assert len(courtyards["features"]) == 1454


def test_two_layouts(tmp_path):
    said = run("two_layouts.py", tmp_path)
    assert "wait_mean" in said
    assert "</table>" in (tmp_path / "comparison.html").read_text(encoding="utf-8")


def test_still(tmp_path):
    said = run("still.py", tmp_path)
    assert "(540, 960, 3)" in said
    assert (tmp_path / "still.png").stat().st_size > 50_000
    assert json.loads((tmp_path / "deck.json").read_text(encoding="utf-8"))["layers"]


EVENTS = [path for path in sorted((EXAMPLES.parents[1] / "scenarios").glob("*.yaml"))
          if "kind: parking" not in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("scenario", EVENTS, ids=lambda p: p.stem)
def test_example_scenarios_can_be_rehearsed(scenario, tmp_path, data):
    import sim
    from sim.site import problems
    from twin.places import District
    from twin.sources import read

    plan = sim.load(scenario)
    if plan.district is not None:
        path = tmp_path / "beijing.gpkg"
        read(data / "osm" / "beijing_cau_haidian.osm").district.save(path)
        plan.district = str(path)
    from sim.place import district_of
    district = district_of(plan)
    assert isinstance(district, District)
    for layout in plan.layouts:
        assert problems(district, plan, layout) == []
    plan.duration_s = 90
    for layout in plan.layouts:
        run = sim.rehearse(plan, layout, out=tmp_path / layout)
        series = run.series
        assert len(series) == 90
        assert (series.entered == series.left + series.inside).all()
        assert series.entered.iloc[-1] > 10
