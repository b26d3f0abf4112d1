from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from dash import Dash, Input, Output, html
from dash.development.base_component import ComponentRegistry
from fastapi import Response
from serving import browsing, serving

import viz
from twin.places import District
from twin.places.synthetic import generate
from viz.component import PROPS, Scene
from viz.scene import scene_bytes

HERE = Path(viz.__file__).parent / "component"


# --- the Python class and the build ------------------------------------------------------------------------------


def test_props_of_dash_deck_are_taken_and_unknown_ones_refused() -> None:
    scene = Scene(id="s", data="{}", tooltip=True, enableEvents=["click"], style={}, theme="dark")
    written = scene.to_plotly_json()
    assert (written["namespace"], written["type"]) == ("hutong_scene", "Scene")
    assert written["props"]["enableEvents"] == ["click"]
    with pytest.raises(TypeError, match="unexpected keyword argument: `colour`"):
        Scene(id="s", colour="red")
    assert {"id", "data", "tooltip", "enableEvents", "clickInfo", "hoverInfo", "dblclickInfo"} <= set(PROPS)


def test_dash_finds_the_script() -> None:
    scripts = ComponentRegistry.get_resources("_js_dist")
    assert {"relative_package_path": "dist/hutong_scene.min.js", "namespace": "viz.component"} in scripts


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The build hook, working on a copy of the sources without their packages."""
    spec = util.spec_from_file_location("scene_build_hook", HERE / "build_hook.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("package.json", "package-lock.json", "esbuild.mjs"):
        shutil.copy(HERE / name, tmp_path / name)
    shutil.copytree(HERE / "src", tmp_path / "src")
    (tmp_path / "dist").mkdir()
    monkeypatch.setattr(module, "HERE", tmp_path)
    monkeypatch.setattr(module, "BUNDLE", tmp_path / "dist" / "hutong_scene.min.js")
    monkeypatch.setattr(module, "STAMP", tmp_path / "dist" / "sources.sha256")
    return module


def test_the_bundle_is_made_again_when_a_source_changes(hook: ModuleType) -> None:
    assert not hook.is_fresh()
    hook.BUNDLE.write_text("made")
    hook.STAMP.write_text(hook.sources_sum())
    assert hook.is_fresh()
    source = hook.HERE / "src" / "theme.ts"
    source.write_text(source.read_text() + "\n")
    assert not hook.is_fresh()


def test_without_node_the_build_says_what_to_do(hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook, "node_on_path", lambda: None)
    monkeypatch.setattr(hook, "node_of_package", lambda: None)
    with pytest.raises(hook.BuildError, match="install Node"):
        hook.build(say=lambda line: None)
    asked = hook.CustomBuildHook.__new__(hook.CustomBuildHook)
    monkeypatch.setattr(type(asked), "target_name", "wheel", raising=False)
    assert asked.dependencies() == [hook.NODE_PACKAGE]
    monkeypatch.setattr(hook, "node_on_path", lambda: Path("/usr/bin/node"))
    assert asked.dependencies() == []


def test_a_failing_bundler_is_told_with_its_last_lines(hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook, "_packages_installed", lambda: True)
    with pytest.raises(hook.BuildError, match="could not be bundled"):
        hook.build(say=lambda line: None)
    assert not hook.is_fresh()


def test_the_lock_file_names_no_registry() -> None:
    locked = (HERE / "package-lock.json").read_text()
    assert '"resolved"' not in locked
    assert "registry" not in locked
    assert "omit-lockfile-registry-resolved=true" in (HERE / ".npmrc").read_text()


def test_the_sources_pass_the_type_checker(hook: ModuleType) -> None:
    node = hook.node_on_path() or hook.node_of_package()
    path = os.pathsep.join([str(node.parent), os.environ["PATH"]])
    answer = subprocess.run([*hook.npm_of(node), "run", "check", "--silent"], cwd=HERE, capture_output=True, text=True,
                            check=False, env={**os.environ, "PATH": path})
    assert answer.returncode == 0, answer.stdout


# --- in a browser ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small() -> District:
    return generate(size="small")


ZONE = {"id": "z", "kind": "zone", "style": "core", "label": "核心区",
        "geometry": {"type": "Polygon", "coordinates": [[[-40, -40], [40, -40], [40, 40], [-40, 40], [-40, -40]]]}}
PICK = "at => {const s = hutongScenes.s; return s.pick(...s.project(at))}"
HALL = """() => {
  for (const id of ['s', 't']) if (!window.hutongScenes?.[id]?.stats.ready) return false;
  return window.hutongScenes.d?.deck.isInitialized;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as made:
        yield made


@pytest.fixture(scope="module")
def page(small: District, browser: Any) -> Iterator[Any]:
    """A page with two linked scenes and one of a pydeck specification; every outside request is an error."""
    message = scene_bytes(small)
    app = Dash("hall", backend="fastapi")
    app.server.get("/scene.bin")(lambda: Response(message, media_type="application/octet-stream"))
    size = {"width": "500px", "height": "350px"}
    app.layout = html.Div([
        Scene(id="s", sceneUrl="/scene.bin", style=size, linkedTo="hall", overlays=[ZONE], antialias=False),
        Scene(id="t", sceneUrl="/scene.bin", style=size, linkedTo="hall", antialias=False, theme="dark", language="zh"),
        Scene(id="d", data=viz.deck(small).to_json(), style=size, antialias=False), html.Pre(id="edits"),
        html.Pre(id="clicks")])
    for prop, target in (("edit", "edits"), ("clickInfo", "clicks")):
        app.clientside_callback("value => value ? JSON.stringify(value) : ''", Output(target, "children"),
                                Input("s", prop))
    outside: list[str] = []
    with serving(app.server) as address:
        tab = browser.new_page(viewport={"width": 520, "height": 1200})
        tab.on("request", lambda request: None if request.url.startswith((address, "data:", "blob:"))
               else outside.append(request.url))
        tab.goto(address)
        tab.wait_for_function(HALL, timeout=60_000)
        yield tab
        assert tab.evaluate("Object.values(hutongScenes).flatMap(s => s.errors)") == []
        assert outside == []
        tab.close()


def give(page: Any, scene: str, **props: Any) -> None:
    page.evaluate("([id, props]) => dash_clientside.set_props(id, props)", [scene, props])
    page.wait_for_timeout(250)


def look_at(page: Any, x: float, y: float, zoom: float = 3.0, tilt: float = 80) -> None:
    view = {"target": [x, y, 0], "zoom": zoom, "rotationX": tilt, "rotationOrbit": 0}
    page.evaluate("view => hutongScenes.s.go(view, 0)", view)
    page.wait_for_function("view => Math.abs(hutongScenes.s.deck.getViewports()[0].zoom - view.zoom) < 0.01", arg=view)
    page.wait_for_timeout(300)


@pytest.mark.browser
def test_what_is_drawn_is_picked_by_table_and_id(page: Any, small: District) -> None:
    x, y = small.origin
    tall = small.buildings.sort_values("height").iloc[-1]
    inside = tall.geometry.representative_point()
    look_at(page, inside.x - x, inside.y - y, 2.2, 85)
    found = page.evaluate(PICK, [inside.x - x, inside.y - y, float(tall["height"]) - 0.5])
    assert (found["table"], found["id"]) == ("buildings", tall["id"])

    trees = small.parts[(small.parts["kind"] == "tree").to_numpy()]
    row = trees.sort_values("height").iloc[-1]
    tree = row.geometry
    look_at(page, tree.x - x, tree.y - y, 4, 60)
    crown = [tree.x - x, tree.y - y, 0.65 * float(row["height"])]
    found = page.evaluate(PICK, crown)
    assert found["table"] == "parts"
    assert found["id"] in set(trees["id"])

    square = small.areas[small.areas["kind"].isin(["square"]).to_numpy()].iloc[0]
    spot = square.geometry.representative_point()
    look_at(page, spot.x - x, spot.y - y, 3, 80)
    give(page, "s", visible={"overlays": False})
    found = page.evaluate(PICK, [spot.x - x, spot.y - y, 0])
    give(page, "s", visible={})
    assert (found["table"], found["id"]) == ("areas", square["id"])
    assert np.hypot(found["coordinate"][0] - (spot.x - x), found["coordinate"][1] - (spot.y - y)) < 0.5


@pytest.mark.browser
def test_selection_is_an_outline_and_not_a_colour(page: Any, small: District) -> None:
    chosen = small.buildings["id"].iloc[10]
    colors = "Array.from(hutongScenes.s.place.solidColors)"
    before = page.evaluate(f"JSON.stringify({colors}).length")
    give(page, "s", selected=[chosen])
    layers = "hutongScenes.s.deck.props.layers.filter(Boolean).map(l => [l.id, l.props.data?.length])"
    lines = dict(page.evaluate(layers))
    assert lines["outline"] >= 8, "a box has at least its twelve edges, less what is shared"
    assert page.evaluate(f"JSON.stringify({colors}).length") == before
    give(page, "s", selected=[])
    assert "outline" not in dict(page.evaluate(layers))


@pytest.mark.browser
def test_keys_turn_the_camera_and_linked_scenes_follow(page: Any) -> None:
    page.evaluate("hutongScenes.s.go({target: [0, 0, 0], zoom: 1, rotationX: 40, rotationOrbit: 30}, 0)")
    page.wait_for_timeout(300)
    page.focus("#s")
    page.keyboard.press("n")
    page.wait_for_function("Math.abs(hutongScenes.s.view.rotationOrbit) < 0.01")
    page.keyboard.press("t")
    page.wait_for_function("Math.abs(hutongScenes.s.view.rotationX - 90) < 0.01")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("hutongScenes.s.view.target[0] > 20")
    page.wait_for_function("""() => {const [a, b] = [hutongScenes.s.view, hutongScenes.t.view];
        return Math.abs(a.target[0] - b.target[0]) < 0.01 && Math.abs(a.rotationX - b.rotationX) < 0.01}""")
    assert page.get_attribute("#s", "role") == "application"
    assert "场景" in page.get_attribute("#t", "aria-label")


@pytest.mark.browser
def test_the_camera_stays_above_ground_and_near_the_district(page: Any) -> None:
    page.evaluate("hutongScenes.s.go({target: [99999, 0, -50], zoom: 40, rotationX: -60, rotationOrbit: 400}, 0)")
    page.wait_for_timeout(400)
    view = page.evaluate("hutongScenes.s.view")
    assert view["target"][0] < 2000
    assert view["target"][2] == 0
    assert view["rotationX"] >= 8
    assert view["zoom"] <= 6.5


@pytest.mark.browser
def test_drawing_a_barrier_reports_local_metres(page: Any) -> None:
    look_at(page, 0, 0, 2, 70)
    give(page, "s", tool="barrier")
    box = page.locator("#s").bounding_box()
    corners = [(120, 200), (250, 180), (380, 220)]
    expected = [page.evaluate("p => hutongScenes.s.ground(p)", list(corner)) for corner in corners]
    for x, y in corners:
        page.mouse.click(box["x"] + x, box["y"] + y)
        page.wait_for_timeout(60)
    page.keyboard.press("Enter")
    page.wait_for_function("document.getElementById('edits').textContent.includes('barrier')", timeout=10_000)
    edit = json.loads(page.text_content("#edits"))
    assert (edit["action"], edit["kind"], edit["geometry"]["type"]) == ("add", "barrier", "LineString")
    np.testing.assert_allclose(edit["geometry"]["coordinates"], expected, atol=0.02)
    give(page, "s", tool=None)


@pytest.mark.browser
def test_a_selected_overlay_is_moved_and_deleted(page: Any) -> None:
    look_at(page, 0, 0, 2, 75)
    give(page, "s", tool="select", selected=["z"])
    box = page.locator("#s").bounding_box()
    start, end = (page.evaluate("p => hutongScenes.s.project(p)", p) for p in ([40, 40, 0], [52, 46, 0]))
    page.mouse.move(box["x"] + start[0], box["y"] + start[1])
    page.mouse.down()
    page.mouse.move(box["x"] + end[0], box["y"] + end[1], steps=4)
    page.mouse.up()
    page.wait_for_function("document.getElementById('edits').textContent.includes('move')", timeout=10_000)
    edit = json.loads(page.text_content("#edits"))
    ring = edit["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1] == [-40, -40]
    np.testing.assert_allclose(ring[2], [52, 46], atol=0.6)
    page.keyboard.press("Delete")
    page.wait_for_function("document.getElementById('edits').textContent.includes('delete')", timeout=10_000)
    assert json.loads(page.text_content("#edits"))["id"] == "z"
    give(page, "s", tool=None, selected=[])


@pytest.mark.browser
def test_labels_are_drawn_with_chinese_glyphs_and_do_not_overlap(page: Any) -> None:
    shown = page.evaluate("hutongScenes.s.labels.shown")
    assert shown
    assert any("\u4e00" <= text[0] <= "\u9fff" for text in shown)
    assert len(shown) <= 70


@pytest.mark.browser
def test_a_pydeck_specification_is_drawn_and_picked(page: Any, small: District) -> None:
    ids = page.evaluate("hutongScenes.d.deck.props.layers.filter(Boolean).map(l => l.id)")
    assert {"areas", "courtyards", "streets", "buildings", "parts"} <= set(ids)
    found = page.evaluate("hutongScenes.d.pick(250, 175)")
    assert found["object"]["id"] in {i for frame in small.tables.values() for i in frame["id"]}


@pytest.mark.browser
def test_heat_lies_on_the_ground(page: Any) -> None:
    import base64

    values = base64.b64encode(np.linspace(0, 3, 12, dtype="<f4").tobytes()).decode()
    give(page, "s", heat={"values": values, "origin": [-10, -20], "cell": 5, "shape": [3, 4], "ramp": "fruin",
                          "range": [0, 3]})
    picture = page.evaluate("""() => {const h = hutongScenes.s.heat;
        return {bounds: h.bounds, first: [...h.image.data.slice(0, 4)], south: [...h.image.data.slice(-16, -12)]}}""")
    assert picture["bounds"] == [-10, -20, 10, -5]
    assert picture["south"][3] == 0, "nothing is drawn where there is nobody"
    assert picture["first"][3] > 100
    give(page, "s", heat=None)


@pytest.mark.browser
def test_the_whole_district_shows_within_seconds(browser: Any) -> None:
    """3,800 buildings within 3 s of navigation on two quiet cores; twice that where others work beside."""
    message = scene_bytes(generate())
    app = Dash("whole", backend="fastapi")
    app.server.get("/scene.bin")(lambda: Response(message, media_type="application/octet-stream"))
    app.layout = html.Div(Scene(id="s", sceneUrl="/scene.bin", style={"height": "90vh"}))
    with serving(app.server) as address:
        tab = browser.new_page(viewport={"width": 1280, "height": 800})
        tab.goto(address)
        tab.wait_for_function("window.hutongScenes?.s?.stats.ready", timeout=60_000)
        shown = tab.evaluate("hutongScenes.s.stats.readyMs") / 1000
        tab.close()
    print(f"3,800 buildings shown {shown:.2f} s after navigation")
    assert shown < 6
