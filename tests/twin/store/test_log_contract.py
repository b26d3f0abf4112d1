"""What every log promises, the same on memory, SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from log_case import START, alarm, at, note, position

from twin.live import Operation
from twin.live.row import row
from twin.store import Log, Receipt, Refusal, StoreDown, query


def ids(found: list) -> list[str]:
    return [o.id for o in found]


def test_what_was_appended_is_read_as_it_was(log: Log):
    brought = [position("P-1", 0, 3.25, -4.5), note("n-1", 1), alarm("al-1", 2)]
    assert log.append(brought) == Receipt(stored=3)
    assert log.read(stream="live") == brought


def test_rows_come_in_order_of_time_observed_not_of_arrival(log: Log):
    log.append([note("late", 9), note("early", 1)])
    log.append([note("middle", 5)])
    assert ids(log.read()) == ["early", "middle", "late"]
    assert ids(log.read(after=0)) == ["late", "early", "middle"]


def test_what_was_appended_is_there_when_the_log_is_opened_again(opened: Callable[[], Log], address: str):
    if address == "memory:":
        pytest.skip("memory does not outlive the process")
    first = opened()
    first.append([note("n-1", 1), note("n-2", 2)])
    first.close()
    again = opened()
    assert ids(again.read()) == ["n-1", "n-2"]
    again.append([note("n-3", 0)])
    assert ids(again.read(after=0)) == ["n-1", "n-2", "n-3"]


def test_the_same_report_twice_is_stored_once_and_acknowledged(log: Log):
    log.append([note("n-1", 1)])
    assert log.append([note("n-1", 1), note("n-2", 2), note("n-2", 2)]) == Receipt(stored=1, duplicates=2)
    assert ids(log.read()) == ["n-1", "n-2"]


def test_a_duplicate_may_come_later_than_the_first(log: Log):
    log.append([note("n-1", 1)])
    again = note("n-1", 1, received_at=at(50))
    assert log.append([again]) == Receipt(duplicates=1)


def test_the_same_id_with_other_content_is_refused_and_kept_for_the_auditor(log: Log):
    log.append([note("n-1", 1, "gate open")])
    assert log.append([note("n-1", 1, "gate shut"), note("n-2", 2)]) == Receipt(stored=1, refused=1)
    assert [o.value.text for o in log.read()] == ["gate open", "all quiet"]
    refused, = log.read_quarantine()
    assert "n-1" in refused.reason and "gate shut" in refused.body


def test_streams_are_told_apart(log: Log):
    log.append([note("n-1", 1), note("n-1", 1, "an exercise", stream="drill:east-gate")])
    assert log.streams() == ["drill:east-gate", "live"]
    assert [o.value.text for o in log.read(stream="drill:east-gate")] == ["an exercise"]
    assert [o.value.text for o in log.read(stream="live")] == ["all quiet"]
    assert log.read(stream="sim:never") == []


def test_read_by_time_is_half_open(log: Log):
    log.append([note(f"n-{k}", k) for k in range(5)])
    assert ids(log.read(since=at(1), until=at(3))) == ["n-1", "n-2"]


def test_read_by_kind_and_object(log: Log):
    log.append([position("P-1", 0), position("P-2", 0), alarm("al-1", 1)])
    assert {o.object for o in log.read(kinds=["position"])} == {"P-1", "P-2"}
    assert ids(log.read(object="P-2")) == ["P-2@0"]
    assert log.read(kinds=[]) == []
    assert log.read(kinds=["case"]) == []


@pytest.mark.parametrize("make", [position, lambda name, seconds, **o: alarm(name, seconds, **o)])
def test_read_by_area(log: Log, make: Callable):
    log.append([make("P-1", 0, x=0.0, y=0.0), make("P-2", 1, x=10.0, y=10.0), make("P-3", 2, x=10.001, y=10.0)])
    kind = [log.read()[0].kind]
    assert len(log.read(bounds=(0, 0, 10, 10), kinds=kind)) == 2
    assert len(log.read(bounds=(0, 0, 10, 10))) == 2
    assert log.read(bounds=(20, 20, 30, 30), kinds=kind) == []


def test_a_scope_shows_its_grids_and_nothing_else(log: Log):
    log.append([position("P-1", 0, grid="c-1"), position("P-2", 0, grid="c-2"), note("n-1", 0)])
    assert ids(log.read(grids={"c-1"})) == ["P-1@0"]
    assert ids(log.latest(grids={"c-2"})) == ["P-2@0"]
    assert log.read(grids=[]) == []
    assert log.latest(grids=["c-9"]) == []
    assert len(log.read(grids=None)) == 3


def test_a_limit_and_pages_by_the_place_in_the_log(log: Log):
    log.append([note(f"n-{k}", 100 - k) for k in range(7)])
    first = list(log.read_rows(query("live", after=0, limit=3)))
    rest = list(log.read_rows(query("live", after=first[-1].seq)))
    assert [r.id for r in first + rest] == [f"n-{k}" for k in range(7)]
    assert ids(log.read(limit=2)) == ["n-6", "n-5"]


def test_the_latest_of_every_object(log: Log):
    log.append([position("P-1", 0, 1, 1), position("P-1", 5, 2, 2), position("P-2", 3), position("P-1", 2, 9, 9)])
    newest = {o.object: o.id for o in log.latest(kinds=["position"])}
    assert newest == {"P-1": "P-1@5", "P-2": "P-2@3"}
    assert {o.object: o.id for o in log.latest(at=at(2))} == {"P-1": "P-1@2"}
    assert ids(log.latest(object="P-2")) == ["P-2@3"]
    assert log.latest(since=at(4), object="P-2") == []


def test_of_two_at_one_moment_the_highest_id_is_the_latest(log: Log):
    log.append([position("P-1", 0, id="b"), position("P-1", 0, id="a"), position("P-1", 0, id="A")])
    assert ids(log.latest()) == ["b"]


def test_a_snapshot_is_found_at_or_before_a_moment(log: Log):
    log.append([note("n-1", 100)])
    log.save_state("live", at(10), b"ten")
    log.save_state("live", at(20), b"twenty")
    assert log.load_state("live", at(9.9)) is None
    assert log.load_state("live", at(10)) == (at(10), b"ten")
    assert log.load_state("live", at(99)) == (at(20), b"twenty")
    assert log.load_state("drill:x", at(99)) is None


def test_snapshots_that_a_late_report_makes_wrong_are_forgotten(log: Log):
    log.append([note("n-1", 1)])
    log.save_state("live", at(10), b"ten")
    log.save_state("live", at(20), b"twenty")
    log.append([note("n-2", 15)])
    assert log.load_state("live", at(99)) == (at(10), b"ten")
    log.append([note("n-3", 25)])
    assert log.load_state("live", at(99)) == (at(10), b"ten")
    log.append([note("n-4", 10)])
    assert log.load_state("live", at(99)) is None


def test_the_quarantine_is_read_in_order_and_cut(log: Log):
    log.quarantine([Refusal(at(k), "live", "http", f"reason {k}", "x" * 5000) for k in range(3)])
    first = log.read_quarantine(limit=2)
    assert [r.reason for r in first] == ["reason 0", "reason 1"]
    assert len(first[0].body) == 2000
    assert [r.reason for r in log.read_quarantine(after=first[-1].seq)] == ["reason 2"]


def test_operations_are_declared_and_changed(log: Log):
    one = Operation(id="op-1", purpose="evening rehearsal", start=at(0), end=at(3600), units=("P-1",))
    log.declare(one)
    log.declare(one.model_copy(update={"end": at(7200)}))
    assert [o.end for o in log.operations()] == [at(7200)]


def test_a_watcher_sees_what_was_committed_with_its_place_in_the_log(log: Log):
    seen: list = []
    end = log.watch(seen.extend)
    log.append([note("n-1", 1), note("n-1", 1)])
    log.append([note("n-2", 2)])
    end()
    log.append([note("n-3", 3)])
    assert [r.id for r in seen] == ["n-1", "n-2"]
    assert [r.seq for r in seen] == [r.seq for r in log.read_rows(query("live", after=0, limit=2))]


def test_many_feeds_at_once_lose_nothing(log: Log):
    def feed(name: str) -> None:
        for k in range(0, 200, 10):
            log.append([position(f"{name}-{k}", k + j / 10, id=f"{name}-{k + j}") for j in range(10)])
    threads = [threading.Thread(target=feed, args=(name,)) for name in ("A", "B", "C", "D")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({o.id for o in log.read()}) == 800


def hours(log: Log, count: int = 3) -> None:
    """Positions once a minute for some hours, and an alarm and a note between them."""
    for hour in range(count):
        log.append([position("P-1", 3600 * hour + 60 * k, float(k), 0.0) for k in range(60)])
    log.append([alarm("al-1", 30), note("n-1", 40)])


def test_old_telemetry_rolls_to_parquet_and_reads_span_both(log: Log):
    hours(log)
    before = log.read()
    late = at(3 * 3600 + 1)
    assert log.roll(late) == 120
    assert [(s.rows, s.cleared) for s in log.segments()] == [(60, True), (60, True)]
    assert log.segment_data(log.segments()[0].name)[:4] == b"PAR1"
    assert log.read() == before
    assert log.read(after=0) == sorted(before, key=lambda o: (o.kind != "position", o.observed_at))
    assert ids(log.read(since=at(3540), until=at(3661))) == ["P-1@3540", "P-1@3600", "P-1@3660"]
    assert len(log.read(bounds=(10, -1, 12, 1))) == 9
    assert log.read(grids=["c-2"], kinds=["position"]) == []
    assert ids(log.latest(at=at(3600), kinds=["position"])) == ["P-1@3600"]
    assert ids(log.latest(kinds=["position"])) == ["P-1@10740"]
    assert log.roll(late) == 0


def test_what_is_known_from_a_segment_is_known(log: Log):
    hours(log)
    log.roll(at(3 * 3600 + 1))
    assert log.append([position("P-1", 60, 1.0, 0.0)]) == Receipt(duplicates=1)
    assert log.append([position("P-1", 60, 7.0, 0.0)]) == Receipt(refused=1)
    assert log.append([position("P-1", 61, 7.0, 0.0), position("P-1", 120, 2.0, 0.0)]) == Receipt(stored=1, duplicates=1)
    assert len(log.read(kinds=["position"])) == 181
    assert log.roll(at(3 * 3600 + 1)) == 1
    assert len(log.read(kinds=["position"])) == 181


def test_rolling_that_was_cut_short_shows_nothing_twice_and_goes_on(log: Log, monkeypatch: pytest.MonkeyPatch):
    hours(log)
    before = log.read()
    monkeypatch.setattr(log._archive, "_clear", lambda segment: None)
    log.roll(at(3 * 3600 + 1))
    assert log.read() == before
    assert log.read(kinds=["position"], after=0) == [o for o in before if o.kind == "position"]
    assert ids(log.latest(kinds=["position"])) == ["P-1@10740"]
    monkeypatch.undo()
    log.roll(at(3 * 3600 + 1))
    assert all(segment.cleared for segment in log.segments())
    assert log.read() == before


def test_purge_reaches_the_table_and_the_segments(log: Log):
    hours(log)
    log.roll(at(3 * 3600 + 1))
    log.save_state("live", at(9000), b"old")
    assert log.purge(at(5400), kinds=["position"]) == 90
    left = log.read()
    assert [o.id for o in left if o.kind != "position"] == ["al-1", "n-1"]
    assert min(o.observed_at for o in left if o.kind == "position") == at(5400)
    assert log.load_state("live", at(99999)) is None
    assert [s.rows for s in log.segments()] == [30]
    assert log.purge(at(99999), stream="drill:x") == 0
    assert log.purge(at(99999)) == 92
    assert log.read() == [] and log.segments() == []


def test_numbers_of_the_log_are_never_given_twice(opened: Callable[[], Log], address: str):
    if address == "memory:":
        pytest.skip("memory does not outlive the process")
    log = opened()
    log.append([note("n-1", 1), note("n-2", 2)])
    highest = max(r.seq for r in log.read_rows(query("live", after=0)))
    log.purge(at(99))
    log.close()
    log = opened()
    log.append([note("n-3", 3)])
    assert next(iter(log.read_rows(query("live", after=0)))).seq > highest


def test_purge_reaches_backups(log: Log, tmp_path: Path):
    hours(log)
    log.roll(at(3 * 3600 + 1))
    folder = tmp_path / "copy"
    log.backup(folder)
    secret = row(position("P-1", 60, 1.0, 0.0)).id.encode()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".parquet" for path in files) and any(path.name == "log.sqlite" for path in files)
    from twin.store import open_store
    copy = open_store(folder / "log.sqlite")
    assert len(copy.read()) == 182
    copy.close()
    log.purge(at(99999), kinds=["position"])
    copy = open_store(folder / "log.sqlite")
    assert {o.kind for o in copy.read()} == {"alarm", "note"}
    copy.close()
    assert not any(secret in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_closed_log_takes_nothing(log: Log):
    log.close()
    with pytest.raises(StoreDown):
        log.append([note("n-1", 1)])


def test_times_keep_their_microseconds(log: Log):
    moment = START + timedelta(microseconds=1)
    log.append([note("n-1", 0, observed_at=moment)])
    assert log.read()[0].observed_at == moment
    assert log.read(since=moment, until=moment + timedelta(microseconds=1))
    assert not log.read(until=moment)
