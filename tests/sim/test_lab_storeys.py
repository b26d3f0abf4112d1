"""Lab scenarios with storeys, stairs and kinds of people."""

from __future__ import annotations

import pytest
import shapely

from sim.kinds import KINDS
from sim.lab import Lab
from sim.lab.bench import prepare
from sim.lab.experiment import Experiment
from sim.lab.folder import rehearse_lab
from sim.lab.measures import measures
from sim.scenario_file import load_any
from sim.verify.drawing import box, flight, line, on
from twin.errors import BadInput


def house(stairs=None, people=None, **changes):
    base = {
        "name": "house", "kind": "lab", "duration_s": 120, "fps": 10, "stop_when_empty": True,
        "storeys": {"ground": {"walkable": box(0, 0, 10, 10).wkt, "elevation_m": 0},
                    "first": {"walkable": box(18, 0, 28, 10).wkt, "elevation_m": 3.2}},
        "stairs": [
            flight("main", "ground", "first", box(10, 4, 18, 6), line(10, 4, 10, 6), line(18, 4, 18, 6), **(stairs or {}))],
        "people": people or [{"area": box(19, 1, 26, 9).wkt, "count": 15, "goal": "exit", "storey": "first"}],
        "goals": {"exit": on("ground", box(0, 0, 1, 10))},
        "measure": {"lines": {"middle": on("ground", line(14, 4, 14, 6)), "head": on("first", line(18, 4, 18, 6))}},
    }
    return Lab.model_validate(base | changes)


def test_everybody_is_counted_once_on_each_storey(tmp_path):
    folder = rehearse_lab(house(), out=tmp_path / "run")
    assert load_any(folder / "scenario.yaml") == house()
    text = (folder / "trajectories.csv").read_text(encoding="utf-8")
    assert text.splitlines()[1] == "id,frame,x,y,storey"
    pedpy = pytest.importorskip("pedpy")
    tracks = pedpy.load_trajectory(trajectory_file=folder / "trajectories.txt")
    assert tracks.data["x"].between(0, 28).all()
    findings = Experiment(house()).run()
    table = measures(findings)
    assert table["out"] == table["crossed:middle"] == table["crossed:head"] == 15
    inside = shapely.union_all([box(0, 0, 10, 10), box(10, 4, 18, 6), box(18, 0, 28, 10)])
    assert shapely.intersects_xy(inside.buffer(1e-6), findings.tracks["x"], findings.tracks["y"]).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stairs": {"oneway": "up"}}, "because of the one-way stairs"),
        ({"people": [{"at": [[20, 5]], "goal": "exit", "storey": "first", "kind": "wheelchair"}]}, "without steps"),
        ({"people": [{"at": [[20, 5]], "goal": "exit", "storey": "attic"}]}, "no storey 'attic'"),
        ({"people": [{"at": [[20, 5]], "goal": "exit"}]}, "on which storey"),
        ({"goals": {"exit": box(0, 0, 1, 10).wkt}}, "on which storey"),
    ],
)
def test_what_cannot_work_is_one_sentence(changes, words):
    with pytest.raises(BadInput, match=words) as found:
        prepare(house(**changes))
    assert "\n" not in str(found.value)


def test_a_kind_brings_its_numbers_and_shares_are_drawn():
    people = [
              {"area": box(2, 1, 9, 9).wkt, "count": 60, "goal": "exit", "storey": "ground",
               "kind": {"adult": 1, "wheelchair": 1}},
              {"at": [[5, 9.4]], "goal": "exit", "storey": "ground", "kind": "child", "speed": {"constant": 1.0}}]
    cast = prepare(house(people=people)).cast
    mixed = cast.group == 0
    assert 15 < cast.step_free[mixed].sum() < 45
    assert set(cast.radius[mixed & cast.step_free]) == {KINDS["wheelchair"].radius}
    assert cast.speed[~mixed].tolist() == [1.0] and cast.radius[~mixed].tolist() == [KINDS["child"].radius]
    assert sum(kind.share for kind in KINDS.values()) == pytest.approx(1)


def test_who_can_take_no_steps_chooses_the_level_way_and_takes_the_company_along():
    lab = load_any("scenarios/labs/house.yaml")
    friends = {"at": [[20, 5], [20.6, 5], [20, 5.8], [20.6, 5.8]], "storey": "first", "goal": {"choose": ["door", "terrace"]},
               "kind": {"adult": 1, "wheelchair": 1}, "company": "friends"}
    written = lab.model_dump(by_alias=True, exclude_unset=True)
    lab = Lab.model_validate(written | {"people": [*written["people"], friends]})
    experiment = Experiment(lab, seed=3)
    cast, goals = experiment.cast, experiment.ground.goals
    company = cast.group == 2
    assert 0 < cast.step_free[company].sum() < 4
    experiment.run()
    assert set(cast.route[cast.step_free, 0]) == {goals["terrace"]}
    assert set(cast.route[company, 0]) == {goals["terrace"]}
    walkers = (cast.group == 0) & ~cast.step_free
    assert (cast.route[walkers, 0] == goals["door"]).sum() > 5


def test_wheels_that_can_reach_none_of_the_exits_are_refused():
    with pytest.raises(BadInput, match="without steps"):
        prepare(house(people=[{"at": [[20, 5]], "goal": {"choose": ["exit"]}, "storey": "first", "kind": "wheelchair"}]))
