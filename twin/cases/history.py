"""Case histories from real records: New York's 311 service requests and San Francisco's fire department calls.

Both files say less than a case has steps. What they do not say is either left out or, where the loop needs it, put at
the moment that the file does give and said so in ``why``. Names of columns may be written ``created_date``, ``Created
Date`` or ``CreatedDate`` and stand in any order; times are local times of the city.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from twin.cases.private import without_personal_text
from twin.cases.step import LONGEST_TEXT, CaseStep, Kind, Level, Result
from twin.errors import BadInput

NEW_YORK, SAN_FRANCISCO = ZoneInfo("America/New_York"), ZoneInfo("America/Los_Angeles")
_FORMATS = ("%m/%d/%Y %I:%M:%S %p", "%Y %b %d %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%Y-%m-%d %I:%M:%S %p",
            "%m/%d/%Y")
_UNSAID = "not said in the source file, put at the moment that it does say"


class TimedStep(NamedTuple):
    """A step with its moment (aware UTC) and place (WGS84 degrees, None where unknown)."""

    at: datetime
    step: CaseStep
    lon: float | None = None
    lat: float | None = None

    @property
    def place(self) -> tuple[float, float] | None:
        """(lon, lat), None where unknown."""
        return None if self.lon is None or self.lat is None else (self.lon, self.lat)


Row = dict[str, str]


@dataclass
class History:
    """The steps of a file, case by case; :attr:`dropped` counts what could not be used, by reason, once iterated."""

    source: str
    path: Path
    make: Callable[[History], Iterator[TimedStep]]
    dropped: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[TimedStep]:
        self.dropped.clear()
        return self.make(self)


def read_history(path: str | Path) -> History:
    """The history in a CSV file, recognised by its columns; raises :class:`BadInput` if it is neither kind."""
    columns = set(_columns(Path(path)))
    if {"uniquekey", "createddate", "complainttype"} <= columns:
        return cases_from_311(path)
    if {"callnumber", "unitid", "calltype"} <= columns:
        return cases_from_sf(path)
    raise BadInput("these columns are neither 311 service requests nor fire department calls", where=str(path),
                   mend="give a CSV with unique_key, created_date and complaint_type, or with CallNumber, UnitID and CallType")


def cases_from_311(path: str | Path) -> History:
    """Service requests of New York's 311: report, dispatch to the agency, and its closing."""
    return History("nyc311", Path(path), _steps_311)


def cases_from_sf(path: str | Path) -> History:
    """Calls of San Francisco's fire department: one case a call, its units dispatched and arrived.

    Files that give no time of the call give ``Delay``, the minutes from call to arrival, and when each unit was
    free again. The call is then put at the latest moment that fits all of its units: times to arrive are exact,
    times to handle are at least what is reported.
    """
    return History("sffd", Path(path), _steps_sf)


def _steps_311(history: History) -> Iterator[TimedStep]:
    seen: set[str] = set()
    for row in _rows(history):
        key, created = row.get("uniquekey", ""), _moment(row.get("createddate"), NEW_YORK)
        if not key or created is None:
            history.dropped["no key or no date"] += 1
        elif key in seen:
            history.dropped["the key stands twice"] += 1
        else:
            seen.add(key)
            try:
                yield from _service_request(history, row, f"nyc311-{key}", created)
            except ValidationError:
                history.dropped["does not fit a case"] += 1


def _service_request(history: History, row: Row, case: str, created: datetime) -> list[TimedStep]:
    place = _place(row.get("longitude"), row.get("latitude"))
    agency = "agency-" + "".join(c for c in row.get("agency", "") if c.isascii() and c.isalnum())[:16]
    agency = agency.rstrip("-")
    complaint = row.get("complainttype", "") or "unnamed"
    due = _moment(row.get("duedate"), NEW_YORK)
    due = due if due is not None and due >= created else None
    status = row.get("status", "").lower()
    closed = _moment(row.get("closeddate"), NEW_YORK)
    if closed is not None and closed < created:
        history.dropped["closing: earlier than the report"] += 1
        closed = None
    elif closed is None and status == "closed":
        history.dropped["closing: no date"] += 1
    steps = [TimedStep(created, CaseStep(
        step=Kind.REPORT, case=case, by="hotline-311", why=_text(complaint, row.get("descriptor", "")), type=_type_311(complaint),
        level=Level.COMMUNITY, grid=_slug(row.get("communityboard", "")), deadline=due), *place)]
    if closed is not None or status not in ("", "open", "unspecified", "unassigned"):
        steps.append(TimedStep(created, CaseStep(step=Kind.DISPATCH, case=case, by="hotline-311", units=(agency,),
                                                 why=f"to the agency in charge; the time is {_UNSAID}"), *place))
    if closed is not None:
        resolution = row.get("resolutiondescription", "")
        steps += [TimedStep(closed, step, *place) for step in (
            CaseStep(step=Kind.HANDLE, case=case, by=agency, why=_text("closed by the agency", resolution)),
            CaseStep(step=Kind.VERIFY, case=case, by="system-311", why=f"verification is {_UNSAID}", result=_result(resolution)),
            CaseStep(step=Kind.CLOSE, case=case, by="hotline-311", why="closed in the source file"))]
    return steps


def _steps_sf(history: History) -> Iterator[TimedStep]:
    calls: dict[str, list[Row]] = {}
    for row in _rows(history):
        if row.get("callnumber") and row.get("unitid"):
            calls.setdefault(row["callnumber"], []).append(row)
        else:
            history.dropped["no call number or no unit"] += 1
    for number, rows in calls.items():
        try:
            steps = _call(f"sffd-{number}", rows)
        except ValidationError:
            steps = []
        if not steps:
            history.dropped["no time to be had, or does not fit a case"] += 1
        yield from steps


@dataclass
class _Turnout:
    """One unit's part in a call."""

    unit: str
    sent: datetime | None
    there: datetime | None
    free: datetime | None
    delay: timedelta | None


def _turnout(row: Row) -> _Turnout:
    unit = row["unitid"] if row["unitid"][0].isalpha() else f"unit-{row['unitid']}"
    sent, there, free = (_moment(row.get(name), SAN_FRANCISCO) for name in ("dispatchdttm", "onscenedttm", "availabledttm"))
    return _Turnout(unit, sent, there, free, _minutes(row.get("delay")))


def _call(case: str, rows: list[Row]) -> list[TimedStep]:
    units = [_turnout(row) for row in rows]
    received = [t for row in rows if (t := _moment(row.get("receiveddttm"), SAN_FRANCISCO)) is not None]
    latest = [u.free - (u.delay or timedelta()) for u in units if u.free is not None]
    if not received and not latest:
        return []
    at = min(received or latest)
    row = rows[0]
    place = _point(row.get("location") or row.get("caselocation")) or _place(row.get("longitude"), row.get("latitude"))
    call = row.get("calltype", "") or "unnamed"
    said = "" if received else "the time of the call is the latest that fits the file"
    grid = _slug(row.get("neighborhood") or row.get("neighborhoodsanalysisboundaries") or "")
    steps = [TimedStep(at, CaseStep(step=Kind.REPORT, case=case, by="hotline-911", why=_text(call, said), type=_type_sf(call),
                                    level=Level.DISTRICT, grid=grid), *place)]
    sent: dict[datetime, list[str]] = {}
    for unit in units:
        sent.setdefault(max(unit.sent or at, at), []).append(unit.unit)
    steps += [TimedStep(when, CaseStep(step=Kind.DISPATCH, case=case, by="desk-911", units=tuple(dict.fromkeys(names)),
                                       why="sent" if received else f"sent; the time is {_UNSAID}"), *place)
              for when, names in sorted(sent.items())]
    for unit in units:
        there = unit.there or (at + unit.delay if unit.delay is not None and unit.free is not None else None)
        if there is not None and there >= at:
            steps.append(TimedStep(there, CaseStep(step=Kind.ARRIVE, case=case, by=unit.unit, why="on scene"), *place))
    done = [u for u in units if u.free is not None and u.free >= at]
    if done:
        last = max(done, key=lambda u: u.free or at)
        end = max(last.free or at, steps[-1].at)
        steps += [TimedStep(end, step, *place) for step in (
            CaseStep(step=Kind.HANDLE, case=case, by=last.unit, why="the last unit is free again"),
            CaseStep(step=Kind.VERIFY, case=case, by="desk-911", why=f"verification is {_UNSAID}"),
            CaseStep(step=Kind.CLOSE, case=case, by="desk-911", why="closed in the source file"))]
    return sorted(steps, key=lambda timed: timed.at)


def _columns(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [_plain(name) for name in next(csv.reader(file), [])]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput("this is not a CSV file in UTF-8", where=str(path), mend="export it again as CSV") from error


def _rows(history: History) -> Iterator[Row]:
    columns = _columns(history.path)
    try:
        with history.path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            next(reader, None)
            for cells in reader:
                if len(cells) == len(columns):
                    yield {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
                elif cells:
                    history.dropped["the row is broken"] += 1
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput("this is not a CSV file in UTF-8", where=str(history.path), mend="export it again as CSV") from error


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _moment(text: str | None, zone: ZoneInfo) -> datetime | None:
    """A local time as aware UTC; None if there is none. In the hour that comes twice the first is taken."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        for form in _FORMATS:
            try:
                moment = datetime.strptime(text, form)
                break
            except ValueError:
                continue
        else:
            return None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        return None


def _minutes(text: str | None) -> timedelta | None:
    try:
        minutes = float(text or "")
    except ValueError:
        return None
    return timedelta(minutes=minutes) if 0 <= minutes < 7 * 24 * 60 else None


def _place(lon: str | None, lat: str | None) -> tuple[float | None, float | None]:
    try:
        place = float(lon or ""), float(lat or "")
    except ValueError:
        return None, None
    return place if abs(place[0]) <= 180 and abs(place[1]) <= 90 and place != (0.0, 0.0) else (None, None)


def _point(text: str | None) -> tuple[float | None, float | None] | None:
    """``(lat, lon)`` or ``POINT (lon lat)``."""
    if not text or "(" not in text:
        return None
    inner = text[text.index("(") + 1:].rstrip(") ")
    first, _, second = inner.replace(",", " ").strip().partition(" ")
    first, second = first.strip(), second.strip()
    return _place(first, second) if text.upper().startswith("POINT") else _place(second, first)


def _text(*parts: str) -> str:
    """What the file says, cut to length; only its first part if the rest could name a person."""
    for count in (len(parts), 1):
        text = ": ".join(part for part in parts[:count] if part)[:LONGEST_TEXT]
        try:
            return without_personal_text(text)
        except ValueError:
            continue
    return "text withheld"


def _slug(text: str) -> str | None:
    slug = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in text).split())[:64]
    return slug or None


_TYPES_311 = {
    "parking": "illegal_parking", "driveway": "illegal_parking", "abandoned vehicle": "illegal_parking", "noise": "noise",
    "street light": "lamp_out", "sewer": "manhole", "unsanitary": "rubbish", "dirty": "rubbish", "dumping": "rubbish",
    "disposal": "rubbish", "vendor": "street_vending", "street condition": "facility_damaged", "sidewalk": "facility_damaged",
    "signal": "facility_damaged", "curb": "facility_damaged", "graffiti": "facility_damaged", "sign -": "facility_damaged",
    "heat": "housing", "paint": "housing", "plumbing": "housing", "water leak": "housing", "door": "housing",
    "electric": "housing", "flooring": "housing", "appliance": "housing", "general": "housing", "safety": "housing"}
"""Words of 311's complaint types and what they are taken as, first match first."""


def _type_311(complaint: str) -> str:
    name = complaint.lower()
    return next((kind for word, kind in _TYPES_311.items() if word in name), "other")


def _type_sf(call: str) -> str:
    name = call.lower()
    if "medical" in name:
        return "medical"
    fiery = ("fire", "alarm", "smoke", "electrical", "gas", "odor", "explosion", "hazmat")
    return "fire_hazard" if any(word in name for word in fiery) else "other"


def _result(resolution: str) -> Result:
    text = resolution.lower()
    if any(word in text for word in ("no evidence", "not necessary", "duplicate", "was not found", "no encampment", "were gone")):
        return Result.UNFOUNDED
    if any(word in text for word in ("unable", "could not", "declined")):
        return Result.UNSOLVED
    return Result.SOLVED
