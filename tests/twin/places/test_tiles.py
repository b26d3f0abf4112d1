"""3D Tiles: valid, boxes that hold their meshes, and in the right place on the earth."""

import json

import numpy as np
import pytest
import shapely
import trimesh
from pyproj import CRS, Transformer

from twin.errors import BadInput
from twin.places import LOCAL_METRES, District, table_frame
from twin.places.solids.tiles import transform, write_tiles


def village(crs=None, corner=(446_000.0, 4_417_000.0), n=12):
    crs = crs or CRS.from_epsg(32650)
    rows = [{"id": f"b{i}-{j}", "height": 5.0 + i, "roof": "gabled", "roof_height": 1.5,
             "geometry": shapely.box(corner[0] + 70 * i, corner[1] + 70 * j, corner[0] + 70 * i + 12,
                                     corner[1] + 70 * j + 7)} for i in range(n) for j in range(n)]
    return District("village", crs, {"buildings": table_frame("buildings", rows, crs, source="test")},
                    attribution="nobody")


def to_degrees(point):
    return Transformer.from_crs(4978, 4979, always_xy=True).transform(*point)


@pytest.mark.parametrize("code, corner", [(32650, (446_000.0, 4_417_000.0)), (2056, (2_683_000.0, 1_247_000.0)),
                                          (28992, (81_000.0, 454_000.0))])
def test_the_transform_puts_every_corner_within_a_metre(code, corner):
    district = village(CRS.from_epsg(code), corner)
    matrix = transform(district)
    x, y = district.origin
    flat = Transformer.from_crs(CRS.from_epsg(code), 4326, always_xy=True)
    metre = 1 / 111_000
    for east, north in [(0, 0), (400, 0), (0, -400), (380, 370)]:
        lon, lat, up = to_degrees((matrix @ [east, north, 3.0, 1])[:3])
        wanted = flat.transform(x + east, y + north)
        assert (lon, lat) == pytest.approx(wanted, abs=metre)
        assert up == pytest.approx(3.0, abs=0.1)
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1.0, abs=0.01)


def test_tiles_hold_every_building_once_and_boxes_hold_their_meshes(tmp_path):
    district = village()
    path = write_tiles(district, tmp_path / "tiles")
    tileset = json.loads(path.read_text(encoding="utf-8"))
    root = tileset["root"]
    assert tileset["asset"]["version"] == "1.1" and len(root["transform"]) == 16 and root["refine"] == "ADD"
    assert np.allclose(np.reshape(root["transform"], (4, 4)).T, transform(district))
    assert tileset["geometricError"] >= root["geometricError"] > 0
    seen = []
    for tile in root["children"]:
        scene = trimesh.load_scene(path.parent / tile["content"]["uri"])
        seen += json.loads(_json_chunk(path.parent / tile["content"]["uri"]))["extras"]["ids"]
        low, high = scene.bounds
        low, high = np.array([low[0], -high[2], low[1]]), np.array([high[0], -low[2], high[1]])
        box = np.array(tile["boundingVolume"]["box"])
        half = np.abs(box[3:].reshape(3, 3)).sum(axis=0)
        assert (box[:3] - half <= low + 1e-3).all() and (box[:3] + half >= high - 1e-3).all()
        whole = np.array(root["boundingVolume"]["box"])
        reach = np.abs(whole[3:].reshape(3, 3)).sum(axis=0)
        assert (whole[:3] - reach <= low + 1e-3).all() and (whole[:3] + reach >= high - 1e-3).all()
        assert tile["geometricError"] < root["geometricError"]
    assert len(root["children"]) > 4 and sorted(seen) == sorted(district.buildings["id"])


def _json_chunk(path):
    content = path.read_bytes()
    return content[20:20 + int.from_bytes(content[12:16], "little")]


def test_writing_again_replaces_and_writing_elsewhere_is_refused(tmp_path):
    write_tiles(village(), tmp_path / "tiles")
    write_tiles(village(n=2), tmp_path / "tiles")
    assert len(list((tmp_path / "tiles").glob("*.glb"))) == 4
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "tileset.json").write_text('{"asset": {"version": "1.0"}}')
    (tmp_path / "tiles" / "notes.txt").write_text("keep")
    for name in ("mine", "other", "tiles", "mine/letter.txt"):
        with pytest.raises(BadInput, match="something else"):
            write_tiles(village(n=2), tmp_path / name)
    assert {p.name for p in tmp_path.iterdir()} == {"tiles", "mine", "other"}
    assert (tmp_path / "tiles" / "notes.txt").read_text() == (tmp_path / "mine" / "letter.txt").read_text() == "keep"


def test_a_place_that_lies_nowhere_has_no_tiles(tmp_path):
    with pytest.raises(BadInput, match="nowhere on the earth"):
        write_tiles(village(LOCAL_METRES, (0.0, 0.0), 2), tmp_path / "tiles")
    with pytest.raises(BadInput, match="no buildings"):
        write_tiles(District("empty", CRS.from_epsg(32650)), tmp_path / "tiles")
    assert not any(tmp_path.iterdir())
