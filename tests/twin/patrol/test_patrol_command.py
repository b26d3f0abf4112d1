"""``hutong patrol`` on a small district."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import shapely
from typer.testing import CliRunner

from twin.errors import BadInput
from twin.patrol import FootGround
from twin.places import District
from viz.cli import patrol


def run(*arguments: object) -> str:
    """What a command prints; its BadInput is raised."""
    result = CliRunner().invoke(patrol.app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def told(*arguments: object) -> Any:
    return json.loads(run(*arguments, "--json"))


@pytest.fixture(scope="module")
def district(quarter: District, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return quarter.save(tmp_path_factory.mktemp("place") / "small.gpkg")


@pytest.fixture(scope="module")
def spot(quarter: District, quarter_ground: FootGround) -> tuple[float, float]:
    """The middle of a lane."""
    middle = quarter.streets[quarter.streets["kind"] == "lane"].geometry.iloc[0].interpolate(0.5, normalized=True)
    x, y = quarter_ground.nodes[quarter_ground.snap([(middle.x, middle.y)])[0]]
    return float(x), float(y)


@pytest.fixture(scope="module")
def tracks(spot: tuple[float, float], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two units: one stands in the lane, one 60 m to the east."""
    path = tmp_path_factory.mktemp("tracks") / "tracks.csv"
    x, y = spot
    path.write_text(f"unit,time,x,y\nP-1,2026-01-05T00:00:00Z,{x},{y}\nP-1,2026-01-05T00:05:00Z,{x},{y}\n"
                    f"P-2,2026-01-05T00:05:00Z,{x + 60},{y}\n")
    return path


def test_coverage_tells_what_was_seen(district: Path, tracks: Path, tmp_path: Path) -> None:
    found = told("coverage", tracks, "--district", district)
    seen = [place for place in found["places"] if place["age_s"] is not None]
    assert 0 < found["streets_seen"] < 0.5 and found["fixes"] == 3 and seen
    risks = tmp_path / "risks.csv"
    risks.write_text(f"id,x,y,weight,every_min\ngate,{seen[0]['x']},{seen[0]['y']},1,60\nyard,0,0,2,60\n")
    assert [gap["id"] for gap in told("coverage", tracks, "--district", district, "--risks", risks)["gaps"]] == ["yard"]
    assert "seen within 60 min" in run("coverage", tracks, "--district", district, "--limit", 2)
    risks.write_text("id,x,y,weight\na,1,1,-5\n")
    with pytest.raises(BadInput, match=r"risks.csv: weight: Input should be greater"):
        run("coverage", tracks, "--district", district, "--risks", risks)


def test_reach_writes_a_whole_geojson(district: Path, tracks: Path, spot: tuple[float, float], tmp_path: Path) -> None:
    x, y = spot
    out = tmp_path / "reach.geojson"
    found = told("reach", "--at", f"{x},{y}", "--minutes", 1, "--district", district, "--units", tracks, "-o", out)
    assert found["within"][0] == {"unit": "P-1", "seconds": 0.0} and found["nearest"][0]["unit"] == "P-1"
    shape = shapely.from_geojson(json.dumps(json.loads(out.read_text())["features"][0]["geometry"]))
    assert 116 < shape.centroid.x < 117 and shape.is_valid and 100 < found["area_m2"] < 3.2 * 80**2
    assert [p.name for p in tmp_path.iterdir()] == ["reach.geojson"]


def test_reach_of_an_object_by_its_id(district: Path, quarter: District) -> None:
    assert told("reach", "--at", quarter.entrances["id"].iloc[0], "--district", district)["area_m2"] > 1000


@pytest.mark.parametrize(("at", "complaint"), [
    ("0,0", "not on walkable ground"), ("a,b", "is not a place"), ("cy-9", "no object")])
def test_places_that_are_none_are_refused(district: Path, at: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        run("reach", "--at", at, "--district", district)


def test_posts_are_added_to_those_there_are(district: Path, quarter_ground: FootGround, tmp_path: Path) -> None:
    x, y = quarter_ground.nodes[0]
    there = tmp_path / "posts.csv"
    there.write_text(f"id,x,y\ncorner,{x},{y}\n")
    arguments = ["posts", "--district", district, "--minutes", 1, "--every", 60]
    kept = told(*arguments, "--number", 2, "--there", there)
    moved = told(*arguments, "--number", 2, "--there", there, "--moves", 1)
    assert [post["site"] for post in kept["posts"] if not post["new"]] == ["corner"] and len(kept["posts"]) == 2
    assert moved["covered"] >= kept["covered"] > 0 and kept["gap"] == pytest.approx(0, abs=1e-6)
    there.write_text("id,x,y\ncorner,,\n")
    with pytest.raises(BadInput, match="line 2: a post has no place"):
        run(*arguments, "--there", there)


def test_a_rota_is_made_from_a_plan(tmp_path: Path) -> None:
    plan, out = tmp_path / "plan.yaml", tmp_path / "rota.csv"
    plan.write_text("units: [P-1, P-2, P-3, P-4]\nstart: 2026-01-05\ndays: 3\nshifts:\n"
                    "  - {id: day, start: 08:00, hours: 12, needs: {north: 1, south: 1}}\n")
    found = told("rota", plan, "-o", out)
    assert len(found["rows"]) == 6 and out.read_text().count("\n") == 7
    assert found["rows"][0]["start"] == "2026-01-05T08:00:00+08:00"
    assert "2026-01-07-day" in run("rota", plan)
