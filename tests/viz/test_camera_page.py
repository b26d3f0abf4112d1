"""The page Camera: from clicks to a calibration, its residuals in metres, and the files for the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml

import viz.pages.camera as page
from twin.camera.calibration import Placed, calibration, placed, read_calibration
from twin.camera.zones import read_zones

ORIGIN = (446000.0, 4417000.0)
PIXELS = [[80.0, 560.0], [700.0, 540.0], [620.0, 250.0], [150.0, 230.0], [400.0, 400.0]]


@pytest.fixture
def lens():
    return placed(Placed(x=446010.0, y=4417020.0, height=6.0, heading_deg=80.0, tilt_deg=25.0, fov_deg=60.0), (768, 576))


def _drawn(lens):
    drawn = page.nothing()
    for pixel, place in zip(PIXELS, lens.ground(PIXELS), strict=True):
        drawn, pending = page.clicked(drawn, "points", tuple(place), {"pixel": pixel, "size": [768, 576]})
        assert pending is None
    return drawn


def test_clicks_become_a_calibration_with_residuals_in_metres(lens, tmp_path):
    drawn = _drawn(lens)
    file = tmp_path / "camera.yaml"
    file.write_text(yaml.safe_dump(page.calibration_file(drawn)))
    known = read_calibration(file)
    assert known.residuals.max() < 0.1
    assert np.allclose(known.lens.position, lens.position, atol=0.5)
    shown = json.dumps(page.residuals(known), default=lambda o: o.to_plotly_json())
    assert "camera.stands" in shown
    assert f"{known.accuracy_m:.2f}" in shown


def test_a_point_begins_on_the_still(lens):
    drawn, pending = page.clicked(page.nothing(), "points", (446015.0, 4417030.0), None)
    assert drawn is not None
    assert not isinstance(drawn, dict)
    assert not isinstance(pending, dict)


def test_lines_and_the_region_become_a_zones_file(tmp_path):
    drawn = page.nothing()
    for place in ((1.0, 2.0), (5.0, 2.0), (9.0, 9.0)):
        drawn, _ = page.clicked(drawn, "line", place, None)
    for place in ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0)):
        drawn, _ = page.clicked(drawn, "region", place, None)
    file = tmp_path / "zones.yaml"
    file.write_text(yaml.safe_dump(page.zones_file(drawn)))
    zones = read_zones(file)
    assert [(line.start, line.end) for line in zones.lines] == [((1.0, 2.0), (5.0, 2.0))]
    assert zones.region is not None
    assert page.undone(drawn, "region")["region"] == drawn["region"][:-1]


def test_the_map_shows_what_is_in_view_in_local_metres(lens):
    drawn = _drawn(lens)
    known = calibration(page.CalibrationFile.model_validate(page.calibration_file(drawn)))
    layers = {layer["id"]: layer for layer in page.on_map(drawn, known, ORIGIN)["layers"]}
    assert len(layers["camera-points"]["data"]) == 5
    ring = np.array(layers["camera-ground"]["data"][0]["ring"])
    assert np.abs(ring).max() < 300
    assert json.dumps(list(layers))


def test_the_page_is_built_and_answers(library):
    import dash

    app = dash.Dash(__name__, suppress_callback_exceptions=True)
    page.register(app, library, None)
    shown = json.dumps(page.layout(library, {}, "en"), default=lambda o: o.to_plotly_json())
    for name in ("camera-still", "camera-upload", "camera-scene", "camera-found", "camera-file"):
        assert f'"{name}"' in shown
    assert any("camera-found" in key for key in app.callback_map)
    # the still itself is no input of anything that runs on the server
    for callback in app._callback_list:
        if callback.get("clientside_function") is None:
            assert not any(item["id"] == "camera-upload" for item in (*callback["inputs"], *callback["state"]))
