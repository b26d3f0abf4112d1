"""Who answers which call, how soon, and which posts to move: times that can be reckoned by hand."""

from __future__ import annotations

import numpy as np
import pytest
from plaza_case import ring
from protection_case import MEDICAL, medic, plan, scenario, spot

from sim.event import Rehearsal
from sim.protection import arrivals, prepare, propose
from sim.protection.answer import Answering
from sim.protection.calls import Call, draw_calls
from sim.protection.crowding import at_time, expected
from twin.errors import BadInput
from twin.places import District


def answered(made, *times: float, needs=None, on_scene_s: float = 60.0):
    """Answers to calls at the first risk place at some times."""
    prepared = prepare(made, made.stations)
    calls = [Call("medical", t, 0, needs or {"medic": 1}, np.full(9, 0.5), on_scene_s) for t in times]
    return Answering(made, made.stations, prepared.travel, 1).answer(calls)


def test_turnout_and_travel_are_what_they_are(plaza):
    made = plan(plaza, {"posts": [medic("near", -30, 0), medic("far", 60, 0)]})
    answer, = answered(made, 100.0)
    assert answer.sent == (("near", 1),) and answer.waited == 0 and answer.turnout == pytest.approx(20)
    assert answer.travel == pytest.approx(60 / 2.0, rel=0.08)
    assert answer.first == pytest.approx(answer.turnout + answer.travel) == answer.whole


def test_who_is_away_does_not_come_and_who_is_back_does(plaza):
    made = plan(plaza, {"posts": [medic("near", -30, 0), medic("far", 60, 0)]})
    sent = [answer.sent[0][0] for answer in answered(made, 100.0, 110.0, 400.0)]
    assert sent == ["near", "far", "near"]


def test_a_call_waits_for_the_next_who_is_free(plaza):
    made = plan(plaza, {"posts": [medic("only", -30, 0)]})
    first, second = answered(made, 100.0, 110.0)
    back = 100 + first.turnout + first.travel + 60 + first.travel
    assert second.waited == pytest.approx(back - 110)
    assert second.first == pytest.approx(second.waited + second.turnout + second.travel)


def test_staff_who_stay_are_not_sent_and_reserves_are(plaza):
    made = plan(plaza, {"posts": [medic("bound", -80, 0, staff=2, stay=2), medic("reserve", 0, 60, reserve=True)]})
    assert [answer.sent for answer in answered(made, 10.0)] == [(("reserve", 1),)]


def test_nobody_of_the_kind_is_no_answer(plaza):
    made = plan(plaza, {"posts": [medic("m", 0, 60)]})
    answer, = answered(made, 10.0, needs={"fire": 1})
    assert np.isnan(answer.first) and answer.sent == ()


def test_several_who_are_needed_come_from_several_posts(plaza):
    made = plan(plaza, {"posts": [medic("near", -30, 0), medic("far", 60, 0)]})
    answer, = answered(made, 0.0, needs={"medic": 2})
    assert answer.whole > answer.first and {name for name, _ in answer.sent} == {"near", "far"}


def test_first_there_is_the_first_of_the_kind_that_leads(plaza):
    made = plan(plaza, {"posts": [medic("near", -80, 0), medic("crew", 60, 0, kind="fire")]})
    answer, = answered(made, 0.0, needs={"fire": 1, "medic": 1})
    assert answer.travel == pytest.approx(150 / 2.0, rel=0.05) and answer.first == answer.whole
    alone, = answered(plan(plaza, {"posts": [medic("near", -80, 0)]}), 0.0, needs={"fire": 1, "medic": 1})
    assert np.isnan(alone.first) and alone.sent == (("near", 1),)


def test_duty_begins_and_ends(plaza):
    made = plan(plaza, {"posts": [medic("early", -30, 0, until_s=200), medic("late", 60, 0, from_s=200)]})
    assert [answer.sent[0][0] for answer in answered(made, 100.0, 300.0)] == ["early", "late"]


def test_a_patrol_is_met_where_it_walks(plaza):
    beat = {"id": "beat", "kind": "medic", "staff": 1, "stops": [spot(-80, 0), spot(80, 0)], "closed": False}
    made = plan(plaza, {"rounds": [beat]})
    assert made.rounds[0].seconds == pytest.approx(2 * 160 / 1.1, rel=0.05)
    travel = [answer.travel for answer in answered(made, *np.arange(0.0, 3600.0, 300.0), on_scene_s=0.0)]
    assert max(travel) > 40 and min(travel) < 30


CROWD = {"area": ring((-70, -10), (-30, -10), (-30, 10), (-70, 10)), "density": 3.5, "from_s": 1800}


def test_a_crowd_slows_help_from_when_it_is_there(plaza):
    made = plan(plaza, {"posts": [medic("m", 0, 0)]}, crowding=[CROWD])
    before, after = answered(made, 100.0, 2000.0)
    assert [period.until_s for period in expected(made)] == [1800, 3600] and at_time(expected(made), 1800.0) == 1
    assert after.travel > 2 * before.travel and after.turnout == before.turnout


def test_calls_are_drawn_from_the_scenario_and_never_from_the_layout(plaza):
    near, far = (plan(plaza, {"posts": [medic("m", x, 0)]}) for x in (-80, 80))
    drawn = [draw_calls(made, expected(made), prepare(made, made.stations).places, 7) for made in (near, far)]
    assert [(c.time_s, c.place, c.on_scene_s) for c in drawn[0]] == [(c.time_s, c.place, c.on_scene_s) for c in drawn[1]]
    assert 10 < len(drawn[0]) < 60  # Poisson with mean 30


def test_nothing_happens_in_the_crowd_while_there_is_none(plaza):
    made = plan(plaza, {"posts": [medic("m", 0, 0)]}, crowding=[CROWD], problems={"faint": MEDICAL | {"where": "crowd"}})
    calls = arrivals(made, replications=5).calls
    assert len(calls) > 20 and calls["time_s"].min() >= 1800
    assert calls["x"].between(446_000 - 75, 446_000 - 25).all()


def test_percentiles_and_the_promise(plaza):
    made = plan(plaza, {"posts": [medic("m", -80, 0, staff=20)]})
    row = arrivals(made, replications=10).table.iloc[0]
    assert row["turnout_p50"] == row["turnout_p95"] == 20 and row["travel_p95"] == pytest.approx(5, abs=1.5)
    assert row["share_in_time"] == 1 and row["verdict"] == "kept" and row["unanswered"] == 0
    late = arrivals(plan(plaza, {"posts": [medic("m", 95, 0, staff=20)]}), replications=10).table.iloc[0]
    assert late["share_in_time"] == 0 and late["verdict"] == "missed"


def test_who_never_came_counts_in_the_percentiles(plaza):
    made = plan(plaza, {"posts": [medic("m", -80, 0, staff=20, until_s=2400)]})
    row = arrivals(made, replications=5).table.iloc[0]
    assert row["unanswered"] > 0 and np.isinf(row["first_p95"]) and np.isfinite(row["first_p50"]) and row["share_in_time"] < 0.9


def test_the_same_seeds_give_the_same_answers(plaza):
    made = plan(plaza, {"posts": [medic("m", -30, 0)]})
    assert arrivals(made, replications=3).calls.equals(arrivals(made, replications=3).calls)


# Which posts to move


def test_a_post_at_the_wrong_end_is_moved_and_simulation_says_so(plaza):
    made = plan(plaza, {"posts": [medic("m", 95, 0, staff=20)]})
    found = propose(made, most=1, replications=8)
    assert found.problem == "medical" and found.share_now == 0 and found.best == 0
    move, = found.proposals[0].moves
    assert move.post == "m" and move.to_xy[0] < 446_000 - 10
    assert found.proposals[0].low > 0 and found.proposals[0].share == 1


def test_a_post_that_is_right_stays(plaza):
    made = plan(plaza, {"posts": [medic("m", -85, 0, staff=20)]})
    assert propose(made, "medical", most=2, replications=5).best is None


def test_a_move_that_helps_one_problem_and_harms_another_is_not_taken(plaza):
    risks = [{"id": "west", "at": spot(-90, 0), "weight": 1}, {"id": "east", "at": spot(90, 0), "weight": 1e-6}]
    both = {"medical": MEDICAL, "hurt": MEDICAL | {"where": "crowd", "per_hour": 60}}
    east = {"area": ring((85, -4), (99, -4), (99, 4), (85, 4)), "density": 0.5}
    made = plan(plaza, {"posts": [medic("m", 95, 0, staff=40)]}, risks=risks, problems=both, crowding=[east])
    proposal, = propose(made, "medical", most=1, replications=8).proposals
    assert proposal.low > 0 and proposal.others["hurt"][2] < 0 and not proposal.taken


def test_a_problem_that_no_post_answers_is_said(plaza):
    made = plan(plaza, {"posts": [medic("m", 0, 0, stay=1)]})
    with pytest.raises(BadInput, match="no post has medic"):
        propose(made, "medical")
    with pytest.raises(BadInput, match="no problem 'flood'"):
        propose(made, "flood")


# In the rehearsal itself


def test_the_rehearsal_leaves_those_who_stay_and_each_kind_has_its_turnout(plaza):
    layout = {"posts": [medic("bound", -15, 0, stay=1), medic("free", 15, -15)]}
    event = scenario(plaza, layout).model_copy(update={"duration_s": 120.0})
    data = event.model_dump(mode="json", exclude_none=True) | {
        "incidents": [{"id": "fall", "at_s": 10, "at": spot(-10, 0), "staff_kind": "medic"}],
        "staff": {"speed": 2.0, "turnout": {"constant": 5}, "kinds": {"medic": {"turnout": {"constant": 31}, "speed": 1.0}}}}
    model = Rehearsal(District.open(plaza), type(event).model_validate(data), "A", 1)
    model.rehearse()
    call, = model.calls
    assert [unit.call_sign for unit in call.sent] == ["free-1"]
    walked = float(model.site.ground.distance(call.goal, model.site.posts[1][None])[0])
    assert call.response_s == pytest.approx(31 + walked / 1.0, rel=0.1)
