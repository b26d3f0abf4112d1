"""The example night on the built-in district."""

from pathlib import Path

import numpy as np
import pytest

from sim.parking.plan import Option
from sim.parking.study import compare_options
from sim.place import builtin
from sim.scenario_file import load_night
from twin.places import District

NIGHT = Path(__file__).resolve().parents[3] / "scenarios" / "night.yaml"


@pytest.fixture(scope="module")
def district():
    return District.open(builtin("xichangan"))


def test_new_bays_take_off_the_extremes_in_a_line_and_less_of_the_mean(district):
    """PARKAGENT (Benenson, Martens and Birfir 2008): supply acts on the occurrence of extremes linearly, on means weakly."""
    plan = load_night(NIGHT)
    lot = plan.options["lot"].lots[0]
    bays = np.array([0, 36, 71, 107])
    plan = plan.model_copy(update={"options": {str(n): Option(lots=[lot.model_copy(update={"capacity": int(n)})])
                                               for n in bays[1:]}})
    means = compare_options(district, plan, replications=3, fire=False).metrics.groupby("option", sort=False).mean()
    for extreme in ("unserved", "search_long"):
        assert np.corrcoef(bays, means[extreme])[0, 1] < -0.99
    assert -1.0 < np.polyfit(bays, means["unserved"], 1)[0] < -0.5  # nearly every new bay serves one more car
    change = means.iloc[-1] / means.iloc[0] - 1
    assert abs(change["search_bay"]) < 0.1 and abs(change["search_bay"]) < abs(change["search_long"]) / 3
    assert abs(change["walk_mean"]) < 0.2


def test_the_lot_of_142_bays_helps_and_the_interval_says_so(district):
    study = compare_options(district, load_night(NIGHT), ["lot"], replications=4)
    rows = {row.key: row for row in study.rows("lot")}
    assert -142 <= rows["unserved"].difference < -60 and rows["unserved"].better == "B"
    assert rows["blocked"].mean_a > rows["blocked"].mean_b
    assert rows["walk_mean"].better == "A"  # who finds a bay in the lot walks further than who breaks a rule at the door
