"""The bars on a real recording: 120 frames here, all 400 of the truth in ``tests/twin/long_camera.py``."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.camera.calibration import read_calibration
from twin.camera.detector import NanoDet
from twin.camera.evaluate import evaluate_run
from twin.camera.foreground import Foreground
from twin.camera.models import detector_file
from twin.camera.record import write_run
from twin.camera.run import about_run, run_camera
from twin.camera.source import VideoFile
from twin.camera.watch import Watch
from twin.camera.zones import read_zones

ZONES = Path(__file__).parent / "pets_zones.yaml"


def _evaluated(data: Path, folder: Path, frames: int, detector: str):
    pets = data / "camera" / "pets2009"
    known, source = read_calibration(pets / "View_001.xml"), VideoFile.open(pets / "vtest.avi", 7.0)
    file = detector_file()
    if detector == "nanodet" and file is None:
        pytest.skip("the detector is not here: hutong camera models")
    found = NanoDet(file) if detector == "nanodet" and file is not None else Foreground(known.lens)
    chain = Watch(known.lens, 7.0, found, read_zones(ZONES))
    result = run_camera(source, chain, most_frames=frames)
    write_run(folder / "out.csv", result.figures, about_run("vtest.avi", source, known, chain, result), rate=7.0, tracks=True)
    return evaluate_run(folder / "out.csv", pets / "gt_frames_001_400.txt"), result


def test_the_bars_hold_on_the_first_120_frames(data, tmp_path):
    found, result = _evaluated(data, tmp_path, 120, "nanodet")
    assert found.frames == 120
    assert found.count_mae <= 0.35
    assert found.speed_mae is not None
    assert found.speed_mae <= 0.06
    assert found.mota is not None
    assert found.mota >= 0.90
    assert found.idf1 is not None
    assert found.idf1 >= 0.75
    assert result.health == []


def test_without_a_detector_the_count_still_follows_the_truth(data, tmp_path):
    found, _ = _evaluated(data, tmp_path, 120, "background")
    assert found.count_correlation is not None
    assert found.count_correlation > 0.5
    assert abs(found.count_bias) < 0.6 * found.truth_mean
