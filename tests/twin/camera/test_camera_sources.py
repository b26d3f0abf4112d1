from __future__ import annotations

import cv2
import numpy as np
import pytest
from camera_case import corner

from twin.camera.source import StillFolder, VideoFile, open_source
from twin.camera.zones import Zones, read_zones, region_of, visible_ground
from twin.errors import BadInput


def _film(path, frames=30, rate=10.0, size=(160, 120)):
    film = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, size)
    for k in range(frames):
        picture = np.full((size[1], size[0], 3), 60, np.uint8)
        cv2.circle(picture, (20 + 3 * k, 60), 15, (200, 180, 30), -1)
        film.write(picture)
    film.release()
    return path


def test_frames_count_from_zero_and_the_rate_can_be_overridden(tmp_path):
    film = _film(tmp_path / "a.avi")
    assert VideoFile.open(film).rate == pytest.approx(10)
    frames = list(VideoFile.open(film, 7.0).frames())
    assert [f.number for f in frames] == list(range(30))
    assert frames[7].time_s == pytest.approx(1.0)
    assert not frames[0].gap


def test_the_true_rate_of_vtest_has_to_be_said(data):
    film = VideoFile.open(data / "camera" / "pets2009" / "vtest.avi")
    assert (film.stated_rate, film.size) == (10.0, (768, 576))
    assert VideoFile.open(film.path, 7.0).rate == 7.0


@pytest.mark.parametrize("content", [b"", b"not a video at all", b"RIFF\x00\x00\x00\x00AVI LIST"])
def test_what_is_no_video_is_refused(tmp_path, content):
    path = tmp_path / "a.avi"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"not a video|no frames") as caught:
        VideoFile.open(path)
    assert "\n" not in str(caught.value)


def test_a_film_without_frames_is_refused(tmp_path):
    film = _film(tmp_path / "a.avi", frames=0)
    with pytest.raises(BadInput, match=r"no frames|not a video"):
        VideoFile.open(film)


def test_a_truncated_film_gives_what_it_has_and_says_so(tmp_path):
    film = _film(tmp_path / "a.avi", frames=60)
    film.write_bytes(film.read_bytes()[:int(film.stat().st_size * 0.5)])
    opened = VideoFile.open(film, 10.0)
    opened.stated_frames = 60
    assert 10 < len(list(opened.frames())) < 50
    assert opened.truncated


def test_stills_come_in_the_order_of_their_numbers(tmp_path):
    for k in (10, 9, 1, 100):
        cv2.imwrite(str(tmp_path / f"still{k}.png"), np.full((60, 80, 3), k, np.uint8))
    frames = list(StillFolder.open(tmp_path, 2.0).frames())
    assert [int(f.picture[0, 0, 0]) for f in frames] == [1, 9, 10, 100]
    with pytest.raises(BadInput, match="--fps"):
        open_source(str(tmp_path))


def test_stills_of_two_sizes_are_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((60, 80, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "2.png"), np.zeros((60, 90, 3), np.uint8))
    with pytest.raises(BadInput, match="is not 80 x 60"):
        list(StillFolder.open(tmp_path, 2.0).frames())


def test_a_line_outside_the_picture_is_refused():
    zones = Zones.model_validate({"lines": [{"id": "far", "from": [0, 0], "to": [5, 0]}]})
    with pytest.raises(BadInput, match="line far lies outside the picture"):
        region_of(zones, corner())


def test_without_a_region_the_ground_where_people_are_tall_enough_is_counted():
    lens = corner()
    ground = visible_ground(lens, 36)
    foot, head = lens.upright(np.array(ground.exterior.coords)[:, :2])
    assert (foot - head)[:, 1].min() > 34
    assert ground.area > 50


@pytest.mark.parametrize(("text", "words"), [
    ("region: [[0, 0], [1, 0]]", "three corners"), ("region: [[0, 0], [4, 4], [4, 0], [0, 4]]", "crosses itself"),
    ("lines: [{id: a, from: [0, 0], to: [0.1, 0]}]", "shorter"), ("fence: 3", "fence"), ("[1, 2", "neither YAML")])
def test_what_is_wrong_with_zones_is_one_sentence(tmp_path, text, words):
    path = tmp_path / "zones.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match=words) as caught:
        read_zones(path)
    assert "\n" not in str(caught.value)


def test_zones_may_be_geojson(tmp_path):
    path = tmp_path / "zones.geojson"
    path.write_text('{"type": "FeatureCollection", "features": ['
                    '{"type": "Feature", "properties": {"kind": "region"}, "geometry": {"type": "Polygon", "coordinates": '
                    '[[[0, 0], [9, 0], [9, 9], [0, 0]]]}},'
                    '{"type": "Feature", "properties": {"id": "gate"}, "geometry": '
                    '{"type": "LineString", "coordinates": [[1, 1], [5, 1]]}}]}')
    zones = read_zones(path)
    assert zones.lines[0].id == "gate"
    assert zones.region is not None
    assert len(zones.region) == 4
