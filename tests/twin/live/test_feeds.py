"""Files, the synthetic day, replay, CAP and Cursor on Target."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice, pairwise
from pathlib import Path
from xml.etree import ElementTree as Xml
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_case import LONLAT, NOW, SOUTH, WEST

from twin.cases import CaseBook
from twin.errors import BadInput
from twin.live import Alarm, Observation, Operation
from twin.live.cap import NAMESPACE, cap_alert
from twin.live.feeds.cot import CotSender, from_cot, receive, to_cot
from twin.live.feeds.files import play, read_recording
from twin.live.feeds.replay import paced, replay
from twin.live.feeds.synthetic import Day, call_signs, synthetic_day
from twin.live.intake import Intake
from twin.live.keep import KEEP_DRILL, keep
from twin.live.leaving import must_be_live, only_live
from twin.live.row import Row, microseconds, observation, row
from twin.places import District
from twin.store import Log, query

GPX = """<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1"><metadata><author><name>Zhang San
</name></author></metadata><trk><name>Zhang San</name><trkseg>
<trkpt lat="{lat}" lon="{lon}"><ele>50</ele><time>2026-10-01T12:00:00Z</time></trkpt>
<trkpt lat="{lat}" lon="{lon}"><time>2026-10-01T12:00:05Z</time></trkpt>
<trkpt lat="{lat}" lon="{lon}"></trkpt><trkpt lon="1"><time>2026-10-01T12:00:05Z</time></trkpt></trkseg></trk>
<trk><trkseg><trkpt lat="{lat}" lon="{lon}"><time>2026-10-01T12:00:00+08:00</time></trkpt></trkseg></trk></gpx>"""


@pytest.fixture
def drill(log: Log, place: District) -> Intake:
    return Intake(log, place, stream="drill:files", behind=None, known_only=False)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_gpx_file_becomes_tracks_without_names(tmp_path: Path, drill: Intake, log: Log):
    path = write(tmp_path / "walk.gpx", GPX.format(lon=LONLAT[0], lat=LONLAT[1]))
    recording = read_recording(path)
    assert play(recording, drill).stored == 3
    assert recording.dropped == {"no time, or one without a time zone": 1, "no place": 1}
    found = log.read(stream="drill:files")
    assert Counter(o.object for o in found) == {"track-1": 2, "track-2": 1}
    assert "Zhang" not in repr(found)


@pytest.mark.parametrize("text", [
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><gpx>&b;</gpx>',
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><gpx><trk><name>&a;</name></trk></gpx>',
    "<gpx><trk>", "not xml at all"])
def test_tricks_in_xml_are_refused_in_one_sentence(tmp_path: Path, drill: Intake, text: str):
    with pytest.raises(BadInput) as caught:
        play(read_recording(write(tmp_path / "evil.gpx", text)), drill)
    assert "\n" not in str(caught.value)


def test_a_csv_is_read_by_the_names_of_its_columns(tmp_path: Path, drill: Intake, log: Log):
    path = write(tmp_path / "a.csv", "Latitude,Longitude,Timestamp,Track_ID,Speed\n"
                 f"{LONLAT[1]},{LONLAT[0]},2026-10-01T12:00:00Z,Li Si,1.5\n{LONLAT[1]},x,2026-10-01T12:00:01Z,Li Si,\n")
    recording = read_recording(path)
    assert play(recording, drill).stored == 1 and recording.dropped == {"a number that is none": 1}
    assert log.read(stream="drill:files")[0].object == "track-1"


def test_times_without_a_zone_are_asked_for(tmp_path: Path, drill: Intake, log: Log):
    path = write(tmp_path / "a.csv", f"t,x,y\n2026-10-01 20:00:00,{WEST},{SOUTH}\n")
    with pytest.raises(BadInput, match="time zone"):
        play(read_recording(path), drill)
    assert play(read_recording(path, zone=ZoneInfo("Asia/Shanghai")), drill).stored == 1
    assert log.read(stream="drill:files")[0].observed_at == NOW


@pytest.mark.parametrize(("name", "text"), [("a.csv", "a,b\n1,2\n"), ("a.gpkg", "x"), ("a.doc", "x"), ("a.csv", "")])
def test_a_file_that_cannot_be_played_is_one_sentence(tmp_path: Path, drill: Intake, name: str, text: str):
    with pytest.raises(BadInput):
        play(read_recording(write(tmp_path / name, text)), drill)
    with pytest.raises(BadInput, match="no such file"):
        read_recording(tmp_path / "missing.csv")


def test_real_tracks_are_placed_or_counted(data: Path, log: Log, place: District):
    from twin.places import synthetic
    intake = Intake(log, synthetic.generate("xichangan"), stream="drill:geo", behind=None)
    recording = read_recording(data / "tracks" / "movingpandas_geolife.gpkg")
    receipt = play(recording, intake)
    assert receipt.stored + receipt.duplicates + receipt.refused == 5908
    assert receipt.stored > 1000 and sum(recording.dropped.values()) == receipt.refused
    assert all(o.kind == "position" for o in log.read(stream="drill:geo", limit=50))


@pytest.mark.parametrize(("name", "cases"), [("nyc311_2024-04-16.csv", 900), ("sf_fire_calls_1000.csv", 900)])
def test_real_records_become_case_histories(data: Path, drill: Intake, log: Log, place: District, name: str, cases: int):
    receipt = play(read_recording(data / "events" / name, district=place), drill)
    assert receipt.refused == 0 and receipt.stored > cases
    found = log.read(stream="drill:files")
    assert {o.kind for o in found} == {"case"} and all(o.x is None for o in found)
    again = play(read_recording(data / "events" / name, district=place), drill)
    assert (again.stored, again.duplicates) == (0, receipt.stored)


@pytest.fixture(scope="module")
def day_rows(place: District) -> list[Row]:
    day = Day(datetime(2026, 10, 1, tzinfo=timezone(timedelta(hours=8))), units=6, every_s=30.0)
    return list(synthetic_day(place, day))


def test_a_synthetic_day_is_in_order_and_of_observations(day_rows: list[Row]):
    assert all(a.observed_at <= b.observed_at for a, b in pairwise(day_rows))
    assert len({r.id for r in day_rows}) == len(day_rows)
    assert {r.kind for r in day_rows} == {"position", "crowd", "occupancy", "case"}
    for found in islice(day_rows, 0, None, 97):
        assert row(observation(found)) == found
    day = timedelta(days=1) // timedelta(microseconds=1)
    start = microseconds(datetime(2026, 9, 30, 16, tzinfo=UTC))
    assert start <= day_rows[0].observed_at and day_rows[-1].observed_at < start + day


def test_the_same_seed_gives_the_same_day_and_another_one_another(place: District, day_rows: list[Row]):
    start = datetime(2026, 10, 1, tzinfo=timezone(timedelta(hours=8)))
    assert list(islice(synthetic_day(place, Day(start, units=6, every_s=30.0)), 3000)) == day_rows[:3000]
    other = list(islice(synthetic_day(place, Day(start, seed=2, units=6, every_s=30.0)), 3000))
    assert [r.value for r in other] != [r.value for r in day_rows[:3000]]


def test_patrols_walk_and_their_gps_errs_by_five_metres(day_rows: list[Row], place: District):
    import shapely
    streets = shapely.union_all(place.streets.geometry.to_numpy())
    tracks: dict[str, list[Row]] = {}
    for r in day_rows:
        if r.kind == "position":
            tracks.setdefault(r.object, []).append(r)
    assert set(tracks) == set(call_signs(Day(NOW, units=6)))
    points = np.array([(r.x, r.y) for track in tracks.values() for r in track])
    off = shapely.distance(shapely.points(points), streets)
    # Streets are straight for far longer than 5 m: only the error across them is seen, 5 m / sqrt(2) of it.
    assert np.sqrt(np.mean(off**2)) == pytest.approx(5 / np.sqrt(2), rel=0.2)
    moved = np.concatenate([np.hypot(*np.diff([(r.x, r.y) for r in track], axis=0).T) for track in tracks.values()])
    assert 5 < np.median(moved) < 45


def test_a_synthetic_month_has_two_thousand_cases_that_walk_the_loop(place: District):
    from dataclasses import replace

    from twin.live.feeds import synthetic
    from twin.live.grids import GridFinder
    grids = GridFinder(place)
    first = Day(datetime(2026, 10, 1, tzinfo=UTC), stream="live")
    steps = [observation(r) for k in range(30) for r in synthetic._cases(
        place, replace(first, start=first.start + timedelta(days=k)), grids)]
    counts = CaseBook.of(steps).counts()
    assert counts.refused_steps == 0 and counts.unreported == 0
    assert counts.received == pytest.approx(30 * 2000 * 12 / 365.25, abs=4 * np.sqrt(2000))
    night = sum(o.observed_at.hour in range(5) for o in steps if o.value.step == "report")
    assert night < counts.received / 15


def test_a_recording_is_played_at_its_speed():
    rows = [Row(str(k), "live", "s", "note", "n", k * 10_000_000, 0, None, None, None, None, "{}") for k in range(7)]
    slept: list[float] = []
    handfuls = list(paced(rows, 20.0, sleep=slept.append, now=lambda: sum(slept)))
    assert [len(h) for h in handfuls] == [1] * 7
    assert sum(slept) == pytest.approx(3.0)
    assert [len(h) for h in paced(rows, 0.0)] == [7]


def hour(log: Log) -> None:
    for k in range(60):
        log.append([Observation.model_validate({
            "id": f"{k}", "stream": "live", "source": "gps", "kind": "position", "object": "P-1", "x": k, "y": 0, "value": {},
            "observed_at": NOW + timedelta(minutes=k), "received_at": NOW + timedelta(minutes=k)})])


def test_any_hour_is_replayed_into_a_stream_of_its_own(log: Log):
    hour(log)
    log.roll(NOW + timedelta(hours=3))
    receipt = replay(log, NOW + timedelta(minutes=10), NOW + timedelta(minutes=20), "drill:again", speed=0)
    assert receipt.stored == 10
    assert [o.observed_at for o in log.read(stream="drill:again")] == [NOW + timedelta(minutes=k) for k in range(10, 20)]
    assert len(log.read(stream="live")) == 60
    assert replay(log, NOW + timedelta(minutes=10), NOW + timedelta(minutes=20), "drill:again", speed=0).duplicates == 10


@pytest.mark.parametrize("into", ["live", "", "x", "drill:again"])
def test_nothing_is_replayed_into_the_live_stream_or_into_itself(log: Log, into: str):
    with pytest.raises(BadInput):
        replay(log, NOW, NOW + timedelta(hours=1), into, stream="drill:again", speed=0)


# What leaves


def alarm(stream: str = "live", state: str = "raised", **other: object) -> Observation:
    return Observation.model_validate({
        "id": f"al 1,<&>{state}".replace(",<&>", "-"), "stream": stream, "source": "camera", "kind": "alarm", "object": "a-1",
        "observed_at": NOW + timedelta(microseconds=5), "received_at": NOW, "x": 1.0, "y": 2.0,
        "value": Alarm(state=state, level=2, about="cam-1", measure="density", reading=4.25, limit=4.0, why="east gate"),  # type: ignore[arg-type]
        **other})


def texts(data: bytes, tag: str) -> list[str | None]:
    return [element.text for element in Xml.fromstring(data).iter(f"{{{NAMESPACE}}}{tag}")]


ORDER = ["identifier", "sender", "sent", "status", "msgType", "source", "scope", "restriction", "note", "references", "info"]
INFO = ["language", "category", "event", "urgency", "severity", "certainty", "onset", "expires", "headline", "description",
        "area"]


@pytest.mark.parametrize(("stream", "status"), [("live", "Draft"), ("drill:east", "Exercise")])
def test_an_alarm_is_a_draft_or_an_exercise_never_actual(stream: str, status: str):
    data = cap_alert(alarm(stream), LONLAT, sender="command@district.example")
    assert texts(data, "status") == [status] and texts(data, "scope") == ["Restricted"]
    assert texts(data, "sent") == ["2026-10-01T12:00:00+00:00"]
    assert texts(data, "language") == ["zh-CN", "en-US"] and texts(data, "severity") == ["Severe", "Severe"]
    assert texts(data, "circle") == [f"{LONLAT[1]:.6f},{LONLAT[0]:.6f} 0.1"] * 2
    assert not any(letter in (texts(data, "identifier")[0] or "") for letter in " ,<&")
    root = Xml.fromstring(data)
    for element, order in ((root, ORDER), (root.find(f"{{{NAMESPACE}}}info"), INFO)):
        assert element is not None
        found = [order.index(child.tag.rpartition("}")[2]) for child in element]
        assert found == sorted(found)  # CAP is an XML sequence


def test_later_messages_refer_to_the_first():
    first = alarm()
    data = cap_alert(alarm(state="closed"), None, sender="c", raised=first)
    assert texts(data, "msgType") == ["Cancel"]
    assert texts(data, "references")[0] == "c,live/al_1-raised,2026-10-01T12:00:00+00:00"


def test_a_simulation_has_no_alerts():
    with pytest.raises(BadInput, match="simulated"):
        cap_alert(alarm("sim:run-1"), None, sender="c")


def position(stream: str = "live", **value: float) -> Row:
    return Row("1", stream, "gps", "position", "P-1", microseconds(NOW), microseconds(NOW), WEST, SOUTH, 5.0, "c-1",
               observation(Row("1", "live", "gps", "position", "P-1", 0, 0, 1.0, 1.0, 5.0, None, str(value).replace("'", '"'))
                           ).value.model_dump_json(exclude_none=True))


@given(st.floats(0, 60), st.floats(0, 6.28))
def test_a_position_survives_the_way_out_and_in(speed: float, heading: float):
    report = from_cot(to_cot(position(speed=speed, heading=heading), LONLAT, NOW))
    assert report["object"] == "P-1" and report["accuracy_m"] == 5.0
    assert (report["lon"], report["lat"]) == pytest.approx(LONLAT, abs=1e-7)
    assert report["value"]["speed"] == pytest.approx(speed)
    turned = abs(report["value"]["heading"] - heading) % (2 * np.pi)
    assert min(turned, 2 * np.pi - turned) < 0.002
    assert datetime.fromisoformat(report["observed_at"]) == NOW


@pytest.mark.parametrize("data", [
    b"", b"<event/>", b"\xff", b"<event type='a-f-G'><point lat='x' lon='1'/></event>", b"<event type='b-m-p'><point/></event>",
    b'<!DOCTYPE x [<!ENTITY a "b">]><event type="a-f-G"><point lat="1" lon="1"/></event>', b"<a>" * 30_000])
def test_what_is_no_event_is_one_sentence(data: bytes):
    with pytest.raises(BadInput, match="CoT"):
        from_cot(data)


@pytest.mark.parametrize("stream", ["drill:east", "sim:run-1"])
def test_drills_and_simulations_never_leave_by_a_live_connector(stream: str, log: Log, place: District):
    with pytest.raises(BadInput, match="cannot leave"):
        must_be_live(stream, "anything")
    with pytest.raises(BadInput, match="cannot leave"):
        to_cot(position(stream), LONLAT, NOW)
    with pytest.raises(BadInput, match="cannot leave"):
        CotSender(log, place, "tcp://127.0.0.1:1", stream=stream)
    sender = CotSender(log, place, "tcp://127.0.0.1:1")
    sender.take([position(stream), position("live")])
    assert [row.stream for row in sender._newest.values()] == ["live"]
    assert list(only_live([position(stream)])) == []


def test_live_positions_reach_a_tak_client_and_a_drill_beside_them_does_not(log: Log, place: District):
    pytest.importorskip("pytak")
    got: list[bytes] = []

    async def scene() -> None:
        async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(65536):
                got.append(data)
            writer.close()
        server = await asyncio.start_server(client, "127.0.0.1", 0)
        sender = CotSender(log, place, f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        task = asyncio.create_task(sender.run(every_s=0.05))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(log.append, [position(), position("drill:x")._replace(object="P-66")])
        for _ in range(100):
            if got:
                break
            await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        server.close()
        await asyncio.sleep(0.1)
    asyncio.run(scene())
    sent = b"".join(got)
    assert b'callsign="P-1"' in sent and b"P-66" not in sent
    assert from_cot(sent)["accuracy_m"] == 5.0


def test_events_of_a_tak_server_come_in_through_the_door(log: Log, intake: Intake):
    pytest.importorskip("pytak")
    event = to_cot(position(speed=1.0), LONLAT, NOW)

    async def scene(enough: Callable[[], bool]) -> None:
        async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(event + b"<rubbish></event>" + event.replace(b'"P-1"', b'"Zhang San"'))
            await writer.drain()
            await over.wait()
            writer.close()
        over = asyncio.Event()
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        task = asyncio.create_task(receive(intake, f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
        for _ in range(200):
            if enough():
                break
            await asyncio.sleep(0.05)
        over.set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        server.close()
        await asyncio.sleep(0.1)
    asyncio.run(scene(lambda: intake.counts.stored + intake.counts.refused == 3))
    assert intake.counts.stored == 1 and intake.counts.refused == 2
    assert log.read()[0].object == "P-1"


def test_a_port_that_is_taken_is_said_at_once(intake: Intake):
    pytest.importorskip("pytak")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        url = f"udp://127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(BadInput, match=r"udp://127.0.0.1:\d+: this address cannot be listened on .*in use"):
            asyncio.run(asyncio.wait_for(receive(intake, url), 10))


# Keeping


def test_positions_of_a_drill_go_a_week_after_its_last_report(log: Log):
    old = NOW - timedelta(days=400)
    played = position("drill:x")
    log.append([played._replace(observed_at=microseconds(old), received_at=microseconds(NOW)), alarm("drill:x")])
    assert keep(log, NOW + timedelta(days=6)) == 0 and len(log.read(stream="drill:x")) == 2
    assert keep(log, NOW + KEEP_DRILL + timedelta(minutes=1)) == 1
    assert [o.kind for o in log.read(stream="drill:x")] == ["alarm"]
    assert keep(log, NOW + timedelta(days=30)) == 0


def test_positions_go_when_their_hours_are_over_and_nothing_else_does(log: Log):
    log.declare(Operation(id="op", purpose="evening", start=NOW, end=NOW + timedelta(hours=2), keep_positions_h=2))
    hour(log)
    log.append([alarm(), alarm("drill:x")])
    log.append([position("drill:x")])
    assert keep(log, NOW + timedelta(hours=2, minutes=30)) == 30
    assert len(log.read(kinds=["position"])) == 30
    assert keep(log, NOW + timedelta(hours=4)) == 30
    assert [o.kind for o in log.read()] == ["alarm"] and len(log.read(stream="drill:x")) == 2
    assert not list(log.read_rows(query("live", kinds=["position"])))
