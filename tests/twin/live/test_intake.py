"""The door: what comes in as it should, what is refused, and that one bad report keeps out no other."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_case import LONLAT, NOW, SOUTH, WEST, Watch, body, report
from pydantic import ValidationError

from twin.errors import BadInput
from twin.live import VALUES, Crowd, Observation, Operation, Position
from twin.live.clock import Clock
from twin.live.intake import MOST_REPORTS, Intake
from twin.live.report import CROWD_NAMES, KMH, as_report, read_array, value_text
from twin.live.row import row
from twin.places import District
from twin.store import Log, Receipt, query


def taken(intake: Intake, *reports: dict[str, Any], **how: Any) -> tuple[Receipt, list[tuple[int, str]]]:
    return intake.take(body(*reports), source="gps", **how)


def reason(intake: Intake, **other: Any) -> str:
    receipt, refused = taken(intake, report(**other))
    assert receipt == Receipt(refused=1)
    return refused[0][1]


def test_a_position_is_placed_timed_and_named(intake: Intake, log: Log):
    assert taken(intake, report(x=None, y=None, lon=LONLAT[0], lat=LONLAT[1], id="77")) == (Receipt(stored=1), [])
    found, = log.read()
    assert found.id == "gps/77" and found.source == "gps" and found.grid == "c-1"
    assert found.received_at == NOW and found.accuracy_m == 5.0 and found.value == Position(speed=1.2)
    assert (found.x, found.y) == pytest.approx((WEST + 200, SOUTH + 500), abs=1.0)


def test_a_report_without_an_id_that_comes_twice_is_stored_once(intake: Intake):
    assert taken(intake, report())[0] == Receipt(stored=1)
    assert taken(intake, report(), report(object="P-2"))[0] == Receipt(stored=1, duplicates=1)


def test_ids_of_two_sources_do_not_meet(intake: Intake, log: Log):
    intake.take(body(report(id="1")), source="a")
    intake.take(body(report(id="1", object="P-2")), source="b")
    assert {o.id for o in log.read()} == {"a/1", "b/1"}


@pytest.mark.parametrize(("other", "words"), [
    ({"kind": "face"}, "kind"),
    ({"kind": None}, "kind"),
    ({"object": None}, "object"),
    ({"object": ""}, "object"),
    ({"object": "Zhang San"}, "call-sign"),
    ({"object": "张三"}, "call-sign"),
    ({"object": "13812345678"}, "telephone"),
    ({"observed_at": "yesterday"}, "observed_at"),
    ({"observed_at": "2026-10-01T12:00:00"}, "timezone"),
    ({"observed_at": 1790000000}, "observed_at"),
    ({"observed_at": (NOW + timedelta(minutes=6)).isoformat()}, "ahead"),
    ({"observed_at": (NOW + timedelta(days=3650)).isoformat()}, "3650 days ahead"),
    ({"observed_at": (NOW - timedelta(days=3650)).isoformat()}, "3650 days ago"),
    ({"observed_at": "0001-01-01T00:00:00Z"}, "ago"),
    ({"x": None}, "lon and lat, or x and y"),
    ({"x": None, "y": None}, "needs a place"),
    ({"lon": 116.0}, "lon and lat, or x and y"),
    ({"x": None, "y": None, "lon": 181.0, "lat": 10.0}, "less than or equal to 180"),
    ({"x": None, "y": None, "lon": 10.0, "lat": 91.0}, "less than or equal to 90"),
    ({"x": None, "y": None, "lon": 0.0, "lat": 0.0}, "outside the district"),
    ({"x": 1e300, "y": 1e300}, "outside the district"),
    ({"accuracy_m": -1}, "accuracy_m"),
    ({"value": {"speed": 120}}, "speed"),
    ({"value": {"heading": 180}}, "heading"),
    ({"value": {"speed": "fast"}}, "speed"),
    ({"value": {"phone": "1"}}, "Extra"),
    ({"name": "x"}, "Extra"),
    ({"object": "P-9"}, "no declared operation"),
    ({"observed_at": (NOW - timedelta(hours=3)).isoformat()}, "no declared operation"),
    ({"kind": "crowd", "object": "cam-9", "value": {"peopleCount": 3}}, "no crowd object"),
    ({"kind": "crowd", "object": "cam-1", "value": {"peopleCount": -3}}, "peopleCount"),
    ({"kind": "crowd", "object": "cam-1", "value": {"people_count": 3}}, "Extra"),
    ({"kind": "crowd", "object": "cam-1", "value": {"density": 40}}, "density"),
    ({"kind": "occupancy", "object": "lot-1", "value": {"occupied": 400, "capacity": 40}}, "400 vehicles"),
    ({"kind": "note", "object": "duty-log", "value": {"text": "call 13812345678"}}, "number"),
    ({"kind": "alarm", "object": "a-1", "value": {"state": "raised", "level": 9}}, "level"),
])
def test_what_cannot_be_used_is_refused_with_the_reason_and_kept(intake: Intake, log: Log, other: dict, words: str):
    assert words in reason(intake, **other)
    kept, = log.read_quarantine()
    assert words in kept.reason and kept.source == "gps"
    assert intake.counts.refused == 1 and log.read() == []


def test_the_rest_of_a_batch_goes_on(intake: Intake, log: Log):
    receipt, refused = taken(intake, report(), report(object="P-2", value={"speed": -1}), report(object="P-3"),
                             report(object="P-9"))
    assert receipt == Receipt(stored=2, refused=2)
    assert [place for place, _ in refused] == [1, 3]
    assert {o.object for o in log.read()} == {"P-1", "P-3"}
    assert len(log.read_quarantine()) == 2


def test_lines_are_read_one_by_one(intake: Intake):
    lines = b"\n".join([json.dumps(report()).encode(), b'{"kind": [1', b"2]}", b"", json.dumps(report(object="P-2")).encode()])
    receipt, refused = intake.take(lines, source="gps", lines=True)
    assert receipt == Receipt(stored=2, refused=2)
    assert [place for place, _ in refused] == [1, 2]


def test_two_lines_that_make_one_object_are_two_lines(intake: Intake):
    receipt, _ = intake.take(b'{"kind": "note", "value": {"a": [1\n2]}}', source="gps", lines=True)
    assert receipt == Receipt(refused=2)


@pytest.mark.parametrize("rubbish", [b"\x00\xff", b"[", b"{]", b"<alert/>", b"[" * 10_000])
def test_what_is_no_json_is_one_sentence(intake: Intake, rubbish: bytes):
    with pytest.raises(BadInput, match="body") as caught:
        intake.take(rubbish, source="gps")
    assert "Traceback" not in str(caught.value)


def test_too_many_reports_at_once_are_refused(intake: Intake):
    with pytest.raises(BadInput, match="at once"):
        intake.take(b"[" + b",".join([b"{}"] * (MOST_REPORTS + 1)) + b"]", source="gps")


def test_a_source_reports_its_kinds_from_its_grids_only(intake: Intake):
    assert "may not report position" in taken(intake, report(), kinds=frozenset({"crowd"}))[1][0][1]
    assert "from there" in taken(intake, report(), grids=frozenset({"c-2"}))[1][0][1]
    assert taken(intake, report(), kinds=frozenset({"position"}), grids=frozenset({"c-1"}))[0].stored == 1


def test_positions_of_a_drill_need_no_operation(log: Log, place: District):
    drill = Intake(log, place, clock=Watch(), stream="drill:night")
    assert drill.take(body(report(object="P-9")), source="gps")[0] == Receipt(stored=1)
    assert log.read(stream="live") == []


def test_an_operation_that_is_declared_opens_the_door_and_its_end_shuts_it(log: Log, place: District):
    intake = Intake(log, place, clock=Watch())
    assert "no declared operation" in reason(intake)
    log.declare(Operation(id="op", purpose="evening", start=NOW - timedelta(hours=1), end=NOW + timedelta(hours=1)))
    intake._operations = (-1.0, [])
    assert taken(intake, report())[0].stored == 1
    late = Intake(log, place, clock=Watch(NOW + timedelta(hours=2)))
    assert "no declared operation" in reason(late, observed_at=(NOW + timedelta(hours=2)).isoformat())


def test_a_crowd_comes_and_goes_in_the_names_and_units_of_the_smart_data_model(intake: Intake, log: Log):
    sent = {"peopleCount": 42, "averageCrowdSpeed": 3.6, "averageHeadwayTime": 2.5, "congested": False, "direction": "inbound",
            "occupancy": 0.25, "density": 1.5, "flow": 2.0}
    taken(intake, report(kind="crowd", object="cam-1", value=sent))
    assert log.read()[0].value == Crowd(people_count=42, average_crowd_speed=1.0, average_headway_time=2.5, congested=False,
                                        direction="inbound", occupancy=0.25, density=1.5, flow=2.0)
    stored, = log.read_rows(query("live"))
    assert as_report(stored, None)["value"] == sent


FINITE = st.floats(0, 11, allow_nan=False)


@given(st.fixed_dictionaries({}, optional={
    "people_count": st.integers(0, 10**6), "occupancy": st.floats(0, 1), "average_crowd_speed": FINITE, "density": FINITE,
    "congested": st.booleans(), "direction": st.sampled_from(["inbound", "outbound"]), "flow": st.none() | FINITE}))
def test_the_quick_road_and_the_model_keep_a_crowd_alike(value: dict):
    edge = {CROWD_NAMES[name]: kept * KMH if name == "average_crowd_speed" else kept for name, kept in value.items()}
    reports, wrong = read_array(body(report(kind="crowd", object="cam-1", value=edge)))
    if wrong:
        with pytest.raises(ValidationError):
            Crowd.model_validate(value)
        return
    kept = Crowd.model_validate_json(value_text("crowd", reports[0]["value"]))
    plain = Crowd.model_validate(value)
    assert kept.model_dump(exclude={"average_crowd_speed"}) == plain.model_dump(exclude={"average_crowd_speed"})
    assert kept.average_crowd_speed == pytest.approx(plain.average_crowd_speed, abs=1e-6)


@given(st.fixed_dictionaries({}, optional={
    "speed": st.none() | st.floats(-5, 80) | st.integers(-5, 80), "heading": st.floats(-1, 7) | st.none(),
    "unit": st.sampled_from(["patrol", "spy", None]), "status": st.sampled_from(["free", "asleep"]), "extra": st.integers()}))
def test_the_quick_road_takes_what_the_model_takes_and_keeps_the_same_text(value: dict):
    reports, wrong = read_array(body(report(value=value)))
    try:
        model = Position.model_validate(value)
    except ValidationError:
        assert wrong
        return
    assert not wrong
    assert value_text("position", reports[0]["value"]) == model.model_dump_json(exclude_none=True)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20), lambda inner:
       st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["kind", "object", "observed_at", "value", "x", "y", "lon"])
                                                     | st.text(max_size=5), inner, max_size=6), max_leaves=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_json_is_stored_or_refused_and_never_more(intake: Intake, anything: Any):
    text = json.dumps(anything).encode()
    try:
        receipt, refused = intake.take(text, source="fuzz")
    except BadInput as error:
        assert "\n" not in str(error)
        return
    expected = len(anything) if isinstance(anything, list) else 1
    assert receipt.stored == 0 and receipt.refused == len(refused) == expected


def test_garbage_is_counted_and_quarantined_and_the_door_stays_open(intake: Intake, log: Log):
    """HUTONG_FUZZ says how many payloads: 2,000 here, 100,000 in the long run."""
    many = int(os.environ.get("HUTONG_FUZZ", "2000"))
    rng = np.random.default_rng(5)
    good = json.dumps(report()).encode()
    for _ in range(many):
        spoilt = bytearray(good)
        for _ in range(int(rng.integers(1, 6))):
            where = int(rng.integers(0, len(spoilt)))
            match rng.integers(0, 3):
                case 0:
                    spoilt[where] = int(rng.integers(0, 256))
                case 1:
                    del spoilt[where:where + int(rng.integers(1, 9))]
                case _:
                    spoilt[where:where] = rng.bytes(int(rng.integers(1, 9)))
            if not spoilt:
                break
        intake.take(bytes(spoilt).replace(b"\n", b" ") or b" x", source="fuzz", lines=True)
    counts = intake.counts
    assert counts.stored + counts.duplicates + counts.refused == many
    assert counts.refused > many // 2
    assert len(log.read_quarantine(limit=10**6)) == counts.refused
    assert len(counts.reasons) <= 201
    assert taken(intake, report(object="P-2"))[0].stored == 1


def test_rows_of_the_quick_road_are_observations(intake: Intake, log: Log):
    taken(intake, report(), report(kind="crowd", object="cam-1", value={"peopleCount": 1}),
          report(kind="occupancy", object="lot-1", value={"occupied": 3}),
          report(kind="part", object="lamp-1", value={"state": "off"}),
          report(kind="note", object="duty-log", value={"text": "quiet"}),
          report(kind="alarm", object="a-1", value={"state": "raised", "level": 2}),
          report(kind="case", object="c-77", value={"step": "note", "case": "c-77", "by": "desk-1", "why": "seen"}))
    found = log.read()
    assert {o.kind for o in found} == set(VALUES)
    assert sorted(row(o).value for o in found) == sorted(r.value for r in log.read_rows(query("live")))
    assert all(isinstance(o, Observation) for o in found)


def test_the_clock_never_runs_backwards_and_says_so():
    wall, steady = [1_000_000.0], [0.0]
    clock = Clock(lambda: wall[0], lambda: steady[0])
    assert clock.now() == datetime.fromtimestamp(1_000_000, UTC) and clock.trouble is None
    wall[0], steady[0] = 1_000_001.0 - 3600, 1.0
    assert clock.now() == datetime.fromtimestamp(1_000_001, UTC) and "3600 s" in (clock.trouble or "")
    wall[0], steady[0] = 1_000_500.0, 2.0
    assert clock.now() == datetime.fromtimestamp(1_000_500, UTC) and clock.trouble is None
