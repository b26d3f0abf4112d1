"""Lab scenarios with companies, exits to choose among, signs and smoke."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely
import yaml

from sim.lab import Lab
from sim.lab.experiment import Experiment
from sim.lab.measures import UNITS, measures
from sim.scenario_file import load_any
from twin.errors import BadInput

HALL = "POLYGON ((0 0, 30 0, 30 10, 0 10, 0 0))"
ENDS = {"west": "POLYGON ((0 0, 1 0, 1 10, 0 10, 0 0))", "east": "POLYGON ((29 0, 30 0, 30 10, 29 10, 29 0))"}
BOTH = {"choose": ["west", "east"]}


def hall(people, **changes):
    base = {"name": "hall", "kind": "lab", "duration_s": 90, "walkable": HALL, "people": people, "goals": ENDS,
            "stop_when_empty": True}
    return base | changes


def run(people, seed=1, **changes):
    return Experiment(Lab.model_validate(hall(people, **changes)), seed, tracks=False).run()


def test_a_company_of_different_speeds_arrives_together():
    speeds = (1.6, 1.2, 0.7)
    five = [{"at": [[3.0, 3.0 + k]], "goal": "east", "speed": {"constant": v}} for k, v in enumerate(speeds)]
    alone = run(five).people["out_s"]
    together = run([one | {"company": "a"} for one in five])
    assert np.ptp(alone) > 15
    assert np.ptp(together.people["out_s"]) < 4
    table = measures(together)
    assert table["company_spread"] < 3 and table["left_behind"] == 0
    assert {key.partition(":")[0] for key in table} <= UNITS.keys()


def test_companies_by_size_are_formed_in_the_order_of_coming():
    line = {"line": "LINESTRING (0.5 1, 0.5 9)", "times_s": [0, 0, 0, 20, 20, 20], "goal": "east", "company_size": 3}
    people = run([line]).people.sort_values("due_s")
    assert people["company"].tolist() == [0, 0, 0, 1, 1, 1]
    assert (people.groupby("company")["out_s"].agg(np.ptp) < 5).all()


def test_labs_without_choices_and_companies_have_no_measures_of_them():
    table = measures(run([{"at": [[15, 5]], "goal": "east"}]))
    assert "company_spread" not in table and "incapacitated" not in table
    assert table["gave_up"] == table["stuck"] == 0


def test_the_nearer_exit_is_chosen():
    people = run([{"area": "POLYGON ((3 1, 7 1, 7 9, 3 9, 3 1))", "count": 20, "goal": BOTH}]).people
    assert (people["goal"] == "west").all() and (people["out_x"] < 2).all()


def test_an_exit_that_people_do_not_know_is_not_chosen():
    goal = BOTH | {"familiar": {"west": 0.0}, "social": 0.0}
    people = run([{"area": "POLYGON ((3 1, 7 1, 7 9, 3 9, 3 1))", "count": 20, "goal": goal}]).people
    assert (people["goal"] == "east").all()


def test_a_sign_behind_a_wall_is_not_seen():
    goal = BOTH | {"familiar": {"west": 0.0}, "social": 0.0}
    people = [{"area": "POLYGON ((8 1, 10 1, 10 9, 8 9, 8 1))", "count": 10, "goal": goal}]
    sign = [{"to": "west", "at": [5.0, 5.0], "within_m": 15}]
    screen = {"walls": {"screen": "LINESTRING (7 1, 7 9)"}}
    assert (run(people, signs=sign).people["goal"] == "west").all()
    assert (run(people, signs=sign, **screen).people["goal"] == "west").mean() < 0.5
    assert (run(people, signs=[sign[0] | {"within_m": 2}]).people["goal"] == "east").all()


def test_a_company_takes_one_exit():
    goal = BOTH | {"familiar": {"west": 0.5, "east": 0.5}}
    people = run([{"area": "POLYGON ((11 1, 19 1, 19 9, 11 9, 11 1))", "count": 40, "goal": goal, "company_size": 4}]).people
    assert (people.groupby("company")["goal"].nunique() == 1).all()
    assert people["goal"].nunique() == 2


ROOM = shapely.union_all([shapely.box(0, 0, 10, 10), shapely.box(-2, 4.6, 0, 5.4), shapely.box(10, 4, 12, 6)]).wkt
DOORS = {"narrow": "POLYGON ((-2 4.6, -1 4.6, -1 5.4, -2 5.4, -2 4.6))", "wide": "POLYGON ((11 4, 12 4, 12 6, 11 6, 11 4))"}


def test_a_queue_sends_people_to_the_other_exit():
    crowd = [{"area": "POLYGON ((0.5 1, 4 1, 4 9, 0.5 9, 0.5 1))", "count": 80, "goal": {"choose": ["narrow", "wide"]}}]
    found = run(crowd, walkable=ROOM, goals=DOORS).people
    alone = run([crowd[0] | {"count": 1}], walkable=ROOM, goals=DOORS).people
    assert alone["goal"].tolist() == ["narrow"]
    assert 10 < (found["goal"] == "wide").sum() < 60
    assert found["out_s"].notna().all()


def test_people_turn_to_the_other_exit_when_theirs_shuts():
    shut = [{"at_s": 0.5, "line": "LINESTRING (0 4, 0 6)"}]
    people = [{"area": "POLYGON ((2 3, 4 3, 4 7, 2 7, 2 3))", "count": 10, "goal": {"choose": ["narrow", "wide"]}}]
    found = run(people, walkable=ROOM, goals=DOORS, closes=shut).people
    assert (found["goal"] == "wide").all() and found["out_s"].notna().all()


def test_who_is_stuck_gives_the_exit_up_and_is_counted():
    block = {"at": [[-0.5, 5.0]], "goal": "narrow", "delay": {"constant": 1000}, "radius": 0.38}
    one = {"at": [[2.0, 5.0]], "goal": {"choose": ["narrow", "wide"], "social": 0.0}}
    found = run([block, one], walkable=ROOM, goals=DOORS, duration_s=160)
    person = found.people[found.people["group"] == 1].iloc[0]
    assert person["goal"] == "wide" and person["gave_up"] == 1 and person["stuck"]
    assert 60 < person["out_s"] < 150
    table = measures(found)
    assert table["gave_up"] == 1 and table["stuck"] == 1


def test_who_is_stuck_without_a_choice_is_reported():
    block = {"at": [[-0.5, 5.0]], "goal": "narrow", "delay": {"constant": 1000}, "radius": 0.38}
    found = run([block, {"at": [[2.0, 5.0]], "goal": "narrow"}], walkable=ROOM, goals=DOORS, duration_s=160)
    assert measures(found)["stuck"] == 1 and found.series["stuck"].max() == 1


def test_smoke_comes_and_goes():
    smoke = {"cloud": {"area": HALL, "extinction_per_m": 1.2, "from_s": 5, "until_s": 15}}
    walker = [{"at": [[2.0, 5.0]], "goal": "east", "speed": {"constant": 1.25}}]
    clear, hazy = (run(walker, smoke=s).people["out_s"].iloc[0] for s in ({}, smoke))
    assert hazy - clear == pytest.approx(10 * 0.6, abs=0.4)  # ten seconds at 0.4 of the speed


def test_bad_air_brings_people_down_and_they_are_counted():
    smoke = {"gas": {"area": "POLYGON ((10 0, 20 0, 20 10, 10 10, 10 0))", "co_ppm": 300_000, "o2_percent": 12}}
    found = run([{"at": [[5.0, 5.0], [25.0, 5.0]], "goal": "east", "speed": {"constant": 1.0}}], smoke=smoke)
    table = measures(found)
    assert table["incapacitated"] == 1 and table["out"] == 1 and table["dose_max"] >= 1
    assert found.end_s < 30  # the run ends with nobody left who could leave
    down = found.people[found.people["down_s"].notna()].iloc[0]
    assert np.isnan(down["out_s"]) and 5 < down["down_s"] < 15
    assert found.people["dose"].min() == 0


def test_runs_with_everything_are_repeatable():
    people = [{"area": "POLYGON ((11 1, 19 1, 19 9, 11 9, 11 1))", "count": 40, "goal": BOTH | {"familiar": {"west": 0.5}},
               "company_size": 3}]
    extras = {"smoke": {"s": {"area": HALL, "extinction_per_m": 0.5, "co_ppm": 50}}, "signs": [{"to": "west", "at": [1, 5]}]}
    first, again = (run(people, **extras).people for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"people": [{"at": [[5, 5]], "goal": {"choose": ["west", "north"]}}]}, "'north', which is not among goals"),
        ({"people": [{"at": [[5, 5]], "goal": BOTH | {"familiar": {"north": 0.5}}}]}, "not among choose"),
        ({"people": [{"at": [[5, 5]], "goal": BOTH | {"familiar": {"west": 1.5}}}]}, "less than or equal to 1"),
        ({"people": [{"at": [[5, 5]], "goal": {"choose": []}}]}, "at least 1"),
        ({"people": [{"at": [[5, 5]], "goal": "west", "company": "a", "company_size": 2}]}, "either company or company_size"),
        ({"signs": [{"to": "north", "at": [1, 1]}]}, "points to 'north'"),
        ({"smoke": {"s": {"area": HALL, "o2_percent": 30}}}, "less than or equal to 20.9"),
        ({"smoke": {"s": {"area": HALL, "extinction_per_m": -1}}}, "greater than or equal to 0"),
        ({"smoke": {"s": {"area": "POLYGON ((0 0, 1 1"}}}, "not WKT"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path, changes, words):
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(hall([{"at": [[5, 5]], "goal": "west"}]) | changes), encoding="utf-8")
    with pytest.raises(BadInput, match=words) as found:
        load_any(path)
    assert "\n" not in str(found.value)
