"""A place made ready: what cannot work is said before anything runs."""

import pytest
from plaza_case import X0, Y0, evening

from sim.site import prepare, problems
from twin.errors import BadInput
from twin.places import District


@pytest.fixture(scope="module")
def district(plaza):
    return District.open(plaza)


def barrier(x, name="b", **more):
    return {"id": name, "line": [[X0 + x, Y0 - 8], [X0 + x, Y0 + 8]], **more}


def test_a_sound_layout_has_no_problems(district, plaza):
    assert problems(district, evening(plaza), "checked") == []
    site = prepare(district, evening(plaza), "checked")
    assert len(site.checkpoints[0].queues) == 4
    assert all(len(queue) > 20 for queue in site.checkpoints[0].queues)
    assert site.ground.inside(site.venues[0].spots).all()


def test_a_barrier_across_the_only_way_in(district, plaza):
    found = problems(district, evening(plaza, layouts={"A": {"barriers": [barrier(-40)]}}, incidents=[]), "A")
    assert any("no way from w to square" in sentence for sentence in found)


def test_a_barrier_across_the_only_way_out(district, plaza):
    scenario = evening(plaza, layouts={"A": {"barriers": [barrier(40)]}}, incidents=[])
    assert any("no way out" in sentence for sentence in problems(district, scenario, "A"))
    with pytest.raises(BadInput, match="no way out"):
        prepare(district, scenario, "A")


def test_a_gate_with_hours_makes_the_way_possible(district, plaza):
    gate = {"id": "g", "at": [X0 + 40, Y0], "width": 4, "open": [{"from_s": 100}]}
    scenario = evening(plaza, layouts={"A": {"barriers": [barrier(40)], "gates": [gate]}}, incidents=[])
    assert problems(district, scenario, "A") == []
    site = prepare(district, scenario, "A")
    assert [(c.time_s, c.name, c.shut) for c in site.changes] == [(100.0, "gate:g", False)]
    exit_goal = site.entries[1].goal
    assert not site.ground.distance(exit_goal, site.venues[0].spots[:1]) < 1e9
    site.clear("gate:g")
    assert site.ground.distance(exit_goal, site.venues[0].spots[:1]) < 200


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"entries": {"w": {"at": [X0 - 97, Y0 + 60]}, "e": {"at": [X0 + 97, Y0]}}}, "off the walkable ground"),
        ({"entries": {"w": {"at": [X0 - 99_000, Y0]}, "e": {"at": [X0 + 97, Y0]}}}, "outside the district"),
        ({"entries": {"w": {"at": "lane-7"}, "e": {"at": [X0 + 97, Y0]}}}, "lane-7"),
        (
            {
                "venues": {
                    "square": {"area": f"POLYGON (({X0} {Y0}, {X0 + 9} {Y0 + 9}, {X0 + 9} {Y0}, {X0} {Y0 + 9}, {X0} {Y0}))"}
                }
            },
            "crosses itself",
        ),
        ({"venues": {"square": {"area": [[X0 + 6, Y0 + 6], [X0 + 8, Y0 + 6], [X0 + 8, Y0 + 8]]}}}, "on buildings"),
        ({"venues": {"square": {"area": "POLYGON (("}}}, "WKT"),
        ({"venues": {"square": {"area": [[X0, Y0], [X0 + 1, Y0]]}}}, "points"),
    ],
)
def test_places_that_cannot_be(district, plaza, change, word):
    with pytest.raises(BadInput) as caught:
        prepare(district, evening(plaza, **change, incidents=[]), "open")
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_places_by_id_and_by_lon_lat(district, plaza):
    scenario = evening(
        plaza, venues={"square": {"area": "square"}}, entries={"w": {"at": "west"}, "e": {"at": [X0 + 97, Y0]}}, incidents=[]
    )
    site = prepare(district, scenario, "open")
    assert site.venues[0].area.area == pytest.approx(1600 - 49, rel=0.02)
