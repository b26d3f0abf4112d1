"""The 3D models: made by the script, the same bytes every time, small, and as large as the things they show."""

import importlib.util
from pathlib import Path

import pytest
import trimesh

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "3d"
SCRIPT = importlib.util.spec_from_file_location("build_assets", FOLDER / "build.py")
build_assets = importlib.util.module_from_spec(SCRIPT)
SCRIPT.loader.exec_module(build_assets)
HEIGHTS = {"gate": 3.5, "barrier": 1.1, "checkpoint_lane": 2.4, "lamp": 4.0, "hydrant": 0.72, "bollard": 0.8,
           "tree": 7.0, "tree_slim": 9.0, "pedestrian": 1.72, "steward": 1.76, "guard": 2.0, "car": 1.5,
           "metro_entrance": 4.4, "camera": 4.5}


def test_the_stored_models_are_what_the_script_makes(tmp_path):
    made = build_assets.build(tmp_path)
    assert {p.name for p in made} == {p.name for p in FOLDER.glob("*.glb")}
    for path in made:
        assert path.read_bytes() == (FOLDER / path.name).read_bytes(), f"run assets/3d/build.py: {path.name} differs"


@pytest.mark.parametrize("name", sorted(build_assets.MODELS))
def test_a_model_is_small_and_of_the_right_size(name):
    path = FOLDER / f"{name}.glb"
    scene = trimesh.load_scene(path)
    triangles = sum(len(g.faces) for g in scene.geometry.values())
    assert path.stat().st_size <= 60_000 and triangles <= (200 if name == "pedestrian" else 1500)
    low, high = scene.bounds
    assert low[1] == pytest.approx(0.0, abs=0.03), "a model stands on the ground"
    assert high[1] == pytest.approx(HEIGHTS[name], rel=0.08)
    assert len(scene.geometry) == len(build_assets.MODELS[name]())
