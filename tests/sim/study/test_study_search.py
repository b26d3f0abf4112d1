"""The search: moves keep a layout sound, fronts are fronts, and what is found is confirmed in pairs."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from plaza_case import X0, Y0, evening, ring
from study_case import small_event

from sim.scenario import Layout
from sim.study import space
from sim.study.crew import Crew
from sim.study.folder import Study
from sim.study.search import Verdict, front, search, slowed, thinned
from twin.errors import BadInput
from twin.places import District

FENCED = {
    "zones": [{"id": "core", "kind": "core", "fenced": True, "area": ring((-18, -18), (3, -18), (3, 18), (-18, 18))}],
    "gates": [{"id": "out", "at": [X0 + 3, Y0], "width": 3, "open": [{"from_s": 140}]}],
    "checkpoints": [{"id": "in", "at": [X0 - 18, Y0], "heading": 0.0, "lanes": 3, "service": {"constant": 4.0}},
                    {"id": "side", "at": [X0 - 10, Y0 + 18], "heading": -1.5708, "lanes": 2, "service": {"constant": 4.0}}],
    "posts": [{"id": "p1", "at": [X0 + 15, Y0 - 15], "staff": 2}, {"id": "p2", "at": [X0 - 15, Y0 - 10], "staff": 1}]}
BARRED = {"barriers": [{"id": "fence", "line": ring((-40, -4.5), (-40, 4.5))}],
          "checkpoints": [{"id": "c", "at": [X0 - 40, Y0], "heading": 0.0, "lanes": 4}]}


@pytest.fixture(scope="module")
def place(plaza):
    return District.open(plaza)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_children_stay_sound(place, seed):
    mother = Layout.model_validate(FENCED)
    random = np.random.default_rng(seed)
    one = space.child(place, [mother], random)
    assert Layout.model_validate(one.model_dump(exclude_none=True)) == one
    assert sum(c.lanes for c in one.checkpoints) == 5 and all(c.lanes >= 1 for c in one.checkpoints)
    assert sum(p.staff for p in one.posts) <= 3
    fence = shapely.LinearRing([(x - X0, y - Y0) for x, y in FENCED["zones"][0]["area"]])
    inside = shapely.Polygon(fence)
    for thing in (*one.gates, *one.checkpoints):
        at = np.array(thing.at) - [X0, Y0]
        assert fence.distance(shapely.Point(at)) < 0.1, "what is on a fence stays on it"
    for check in one.checkpoints:
        ahead = np.array(check.at) - [X0, Y0] + 2 * np.array([np.cos(check.heading), np.sin(check.heading)])
        assert inside.contains(shapely.Point(ahead)), "lanes go on leading inwards"


def test_a_barrier_takes_along_what_stands_on_it(place):
    layout = Layout.model_validate(BARRED)
    moved = space.move_barrier(place, layout, np.random.default_rng(3))
    step = np.array(moved.barriers[0].line[0]) - layout.barriers[0].line[0]
    assert np.abs(step).max() > 0.1
    assert np.allclose(np.array(moved.checkpoints[0].at) - layout.checkpoints[0].at, step, atol=0.02)


def test_who_must_stay_stays(place):
    layout = Layout.model_validate(FENCED | {"posts": [{"id": "p", "at": [X0, Y0 - 10], "staff": 3, "stay": 2}]})
    for seed in range(20):
        moved = space.shift_staff(place, layout, np.random.default_rng(seed))
        layout = layout if moved is None else moved
    assert layout.posts[0].staff == 2


def test_stewards_alone_leave_their_posts_for_lanes_or_home(place):
    posts = [{"id": k, "at": [X0, Y0 - 10], "staff": 4, "kind": kind} for k, kind in
             (("a", "steward"), ("b", "medic"), ("c", "medic"))]
    layout = Layout.model_validate(FENCED | {"posts": posts})
    random = np.random.default_rng(4)
    lanes = sum(spec.lanes for spec in layout.checkpoints)
    manned = space.man_lane(place, layout, random)
    assert sum(spec.lanes for spec in manned.checkpoints) == lanes + 1
    assert [post.staff for post in manned.posts] == [2, 4, 4]
    assert space.man_lane(place, manned, random) is None, "nobody would be left at the post"
    for _ in range(30):
        layout = space.shift_staff(place, layout, random) or layout
    assert layout.posts[0].staff == 1
    assert layout.posts[1].staff + layout.posts[2].staff == 8


def test_openings_stay_in_order(place):
    layout = Layout.model_validate(FENCED | {"gates": [{"id": "g", "at": [X0 + 3, Y0], "open": [{"from_s": 50, "until_s": 60}]}]})
    for seed in range(30):
        moved = space.opening(place, layout, np.random.default_rng(seed))
        assert moved is None or moved.gates[0].open[0].from_s < 60


def test_moves_that_a_layout_has_nothing_for_do_nothing(place):
    random = np.random.default_rng(1)
    assert all(move(place, Layout(), random) is None for move in space.MOVES)
    assert space.child(place, [Layout()], random) == Layout()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_nothing_beats_the_front_and_it_beats_the_rest(rows):
    values = {str(k): dict(zip("abc", map(float, row), strict=True)) for k, row in enumerate(rows)}

    def beats(a, b):
        return all(a[e] <= b[e] for e in a) and any(a[e] < b[e] for e in a)

    best = front(values)
    assert best and not any(beats(values[a], values[b]) for a in values for b in best)
    assert all(any(beats(values[a], values[b]) for a in best) for b in values if b not in best)


def test_a_thinned_scenario_loads_its_lanes_as_before(plaza):
    scenario = evening(plaza)
    few = thinned(scenario, 0.25)
    before, after = (s.demand["visitors"].people * s.layouts["checked"].checkpoints[0].service.constant for s in (scenario, few))
    assert before == after and scenario.demand["visitors"].people == 120
    drawn = Layout.model_validate(BARRED | {"checkpoints": [BARRED["checkpoints"][0] | {"service": {"lognormal": [8, 4]}}]})
    assert slowed(drawn, 0.5).checkpoints[0].service.lognormal == (16, 8)


def test_a_verdict_needs_a_gain_and_no_loss():
    fine = {"layout": "s", "against": "A", "pairs": 5, "better": ["wait_mean"], "worse": [], "better_holm": [], "worse_holm": [],
            "more": []}
    assert Verdict(**fine).beats
    for loss in ({"better": []}, {"worse": ["density_peak"]}, {"worse": ["egress_p95"]}, {"more": ["staff"]}):
        assert not Verdict(**fine | loss).beats


@pytest.fixture(scope="module")
def event(tmp_path_factory):
    return small_event(tmp_path_factory.mktemp("search"), {"checked": 3},
                       incidents=[{"id": "fall", "at_s": 30, "at": [X0 + 2, Y0]}])


ASKED = {"tries": 12, "screen": 2, "confirm": 1, "replications": 2}


def kept_in(folder):
    return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("metrics.json")}


@pytest.mark.parametrize("when", [1, 3, 6])
def test_a_search_goes_on_where_it_stopped_and_confirms_what_it_finds(event, tmp_path, when):
    ticks = []

    def stop(done, of):
        ticks.append((done, of))
        if done >= when:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(event, ["checked"], tmp_path / "s", Crew(1), on_progress=stop, **ASKED)
    assert ticks[-1][0] >= when and ticks[-1][1] == 2 + 3 + 4
    before = kept_in(tmp_path / "s")
    bred = Study(tmp_path / "s").about["bred"]
    found = search(event, ["checked"], tmp_path / "s", Crew(1), **ASKED)
    study = Study(tmp_path / "s")
    assert before.items() <= kept_in(tmp_path / "s").items() and bool(before) == (when > 2)
    assert bred.items() <= study.about["bred"].items() and len(bred) == min(when, 2)
    assert len(found.points) + found.refused == 3 and len(found.confirmed) == 1
    assert study.layouts == ["checked", found.confirmed[0]] and study.common_seeds() == [1, 2]
    assert Study(tmp_path / "s" / "screening").first_seed > 1000, "nothing was chosen by the seeds that confirm"
    assert [p.layout for p in found.points if p.made == "by hand"] == ["checked"]
    told = study.about["search"]
    assert set(told["ends"]) == {"density_peak", "wait_mean", "response_mean", "staff"}
    assert {p["layout"] for p in told["points"] if p["front"]} <= set(study.scenario.layouts)
    assert all(p["values"]["staff"] <= 8 for p in told["points"])
    assert found.verdicts[0].pairs == 2


def test_two_workers_find_what_one_does(event, tmp_path):
    alone = search(event, ["checked"], tmp_path / "one", Crew(1), **ASKED)
    with Crew(2) as crew:
        assert search(event, ["checked"], tmp_path / "two", crew, **ASKED) == alone
    assert Study(tmp_path / "one").about["search"] == Study(tmp_path / "two").about["search"]


def test_ends_that_cannot_be(plaza, tmp_path):
    with pytest.raises(BadInput, match="nothing to have less of"):
        search(evening(plaza), ["checked"], tmp_path / "s", Crew(1), ends=["reached_venue"])
    with pytest.raises(BadInput, match="screening"):
        search(evening(plaza), ["checked"], tmp_path / "s", Crew(1), share=0)
    assert not (tmp_path / "s").exists()
