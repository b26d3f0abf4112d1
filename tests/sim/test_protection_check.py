"""What is wrong with a plan is found: zones, rules, open ways, rounds, grids, risk places, blind spots."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from plaza_case import evening, ring
from protection_case import medic, plan, spot

from sim.place import district_of
from sim.protection import Check, check, make_ready
from sim.protection.check import rule_at
from sim.protection.sight import sight
from sim.scenario import Zone
from sim.scenario_file import load
from twin.errors import BadInput
from twin.places import District

ROOT = Path(__file__).resolve().parents[2]
CORE = {"id": "core", "kind": "core", "area": ring((-15, -15), (15, -15), (15, 15), (-15, 15))}
GUARD = {"id": "guard", "kind": "guard", "area": ring((-19, -19), (19, -19), (19, 19), (-19, 19))}
CONTROL = {"id": "control", "kind": "control", "area": ring((-60, -30), (60, -30), (60, 60), (-60, 60))}


def problems(plaza, layout, **protection) -> list[str]:
    return check(plan(plaza, layout, **protection)).problems


def test_a_plan_that_is_whole_has_no_problems(plaza):
    assert problems(plaza, {"zones": [CORE, GUARD, CONTROL], "posts": [medic("m", -80, 0)]}) == []


def test_zones_lie_within_each_other(plaza):
    outside = GUARD | {"area": ring((-10, -19), (19, -19), (19, 19), (-10, 19))}
    assert problems(plaza, {"zones": [CORE, outside, CONTROL]}) == ["zone core (core) does not lie within a guard zone"]


def test_an_inner_zone_lets_in_no_more_than_the_outer_one_at_any_time(plaza):
    guard = GUARD | {"rules": [{"on_foot": "pass", "from_s": 600, "until_s": 1200}], "fenced": True}
    core = CORE | {"rules": [{"on_foot": "checked"}], "fenced": True}
    assert problems(plaza, {"zones": [core, guard, CONTROL]}) == [
        "zone core lets in checked on foot at 0:10 h, but zone guard around it pass"]


def test_the_last_rule_that_holds_counts():
    zone = Zone.model_validate(CORE | {"rules": [{"on_foot": "checked"}, {"from_s": 100, "until_s": 200, "vehicles": "nobody"}]})
    assert [rule_at(zone, t) for t in (0, 100, 200)] == [("checked", "all"), ("all", "nobody"), ("checked", "all")]


def test_a_way_into_a_zone_with_a_rule_needs_somebody(plaza):
    control = CONTROL | {"rules": [{"vehicles": "residents"}]}
    west, east, north = (medic(name, x, y) for name, x, y in (("w", -58, 0), ("e", 62, 1), ("n", 0, 55)))
    assert problems(plaza, {"zones": [control], "posts": [west, east, north]}) == []
    found, = problems(plaza, {"zones": [control], "posts": [west, north]})
    assert found.startswith("1 of 3 ways into zone control have no post")
    shut = {"id": "east", "line": ring((60, -5), (60, 5))}
    assert problems(plaza, {"zones": [control], "posts": [west, north], "barriers": [shut]}) == []


def test_a_round_that_cannot_keep_its_promise_says_how_many_patrols_it_takes(plaza):
    beat = {"id": "beat", "stops": [spot(-90, 0), spot(90, 0)], "every_min": 3}
    found, = problems(plaza, {"rounds": [beat]})
    assert found.startswith(("round beat takes 5 min", "round beat takes 6 min"))
    assert found.endswith("it needs 2")
    assert problems(plaza, {"rounds": [beat | {"patrols": 2}]}) == []


def test_forces_are_held_against_risk_places_at_their_worst_moment(plaza):
    risk = {"id": "hall", "at": spot(-90, 0), "needs": {"medic": 3}, "within_min": 1}
    posts = [medic("a", -60, 0, staff=2), medic("b", -50, 0, staff=2, until_s=1800), medic("bound", -70, 0, staff=9, stay=9),
             medic("far", 95, 0, staff=9)]
    made = check(plan(plaza, {"posts": posts}, risks=[risk]))
    row = made.risks.iloc[0]
    assert (row["needed"], row["there"], row["short"], row["time_s"]) == (3, 2, 1, 1800)
    assert row["first_s"] == pytest.approx(20 + 30 / 2.0, rel=0.15)
    assert made.problems == ["risk place hall needs 3 medic in time and 2 can be there at 0:30 h"]


def test_forces_of_a_zone_by_time(plaza):
    posts = [medic("in", 0, 0, staff=3), medic("later", -50, 0, staff=2, from_s=900), medic("out", 95, 0)]
    forces = check(plan(plaza, {"zones": [CORE, GUARD, CONTROL], "posts": posts})).forces
    told = {(row.time_s, row.zone): row.staff for row in forces.itertuples()}
    assert told == {(0.0, "core"): 3, (0.0, "outside"): 1, (900.0, "core"): 3, (900.0, "control"): 2, (900.0, "outside"): 1}


def test_blind_is_what_nobody_has_in_sight(plaza):
    made = plan(plaza, {"posts": [medic("m", -60, 0)], "zones": []}, sees_m=30)
    seen = sight(made, 0.0).places
    street = seen[seen["of"].isin(["west", "east"])]
    away = np.abs(street["x"] - (446_000 - 60))
    assert (~street["blind"] == (away <= 30)).all() and street["blind"].any() and not street["blind"].all()
    assert sight(plan(plaza, {"posts": [medic("m", -60, 0, reserve=True)]}), 0.0).places["blind"].all()


def test_a_wall_hides_what_is_behind_it(plaza):
    wall = {"id": "wall", "line": ring((-62, -5), (-62, 5))}
    made = plan(plaza, {"posts": [medic("m", -60, 0)], "barriers": [wall]}, sees_m=30)
    seen = sight(made, 0.0).places
    west = seen[seen["of"] == "west"]
    assert west[west["x"] < 446_000 - 63]["blind"].all() and not west[west["x"] > 446_000 - 60]["blind"].all()


def test_what_is_out_of_place_is_one_sentence(plaza):
    with pytest.raises(BadInput, match="no protection plan"):
        make_ready(District.open(plaza), evening(plaza), "open")
    with pytest.raises(BadInput, match="post m lies over 40 m off"):
        plan(plaza, {"posts": [medic("m", -80, 70)]})
    with pytest.raises(ValueError, match="two risk places"):
        plan(plaza, {}, risks=[{"id": "a", "at": spot(0, 0)}] * 2)
    with pytest.raises(ValueError, match="cannot stay"):
        plan(plaza, {"posts": [medic("m", 0, 0, stay=2)]})
    with pytest.raises(ValueError, match="there are none"):
        plan(plaza, {}, risks=[])
    barrier = {"id": "shut", "line": ring((30, -5), (30, 5))}
    with pytest.raises(BadInput, match="round beat has no way on foot from stop 1"):
        plan(plaza, {"rounds": [{"id": "beat", "stops": [spot(0, -10), spot(80, 0)]}], "barriers": [barrier]})


@pytest.fixture(scope="module")
def gala() -> Check:
    scenario = load(ROOT / "scenarios" / "protection.yaml")
    return check(make_ready(district_of(scenario), scenario, "A"))


def test_the_scenario_that_ships_has_the_size_of_the_source_case(gala: Check):
    grids = gala.plan.district.grids
    assert (grids["level"] == "community").sum() == 13 and len(gala.plan.grids) == 71
    assert 2_900 <= gala.plan.staff <= 3_200 and len(gala.plan.risks) >= 30
    assert {s.role for s in gala.plan.stations} == {"post", "round", "reserve"}
    assert {s.kind for s in gala.plan.stations} == {"police", "guard", "steward", "medic", "fire", "traffic", "volunteer"}


def test_of_the_plan_that_ships_only_thin_grids_are_wrong(gala: Check):
    assert len(gala.problems) == 1 and "grids have fewer than 20 staff" in gala.problems[0]
    assert gala.sight.share("street") > 0.75 and len(gala.sight.blind) > 0 and (gala.risks["short"] == 0).all()
