from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

import viz
from sim.run import Frame
from twin.errors import BadInput
from twin.places import District
from twin.places.synthetic import generate
from viz.deck import LAYERS

CLASSIC = {"PolygonLayer", "SolidPolygonLayer", "PathLayer", "ScatterplotLayer"}


@pytest.fixture(scope="module")
def small() -> District:
    return generate(size="small")


@pytest.fixture(scope="module")
def run(small: District) -> SimpleNamespace:
    frame = Frame(60.0, np.array([3, 9], np.uint32), np.array([[1.0, 2.0], [-4.0, 5.5]], np.float32),
                  np.array([1.2, 0.0], np.float32), np.array([0, 5], np.uint8))
    density = np.zeros((4, 6), np.float32)
    density[1, 2], density[3, 5], density[0, 0] = 0.5, 4.0, np.nan
    x, y = small.origin
    maps = {"origin": np.array([x - 3.0, y - 2.0]), "cell": np.array(2.0), "density_max": density}
    return SimpleNamespace(frames=lambda seed: SimpleNamespace(at=lambda t: frame), maps=lambda seed: maps)


def spec(deck: object) -> dict:
    return json.loads(deck.to_json())  # type: ignore[attr-defined]


def test_deck_is_the_district_in_local_metres(small: District) -> None:
    made = spec(viz.deck(small))
    layers = {layer["id"]: layer for layer in made["layers"]}
    assert list(layers) == ["areas", "courtyards", "streets", "buildings", "parts"]
    assert {layer["@@type"] for layer in layers.values()} <= CLASSIC
    assert made["views"] == [{"@@type": "OrbitView", "controller": True}]
    assert "mapStyle" not in made or made["mapStyle"] is None
    assert {row["id"] for row in layers["buildings"]["data"]} <= set(small.buildings["id"])
    corners = np.concatenate([np.array(row["polygon"][0]) for row in layers["buildings"]["data"]])
    west, south, east, north = small.bounds
    assert np.abs(corners).max() < max(east - west, north - south)


def test_accessors_are_columns_and_constants_are_not_strings(small: District) -> None:
    for layer in spec(viz.deck(small))["layers"]:
        first = layer["data"][0]
        for prop, value in layer.items():
            if isinstance(value, str) and value.startswith("@@="):
                assert value.removeprefix("@@=") in first, f"{layer['id']}.{prop}"
            elif prop not in ("@@type", "id"):
                assert not isinstance(value, str), f"{layer['id']}.{prop} would be read as an expression"


def test_people_and_heat_of_a_run(small: District, run: SimpleNamespace) -> None:
    layers = {layer["id"]: layer for layer in spec(viz.deck(small, run, time=60))["layers"]}
    assert [row["id"] for row in layers["people"]["data"]] == [3, 9]
    assert layers["people"]["data"][1]["position"][:2] == [-4.0, 5.5]
    cells = layers["heat"]["data"]
    assert [cell["name"] for cell in cells] == ["0.5 /m2", "4.0 /m2"]
    assert cells[0]["polygon"][0] == [1.0, 0.0]
    assert cells[0]["color"] != cells[1]["color"]


def test_no_people_without_a_time(small: District, run: SimpleNamespace) -> None:
    assert "people" not in [layer["id"] for layer in spec(viz.deck(small, run))["layers"]]


def test_layers_can_be_chosen_and_themes_differ(small: District) -> None:
    assert [layer["id"] for layer in spec(viz.deck(small, layers=["buildings", "streets"]))["layers"]] == [
        "streets", "buildings"]
    light, dark = (spec(viz.deck(small, theme=theme, layers=["buildings"])) for theme in ("light", "dark"))
    assert light["layers"][0]["getFillColor"] != dark["layers"][0]["getFillColor"]


@pytest.mark.parametrize("wrong", [{"layers": ["clouds"]}, {"theme": "pink"}])
def test_unknown_choices_say_what_there_is(small: District, wrong: dict) -> None:
    with pytest.raises(BadInput, match=f"{LAYERS[0]}|light or dark"):
        viz.deck(small, **wrong)
