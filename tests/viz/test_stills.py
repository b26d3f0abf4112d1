"""Stills: drawn in a process of their own, lit from the right side, and honest where nothing can be drawn."""

import subprocess
from types import SimpleNamespace

import numpy as np
import pytest
import shapely
from pyproj import CRS

from sim.scenario import Scenario
from twin.errors import BadInput, Unavailable
from twin.places import District, table_frame
from viz import stills
from viz.stills import layout as still_layout
from viz.stills import people as still_people
from viz.stills import still
from viz.stills.camera import Camera, view
from viz.stills.light import DepthMap, Pixels, shade
from viz.stills.scene import TILED, asset, placed, still_scene

UTM = CRS.from_epsg(32650)
X, Y = 446_000.0, 4_417_000.0
SMALL = (240, 136)


def yard(tall=6.0):
    at = lambda *c: shapely.box(X + c[0], Y + c[1], X + c[2], Y + c[3])  # noqa: E731
    rows = {
        "buildings": [{"id": "n", "geometry": at(-10, 4, 10, 12), "height": tall, "roof": "gabled",
                       "roof_height": 2.0},
                      {"id": "s", "geometry": at(-10, -12, 6, -6), "height": 4.5, "roof": "gabled",
                       "roof_height": 1.5}],
        "courtyards": [{"id": "yard", "geometry": at(-12, -12, 12, 12), "walled": True}],
        "entrances": [{"id": "door", "geometry": shapely.Point(X + 9, Y - 12), "courtyard": "yard", "kind": "front",
                       "state": "open", "width": 2.0}],
        "parts": [{"id": "tree", "geometry": shapely.Point(X + 2, Y), "kind": "tree"}],
        "streets": [{"id": "lane", "geometry": shapely.LineString([(X - 60, Y - 15), (X + 60, Y - 15)]),
                     "kind": "lane", "width": 5.0}]}
    return District("yard", UTM, {n: table_frame(n, r, UTM, source="test") for n, r in rows.items()},
                    extent=shapely.box(X - 60, Y - 60, X + 60, Y + 60))


SCENARIO = Scenario.model_validate({
    "name": "walk", "district": "yard.gpkg", "start": "2026-10-01T18:00:00+08:00", "duration_s": 60.0,
    "entries": {"west": {"at": [X - 50, Y - 15]}},
    "venues": {"east": {"area": [[X + 40, Y - 17], [X + 50, Y - 17], [X + 50, Y - 13]]}},
    "demand": {"all": {"entry": "west", "venue": "east", "people": 2, "arrive": {"at": 0.0}}},
    "layouts": {"A": {}, "B": {
        "barriers": [{"id": "north", "line": [[X - 50, Y + 30], [X + 50, Y + 30]]},
                     {"id": "late", "line": [[X - 50, Y + 50], [X + 50, Y + 50]], "from_s": 30}],
        "gates": [{"id": "way", "at": [X, Y + 30], "width": 10, "open": [{"from_s": 40}]}],
        "checkpoints": [{"id": "search", "at": [X + 30, Y + 30], "heading": 1.5708, "lanes": 4}],
        "posts": [{"id": "post", "at": [X - 40, Y + 20], "staff": 3}]}}})


class Walk:
    """Two people of a run: one walks north, one stands."""

    seeds = (1, 2)
    scenario = SCENARIO
    layout_name = "A"

    def frames(self, seed):
        assert seed in self.seeds
        return self

    def at(self, t):
        return SimpleNamespace(time_s=t, ids=np.array([3, 8], np.uint32), speed=np.array([1.2, 0.0], np.float32),
                               xy=np.array([[0.0, -40 + 1.2 * t], [5.0, -15.0]], np.float32),
                               state=np.zeros(2, np.uint8))


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("still") / "bird.png"
    try:
        return still(yard(), size=SMALL, path=path), path
    except Unavailable as missing:
        pytest.skip(str(missing))


def test_a_still_has_its_size_and_is_saved_as_png(picture):
    from PIL import Image

    image, path = picture
    assert image.shape == (136, 240, 3) and image.dtype == np.uint8 and image.std() > 12
    with Image.open(path) as saved:
        assert (np.asarray(saved) == image).all()
    assert list(path.parent.iterdir()) == [path]


def test_the_gate_is_red_the_tree_is_green_and_shadows_are_darker_than_the_lane(picture):
    camera = Camera((9.0, -32.0, 3.0), (9.0, -12.0, 1.2), 30.0)
    image = still(yard(), camera=camera, size=SMALL).astype(int)
    r, g, b = image[60:95, 100:140].reshape(-1, 3).T
    assert ((r > 1.6 * g) & (r > 1.6 * b)).sum() > 40, "no red gate in the middle of the picture"
    above = still(yard(), camera=Camera((2.0, -0.01, 60.0), (2.0, 0.0, 0.0), 30.0), size=SMALL).astype(int)
    r, g, b = above[..., 0], above[..., 1], above[..., 2]
    assert ((g > 1.04 * r) & (g > 1.15 * b)).sum() > 60, "no tree"
    assert np.ptp(above.sum(axis=2)) > 200


def test_the_same_still_twice_is_the_same_picture(picture):
    assert (still(yard(), size=SMALL) == picture[0]).all()


def test_people_appear_where_they_are_and_the_night_is_dark(picture):
    camera = {"position": (0.0, -15.0, 40.0), "target": (0.0, -15.0, 0.0), "fov_deg": 20.0}
    empty = still(yard(), camera=camera, size=SMALL).astype(int)
    crowd = still(yard(), run=Walk(), time=20.0, camera=camera, size=SMALL).astype(int)
    rows, columns = np.nonzero(np.abs(crowd - empty).sum(axis=2) > 60)
    metre = SMALL[1] / (2 * 40 * np.tan(np.radians(10)))
    for x, y in ((0.0, -16.0), (5.0, -15.0)):
        near = np.hypot(columns - (120 + x * metre), rows - (68 - (y + 15) * metre)).min()
        assert near < 1.2 * metre
    night = still(yard(), camera=camera, size=SMALL, dark=True)
    assert night.mean() < 0.55 * empty.mean()


def lit(distance, from_sun=()):
    """A patch of level ground, 40 x 40 m and 40 pixels a side, as it is lit."""
    x, y = np.meshgrid(np.arange(40.0) - 20, 20 - np.arange(40.0))
    points = np.stack([x, y, np.zeros_like(x)], 2).astype(np.float32)
    up = np.broadcast_to(np.float32([0, 0, 1]), points.shape)
    pixels = Pixels(np.full(points.shape, 150, np.uint8), up, np.zeros(x.shape, np.uint8), points,
                    np.full(x.shape, distance, np.float32), np.ones(x.shape, bool))
    return shade(pixels, sun=np.array([0, 0, 1.0]), from_sun=list(from_sun), from_above=depth_map(50.0, 0.0),
                 footprint=np.ones(x.shape, np.float32), dark=False, oversampling=1).astype(int)


def depth_map(reach, height):
    return DepthMap(np.full((64, 64), height, np.float32), np.zeros(3), reach, np.array([1.0, 0, 0]),
                    np.array([0, 1.0, 0]), np.array([0, 0, 1.0]))


def test_a_picture_from_high_above_is_as_clear_as_one_from_near():
    assert (lit(4000.0) == lit(60.0)).all()


def test_the_finer_depth_map_decides_where_it_reaches():
    bright, shadow = lit(60.0)[20, 20, 0], lit(60.0, [depth_map(50.0, 9.0)])[20, 20, 0]
    both = lit(60.0, [depth_map(8.0, 0.0), depth_map(16.0, 9.0)])[20, :, 0]
    assert shadow < bright - 40
    assert both[20] == both[15] == bright and both[8] == both[32] == shadow and both[0] == both[39] == bright


def test_walkers_face_where_they_walk():
    (found,) = still_people.people(Walk(), 20.0, None, "speed")
    assert found.heading[0] == pytest.approx(np.pi / 2, abs=1e-5)
    assert len(found.rgb) == 2 and not (found.rgb[0] == found.rgb[1]).all()
    with pytest.raises(BadInput, match="coloured by"):
        still_people.people(Walk(), 20.0, None, "mood")


def layout_corners(time):
    """Corners (n, 3) of what layout B puts on the ground, and their colours (n, 3)."""
    run = SimpleNamespace(scenario=SCENARIO, layout_name="B")
    pieces = still_layout.layout(yard(), run, time, Camera((0.0, -60.0, 30.0), (0.0, 30.0, 0.0)))
    return np.concatenate([p.positions for p in pieces]), np.concatenate([p.rgb for p in pieces]).astype(int)


def test_fences_stand_where_the_layout_has_them_while_it_has_them():
    early, colours = layout_corners(10.0)
    late, _ = layout_corners(50.0)
    assert early[:, 1].max() < 40 and late[:, 1].max() == pytest.approx(50, abs=0.5)
    fence = early[np.abs(early[:, 1] - 30) < 0.4]
    assert fence[:, 0].min() == pytest.approx(-50, abs=0.3) and fence[:, 0].max() == pytest.approx(50, abs=0.3)
    in_gate = (np.abs(early[:, 0]) < 4.5) & (np.abs(early[:, 1] - 30) < 0.4)
    assert in_gate.any() and (colours[in_gate][:, 0] > 1.4 * colours[in_gate][:, 1]).all(), "a closed gate is red"
    assert not ((np.abs(late[:, 0]) < 3.5) & (np.abs(late[:, 1] - 30) < 0.4)).any(), "the open gate is free"


def test_search_lanes_and_staff_stand_in_their_places():
    corners, _ = layout_corners(10.0)
    assert corners[:, 2].max() == pytest.approx(2.4, abs=0.05)
    frames = corners[corners[:, 2] > 2.1]
    assert np.hypot(frames[:, 0] - 30, frames[:, 1] - 30).max() < 4
    staff = corners[np.hypot(corners[:, 0] + 40, corners[:, 1] - 20) < 2.0]
    assert staff[:, 2].max() == pytest.approx(1.76, abs=0.02) and np.ptp(staff[:, 0]) > 2.5


def test_panels_cover_a_line_end_to_end():
    line = shapely.LineString([(0, 0), (11, 0), (11, 4)])
    at, heading = still_layout.panels([line])
    assert len(at) == 5 + 2 and (np.abs(np.diff(at[:5, 0])) <= still_layout.PANEL).all()
    assert heading == pytest.approx([-np.pi / 2] * 5 + [0.0] * 2)
    assert [len(a) for a in still_layout.panels([shapely.LineString()])] == [0, 0]


def test_density_colours_follow_the_levels_of_service():
    alone, crowd = np.zeros((1, 2), np.float32), np.random.default_rng(1).uniform(0, 3, (60, 2)).astype(np.float32)
    blue, red = still_people.density_colours(alone)[0], still_people.density_colours(crowd)[30]
    assert blue[2] > blue[0] and red[0] > red[2]
    assert still_people.density_colours(np.empty((0, 2), np.float32)).shape == (0, 3)


def test_the_named_views_look_at_the_place():
    district = yard()
    for name in ("bird", "top", "street"):
        camera = view(name, district, (1600, 900))
        assert camera.position[2] > 1.5 and camera.position != camera.target
    assert view("bird", district, (16, 9)).position[0] < 0 > view("bird", district, (16, 9)).position[1]
    with pytest.raises(BadInput, match="no view 'moon'; take one of bird, street, top"):
        view("moon", district, (1600, 900))
    with pytest.raises(BadInput, match="not complete"):
        view({"position": (0, 0, 1)}, district, (1600, 900))


def test_the_scene_has_pitched_tiles_and_placed_copies_keep_their_size():
    district = yard()
    scene = still_scene(district, view("bird", district, SMALL), run=None, time=None, seed=None, dark=False,
                        colour="speed")
    tiles = scene.mesh.surface == TILED
    assert tiles.any() and (np.abs(scene.mesh.normals[tiles][:, 2] - 0.9) < 0.09).any()
    two = placed(asset("pedestrian"), np.array([[0.0, 0], [10, 0]]), np.array([0.0, np.pi]), np.array([1.0, 2.0]))
    n = len(asset("pedestrian").positions)
    assert two.positions[n:, 2].max() == pytest.approx(2 * two.positions[:n, 2].max(), rel=1e-5)


def test_where_nothing_can_draw_the_remedy_is_named(monkeypatch):
    monkeypatch.setattr(stills, "GRAPHICS", ("libNoSuchThing.so.9",))
    with pytest.raises(Unavailable, match="apt install libegl1"):
        still(yard(), size=SMALL)


def test_a_crash_of_the_drawing_process_is_an_error_here(monkeypatch):
    died = subprocess.CompletedProcess([], -11, "", "")
    monkeypatch.setattr(stills, "require_graphics", lambda: None)
    monkeypatch.setattr(stills.subprocess, "run", lambda *a, **k: died)
    with pytest.raises(Unavailable, match=r"could not draw the picture .*-11"):
        still(yard(), size=SMALL)
    with pytest.raises(BadInput, match="pixels"):
        still(yard(), size=(0, 10))
