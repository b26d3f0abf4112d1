"""All bars of the camera on PETS S2L1 view 1, frames 1-400 (about a minute): ``pytest tests/twin/long_camera.py -s``."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "camera"))

from camera_case import meets_the_bars, pets_run
from rtsp_case import StreetServer

from twin.camera.stream import Stream


@pytest.mark.timeout(900)
def test_the_bars_of_the_camera(data, tmp_path):
    found, result = pets_run(data, tmp_path, 400)
    print({key: value if not isinstance(value, float) else round(value, 4) for key, value in found.as_dict().items()})
    cpu = result.cpu_s / result.frames
    print({"cpu_ms_per_frame": round(1000 * cpu, 1), "frames_per_s_on_two_cores_at_full_use": round(2 / cpu, 1)})
    meets_the_bars(found)
    assert found.crossing_error is not None
    assert found.crossing_error <= 0.08
    assert cpu <= 2 / 10


@pytest.mark.timeout(900)
def test_a_stream_that_is_cut_for_ten_seconds_ten_times(tmp_path):
    server = StreetServer(tmp_path).start()
    stream = Stream.open(server.url)
    waits, back_at, cuts, next_cut = [], None, 0, time.monotonic() + 3.0

    def cut():
        nonlocal back_at
        server.cut()
        time.sleep(10.0)
        server.start()
        back_at = time.monotonic()

    for frame in stream.frames():
        now = time.monotonic()
        if frame.gap and back_at is not None:
            waits.append(now - back_at)
            back_at, next_cut = None, now + 2.0
            if len(waits) == 10:
                stream.close()
        elif now > next_cut and cuts < 10 and cuts == len(waits):
            cuts += 1
            threading.Thread(target=cut, daemon=True).start()
    server.cut()
    print({"resumed_after_s": [round(w, 2) for w in waits]})
    assert len(waits) == 10
    assert max(waits) < 5.0
