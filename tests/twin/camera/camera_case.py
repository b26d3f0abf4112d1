"""A camera over a street corner, boxes as a detector would draw them, and the recording PETS 2009 S2L1 with its truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twin.camera.calibration import Placed, placed, read_calibration
from twin.camera.detector import NanoDet
from twin.camera.evaluate import Evaluation, evaluate_run
from twin.camera.foreground import Foreground
from twin.camera.lens import Lens
from twin.camera.models import detector_file
from twin.camera.record import write_run
from twin.camera.run import RunResult, about_run, run_camera
from twin.camera.source import VideoFile
from twin.camera.watch import Watch
from twin.camera.zones import read_zones

SIZE = (768, 576)
PETS_RATE = 7.0
PETS_ZONES = Path(__file__).parent / "pets_zones.yaml"


def corner(**changes: float) -> Lens:
    """A camera 6 m up that looks north and down."""
    given = {"x": 100.0, "y": 200.0, "height": 6.0, "heading_deg": 90.0, "tilt_deg": 25.0, "fov_deg": 60.0} | changes
    return placed(Placed(**given), SIZE)


def boxes(lens: Lens, places: np.ndarray, height: float = 1.7, score: float = 0.9) -> np.ndarray:
    """Boxes (n, 5) of upright people at places (n, 2)."""
    foot, head = lens.upright(places, height)
    half = (foot[:, 1] - head[:, 1]) * 0.18
    return np.c_[foot[:, 0] - half, head[:, 1], foot[:, 0] + half, foot[:, 1], np.full(len(foot), score)]


def pets_run(data: Path, folder: Path, frames: int, detector: str = "nanodet") -> tuple[Evaluation, RunResult]:
    """The first frames of view 1, watched, written to ``folder`` and held against the truth (400 frames of it)."""
    pets = data / "camera" / "pets2009"
    known, source = read_calibration(pets / "View_001.xml"), VideoFile.open(pets / "vtest.avi", PETS_RATE)
    file = detector_file()
    if detector == "nanodet" and file is None:
        pytest.skip("the detector is not here: hutong camera models")
    found = NanoDet(file) if detector == "nanodet" and file is not None else Foreground(known.lens)
    chain = Watch(known.lens, PETS_RATE, found, read_zones(PETS_ZONES))
    result = run_camera(source, chain, most_frames=frames)
    about = about_run("vtest.avi", source, known, chain, result)
    write_run(folder / "out.csv", result.figures, about, rate=PETS_RATE, tracks=True)
    return evaluate_run(folder / "out.csv", pets / "gt_frames_001_400.txt"), result


def meets_the_bars(found: Evaluation) -> None:
    """Count, speed, MOTA and IDF1 are as good as the bars ask."""
    assert found.count_mae <= 0.35
    assert found.speed_mae is not None
    assert found.speed_mae <= 0.06
    assert found.mota is not None
    assert found.mota >= 0.90
    assert found.idf1 is not None
    assert found.idf1 >= 0.75
