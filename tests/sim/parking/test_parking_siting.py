"""Sites for lots: the models propose, the nights decide."""

import numpy as np
import pytest
from parking_case import at, plan, town

from sim.parking.siting import _best_set, site_lots
from twin.errors import BadInput

SITES = [{"id": "north", "at": at((60, 128))[0], "capacity": 30}, {"id": "east", "at": at((210, 20))[0], "capacity": 30},
         {"id": "tiny", "at": at((100, 125))[0], "capacity": 1}]


def test_the_best_of_three_sites_is_found_and_how_sure():
    found = site_lots(town(), plan(sites=SITES, residents={"cars": 60}), 1, proposals=3, replications=10)
    assert {choice.sites for choice in found.choices} == {("north",), ("east",), ("tiny",)}
    assert found.choices[-1].sites == ("tiny",) and found.choices[-1].low > 0
    assert 0 <= found.sure <= 1 and "certainty" in found.sentence()
    assert found.choices[0].difference is None
    two = site_lots(town(), plan(sites=SITES, residents={"cars": 60}), 2, proposals=3, replications=5)
    assert two.choices[0].sites == ("north", "east") and two.choices[0].mean < found.choices[0].mean


def test_the_model_agrees_with_trying_every_set():
    from itertools import combinations
    rng = np.random.default_rng(4)
    saving, weight, capacity = rng.uniform(0, 500, (9, 6)), rng.uniform(0.5, 3, 9), np.full(6, 100.0)
    value = {c: (weight * saving[:, c].max(1)).sum() for c in combinations(range(6), 2)}
    order = sorted(value, key=value.get, reverse=True)
    assert _best_set(saving, weight, capacity, 2, []) == order[0]
    assert _best_set(saving, weight, capacity, 2, order[:2]) == order[2]


def test_capacity_counts():
    saving = np.array([[100.0, 90.0], [100.0, 90.0]])
    assert _best_set(saving, np.array([10.0, 10.0]), np.array([5.0, 50.0]), 1, []) == (1,)


@pytest.mark.parametrize(("k", "measure", "n", "says"), [
    (4, "unserved", 5, "cannot be chosen"), (1, "blocked", 5, "cannot be searched"), (1, "nothing", 5, "cannot be searched"),
    (1, "unserved", 2, "say nothing about chance")])
def test_bad_searches_are_refused(k, measure, n, says):
    with pytest.raises(BadInput, match=says):
        site_lots(town(), plan(sites=SITES), k, measure=measure, replications=n)


def test_a_site_that_nobody_can_reach_is_refused():
    import shapely
    base = town()
    rows = base.streets[["id", "kind", "width", "geometry"]].to_dict("records")
    island = {"id": "island", "kind": "street", "width": 8.0, "geometry": shapely.LineString(at((240, 125), (258, 138)))}
    cut_off = town(streets=[*rows, island])
    sites = [{"id": "cut-off", "at": at((250, 132))[0], "capacity": 20}]
    with pytest.raises(BadInput, match="no car can drive to the lot cut-off"):
        site_lots(cut_off, plan(sites=sites), 1, replications=4)
