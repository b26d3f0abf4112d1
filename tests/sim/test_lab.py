"""Lab scenarios: what they do, what they write, and what they refuse."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import shapely
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import Run
from sim.lab import Lab, area_of
from sim.lab.bench import prepare
from sim.lab.experiment import Experiment
from sim.lab.folder import rehearse_lab
from sim.lab.measures import UNITS, flow_of, measures
from sim.lab.places import spread
from sim.scenario import Scenario
from sim.scenario_file import dump, load, load_any, schema
from twin.errors import BadInput

ROOM = "POLYGON ((0 0, 10 0, 10 4.5, 10.4 4.5, 10.4 0, 15 0, 15 10, 10.4 10, 10.4 5.5, 10 5.5, 10 10, 0 10, 0 0))"


def scenario(**changes):
    """A room of 10 x 10 m with a door of 1 m, and people of all four kinds."""
    base = {
        "name": "door-1m",
        "kind": "lab",
        "seed": 1,
        "duration_s": 60,
        "fps": 16,
        "walkable": ROOM,
        "people": [
            {
                "area": "POLYGON ((0 0, 8 0, 8 10, 0 10, 0 0))",
                "count": 40,
                "goal": "exit",
                "speed": {"normal": [1.34, 0.26]},
            },
            {"line": "LINESTRING (0 1, 0 9)", "rate_per_s": 1.5, "until_s": 10, "goal": "exit"},
            {"line": "LINESTRING (0 1, 0 9)", "times_s": [0.0, 0.4, 1.1], "goal": "exit"},
            {"at": [[9.0, 2.0], [9.5, 2.2]], "goal": "exit"},
        ],
        "goals": {"exit": "POLYGON ((14 0, 15 0, 15 10, 14 10, 14 0))"},
        "measure": {
            "lines": {"door": "LINESTRING (10.2 4, 10.2 6)"},
            "areas": {"middle": "POLYGON ((7 4, 9 4, 9 6, 7 6, 7 4))"},
        },
    }
    return base | changes


def lab(**changes) -> Lab:
    return Lab.model_validate(scenario(**changes))


@pytest.fixture(scope="module")
def findings():
    return Experiment(lab(), maps=True).run()


def test_everybody_comes_crosses_the_door_once_and_leaves(findings):
    table = measures(findings)
    due = len(findings.people)
    assert table["people"] == table["out"] == table["crossed:door"] == due > 45
    assert table["inside"] == table["not_let_in"] == 0
    assert 0 < table["evacuation_p50"] < table["evacuation_p95"] <= table["evacuation_p100"] < 60
    assert findings.outside == 0


def test_flow_per_metre_counts_only_the_open_part_of_the_line(findings):
    table = measures(findings)
    assert table["flow_per_m:door"] == pytest.approx(table["flow_middle:door"])  # 2 m drawn, 1 m of it in the door


def test_every_measure_has_a_unit(findings):
    assert {key.partition(":")[0] for key in measures(findings)} <= UNITS.keys()


def test_people_enter_at_their_times(findings):
    third = findings.people[findings.people["group"] == 2]
    assert third["due_s"].tolist() == [0.0, 0.4, 1.1]
    assert ((third["entered_s"] - third["due_s"]).between(0, 0.2)).all()


def test_exact_places_are_exact(findings):
    first = findings.tracks[findings.tracks["frame"] == 0].set_index("id")
    ids = findings.people[findings.people["group"] == 3]["id"]
    np.testing.assert_allclose(first.loc[ids, ["x", "y"]], [[9.0, 2.0], [9.5, 2.2]], atol=1e-3)


def test_frames_are_whole_and_steps_are_walked(findings):
    tracks = findings.tracks.sort_values(["id", "frame"])
    gaps = tracks.groupby("id")["frame"].diff().dropna()
    assert (gaps == 1).all()
    step = np.hypot(tracks.groupby("id")["x"].diff(), tracks.groupby("id")["y"].diff()).dropna()
    assert step.max() * 16 < 8.0
    spent = (findings.people["out_s"] - findings.people["entered_s"]).sum()
    assert len(tracks) / 16 == pytest.approx(spent, rel=0.01)


def test_equal_seeds_give_equal_tracks_and_others_do_not():
    runs = [Experiment(lab(duration_s=5), seed).run().tracks for seed in (3, 3, 4)]
    pd.testing.assert_frame_equal(runs[0], runs[1])
    assert not runs[0].equals(runs[2])


def test_frame_rate_does_not_change_what_happens():
    fast, slow = (Experiment(lab(fps=fps, duration_s=20)).run() for fps in (25, 2))
    pd.testing.assert_frame_equal(fast.people, slow.people)
    assert len(fast.tracks) == pytest.approx(12.5 * len(slow.tracks), rel=0.1)


def test_delay_holds_people_back():
    table = Experiment(lab(people=[{"at": [[2.0, 5.0], [2.0, 7.0]], "goal": "exit", "delay": {"constant": 12}}])).run()
    early = table.tracks[table.tracks["frame"] <= 12 * 16]
    assert np.ptp(early[early["id"] == 0]["x"]) < 0.01
    assert table.people["out_s"].notna().all() and table.people["out_s"].min() > 12


def test_goals_in_a_row_are_visited_in_turn():
    plan = lab(
        people=[{"at": [[5.0, 5.0]], "goal": ["corner", "exit"], "speed": {"constant": 1.5}}],
        goals={"corner": "POLYGON ((0 9, 1 9, 1 10, 0 10, 0 9))", "exit": "POLYGON ((14 0, 15 0, 15 10, 14 10, 14 0))"},
    )
    found = Experiment(plan).run()
    assert found.tracks["x"].min() < 1.1
    assert found.people["goal"].tolist() == ["exit"] and found.people["out_s"].notna().all()


def test_shares_of_goals_split_people():
    plan = lab(
        walkable="POLYGON ((0 0, 20 0, 20 5, 0 5, 0 0))",
        measure={},
        people=[{"area": "POLYGON ((8 0, 12 0, 12 5, 8 5, 8 0))", "count": 50, "goal": {"a": 1, "b": 3}}],
        goals={"a": "POLYGON ((0 0, 1 0, 1 5, 0 5, 0 0))", "b": "POLYGON ((19 0, 20 0, 20 5, 19 5, 19 0))"},
    )
    found = Experiment(plan).run().people
    assert 0.6 < (found["goal"] == "b").mean() < 0.9
    assert ((found["out_x"] > 10) == (found["goal"] == "b")).all()


def test_a_door_opens_and_shuts_at_its_times():
    plan = lab(
        people=[{"area": "POLYGON ((6 3, 9 3, 9 7, 6 7, 6 3))", "count": 30, "goal": "exit"}],
        doors={"d": {"line": "LINESTRING (10.2 4.5, 10.2 5.5)", "open": [{"from_s": 10, "until_s": 16}]}},
    )
    found = Experiment(plan).run()
    times = found.crossings["time_s"]
    assert times.min() > 10 and times.max() <= 16.2
    assert 5 < measures(found)["out"] < 30


def test_a_regulated_door_keeps_its_rate():
    people = [{"area": "POLYGON ((4 2, 9 2, 9 8, 4 8, 4 2))", "count": 60, "goal": "exit"}]
    for most in (0.8, 1.33):
        plan = lab(
            people=people, duration_s=120, doors={"d": {"line": "LINESTRING (10 4.5, 10 5.5)", "most_per_s": most}}
        )
        table = measures(Experiment(plan).run())
        assert table["out"] == 60
        assert 0.9 * most <= table["flow:door"] <= 1.02 * most
    assert measures(Experiment(lab(people=people)).run())["flow:door"] > 1.6


def test_a_company_walks_at_the_pace_of_its_slowest():
    pair = [
        {"at": [[2.0, 4.0 + k]], "goal": "exit", "speed": {"constant": v}, "company": "a"}
        for k, v in enumerate((1.5, 0.6))
    ]
    loner = {"at": [[2.0, 7.0]], "goal": "exit", "speed": {"constant": 1.5}}
    assert prepare(lab(people=[*pair, loner])).cast.speed.tolist() == [0.6, 0.6, 1.5]


def test_a_closing_keeps_people_in():
    plan = lab(
        people=[{"at": [[2.0, 5.0]], "goal": "exit"}], closes=[{"at_s": 0.5, "line": "LINESTRING (10.2 4, 10.2 6)"}]
    )
    table = measures(Experiment(plan).run())
    assert table["out"] == 0 and table["inside"] == 1 and np.isnan(table["evacuation_p50"])


def test_who_finds_no_room_waits_outside_and_is_counted():
    plan = lab(
        duration_s=20,
        people=[
            {
                "line": "LINESTRING (0 4.8, 0 5.2)",
                "rate_per_s": 20,
                "regular": True,
                "goal": "exit",
                "speed": {"constant": 0.5},
            }
        ],
    )
    found = Experiment(plan).run()
    table = measures(found)
    assert table["people"] == 400
    assert table["not_let_in"] > 100 and table["waited_outside"] > table["not_let_in"]
    assert table["out"] + table["inside"] + table["not_let_in"] == table["people"]
    assert found.series["waiting_outside"].iloc[-1] == table["not_let_in"]


def test_an_empty_place_ends_the_run_only_if_asked():
    people = [{"at": [[12.0, 5.0]], "goal": "exit"}]
    assert Experiment(lab(people=people, stop_when_empty=True)).run().end_s < 10
    assert Experiment(lab(people=people)).run().end_s == pytest.approx(60)


def test_flow_of_even_passages():
    assert flow_of(np.arange(0, 10, 0.5)) == pytest.approx(2.0)
    assert flow_of(np.array([3.0])) == 0.0


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 150), st.floats(4, 20), st.floats(4, 20), st.integers(0, 1000))
def test_spread_people_never_overlap(count, width, depth, seed):
    room = shapely.box(0, 0, width, depth).difference(shapely.box(1, 1, 2, 2))
    rng = np.random.default_rng(seed)
    try:
        xy = spread(room, count, 0.3, np.empty((0, 2)), rng, what="test")
    except BadInput:
        assert count > 0.5 * room.area / 0.3**2
        return
    away = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)) + np.eye(count) * 9
    assert len(xy) == count and away.min() >= 0.3 - 1e-9
    assert shapely.contains_xy(room, xy[:, 0], xy[:, 1]).all()


EXIT = {"exit": "POLYGON ((14 0, 15 0, 15 10, 14 10, 14 0))"}
ONE = [{"at": [[5.0, 5.0]], "goal": "exit"}]
SHUT = "POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0))"
BOWTIE = "POLYGON ((0 0, 10 10, 10 0, 0 10, 0 0))"
SLIT = (
    "MULTIPOLYGON (((0 0, 10 0, 10 4.9, 10.4 4.9, 10.4 0, 15 0, 15 10, 10.4 10, 10.4 5.1, 10 5.1, 10 10, 0 10, 0 0)))"
)
TWO_ROOMS = "MULTIPOLYGON (((0 0, 10 0, 10 10, 0 10, 0 0)), ((11 0, 15 0, 15 10, 11 10, 11 0)))"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"walkable": BOWTIE}, "not sound"),
        ({"walkable": "POLYGON ((0 0, 1 1"}, "not WKT"),
        ({"walkable": "POLYGON ((0 0, NaN 1, 1 1, 0 0))"}, "not a number"),
        ({"goals": {"exit": BOWTIE}}, "goals.exit"),
        ({"goals": {"exit": "POLYGON ((90 0, 91 0, 91 1, 90 0))"}}, "nowhere on the walkable"),
        ({"walkable": TWO_ROOMS, "people": ONE, "measure": {}}, "no way"),
        ({"walkable": SLIT, "people": ONE}, "narrower than a body|no way"),
        ({"people": [{"line": "LINESTRING (-5 1, -5 9)", "rate_per_s": 1, "goal": "exit"}]}, "inside a wall"),
        ({"people": [{"at": [[10.2, 2.0]], "goal": "exit"}]}, "inside a wall"),
        ({"people": [{"area": "POLYGON ((20 0, 21 0, 21 1, 20 0))", "count": 1, "goal": "exit"}]}, "inside a wall"),
        ({"people": [{"line": "LINESTRING (0 1, 0 9)", "rate_per_s": -2, "goal": "exit"}]}, "greater than 0"),
        ({"people": [{"area": "POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))", "count": 500, "goal": "exit"}]}, "do not fit"),
        ({"people": [{"area": "POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))", "goal": "exit"}]}, "count"),
        ({"people": [{"at": [[5, 5]], "goal": "door"}]}, "not among goals"),
        ({"people": [{"at": [[5, 5]], "line": "LINESTRING (0 1, 0 9)", "goal": "exit"}]}, "exactly one of"),
        ({"people": [{"at": [[5, 5]], "goal": "exit", "speed": {"constant": 9}}]}, "walking speed"),
        ({"people": [{"at": [[5, 5]], "goal": "exit", "colour": "red"}]}, "no such key"),
        ({"people": [{"line": "LINESTRING (0 1, 0 9)", "goal": "exit"}]}, "rate_per_s or times_s"),
        ({"people": []}, "people"),
        ({"fps": 0}, "fps"),
        ({"duration_s": -1}, "duration_s"),
        ({"kind": "laboratory"}, "no kind of scenario"),
        ({"measure": {"lines": {"far": "LINESTRING (80 0, 90 0)"}}}, "off the walkable"),
        ({"walkable": "nothing.wkt"}, "no such file"),
    ],
)
def test_bad_input_is_one_sentence_before_anything_is_written(tmp_path, changes, words):
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(scenario(**changes)), encoding="utf-8")
    with pytest.raises(BadInput, match=words) as found:
        rehearse_lab(load_any(path), out=tmp_path / "run")
    assert "\n" not in str(found.value)
    assert [p.name for p in tmp_path.iterdir()] == ["bad.yaml"]


def test_ground_from_a_file(tmp_path):
    (tmp_path / "ground.wkt").write_text(f"GEOMETRYCOLLECTION ({ROOM})", encoding="utf-8")
    (tmp_path / "ground.geojson").write_text(shapely.to_geojson(shapely.from_wkt(ROOM)), encoding="utf-8")
    for name in ("ground.wkt", "ground.geojson"):
        (tmp_path / "lab.yaml").write_text(yaml.safe_dump(scenario(walkable=name)), encoding="utf-8")
        plan = load_any(tmp_path / "lab.yaml")
        assert isinstance(plan, Lab)
        assert area_of(plan.walkable).equals(shapely.from_wkt(ROOM))


@pytest.mark.data
@pytest.mark.parametrize("name", ["jupedsim_aknz_evac.wkt", "jupedsim_arena.wkt"])
def test_real_grounds_can_be_read(tmp_path, data, name):
    (tmp_path / "lab.yaml").write_text(yaml.safe_dump(scenario(walkable=str(data / "evac" / name))), encoding="utf-8")
    plan = load_any(tmp_path / "lab.yaml")
    assert isinstance(plan, Lab) and area_of(plan.walkable).area > 200


def test_run_folder(tmp_path):
    plan = lab(duration_s=30)
    folder = rehearse_lab(plan, out=tmp_path / "run", replications=2)
    run = Run(folder)
    assert run.seeds == [1, 2] and len(run.metrics) == 2
    assert load_any(folder / "scenario.yaml") == plan
    tracks = pd.read_csv(folder / "trajectories.csv", comment="#")
    assert list(tracks.columns) == ["id", "frame", "x", "y"]
    assert (folder / "trajectories.csv").read_text(encoding="utf-8").startswith("# framerate: 16\n")
    assert not (tmp_path / "run.part").exists() and not (folder / "done").exists()
    frame = run.frames(1).at(10)
    seen = tracks[tracks["frame"] == 160].set_index("id")
    np.testing.assert_allclose(frame.xy + run.origin, seen.loc[frame.ids, ["x", "y"]], atol=0.03)
    with pytest.raises(BadInput, match="there already"):
        rehearse_lab(plan, out=folder)


def test_an_interrupted_run_goes_on(tmp_path):
    plan = lab(duration_s=4)
    calls = []

    def stop(seed, share):
        calls.append(seed)
        if seed == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rehearse_lab(plan, out=tmp_path / "run", replications=2, on_progress=stop)
    assert (tmp_path / "run.part").is_dir() and not (tmp_path / "run").exists()
    again = []
    rehearse_lab(plan, out=tmp_path / "run", replications=2, on_progress=lambda seed, share: again.append(seed))
    assert set(again) == {2} and len(Run(tmp_path / "run").metrics) == 2
    assert not list((tmp_path / "run").rglob("*.draft"))


def test_tracks_agree_with_pedpy(tmp_path):
    pedpy = pytest.importorskip("pedpy")
    folder = rehearse_lab(lab(), out=tmp_path / "run")
    tracks = pedpy.load_trajectory(trajectory_file=folder / "trajectories.txt")
    assert tracks.frame_rate == 16
    line = pedpy.MeasurementLine([(10.2, 4.5), (10.2, 5.5)])
    nt, _ = pedpy.compute_n_t(traj_data=tracks, measurement_line=line)
    metrics = Run(folder).metrics.iloc[0]
    assert nt["cumulative_pedestrians"].max() == metrics["crossed:door"]


def test_load_and_schema_know_both_kinds(tmp_path):
    path = tmp_path / "lab.yaml"
    path.write_text(dump(lab()), encoding="utf-8")
    assert load_any(path) == lab()
    with pytest.raises(BadInput, match="kind: lab"):
        load(path)
    document = json.loads(schema())
    assert {"layouts", "people", "walkable"} <= document["properties"].keys()
    assert document["$defs"]["Lab"]["additionalProperties"] is False
    names = set()

    def walk(node):
        if isinstance(node, dict):
            names.update([node["$ref"].rpartition("/")[2]] if "$ref" in node else [])
            [walk(value) for value in node.values()]
        elif isinstance(node, list):
            [walk(value) for value in node]

    walk(document)
    assert names <= document["$defs"].keys()
    assert Scenario.__name__ in names


def test_prepare_leaves_room_between_groups():
    plan = lab(people=[{"area": "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0))", "count": 40, "goal": "exit"}] * 2)
    xy = prepare(plan).cast.xy
    away = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)) + np.eye(len(xy)) * 9
    assert away.min() >= 0.3 - 1e-9
