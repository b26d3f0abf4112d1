"""The chain from a film to its tables, on people drawn as upright boxes, and what it leaves on the disk."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from camera_case import SIZE, boxes, corner

from twin.camera.calibration import Calibration
from twin.camera.evaluate import evaluate_run, read_truth
from twin.camera.preview import Preview, blurred
from twin.camera.record import check_out, shown_source, write_run
from twin.camera.run import about_run, best_detector, run_camera, same_size, summary
from twin.camera.source import VideoFile
from twin.camera.watch import Watch
from twin.camera.zones import Zones
from twin.errors import BadInput

RATE = 7.0
LENS = corner()
ZONES = Zones.model_validate({
    "region": [[94, 208], [106, 208], [106, 222], [94, 222]],
    "lines": [{"id": "middle", "from": [100, 208], "to": [100, 222]}],
    "zones": [{"id": "east", "polygon": [[100, 208], [106, 208], [106, 222], [100, 222]]}]})


def _truth(frames=100):
    rows = []
    for k in range(frames):
        rows.append((k, 1, 96 + 1.1 * max(k - 25, 0) / RATE * 0.7, 212.0))
        rows.append((k, 2, 104 - 1.1 * max(k - 30, 0) / RATE * 0.7, 218.0))
    return pd.DataFrame(rows, columns=["frame", "id", "x", "y"])


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Two people cross a line towards each other, after some seconds without them."""
    path = tmp_path_factory.mktemp("film") / "street.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE, SIZE)
    rng = np.random.default_rng(0)
    ground = cv2.resize(rng.integers(120, 150, (72, 96, 3)).astype(np.uint8), SIZE, interpolation=cv2.INTER_NEAREST)
    truth = _truth()
    for k in range(100):
        picture = ground.copy()
        if k >= 15:
            for left, top, right, bottom, _ in boxes(LENS, truth[truth["frame"] == k][["x", "y"]].to_numpy()).astype(int):
                cv2.rectangle(picture, (left, top), (right, bottom), (40, 30, 90), -1)
        writer.write(picture)
    writer.release()
    return path


class _Colour:
    """Finds the boxes by their colour."""

    name = "colour"

    def __call__(self, picture):
        mask = (np.abs(picture.astype(int) - (40, 30, 90)).sum(axis=2) < 60).astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        return np.array([[s[0], s[1], s[0] + s[2], s[1] + s[3], 0.9] for s in stats[1:count] if s[4] > 200], float).reshape(-1, 5)


def _run(film, detector=None, **kwargs):
    source = VideoFile.open(film)
    chain = Watch(LENS, source.rate, detector or _Colour(), ZONES)
    return source, chain, run_camera(source, chain, **kwargs)


def _about(source, chain, result):
    return about_run("street.avi", source, Calibration(LENS, "camera"), chain, result)


def test_a_row_a_frame_and_a_row_a_crossing(film, tmp_path):
    source, chain, result = _run(film)
    out = tmp_path / "street.csv"
    write_run(out, result.figures, _about(source, chain, result), rate=RATE, tracks=True)
    rows = pd.read_csv(out)
    assert list(rows.columns[:6]) == ["frame", "time_s", "count", "density", "mean_speed", "regime"]
    assert rows["frame"].tolist() == list(range(100))
    assert rows["time_s"].iloc[14] == pytest.approx(2.0, abs=1e-3)
    assert set(rows["regime"]) == {"sparse"}
    assert rows["count"].iloc[:12].max() == 0
    assert set(rows["count"].iloc[25:95]) == {2.0}
    crossings = pd.read_csv(tmp_path / "street.crossings.csv")
    assert sorted(crossings["direction"]) == ["in", "out"]
    zones = pd.read_csv(tmp_path / "street.zones.csv")
    assert zones[zones["frame"] == 28]["count"].tolist() == [1.0]
    assert json.loads((tmp_path / "street.json").read_text())["detector"] == "colour"
    said = summary(result, chain)
    assert said["crossings"] == {"middle": {"in": 1, "out": 1}}
    assert said["mean_speed"] == pytest.approx(0.77, abs=0.25)


def test_parquet_holds_the_same(film, tmp_path):
    source, chain, result = _run(film, most_frames=40)
    about = _about(source, chain, result)
    for name in ("a.csv", "a.parquet"):
        write_run(tmp_path / name, result.figures, about, rate=RATE, tracks=False)
    a, b = pd.read_csv(tmp_path / "a.csv"), pd.read_parquet(tmp_path / "a.parquet")
    assert np.allclose(a["count"], b["count"])
    assert not (tmp_path / "a.tracks.csv").exists()


def test_evaluation_against_the_truth(film, tmp_path):
    source, chain, result = _run(film)
    out, truth = tmp_path / "street.csv", tmp_path / "truth.csv"
    write_run(out, result.figures, _about(source, chain, result), rate=RATE, tracks=True)
    _truth()[lambda t: t["frame"] >= 15].to_csv(truth, index=False)
    found = evaluate_run(out, truth)
    assert found.count_mae < 0.1
    assert found.crossing_error == 0
    assert found.speed_mae is not None
    assert found.speed_mae < 0.05
    assert found.mota is not None
    assert found.mota > 0.95
    wrong = _truth()[lambda t: t["frame"] >= 15]
    wrong = wrong[wrong["id"] == 1]
    wrong.to_csv(truth, index=False)
    assert evaluate_run(out, truth).count_mae > 0.7


def test_truth_of_mot_counts_frames_from_one(tmp_path):
    (tmp_path / "gt.txt").write_text("1,7,10,10,20,60,1,3.5,4.5,0\n2,7,10,10,20,60,1,3.6,4.5,0\n")
    truth = read_truth(tmp_path / "gt.txt")
    assert truth["frame"].tolist() == [0, 1]
    assert truth["x"].tolist() == [3.5, 3.6]
    (tmp_path / "boxes.txt").write_text("1,7,10,10,20,60,1,-1,-1,-1\n")
    with pytest.raises(BadInput, match="no places on the ground"):
        read_truth(tmp_path / "boxes.txt")


def test_background_subtraction_is_the_fallback_and_says_so(film, tmp_path, monkeypatch):
    monkeypatch.setenv("HUTONG_MODELS", str(tmp_path))
    detector, notes = best_detector(Calibration(LENS, "camera"))
    assert "fallback" in detector.name
    assert "fallback" in notes[0]
    _, _, result = _run(film, detector)
    counts = result.figures.table()["count"].iloc[40:90]
    assert abs(counts.mean() - 2) < 0.5


def test_no_frame_is_written_anywhere(film, tmp_path, monkeypatch):
    """Every file that a run opens for writing, and every picture that it encodes, is noted: there are tables and nothing else."""
    opened, active = [], [True]

    def note(event, arguments):
        if active[0] and event == "open" and isinstance(arguments[0], str):
            mode, flags = arguments[1], arguments[2]
            if (mode and set(mode) & set("wax+")) or (flags and flags & (os.O_WRONLY | os.O_RDWR)):
                opened.append(arguments[0])

    for forbidden in ("imwrite", "imencode", "VideoWriter", "imwritemulti"):
        monkeypatch.setattr(cv2, forbidden, _never)
    sys.addaudithook(note)
    try:
        source, chain, result = _run(film)
        write_run(tmp_path / "o.csv", result.figures, _about(source, chain, result), rate=RATE, tracks=True)
    finally:
        active[0] = False
    assert {Path(p).name for p in opened} == {f".o.{what}.part" for what in ("csv", "crossings.csv", "zones.csv", "tracks.csv",
                                                                             "json")}
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) < SIZE[0] * SIZE[1] * 3 / 20
    assert not [value for value in vars(chain).values() if isinstance(value, np.ndarray) and value.ndim == 3]


def _never(*_args, **_kwargs):
    raise AssertionError("a picture was written")


def test_the_preview_is_blurred_and_as_long_as_the_film(film, tmp_path):
    source, path = VideoFile.open(film), tmp_path / "p.mp4"
    chain = Watch(LENS, source.rate, _Colour(), ZONES)
    with Preview(path, LENS, RATE) as preview:
        run_camera(source, chain, on_frame=preview.frame)
        preview.finish(chain)
    shown = VideoFile.open(path)
    assert len(list(shown.frames())) == 100
    sharp = np.random.default_rng(0).integers(0, 255, (576, 768, 3)).astype(np.uint8)
    assert blurred(sharp, LENS).std() < 0.12 * sharp.std()


def test_an_interrupted_preview_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), Preview(tmp_path / "p.mp4", LENS, RATE):
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_pictures_of_another_shape_are_refused():
    calibration = Calibration(LENS, "camera")
    half = same_size(calibration, type("S", (), {"size": (384, 288)})())
    assert np.allclose(half.lens.ground([[100, 200]]), LENS.ground([[200.5, 400.5]]))
    with pytest.raises(BadInput, match="calibrate this camera anew"):
        same_size(calibration, type("S", (), {"size": (640, 640)})())


def test_tables_are_refused_before_anything_runs(tmp_path):
    with pytest.raises(BadInput, match=r"\.csv or \.parquet"):
        check_out(tmp_path / "a.txt")
    with pytest.raises(BadInput, match="no such folder"):
        check_out(tmp_path / "none" / "a.csv")


def test_a_source_is_written_down_without_folder_or_password():
    assert shown_source("/home/x/street.avi") == "street.avi"
    assert shown_source("rtsp://gate:secret@10.0.0.1:554/a?b=1") == "rtsp://10.0.0.1:554/a?b=1"
