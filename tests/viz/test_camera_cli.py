"""``hutong camera``: from a film to tables and observations, on the command line; what is wrong is one sentence."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from twin.camera.calibration import Placed, placed
from twin.errors import BadInput
from twin.store import open_store
from viz.cli import camera

PLACE = {"x": 100.0, "y": 200.0, "height": 6.0, "heading_deg": 90.0, "tilt_deg": 25.0, "fov_deg": 60.0}
SIZE = (384, 288)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A film of somebody who walks through the view after six seconds, and the camera's calibration and zones."""
    folder = tmp_path_factory.mktemp("camera")
    lens = placed(Placed(**PLACE), SIZE)
    film = cv2.VideoWriter(str(folder / "street.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 5.0, SIZE)
    rng = np.random.default_rng(2)
    ground = cv2.resize(rng.integers(120, 150, (36, 48, 3)).astype(np.uint8), SIZE, interpolation=cv2.INTER_NEAREST)
    for k in range(70):
        picture = ground.copy()
        if k >= 32:
            foot, head = lens.upright(np.array([[96 + 0.2 * (k - 32), 213.0]]))
            half = (foot[0, 1] - head[0, 1]) * 0.16
            left, right = int(foot[0, 0] - half), int(foot[0, 0] + half)
            cv2.rectangle(picture, (left, int(head[0, 1])), (right, int(foot[0, 1])), (30, 60, 160), -1)
        film.write(picture)
    film.release()
    (folder / "camera.yaml").write_text(yaml.safe_dump({"size": list(SIZE), "camera": PLACE}))
    (folder / "zones.yaml").write_text("lines: [{id: middle, from: [99.5, 209], to: [99.5, 218]}]\n")
    return folder


def _run(*arguments):
    result = CliRunner().invoke(camera.app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_run_writes_tables_and_reports_into_the_log(folder, tmp_path):
    said = json.loads(_run("run", folder / "street.avi", "--calibration", folder / "camera.yaml",
                           "--zones", folder / "zones.yaml", "--model", "background", "-o", tmp_path / "out.csv", "--into",
                           "drill:film", "--camera", "CAM-3",
                           "--began", "2026-05-01T10:00:00+08:00", "--store", tmp_path / "log.sqlite", "--json"))
    assert said["frames"] == 70
    assert said["crossings"]["middle"]["out"] == 1
    rows = pd.read_csv(tmp_path / "out.csv")
    assert rows["count"].iloc[42:62].median() == 1
    assert {"out.csv", "out.crossings.csv", "out.tracks.csv", "out.json"} <= {p.name for p in tmp_path.iterdir()}
    log = open_store(str(tmp_path / "log.sqlite"))
    try:
        seen = list(log.read(stream="drill:film"))
    finally:
        log.close()
    assert {o.source for o in seen} == {"CAM-3"}
    assert [o.value.people_count for o in seen if o.object == "CAM-3/middle/out"] == [1]
    assert seen[0].observed_at.hour == 2


def test_the_same_run_can_be_evaluated(folder, tmp_path):
    _run("run", folder / "street.avi", "--calibration", folder / "camera.yaml", "--zones", folder / "zones.yaml", "--model",
         "background", "-o", tmp_path / "out.csv", "--json")
    truth = pd.DataFrame([(k, 1, 96 + 0.2 * (k - 32), 213.0) for k in range(32, 70)], columns=["frame", "id", "x", "y"])
    truth.to_csv(tmp_path / "truth.csv", index=False)
    found = json.loads(_run("evaluate", tmp_path / "out.csv", tmp_path / "truth.csv", "--json"))
    assert found["count_mae"] < 0.2
    assert found["crossing_error"] == 0
    assert set(found) >= {"count_mae", "count_bias", "count_correlation", "crossing_error", "speed_mae", "mota", "idf1"}


def test_calibration_tells_where_the_camera_stands(folder):
    found = json.loads(_run("calibration", folder / "camera.yaml", "--json"))
    assert found["height"] == pytest.approx(6.0)
    assert found["ground_m2"] > 30


def test_coverage_of_the_built_in_district():
    found = json.loads(_run("coverage", "--around", "446150,4417400,60", "--step", "4", "--json"))
    assert 0 <= found["seen_share"] <= 1
    assert found["proposed"][0]["adds_m2"] > 0


@pytest.mark.parametrize(("arguments", "words"), [
    (["run", "none.avi", "--calibration", "camera.yaml"], "no such file"),
    (["run", "camera.yaml", "--calibration", "camera.yaml"], "not a video"),
    (["run", "street.avi", "--calibration", "camera.yaml", "-o", "out.txt"], "csv or .parquet"),
    (["run", "street.avi", "--calibration", "zones.yaml"], "lines"),
    (["evaluate", "none.csv", "none.txt"], "no such file"),
    (["coverage", "--around", "here"], "is not a place"),
    (["models", "--dense", "--package", "none.whl"], "no such package"),
    (["models", "--dense", "--package", "camera.yaml"], "checksum of this package differs"),
    (["dense", "--calibration", "camera.yaml", "-o", "cam.npz", "--estimator", "magic"], "no estimator magic"),
    (["dense", "--calibration", "camera.yaml", "-o", "cam.npz", "--estimator", "csrnet"], "hutong camera models --dense"),
])
def test_what_is_wrong_is_one_sentence(folder, arguments, words, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HUTONG_MODELS", str(folder / "models"))
    with pytest.raises(BadInput, match=words) as caught:
        CliRunner().invoke(camera.app, arguments, catch_exceptions=False)
    assert "\n" not in str(caught.value)
    assert not (folder / "cam.npz").exists()
    assert not (folder / "models").exists()
