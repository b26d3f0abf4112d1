"""Short forms of the experiments that the model is judged by."""

from __future__ import annotations

import numpy as np
import pytest

from sim.crowd.bench.experiments import (
    DOOR_WIDTHS,
    MEASURED_ONE_WAY,
    MEASURED_TWO_WAY,
    corner,
    corridor,
    counter_flow,
    door,
    error,
    gate_jam,
    hall,
)


def test_one_way_corridor_follows_the_experiment() -> None:
    outcomes = {density: corridor(density, warm=30, span=20) for density in MEASURED_ONE_WAY}
    assert error({density: o.value for density, o in outcomes.items()}, MEASURED_ONE_WAY) <= 0.20
    speeds = [o.value for o in outcomes.values()]
    assert speeds == sorted(speeds, reverse=True)
    assert sum(o.watch.outside for o in outcomes.values()) == 0


def test_two_way_corridor_follows_the_experiment() -> None:
    for density, measured in MEASURED_TWO_WAY.items():
        speed = np.mean([corridor(density, width=3.6, two_way=True, seed=seed, span=20).value for seed in range(2)])
        assert abs(speed - measured) <= 0.25


@pytest.mark.parametrize("depth", [0.4, 2.0])
def test_doors_let_through_what_real_doors_do(depth: float) -> None:
    flows = []
    for width in DOOR_WIDTHS:
        outcomes = [door(width, depth=depth, seed=seed) for seed in range(2)]
        flows.append(np.mean([o.value for o in outcomes]))
        assert sum(o.left for o in outcomes) == 0
        assert max(o.watch.deepest for o in outcomes) < 0.10
    assert min(flows) >= 1.6
    if depth < 1:
        total = np.array(flows) * DOOR_WIDTHS
        assert max(flows) <= 2.2
        assert np.corrcoef(DOOR_WIDTHS, total)[0, 1] ** 2 > 0.98
        assert 1.6 <= np.polyfit(DOOR_WIDTHS, total, 1)[0] <= 2.4


@pytest.mark.parametrize("width", [0.5, 0.6, 0.7])
def test_narrow_doors_never_block(width: float) -> None:
    outcomes = [door(width, people=75, seed=seed, limit=150) for seed in range(8)]
    assert [o.left for o in outcomes] == [0] * 8
    assert 1.6 <= np.mean([o.value for o in outcomes]) <= 2.8


def test_a_door_at_half_metre_cells() -> None:
    outcome = door(0.8, cell=0.5)
    assert outcome.left == 0 and outcome.value >= 1.6


def test_counter_flow_arrives_and_takes_longer() -> None:
    free, against = counter_flow(0), counter_flow(100)
    assert free.left == against.left == 0
    assert free.value < against.value < 180


def test_closing_two_of_four_doors_about_doubles_the_time() -> None:
    four, two = hall(4), hall(2)
    assert 1.6 < two.value / four.value < 2.4
    assert four.watch.outside == two.watch.outside == 0


def test_flow_depends_little_on_the_time_step() -> None:
    for width in (0.8, 1.2):
        flows = [np.mean([door(width, seed=s, dt=dt).value for s in range(3)]) for dt in (0.02, 0.05, 0.1)]
        assert max(flows) < 1.10 * min(flows)


def test_a_jam_before_a_gate_is_no_denser_than_real_ones() -> None:
    outcome = gate_jam(seconds=60)
    assert 5.0 < outcome.value < 9.0
    assert outcome.watch.outside == 0


def test_two_streams_pass_each_other_round_a_corner() -> None:
    outcome = corner(150, seconds=180)
    assert outcome.value == 0
