"""Numbers of a scenario by their place, and what matters among them."""

import pytest
from study_case import small_event

from sim.study.crew import Crew
from sim.study.sensitivity import sensitivity
from sim.study.settings import Parameter, put
from twin.errors import BadInput


def test_numbers_by_their_place(tmp_path):
    scenario = small_event(tmp_path, {"checked": 4})
    changed = put(scenario, {Parameter.read("layouts.checked.checkpoints.check.lanes=1..8"): 6.4,
                             Parameter.read("demand.*.people=x0.5..x2"): 0.5, Parameter.read("staff.speed=1..2"): 1.25})
    assert changed.layouts["checked"].checkpoints[0].lanes == 6
    assert changed.demand["visitors"].people == 10 and changed.staff.speed == 1.25
    assert scenario.demand["visitors"].people == 20, "the scenario itself stays"


@pytest.mark.parametrize(("text", "words"), [("staff.speed", "nothing that can be varied"), ("staff.speed=2..1", "varied"),
                                             ("staff.speed=x1..2", "varied"), ("staff.speed=a..b", "varied")])
def test_what_cannot_be_varied(text, words):
    with pytest.raises(BadInput, match=words):
        Parameter.read(text)


@pytest.mark.parametrize(("place", "words"), [("staff.weight", "nothing at"), ("name", "no number"),
                                              ("layouts.checked", "no number")])
def test_places_that_hold_no_number(tmp_path, place, words):
    with pytest.raises(BadInput, match=words):
        put(small_event(tmp_path, {"checked": 4}), {Parameter(place, 0, 1): 0.5})


def test_a_number_that_the_scenario_cannot_have(tmp_path):
    with pytest.raises(BadInput, match="narrow what is varied"):
        put(small_event(tmp_path, {"checked": 4}), {Parameter("layouts.checked.checkpoints.check.lanes", 0, 99): 99})


def test_slower_searches_matter_more_than_how_fast_staff_walk(tmp_path):
    scenario = small_event(tmp_path, {"checked": 2}, people=12)
    numbers = [Parameter.read("layouts.checked.checkpoints.check.service.constant=2..10"),
               Parameter.read("staff.speed=1..2")]
    effects = sensitivity(scenario, "checked", numbers, ["access_p50"], tmp_path / "s", Crew(1), paths=2)
    assert [e.place for e in effects] == [numbers[0].place, "staff.speed"]
    assert effects[0].mu_star > 2 and effects[0].mu == pytest.approx(effects[0].mu_star)
    assert effects[1].mu_star == 0, "the same seed leads to the same numbers"
    with pytest.raises(BadInput, match="two at least"):
        sensitivity(scenario, "checked", numbers[:1], ["access_p50"], tmp_path / "t", Crew(1))
    with pytest.raises(BadInput, match="no measure 'weight'"):
        sensitivity(scenario, "checked", numbers, ["weight"], tmp_path / "s", Crew(1), paths=2)
