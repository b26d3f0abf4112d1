import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from plaza_case import X0, Y0, evening

from sim.layout import takes
from sim.scenario import Layout
from sim.site import problems
from twin.errors import BadInput
from twin.places import District
from viz import draft, drafting
from viz.pages import plan, plan_form


@pytest.fixture(scope="module")
def place(plaza):
    return District.open(plaza)


@pytest.fixture(scope="module")
def scenario(plaza):
    return evening(plaza)


def line(*points):
    return {"type": "LineString", "coordinates": list(points)}


def test_a_drawn_barrier_lies_where_it_was_drawn(place, scenario):
    layout, chosen = drafting.edited(
        Layout(), {"action": "add", "kind": "barrier", "geometry": line((1, 2), (11, 2))}, place
    )
    assert chosen == "barrier-1" and layout.barriers[0].line == [(X0 + 1, Y0 + 2), (X0 + 11, Y0 + 2)]
    shown = [o for o in drafting.overlays(place, scenario, layout) if o["kind"] == "barrier"]
    assert [list(map(list, o["geometry"]["coordinates"])) for o in shown] == [[[1, 2], [11, 2]]]
    drawn = scenario.model_copy(update={"layouts": {"x": layout}})
    assert takes(place, drawn, "x")["barrier_m"] == 10
    assert problems(place, drawn, "x") == []


@pytest.mark.parametrize(("kind", "geometry", "more"), [
    ("gate", {"type": "Point", "coordinates": (3, 4)}, {}), ("post", {"type": "Point", "coordinates": (3, 4)}, {}),
    ("checkpoint", {"type": "Point", "coordinates": (3, 4)}, {"heading": 1.5}),
    ("zone", {"type": "Polygon", "coordinates": [[(0, 0), (4, 0), (4, 4), (0, 0)]]}, {}),
    ("closure", {"type": "Polygon", "coordinates": [[(0, 0), (4, 0), (4, 4), (0, 0)]]}, {}),
    ("oneway", line((0, 0), (10, 0)), {})])
def test_everything_that_is_drawn_can_be_moved_and_deleted(place, scenario, kind, geometry, more):
    layout, chosen = drafting.edited(Layout(), {"action": "add", "kind": kind, "geometry": geometry, **more}, place)
    assert [(o["id"], o["kind"]) for o in drafting.overlays(place, scenario, layout) if o["id"] == chosen] == [
        (chosen, kind)
    ]
    if kind != "oneway":
        moved = shapely.transform(shapely.geometry.shape(geometry), lambda xy: xy + np.array([5.0, 0.0]))
        after, _ = drafting.edited(layout, {"action": "move", "kind": kind, "id": chosen, **more,
                                            "geometry": shapely.geometry.mapping(moved)}, place)
        shown = next(o for o in drafting.overlays(place, scenario, after) if o["id"] == chosen)
        assert shapely.geometry.shape(shown["geometry"]).equals_exact(moved, 0.02, normalize=True)
    assert drafting.edited(layout, {"action": "delete", "kind": kind, "id": chosen}, place)[0] == Layout()


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-70, 70)), min_size=2, max_size=8, unique=True))
def test_a_barrier_keeps_its_place_to_the_centimetre(place, points):
    layout, _ = drafting.edited(Layout(), {"action": "add", "kind": "barrier", "geometry": line(*points)}, place)
    back = [(x - X0, y - Y0) for x, y in layout.barriers[0].line]
    assert max(math.dist(a, b) for a, b in zip(points, back, strict=True)) < 0.011


def test_what_is_wrong_is_seen_at_once(place):
    def keys(**layout):
        return [key for key, _ in drafting.quick_problems(place, Layout(**layout))]
    at = (X0, Y0)
    assert keys(barriers=[{"id": "b", "line": [(X0, Y0), (X0 + 9, Y0 + 9), (X0 + 9, Y0), (X0, Y0 + 9)]}]) == [
        "problem.crosses"
    ]
    assert keys(barriers=[{"id": "b", "line": [(X0 + 6, Y0 + 6), (X0 + 11, Y0 + 6)]}]) == ["problem.inside"]
    assert keys(gates=[{"id": "g", "at": at}]) == ["problem.gate"]
    assert keys(posts=[{"id": "p", "at": (X0 + 8, Y0 + 8)}]) == ["problem.in_building"]
    assert keys(barriers=[{"id": "b", "line": [(X0 - 5, Y0), (X0 + 5, Y0)]}], gates=[{"id": "g", "at": at}],
                posts=[{"id": "p", "at": at}]) == []
    assert keys(zones=[{"id": "z", "kind": "core", "area": [(0, 0), (1, 0), (1, 1)]}]) == ["problem.sentence"]


def test_the_form_reads_what_it_shows(place, scenario):
    layout = scenario.layouts["checked"]
    for kind, name in drafting.LISTS.items():
        for item in getattr(layout, name):
            values = drafting.fields(kind, item)
            assert drafting.with_fields(layout, item.id, values)[0] == layout
            plan_form.form(kind, item)


def test_fields_change_one_thing(place, scenario):
    layout = scenario.layouts["checked"]
    after, chosen = drafting.with_fields(
        layout, "west-check", {"id": "west", "lanes": 6, "heading_deg": 90.0, "until_s": 600.0}
    )
    spec = after.checkpoints[0]
    assert (chosen, spec.lanes, spec.until_s) == ("west", 6, 600.0) and spec.heading == pytest.approx(math.pi / 2)
    assert after.barriers == layout.barriers
    gates = Layout(gates=[{"id": "g", "at": (X0, Y0)}])
    opened, _ = drafting.with_fields(gates, "g", {"open_from_s": 60.0, "open_until_s": None})
    assert opened.gates[0].open[0].from_s == 60
    assert drafting.with_fields(opened, "g", {"open_from_s": None, "open_until_s": None})[0] == gates


@pytest.mark.parametrize("values", [{"lanes": 0}, {"lanes": 500}, {"id": ""}, {"id": "fence"}])
def test_values_that_cannot_be_are_refused_in_a_sentence(scenario, values):
    with pytest.raises(BadInput):
        drafting.with_fields(scenario.layouts["checked"], "west-check", values)


def test_undo_and_redo_walk_the_same_way():
    begun = draft.fresh(Layout())
    first = Layout(posts=[{"id": "a", "at": (X0, Y0)}])
    second = Layout(posts=[{"id": "a", "at": (X0, Y0)}, {"id": "b", "at": (X0, Y0)}])
    now = draft.advance(draft.advance(begun, first, "a"), second, "b")
    assert draft.undone(draft.undone(now))["now"] == begun["now"]
    assert draft.redone(draft.redone(draft.undone(draft.undone(now))))["now"] == now["now"]
    assert draft.undone(begun) == begun and draft.redone(now) == now
    assert draft.advance(now, second, "a")["past"] == now["past"]
    assert Layout.model_validate(now["now"]) == second


def test_each_step_is_taken_once_and_in_order(library):
    scenario = library.scenario("evening")
    begun = draft.fresh(Layout())
    steps = [{"step": k, "of": "x", "zone": "core", "action": "add", "kind": "post",
              "geometry": {"type": "Point", "coordinates": (k, 0)}} for k in (1, 2)]
    steps += [{"step": 3, "of": "x", "zone": "core", "action": "undo"}]
    after = plan._stepped(library, scenario, begun, steps)
    assert [p["id"] for p in after["now"]["posts"]] == ["post-1"] and after["done"] == 3
    assert plan._stepped(library, scenario, after, steps) == after
    again = plan._stepped(library, scenario, after, [*steps, {"step": 4, "of": "x", "zone": "core", "action": "redo"}])
    assert [p["id"] for p in again["now"]["posts"]] == ["post-1", "post-2"]
