from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import CRS

from twin.camera.coverage import Sights, best_new_cameras, camera_coverage
from twin.places.district import District, table_frame

UTM = CRS.from_epsg(32650)


@pytest.fixture
def place():
    """A square of 60 m with one house of 10 m height in the middle and one camera in the west that looks east."""
    x, y = 440000.0, 4410000.0
    rows = {"buildings": [{"id": "house", "height": 10.0, "geometry": shapely.box(x + 25, y + 20, x + 35, y + 40)}],
            "parts": [{"id": "cam", "kind": "camera", "height": 4.0, "heading": 0.0, "geometry": shapely.Point(x + 1, y + 30)}]}
    return District("square", UTM, {name: table_frame(name, given, UTM, source="test") for name, given in rows.items()})


AREA = shapely.difference(shapely.box(440000, 4410000, 440060, 4410060), shapely.box(440025, 4410020, 440035, 4410040))


def test_a_house_hides_what_is_behind_it_and_only_that(place):
    sights = Sights(place)
    eye = (440001.0, 4410030.0, 4.0)
    points = np.array([[440020.0, 4410030], [440050, 4410030], [440020, 4410050], [440055, 4410058]])
    assert sights.clear(eye, points).tolist() == [True, False, True, True]


def test_from_a_tower_one_sees_over_the_house(place):
    sights = Sights(place)
    point = np.array([[440055.0, 4410030]])
    assert not sights.clear((440001.0, 4410030.0, 14.0), point)[0]
    assert sights.clear((440001.0, 4410030.0, 60.0), point)[0]


def test_a_camera_sees_within_its_angle_and_reach(place):
    cover = camera_coverage(place, step_m=2.0, reach_m=20.0, area=AREA)
    off = cover.points[cover.seen[0]] - [440001, 4410030]
    assert len(off) > 20
    assert np.hypot(*off.T).max() <= 20
    assert np.abs(np.arctan2(off[:, 1], off[:, 0])).max() <= np.radians(40) + 1e-9


def test_the_best_new_camera_sees_the_blind_side(place):
    cover = camera_coverage(place, step_m=2.0, area=AREA)
    spots = cover.blind_spots()
    assert spots[0][2] > 300
    best = best_new_cameras(place, cover, number=2, spacing_m=10.0)
    assert best[0].adds_m2 >= best[1].adds_m2 > 0
    assert 0 < cover.share < 1
    assert best[0].adds_m2 < (1 - cover.share) * AREA.area * 1.05
