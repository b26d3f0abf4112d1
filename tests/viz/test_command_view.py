"""What the command page makes of the live picture, and what people do on it, without a browser."""

from __future__ import annotations

import csv
import dataclasses
import io
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from command_case import EAST, WEST, crowd, live, live_served, logged_in, observed, position, watched_plaza

from twin.cases import CaseStep
from twin.cases.case import State as CaseState
from twin.errors import BadInput
from twin.guard import Principal, Role
from twin.live import Alarm, Part
from viz.live.rights import asker
from viz.live.series import BUCKET_S
from viz.live.twin import Live
from viz.pages import (
    command,
    command_acts,
    command_card,
    command_case,
    command_ground,
    command_time,
    command_view,
    command_whatif,
)

__all__ = ["live", "live_served", "watched_plaza"]
COMMANDER = Principal("desk-1", frozenset({Role.COMMANDER}), None)
WEST_COMMANDER = Principal("west-1", frozenset({Role.COMMANDER}), frozenset({WEST}))
VIEWER = Principal("viewer-1", frozenset({Role.VIEWER}), None)


def who(live, principal=COMMANDER):
    return asker(live, principal)


def settled(live, *, version):
    import time

    until = time.monotonic() + 5
    while live.version == version and time.monotonic() < until:
        time.sleep(0.01)
    return live.picture()


def seen(live, principal=COMMANDER, at=None):
    return command.seen(live, who(live, principal), at)


# --- what is seen --------------------------------------------------------------------------------------------------


def test_the_picture_holds_what_was_reported(live):
    picture = seen(live)
    assert {case.id: case.state.value for case in picture.cases} == {"C-1": "reported", "C-2": "dispatched"}
    assert {unit.id for unit in picture.units} == {"P-01", "P-02", "M-07"}
    assert {unit.id for unit in picture.on_shift} == {"P-01", "P-02"}  # M-07 has been silent for five minutes
    assert picture.people == 12 + 22 + 6 or picture.people == 12 + 21 + 6
    assert picture.alarms[0].first_s == pytest.approx(live.now() - 300, abs=1)


def test_a_scope_hides_what_lies_outside_it_everywhere(live):
    picture = seen(live, WEST_COMMANDER)
    assert {case.id for case in picture.cases} == {"C-1"}
    assert {unit.id for unit in picture.units} == {"P-01", "M-07"}
    assert {camera.id for camera in picture.crowds} == {"cam-w", "cam-m"}
    assert picture.people in (12 + 21, 12 + 22)
    curve = live.series.people(live.now() - 600, live.now(), frozenset({EAST}))
    assert set(curve[np.isfinite(curve)]) == {6}


def test_a_viewer_sees_counts_but_neither_units_nor_cases(live):
    picture = seen(live, VIEWER)
    assert picture.crowds
    assert not picture.units
    assert not picture.cases


def test_without_an_operation_no_unit_is_listed(live):
    now = datetime.fromtimestamp(live.now(), UTC)
    live.declare(live.operation().model_copy(update={"end": now - timedelta(minutes=1)}))
    assert not seen(live).units
    assert seen(live, at=live.now() - 300).units  # it was on then


def test_any_moment_can_be_shown_again(live):
    then = live.now() - 25 * 60
    picture = seen(live, at=then)
    assert [case.id for case in picture.cases] == ["C-1"]
    assert not picture.alarms
    assert len(picture.notes) == 1
    assert not picture.live
    now = live.picture(live.now())
    assert {(c.id, c.value["people_count"]) for c in now.crowds} == {(c.id, c.value["people_count"]) for c in seen(live).crowds}
    assert {u.id: (u.x, u.at_s) for u in now.units} == {u.id: (u.x, u.at_s) for u in seen(live).units}


def test_what_comes_in_late_changes_the_past_but_not_the_present(live):
    version = live.version
    live.log.append([crowd("cam-w", -30, 0, live.now() - 1800.5, 77, 1.5), crowd("cam-e", 40, 0, live.now() - 1, 9, 0.2)])
    picture = settled(live, version=version)
    counts = {c.id: c.value["people_count"] for c in picture.crowds}
    assert counts["cam-w"] == 12
    assert counts["cam-e"] == 9
    past = {c.id: c.value["people_count"] for c in live.picture(live.now() - 1800.2).crowds}
    assert past["cam-w"] == 77


def test_marks_carry_state_level_and_lateness(live):
    places = command_view.Places(live.district)
    picture = seen(live)
    marks = {m["id"]: m for m in command_view.marks(picture, places, {"cam-m": 1}, command_view.SHOWN_STATES, "en")}
    assert marks["C-1"]["sign"] == "case-reported"
    assert marks["C-1"]["position"] == [-40.0, 0.0]
    assert marks["C-2"]["sign"] == "case-dispatched"
    assert marks["cam-m"]["sign"] == "camera-C-up"
    assert marks["A-1"]["sign"] == "alarm-open"
    assert marks["A-1"]["label"] == "Density 2.4 /m²"
    later = command_view.marks(live.picture(live.now() + 8000), places, {}, command_view.SHOWN_STATES, "zh")
    signs = {m["id"]: m["sign"] for m in later}
    assert signs["C-1"] == "case-reported-late"
    assert signs["cam-m"] == "camera-stale"
    only = command_view.marks(picture, places, {}, ["dispatched"], "en")
    assert [m["id"] for m in only if m["kind"] == "case"] == ["C-2"]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("which", list(command_view.LISTS))
def test_every_list_has_rows_with_the_columns_it_shows(live, which, language):
    rows = command_view.rows(seen(live), which, {}, command_view.SHOWN_STATES, language)
    assert rows
    assert set(command_view.COLUMNS[which]) <= {"id", *rows[0]}
    assert len({row["id"] for row in rows}) == len(rows)


def test_levels_of_service_begin_where_fruin_has_them():
    assert [command_view.level_of_service(d) for d in (0.0, 0.307, 0.308, 0.72, 1.08, 2.153, 9.0)] == list("AABDEFF")
    assert command_view.level_of_service(None) is None


def test_big_numbers(live):
    n = command_view.numbers(seen(live))
    assert (n["open"], n["units"], n["free"], n["alarms"], n["cameras"]) == (2, 2, 1, 1, 3)


def test_curves_know_what_was_counted_and_what_was_open(live):
    live._backfill()
    now = live.now()
    people = live.series.people(now - 1800, now)
    assert np.nanmin(people) >= 38
    assert np.nanmax(people) <= 40
    one = live.series.people(now - 600, now, camera="cam-w")
    assert set(one[np.isfinite(one)]) == {12}
    from viz.live.series import open_cases

    opened = open_cases(seen(live).cases, now - 3600, now)
    assert (opened[0], opened[-1]) == (0, 2)
    assert len(opened) == 3600 // BUCKET_S + 1
    svg = command_time.two_curves(people, now - 1800, now, np.array([now - 60, now]), np.array([50.0, 70.0]))
    assert svg.startswith("data:image/svg+xml;base64,")


def test_marks_of_the_timeline_lie_in_its_span(live):
    picture = seen(live)
    marks = command_time.marks(picture, live.now() - 3600, live.now(), "en")
    kinds = sorted(m.className.split("mark-")[-1] for m in marks)
    assert kinds == ["alarm", "case", "case", "decision", "note"]
    assert not command_time.marks(picture, live.now() - 60, live.now(), "en")


# --- what is done --------------------------------------------------------------------------------------------------


def test_an_alarm_is_acknowledged_escalated_and_closed_in_the_log(live):
    for act, state, level in (("acknowledge", "acknowledged", 2), ("escalate", "escalated", 1), ("close", "closed", 1)):
        version = live.version
        command_acts.decide_alarm(live, who(live), "A-1", act, "stewards are there")
        alarm = settled(live, version=version).alarms[0]
        assert (alarm.value["state"], alarm.value["level"], alarm.value["by"]) == (state, level, "desk-1")
        assert alarm.value["reading"] == 2.4
        assert alarm.first_s == pytest.approx(live.now() - 300, abs=1)
        assert (alarm.x, alarm.y) == (-10.0, -10.0)
    stored = live.log.read(kinds=["alarm"])
    assert [o.value.state for o in stored] == ["raised", "acknowledged", "escalated", "closed"]
    assert all(isinstance(o.value, Alarm) for o in stored)


def test_a_unit_is_sent_and_the_loop_has_the_last_word(live):
    version = live.version
    command_acts.dispatch(live, who(live), "C-1", "P-01")
    case = settled(live, version=version).case("C-1")
    assert case.state.value == "dispatched"
    assert case.units == ("P-01",)
    assert isinstance(live.log.read(kinds=["case"])[-1].value, CaseStep)
    with pytest.raises(BadInput, match="P-01 is on case C-1 already"):
        command_acts.dispatch(live, who(live), "C-1", "P-01")
    with pytest.raises(BadInput, match="no case"):
        command_acts.dispatch(live, who(live), "C-9", "P-01")


def case_in(live, state, version, case="C-1"):
    found = settled(live, version=version).case(case)
    assert found.state.value == state
    return found


def test_a_case_walks_the_whole_loop_from_the_page(live):
    def step(kind, value="", why="told by radio"):
        before, now = live.version, live.now()
        live.clock = lambda: now + 30.0
        command_case.take_step(live, who(live), "C-2", kind, value, why)
        return before

    offered = {}
    for kind, value, after in (("arrive", "", "arrived"), ("handle", "", "handled"), ("verify", "solved", "verified"),
                               ("close", "", "closed"), ("assess", "2", "assessed"), ("reopen", "", "reported")):
        offered[kind] = command_case.next_steps(live.picture().case("C-2"), live.now())
        assert (kind, value) in offered[kind]
        case = case_in(live, after, step(kind, value), "C-2")
    assert case.rating is None and case.reopenings == 1
    by = {taken.step.step.value: taken.step.by for taken in case.history}
    assert by["arrive"] == by["handle"] == "P-02" and by["verify"] == "desk-1" and all(taken.step.why for taken in case.history)
    stored = live.log.read(kinds=["case"])[-1]
    assert stored.source == "desk" and stored.value.step.value == "reopen"


def test_a_step_that_does_not_fit_or_has_no_reason_changes_nothing(live):
    before = len(live.log.read(kinds=["case"]))
    with pytest.raises(BadInput, match="reason"):
        command_case.take_step(live, who(live), "C-2", "arrive", "", "  ")
    with pytest.raises(BadInput, match="only a verified case can be closed"):
        command_case.take_step(live, who(live), "C-2", "close", "", "done")
    with pytest.raises(BadInput, match="no case"):
        command_case.take_step(live, who(live, WEST_COMMANDER), "C-2", "arrive", "", "it lies in the east")
    with pytest.raises(BadInput, match="roles"):
        command_case.take_step(live, who(live, VIEWER), "C-2", "arrive", "", "x")
    assert len(live.log.read(kinds=["case"])) == before


def test_a_good_mark_and_the_highest_level_end_what_is_offered(live):
    case = live.picture().case("C-1")
    assert command_case.next_steps(case, live.now()) == [("pass_up", "")]
    closed = dataclasses.replace(case, state=CaseState.ASSESSED, rating=5, closed_at=case.reported_at)
    assert command_case.next_steps(closed, live.now()) == []
    assert command_case.next_steps(dataclasses.replace(closed, rating=1), live.now()) == [("reopen", "")]
    assert command_case.next_steps(dataclasses.replace(closed, rating=1), live.now() + 9 * 86_400) == []


def test_hot_spots_name_places_and_hours_and_need_the_right(live):
    moment = datetime.fromtimestamp(live.now() - 86_400, UTC)
    rng = np.random.default_rng(2)
    hours = [moment - timedelta(hours=int(h)) for h in rng.integers(0, 24, 60)] + [moment] * 25
    places = [*rng.uniform((-90, -70), (90, 70), (60, 2)), *np.tile([55.0, 5.0], (25, 1))]
    version = live.version
    for k, ((x, y), at) in enumerate(zip(places, hours, strict=True)):
        told = CaseStep(step="report", case=f"H-{k}", by="hotline-1", why="told", type="rubbish")
        live.log.append([observed("case", f"H-{k}", told, at, place=(float(x), float(y)))])
    while len(settled(live, version=version).cases) < 85:
        version = live.version
    said = str(command_case.spots_list(live, who(live), cell_m=20.0).to_plotly_json())
    assert "command.spots.one" in said and "H-" not in said
    assert "command.spots.none" in str(command_case.spots_list(live, who(live, VIEWER)).to_plotly_json())


def test_who_may_not_is_refused(live):
    for act in (
        lambda p: command_acts.decide_alarm(live, p, "A-1", "close"),
        lambda p: command_acts.dispatch(live, p, "C-1", "P-01"),
        lambda p: command_acts.write_note(live, p, "hello"),
        lambda p: command_acts.declare_operation(live, p, "Evening", 1),
    ):
        with pytest.raises(BadInput, match="roles"):
            act(who(live, VIEWER))
    with pytest.raises(BadInput, match="no case"):
        command_acts.dispatch(live, who(live, WEST_COMMANDER), "C-2", "P-01")  # it lies in the east
    assert len(live.log.read(kinds=["alarm", "case", "note"])) == 5


def test_the_duty_log_takes_no_personal_numbers(live):
    command_acts.write_note(live, who(live), "Band begins at eight", about="A-1")
    with pytest.raises(BadInput) as refused:
        command_acts.write_note(live, who(live), "call 13800138000")
    assert "13800138000" not in str(refused.value)
    with pytest.raises(BadInput):
        command_acts.write_note(live, who(live), "x" * 300)


def test_an_account_that_is_no_call_sign_stands_as_its_role():
    class Somebody:
        def __init__(self, name):
            self.name = name

    assert command_acts.sign_of(Somebody("desk-1")) == "desk-1"
    assert command_acts.sign_of(Somebody("li.ming@example.org")) == "commander"
    assert command_acts.sign_of(Somebody("liming")) == "commander"


def test_operations_are_declared_and_ended(live):
    now = datetime.fromtimestamp(live.now(), UTC)
    live.declare(live.operation().model_copy(update={"end": now - timedelta(minutes=1)}))
    assert live.operation() is None
    with pytest.raises(BadInput, match="purpose"):
        command_acts.declare_operation(live, who(live), " ", 2)
    command_acts.declare_operation(live, who(live), "Night of the fair", 2)
    assert live.operation().purpose == "Night of the fair"
    command_acts.end_operation(live, who(live))
    live.log.operations()
    assert live.operation(live.now() + 5) is None


# --- cards and ground ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "thing"), [("case", "C-1"), ("case", "C-2"), ("alarm", "A-1"), ("unit", "M-07"), ("camera", "cam-m")]
)
def test_every_card_says_age_and_source(live, kind, thing):
    made = command_card._card(live, command_view.Places(live.district), seen(live), kind, thing, "en", None)
    text = str(made.to_plotly_json())
    assert "data-since" in text or kind == "case"
    if kind == "unit":
        assert "± 5 m" in text
        assert "command.stale" in text


def test_a_thing_that_is_not_known_has_no_card(live):
    places = command_view.Places(live.district)
    assert command_card._card(live, places, seen(live), "case", "C-404", "en", None) is None
    assert command_card._card(live, places, seen(live), "nothing", "C-1", "en", None) is None


def test_reach_names_who_can_be_there_in_time(live):
    layers, said = command_ground.reach_from(live, who(live), (-40.0, 0.0), 1.0, None)
    text = str([part.to_plotly_json() if hasattr(part, "to_plotly_json") else part for part in said])
    assert "P-01" in text
    assert "P-02" not in text
    assert [layer["@@type"] for layer in layers] == ["SolidPolygonLayer"] * 3 + ["ScatterplotLayer"]
    rings = [ring for layer in layers[:3] for item in layer["data"] for ring in item["polygon"]]
    xs = [p[0] for ring in rings for p in ring]
    assert min(xs) >= -101
    assert max(xs) <= -40 + 80.5 + 3
    assert command_ground.reach_from(live, who(live), (60.0, 60.0), 1.0, None)[0] is None


def test_a_crowd_slows_who_walks_through_it(live):
    version = live.version
    live.log.append([crowd("cam-w", -30, 0, live.now() - 1, 400, 4.0)])
    picture = settled(live, version=version)
    dense = command_ground.crowd_map(live, picture)
    assert dense.at(np.array([[446_000.0 - 30, 4_416_000.0]])) == 4.0
    assert dense.at(np.array([[446_000.0 - 80, 4_416_000.0]])) == 0.0
    _, said = command_ground.reach_from(live, who(live), (-10.0, 0.0), 1.0, None)
    text = str([part.to_plotly_json() if hasattr(part, "to_plotly_json") else part for part in said])
    assert "P-01" not in text  # 27 m, half a minute without the crowd


def test_a_track_is_the_way_of_ten_minutes_and_is_written_down(live, tmp_path):
    from twin.guard import Audit

    live.audit = Audit(tmp_path / "audit")
    (layer,) = command_ground.track_of(live, who(live), "P-01", None)
    path = layer["data"][0]["path"]
    assert path[0][0] < path[-1][0]
    entry = live.audit.tail(1)[0]
    assert (entry.who, entry.what) == ("desk-1", "positions.read")
    assert entry.about["units"] == ["P-01"]
    assert command_ground.track_of(live, who(live, WEST_COMMANDER), "P-02", None) == []
    with pytest.raises(BadInput, match="roles"):
        command_ground.track_of(live, who(live, VIEWER), "P-01", None)


def test_coverage_shows_which_streets_were_walked(live):
    (layer,) = command_ground.Covering(live).layer(live.now())
    fresh = [line for line in layer["data"] if line["color"][:3] == list(command_ground._COVER[0])]
    never = [line for line in layer["data"] if line["color"][:3] == list(command_ground._COVER[3])]
    assert any(-70 < line["from"][0] < -30 for line in fresh)
    assert any(line["from"][1] > 40 for line in never)  # nobody was in the north lane


# --- what if -------------------------------------------------------------------------------------------------------


def test_the_state_of_this_minute_is_what_the_rehearsal_begins_with(live):
    version = live.version
    now = datetime.fromtimestamp(live.now(), UTC)
    live.log.append([observed("part", "gate-1", Part(state="locked"), now, place=(0, 40))])
    settled(live, version=version)
    state = command_whatif.now_of(live, seen(live), command_view.Places(live.district))
    assert {c.camera: c.people for c in state.counts}["cam-w"] == 12
    assert {u.call_sign for u in state.units} == {"P-01", "P-02"}
    assert state.parts == {"gate-1": "locked"}
    assert [case.case for case in state.cases] == ["C-1"]


def test_a_moment_without_counts_cannot_be_rehearsed(live, tmp_path):
    from viz.jobs import Jobs
    from viz.library import Library

    (tmp_path / "scenarios").mkdir()
    library = Library(live.place, tmp_path / "runs", tmp_path / "scenarios")
    with pytest.raises(BadInput, match="no camera counts anybody"):
        command_whatif.start(live, library, Jobs(), live.picture(live.now() - 7200), command_view.Places(live.district), 1)
    assert not list((tmp_path / "runs").rglob("*.yaml"))


# --- routes --------------------------------------------------------------------------------------------------------


def test_the_duty_log_leaves_as_csv_and_the_audit_knows(live_served):
    address, _, guard = live_served
    with logged_in(address, "desk-1") as client:
        answer = client.get("/api/live/duty-log.csv")
    assert answer.status_code == 200
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert rows[0].keys() == {"at", "what", "about", "by"}
    assert "Shift handed over" in [row["what"] for row in rows]
    assert guard.audit.tail(5, who="desk-1", what="export.duty_log")
    with logged_in(address, "viewer-1") as client:
        assert client.get("/api/live/duty-log.csv").status_code == 403


@pytest.mark.parametrize("which", ["cases", "alarms", "units", "cameras", "log"])
def test_a_table_leaves_by_the_route_that_the_audit_knows(live_served, which):
    address, _, guard = live_served
    with logged_in(address, "desk-1") as client:
        answer = client.get(f"/api/live/tables/{which}.csv")
        assert client.get("/api/live/tables/people.csv").status_code == 422
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert answer.status_code == 200
    assert answer.text.lstrip("\ufeff").splitlines()[0].split(",") == list(command_view.COLUMNS[which])
    line = guard.audit.tail(3, who="desk-1", what=f"export.{which}")[0]
    assert line.about["rows"] == len(rows)
    with logged_in(address, "viewer-1") as client:
        assert client.get(f"/api/live/tables/{which}.csv").status_code == 403


def test_cells_that_begin_like_a_formula_are_disarmed():
    from viz.live.export import _plain

    assert _plain("=1+1") == "'=1+1"
    assert [_plain(cell) for cell in ("all quiet", -3, 0.5, None)] == ["all quiet", "-3", "0.5", ""]


def test_two_streams_do_not_mix(watched_plaza, live):
    drill = Live(live.log, live.district, "plaza", stream="drill:fair", clock=live.clock)
    try:
        live.log.append([position("D-01", 0, 0, live.now())._replace(stream="drill:fair", id="d1")])
        assert not drill.picture().cases
        assert "D-01" not in {unit.id for unit in live.picture().units}
    finally:
        drill.close()
