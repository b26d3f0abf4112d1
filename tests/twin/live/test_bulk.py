"""The quick road for whole batches: it takes what the other one takes, with the same rows, and refuses for the same reasons."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from live_case import LONLAT, NOW, SOUTH, WEST, Watch, report

from twin.errors import BadInput
from twin.live import Operation, bulk
from twin.live.intake import Intake
from twin.places import District
from twin.store import open_store

EXAMPLES = int(os.environ.get("HUTONG_FUZZ", "150"))
UNITS = ["P-1", "P-2", "MED3", "chaonei-07"]


@pytest.fixture(scope="module")
def intake(place: District) -> Iterator[Intake]:
    log = open_store("memory:")
    log.declare(Operation(id="op-1", purpose="evening", start=NOW - timedelta(hours=2), end=NOW + timedelta(hours=2)))
    yield Intake(log, place, clock=Watch())
    log.close()


def told(intake: Intake, body: bytes, *, lines: bool = False, **how: Any) -> Any:
    """Rows and refusals of a body, or the sentence with which it is refused as a whole."""
    try:
        taken = intake.check(body, source="gps", lines=lines, **how)
    except BadInput as error:
        return str(error)
    return taken.rows, [(place, reason) for place, reason, _ in sorted(taken.refused)]


def both(intake: Intake, body: bytes, **how: Any) -> tuple[Any, Any]:
    """What becomes of a body on the quick road and on the other one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "LEAST", 0)
        quick = told(intake, body, **how)
        patch.setattr("twin.live.intake.read_columns", lambda _body, lines: None)
        return quick, told(intake, body, **how)


MOMENTS = st.one_of(
    st.integers(-7_000_000_000, 400_000_000).map(lambda us: (NOW + timedelta(microseconds=us)).isoformat()),
    st.sampled_from(["2026-10-01T12:00:00Z", "2026-10-01T20:00:00+08:00", "2026-10-01T11:59:59.1+00:00", "2026-10-01T12:00:00",
                     "2026-10-01T12:00:60Z", "2026-02-30T12:00:00Z", "2026-10-01 12:00:00Z", "2026-10-01T12:00:00.1234567Z",
                     "now", "2026-10-01T24:00:00Z", "2026-10-01T12:00:00+25:00", "1790856000", 1790856000, None]))
NUMBERS = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-9, 80), st.floats(0, 7), st.sampled_from(
    [0.0, -0.0, 1e-5, 1e-7, 1e16, 5e-324, 70.0, 70.00000000000001, 43.2, 43.2000001, True, "3", None]))
NAMES = st.one_of(st.sampled_from(["P-1", "P-2", "cam-1", "cam-9", "Zhang San", "张三", "13812345678", "", "P-1\n", None]),
                  st.text(max_size=8))
PLACES = st.one_of(
    st.just({"x": WEST + 100, "y": SOUTH + 100}), st.just({"lon": LONLAT[0], "lat": LONLAT[1]}), st.just({}),
    st.fixed_dictionaries({}, optional=dict.fromkeys(
        ("x", "y", "lon", "lat"), NUMBERS | st.sampled_from([WEST + 7.125, 116.37]))),
    st.tuples(st.floats(-100, 1100), st.floats(-100, 1100)).map(lambda xy: {"x": WEST + xy[0], "y": SOUTH + xy[1]}),
    st.tuples(st.floats(0, 0.01), st.floats(0, 0.01)).map(lambda d: {"lon": LONLAT[0] + d[0], "lat": LONLAT[1] + d[1]}))
POSITION = st.fixed_dictionaries({}, optional={
    "speed": NUMBERS, "heading": NUMBERS, "unit": st.sampled_from(["patrol", "spy", None]),
    "status": st.sampled_from(["free", "asleep", 1]), "extra": st.just(1)})
CROWD = st.fixed_dictionaries({}, optional={
    "peopleCount": NUMBERS, "occupancy": NUMBERS, "averageCrowdSpeed": NUMBERS, "averageHeadwayTime": NUMBERS,
    "congested": st.sampled_from([True, False, 1, None]), "direction": st.sampled_from(["inbound", "up"]), "density": NUMBERS,
    "flow": NUMBERS, "period": NUMBERS})
RARE = st.fixed_dictionaries({}, optional={
    "id": st.one_of(st.sampled_from(["77", "a/b|c", "x y", "", "ü", "-1", None, 5]), st.text(max_size=5)), "accuracy_m": NUMBERS,
    "name": st.just("x")})


def reports(kind: str, thing: Any, value: Any) -> Any:
    fields = {"kind": st.sampled_from([kind] * 9 + ["position", "crowd", "note", "face", None]), "object": thing | NAMES,
              "observed_at": st.just(NOW.isoformat()) | MOMENTS, "value": st.just({}) | value | st.none() | st.just([])}
    return st.tuples(st.fixed_dictionaries(fields), PLACES, RARE).map(lambda parts: {**parts[0], **parts[1], **parts[2]})


BATCHES = st.one_of(
    st.lists(st.one_of(st.sampled_from(UNITS).map(lambda unit: report(object=unit)),
                       reports("position", st.sampled_from(UNITS), POSITION)), min_size=1, max_size=5),
    st.lists(st.one_of(st.integers(0, 99).map(lambda n: report(kind="crowd", object="cam-1", value={"peopleCount": n})),
                       reports("crowd", st.just("cam-1"), CROWD)), min_size=1, max_size=5))


@given(BATCHES, st.sampled_from([(",", ":"), (", ", ": ")]), st.booleans(), st.booleans())
@example([report(object="P-1"), report(object="P-1", value={"speed": 2.0})], (",", ":"), False, False)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=EXAMPLES)
def test_both_roads_come_to_the_same(intake: Intake, batch: list[Any], between: tuple[str, str], lines: bool, ascii_only: bool):
    written = [json.dumps(one, separators=between, ensure_ascii=ascii_only) for one in batch]
    body = ("\n".join(written) if lines else "[" + between[0].join(written) + "]").encode("utf-8", "surrogatepass")
    quick, slow = both(intake, body, lines=lines)
    assert quick == slow


GOOD = b'{"kind":"position","object":"P-1","observed_at":"2026-10-01T12:00:00Z","x":446100,"y":4417100,"value":{"speed":1}}'


def spoilt(old: bytes, new: bytes) -> bytes:
    return b"[" + GOOD.replace(old, new, 1) + b"," + GOOD + b"]"


@pytest.mark.parametrize("body", [
    b"[" + GOOD + GOOD + b"]", b"[" + GOOD + b",," + GOOD + b"]", b"[" + GOOD + b"," + GOOD + b",]", b"[" + GOOD + b"]]",
    b"[" + GOOD + b"\n," + GOOD + b"]", b" [" + GOOD + b"," + GOOD + b"] ", b"[" + GOOD + b", " + GOOD + b"," + GOOD + b"]",
    b"\xef\xbb\xbf[" + GOOD + b"]", b"[" + GOOD + b"] x", b"[{}]", b"[]", b"[" * 5000,
    spoilt(b":1}", b":NaN}"), spoilt(b"446100", b"1e999"), spoilt(b"446100", b"NaN"), spoilt(b"446100", b"0446100"),
    spoilt(b"446100", b"+446100"), spoilt(b"446100", b"446100."), spoilt(b"446100", b"-Infinity"),
    spoilt(b'"x"', b'"object":"P-2","x"'), spoilt(b'"x"', b'"id":"a},{\\"b","x"'), spoilt(b'"x"', b'"id":"a},{","x"'),
    spoilt(b"P-1", b"P\xff1"), spoilt(b"P-1", b"P\\ud800"), spoilt(b"P-1", b"P\\u002d1"), spoilt(b'"kind"', b'"k\\u0069nd"'),
    spoilt(b'{"speed":1}', b'[{"speed":1},{"speed":1}]'), spoilt(b"{", b"{/* */"), spoilt(b'{"speed":1}', b'{"speed":null}')])
def test_bodies_that_only_look_right_go_the_same_way(intake: Intake, body: bytes):
    quick, slow = both(intake, body)
    assert quick == slow


@pytest.mark.parametrize("body", [
    GOOD + b"\n" + GOOD, GOOD + b"\n\n" + GOOD + b"\n", GOOD + GOOD + b"\n" + GOOD, GOOD[:-1] + b"\n}" + GOOD,
    b"\n" + GOOD, GOOD + b"\r\n" + GOOD, GOOD + b"\n" + GOOD[:40] + b"\n" + GOOD[40:] + GOOD,
    b"{" + GOOD + b"}\n{" + GOOD + b"}"])
def test_lines_that_only_look_right_go_the_same_way(intake: Intake, body: bytes):
    quick, slow = both(intake, body, lines=True)
    assert quick == slow


@pytest.mark.parametrize("how", [{"kinds": frozenset({"crowd"})}, {"grids": frozenset({"c-2"})}, {"grids": frozenset({"c-1"})},
                                 {"own": "P-2"}])
def test_what_a_source_may_report_is_the_same_on_both_roads(intake: Intake, how: dict[str, Any]):
    body = json.dumps([report(object=unit, x=WEST + 300 * k, y=SOUTH + 100) for k, unit in enumerate(UNITS)]).encode()
    quick, slow = both(intake, body, **how)
    assert quick == slow and quick[1]


BITS = [b",", b"}", b"{", b'"', b"},{", b'},{"', b"\n", b"null", b"1e9"]


def test_spoilt_batches_go_the_same_way(intake: Intake):
    rng = np.random.default_rng(8)
    good = b"[" + b",".join([GOOD] * 3) + b"]"
    for _ in range(600):
        body = bytearray(good)
        for _ in range(int(rng.integers(1, 4))):
            where = int(rng.integers(0, len(body)))
            match rng.integers(0, 3):
                case 0:
                    body[where] = int(rng.integers(0, 256))
                case 1:
                    del body[where:where + int(rng.integers(1, 9))]
                case _:
                    body[where:where] = bytes(rng.choice(BITS))
        quick, slow = both(intake, bytes(body))
        assert quick == slow, bytes(body)


def test_a_batch_of_devices_takes_the_quick_road(intake: Intake):
    body = json.dumps([report(object=f"P-{k:04d}", value={"speed": k / 7 % 60, "heading": 1.5}) for k in range(500)]).encode()
    columns = bulk.read_columns(body, lines=False)
    assert columns is not None and columns.fine.all() and len(columns) == 500
    assert bulk.read_columns(body[:1000], lines=False) is None
