"""Density, pressure, levels of service, flow."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from sim.crowd.measures import DensityMaps, FlowLine, fruin_level


def test_one_person_alone_is_no_crowd() -> None:
    maps = DensityMaps(np.zeros(2), 1.0, (20, 20))
    density = maps.add(np.array([[10.5, 10.5]]), np.zeros((1, 2)))
    assert density.max() < 0.35
    assert density.sum() == pytest.approx(1.0)


@given(x=st.floats(4, 16), y=st.floats(4, 16))
def test_everybody_counts_once_wherever_they_stand(x: float, y: float) -> None:
    maps = DensityMaps(np.zeros(2), 0.5, (40, 40))
    assert maps.add(np.array([[x, y]]), np.zeros((1, 2))).sum() * 0.25 == pytest.approx(1.0)


@pytest.mark.parametrize("density", [0.5, 2.0, 4.0])
def test_an_even_crowd_reads_as_dense_as_it_is(density: float) -> None:
    side = np.arange(0, 20, 1 / np.sqrt(density))
    xy = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    maps = DensityMaps(np.zeros(2), 1.0, (20, 20))
    middle = maps.add(xy, np.zeros_like(xy))[5:15, 5:15]
    assert middle == pytest.approx(np.full_like(middle, density), rel=0.12)


def test_a_wall_does_not_thin_the_crowd_beside_it() -> None:
    walkable = np.zeros((20, 20))
    walkable[:, 10:] = 1
    side = np.arange(0.25, 20, 0.5)
    xy = np.stack(np.meshgrid(side[side > 10], side), axis=-1).reshape(-1, 2)
    plain, knowing = (DensityMaps(np.zeros(2), 1.0, (20, 20), walkable=w) for w in (None, walkable))
    assert plain.add(xy, np.zeros_like(xy))[10, 10] < 3.5
    assert knowing.add(xy, np.zeros_like(xy))[10, 10] == pytest.approx(4, rel=0.1)


def test_maps_grow_over_time() -> None:
    maps = DensityMaps(np.zeros(2), 1.0, (10, 10))
    here = np.array([[5.5, 5.5]])
    maps.add(here, np.array([[1.2, 0.0]]), seconds=1.0)
    maps.add(here + 100, np.zeros((1, 2)), seconds=3.0)
    out = maps.maps()
    assert out["person_s"].sum() == pytest.approx(1.0)
    assert out["density_mean"][5, 5] == pytest.approx(out["density_max"][5, 5] / 4)
    assert out["speed_mean"][5, 5] == pytest.approx(1.2)
    assert np.isnan(out["speed_mean"][0, 0])
    assert out["pressure_max"].max() == 0


def test_pressure_needs_density_and_disorder() -> None:
    side = np.arange(0, 10, 0.5)
    xy = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    rng = np.random.default_rng(0)
    orderly, disorderly = np.tile([0.5, 0.0], (len(xy), 1)), rng.normal(0, 0.4, (len(xy), 2))
    for velocity, low, high in ((orderly, 0, 1e-9), (disorderly, 0.5, 2.5)):
        maps = DensityMaps(np.zeros(2), 1.0, (10, 10))
        maps.add(xy, velocity)
        assert low <= maps.maps()["pressure_max"][5, 5] <= high
    sparse = DensityMaps(np.zeros(2), 1.0, (10, 10))
    sparse.add(xy[::4], disorderly[::4])
    assert sparse.maps()["pressure_max"].max() == 0


def test_fruin_levels() -> None:
    assert "".join(fruin_level(np.array([0.0, 0.35, 0.6, 1.0, 1.5, 3.0]))) == "ABCDEF"
    assert "".join(fruin_level(np.array([0.5, 1.0, 1.2, 3.0, 4.0, 6.0]), "queue")) == "ABCDEF"
    assert fruin_level(0.2).item() == "A"


def test_flow_over_a_line_counts_each_way() -> None:
    line = FlowLine(shapely.LineString([(5, 0), (5, 5), (5, 10)]))
    ids = np.array([3, 1, 2])
    line.look(ids, np.array([[4.0, 2.0], [6.0, 7.0], [4.0, 12.0]]))
    assert line.look(ids, np.array([[6.0, 2.0], [4.0, 7.0], [6.0, 12.0]])) == (1, 1)
    assert line.look(np.array([2, 9]), np.array([[4.0, 5.0], [4.0, 5.0]])) == (1, 0)
    assert (line.forward, line.backward) == (2, 1)
