"""Real records as case histories."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from twin.cases import CaseBook, Kind, State
from twin.cases.history import cases_from_311, cases_from_sf, read_history
from twin.cases.indicators import case_table, indicators, period
from twin.errors import BadInput


def book_of(path: Path) -> CaseBook:
    book = CaseBook()
    for timed in read_history(path):
        book.add(timed.step, timed.at, place=timed.place)
    return book


@pytest.mark.data
def test_the_requests_of_new_york_are_all_there(data: Path) -> None:
    path = data / "events" / "nyc311_2024-04-16.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    book = book_of(path)
    counts = book.counts()
    assert (counts.received, counts.closed, counts.refused_steps) == (len(rows), sum(bool(row["closed_date"]) for row in rows), 0)
    assert sum(case.place is not None for case in book) == sum(bool(row["longitude"]) for row in rows) == 977
    due = [row for row in rows if row["due_date"]]
    assert {book[f"nyc311-{row['unique_key']}"].due_at.month for row in due} == {int(row["due_date"][5:7]) for row in due}
    first = book["nyc311-60879417"]
    assert (first.type, first.grid, first.state) == ("facility_damaged", "13-QUEENS", State.REPORTED)
    assert first.reported_at == datetime(2024, 4, 16, 7, 3, 15, tzinfo=UTC), "New York is four hours behind in April"


@pytest.mark.data
def test_the_calls_of_san_francisco_keep_their_times_to_arrive(data: Path) -> None:
    path = data / "events" / "sf_fire_calls_1000.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    shortest: dict[str, float] = {}
    for row in rows:
        shortest[row["CallNumber"]] = min(float(row["Delay"]), shortest.get(row["CallNumber"], 1e9))
    history = cases_from_sf(path)
    units = sum(len(timed.step.units) for timed in history if timed.step.step is Kind.DISPATCH)
    book = book_of(path)
    assert book.counts().refused_steps == 0
    assert len(book) + sum(history.dropped.values()) == len(shortest)
    assert len(book) > 0.98 * len(shortest)
    assert units >= 0.98 * len({(row["CallNumber"], row["UnitID"]) for row in rows})
    for case in book:
        assert case.arrived_at is not None
        minutes = (case.arrived_at - case.reported_at).total_seconds() / 60
        assert minutes == pytest.approx(shortest[case.id.removeprefix("sffd-")], abs=1e-3)
    found = indicators(case_table(book), since=period(case_table(book))[0], until=period(case_table(book))[1])
    assert found.arrive.n == len(book) and 2 < found.arrive.p50 < 4


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8-sig")
    return path


def test_columns_in_any_order_and_spelling_and_other_dates(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "Complaint Type,Longitude,Latitude,Unique Key,Created Date,Closed Date,Status,Agency",
                 "Illegal Parking,-73.9,40.7,7,01/05/2026 11:30:00 PM,01/06/2026 12:10:00 AM,Closed,NYPD",
                 "Noise,,,8,2026 Jan 05 11:30:00 PM,,Open,")
    book = book_of(path)
    parked = book["nyc311-7"]
    assert (parked.type, parked.state, parked.place) == ("illegal_parking", State.CLOSED, (-73.9, 40.7))
    assert parked.closed_at is not None and (parked.closed_at - parked.reported_at).total_seconds() == 2400
    assert parked.reported_at == datetime(2026, 1, 6, 4, 30, tzinfo=UTC) == book["nyc311-8"].reported_at


def test_what_cannot_be_used_is_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "unique_key,created_date,closed_date,complaint_type,status",
                 "1,2026-01-05T10:00:00,2026-01-05T09:00:00,Noise,Closed", "2,yesterday,,Noise,Open",
                 "3,2026-01-05T10:00:00,,Noise,Closed", "1,2026-01-05T10:00:00,,Noise,Open", ",2026-01-05T10:00:00,,Noise,Open",
                 "4,2026-01-05T10:00:00", "5,2026-01-05T10:00:00,,,")
    history = cases_from_311(path)
    steps = list(history)
    reported = Counter(timed.step.case for timed in steps if timed.step.step is Kind.REPORT)
    assert reported == {"nyc311-1": 1, "nyc311-3": 1, "nyc311-5": 1}
    assert history.dropped == {"closing: earlier than the report": 1, "closing: no date": 1, "no key or no date": 2,
                               "the key stands twice": 1, "the row is broken": 1}
    assert book_of(path).counts().open == 3


def test_telephones_in_a_description_are_withheld(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "unique_key,created_date,complaint_type,descriptor",
                 "1,2026-01-05T10:00:00,Noise,ring 212 555 0100", "2,2026-01-05T10:00:00,call 212-555-0100,x")
    assert [timed.step.why for timed in cases_from_311(path)] == ["Noise", "text withheld"]


def test_a_full_dispatch_file_gives_every_time(tmp_path: Path) -> None:
    day = "01/05/2026"
    path = write(tmp_path / "x.csv", "Call Number,Unit ID,Call Type,Received DtTm,Dispatch DtTm,On Scene DtTm,Available DtTm,"
                 "case_location", f"1,E01,Medical Incident,{day} 10:00:00 AM,{day} 10:01:00 AM,{day} 10:06:00 AM,"
                 f"{day} 10:40:00 AM,POINT (-122.42 37.78)", f"1,85,Medical Incident,{day} 10:00:00 AM,{day} 10:02:00 AM,,"
                 f"{day} 10:30:00 AM,")
    case = book_of(path)["sffd-1"]
    assert (case.units, case.handlers, case.place) == (("E01", "unit-85"), ("E01",), (-122.42, 37.78))
    times = [case.dispatched_at, case.arrived_at, case.handled_at, case.closed_at]
    assert [(t - case.reported_at).total_seconds() / 60 for t in times if t] == [1, 6, 40, 40]


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "\x00\x01"])
def test_other_files_are_refused_with_a_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadInput, match=r"x.csv: these columns are neither"):
        read_history(path)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xff\xfe\x80unique_key")
    with pytest.raises(BadInput, match="not a CSV file"):
        read_history(path)
