"""Paired comparison: right on numbers with a known answer, refused where runs do not belong together."""

import numpy as np
import pandas as pd
import pytest
from plaza_case import evening
from scipy import stats

from sim.measures import measure
from sim.study import compare, rehearse
from sim.study.compare import interval, paired
from twin.errors import BadInput


@pytest.fixture(scope="module")
def runs(plaza, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    scenario = evening(plaza, duration_s=150, incidents=[])
    return [rehearse(scenario, layout, replications=3, out=folder / layout) for layout in ("open", "checked")]


def test_interval_is_students_t():
    values = np.random.default_rng(1).normal(3, 2, 12)
    mean, low, high = interval(values)
    expected = stats.t.interval(0.95, 11, loc=values.mean(), scale=stats.sem(values))
    assert (low, high) == pytest.approx(expected) and mean == pytest.approx(values.mean())
    assert interval(np.array([4.0])) == (4.0, None, None)


def test_densities_at_which_everybody_walks_freely_are_equally_good():
    free = pd.DataFrame({"density_max:square": [0.20, 0.20, 0.21]})
    told = {name: paired(frame, frame - 0.05, measure)[0] for name, frame in (("free", free), ("dense", 3 * free))}
    assert told["free"].real and told["dense"].real
    assert (told["free"].better, told["dense"].better) == (None, "B")


def test_equal_values_have_no_interval_to_speak_of():
    assert interval(np.full(3, 0.0588)) == (0.0588, 0.0588, 0.0588)


def test_interval_covers_as_often_as_it_says():
    random = np.random.default_rng(2)
    covered = 0
    for _ in range(2000):
        _, low, high = interval(random.normal(1.0, 3.0, 5))
        covered += low <= 1.0 <= high
    assert 0.93 < covered / 2000 < 0.97


def test_the_checkpoint_is_seen_to_cost_time(runs):
    comparison = compare(*runs)
    row = next(row for row in comparison.rows if row.key == "access_p50")
    assert row.real and row.better == "A" and row.low > 0
    assert row.difference == pytest.approx((runs[1].metrics.access_p50 - runs[0].metrics.access_p50).mean())
    assert comparison.takes["lanes"] == (0, 4)
    assert "better" in comparison.sentence() and "更好" in comparison.sentence("zh")


def test_a_run_against_itself_has_no_difference(runs):
    comparison = compare(runs[0], runs[0])
    assert not any(row.real for row in comparison.rows)
    assert "No difference" in comparison.sentence()


def test_page_stands_alone(runs):
    page = compare(*runs).to_html()
    assert page.startswith("<!doctype html>")
    assert "http" not in page and "<script" not in page
    assert "density" in page


def test_runs_of_other_demand_are_refused(runs, plaza, tmp_path):
    demand = {"visitors": {"entry": "w", "venue": "square", "people": 20, "arrive": {"at": 0}}}
    other = rehearse(evening(plaza, duration_s=20, demand=demand, incidents=[]), "open", out=tmp_path / "o")
    with pytest.raises(BadInput, match="demand"):
        compare(runs[0], other)


def test_runs_without_a_common_seed_are_refused(runs, plaza, tmp_path):
    other = rehearse(evening(plaza, duration_s=150, incidents=[]), "open", seed=50, out=tmp_path / "o")
    with pytest.raises(BadInput, match="--seed"):
        compare(runs[0], other)
