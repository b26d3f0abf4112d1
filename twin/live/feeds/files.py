"""Recordings: tracks (GPX, CSV, GeoPackage), reports (CSV) and case histories (311 and dispatch records) as reports.

Names that a file gives its tracks are not taken over, they may be people's: tracks are called track-1, track-2 ...
What cannot be used is counted by reason in :attr:`Recording.dropped`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import defusedxml.ElementTree  # type: ignore[import-untyped]
import numpy as np
import pandas as pd
import pyogrio
from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from pyproj import Transformer

from twin.cases.history import History, read_history
from twin.errors import BadInput
from twin.places import District
from twin.store import Receipt

CHUNK = 5_000
NAMES = {
    "object": ("object", "unit", "trajectory_id", "track_id", "track", "tracker", "device", "id"),
    "time": ("observed_at", "time", "t", "timestamp", "datetime", "date_time"),
    "lon": ("lon", "longitude", "lng", "long"), "lat": ("lat", "latitude"), "x": ("x",), "y": ("y",),
    "accuracy": ("accuracy_m", "accuracy"), "speed": ("speed", "speed_mps")}
"""What columns may be called, the first that is there counts; capitals do not matter."""

Report = dict[str, Any]


class Door(Protocol):
    """Where reports go in: an intake of this process, or a server (:class:`twin.live.feeds.post.Poster`)."""

    def take(self, body: bytes, *, source: str) -> tuple[Receipt, list[tuple[int, str]]]:
        """Store what a body holds; returns the receipt, place and reason of what was refused."""


@dataclass
class Recording:
    """The reports in a file, in order of the file; :attr:`dropped` counts what could not be used, once iterated."""

    path: Path
    source: str
    make: Callable[[Recording], Iterator[Report]]
    dropped: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[Report]:
        self.dropped.clear()
        return self.make(self)


def read_recording(path: str | Path, *, district: District | None = None, zone: tzinfo | None = None) -> Recording:
    """A recording, known by its ending and its columns.

    ``zone`` is the time zone of times that name none; without it such a file is refused. ``district`` tells whether the
    place of a case lies within it: cases from elsewhere are taken without their place.
    """
    path = Path(path)
    if not path.is_file():
        raise BadInput("there is no such file", where=str(path), mend="name a GPX, CSV or GeoPackage file")
    ending = path.suffix.lower()
    if ending == ".gpx":
        return Recording(path, "gpx", _gpx)
    if ending == ".gpkg":
        return Recording(path, "gpkg", lambda recording: _table(recording, _geopackage(path), zone))
    if ending == ".csv":
        history = _history(path)
        if history is not None:
            return Recording(path, history.source, lambda recording: _cases(recording, history, district))
        frame = _csv(path)
        return Recording(path, "csv", lambda recording: _table(recording, frame, zone))
    raise BadInput(f"files that end with {ending or 'nothing'!r} cannot be played", where=str(path),
                   mend="give GPX, CSV or GeoPackage")


def play(recording: Recording, door: Door, done: Callable[[int], None] = lambda _n: None) -> Receipt:
    """Bring a recording to a door, chunk by chunk; every chunk is durable before the next one is read."""
    total = Receipt()
    reports = iter(recording)
    while chunk := list(islice(reports, CHUNK)):
        receipt, refused = door.take(json.dumps(chunk, ensure_ascii=False).encode(), source=recording.source)
        recording.dropped.update(reason for _, reason in refused)
        total += receipt
        done(receipt.stored + receipt.duplicates + receipt.refused)
    return total


def _gpx(recording: Recording) -> Iterator[Report]:
    """Points of all tracks of a GPX file; entities and document types, by which XML can do harm, are refused."""
    track = 0
    try:
        with recording.path.open("rb") as file:
            for event, element in defusedxml.ElementTree.iterparse(file, events=("start", "end"), forbid_dtd=True):
                tag = element.tag.rpartition("}")[2]
                if event == "start":
                    track += tag == "trk"
                elif tag == "trkpt":
                    yield from _point(recording, element, track)
                    element.clear()
    except DefusedXmlException as error:
        raise BadInput(f"the XML uses {type(error).__name__.removesuffix('Forbidden')}, which is not read",
                       where=str(recording.path), mend="save it as plain GPX") from None
    except defusedxml.ElementTree.ParseError as error:
        raise BadInput(f"this is no GPX ({error})", where=str(recording.path), mend="export it again") from None


def _point(recording: Recording, element: Any, track: int) -> Iterator[Report]:
    inside = {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in element}
    moment = _moment(inside.get("time", ""), None)
    try:
        lon, lat = float(element.get("lon", "")), float(element.get("lat", ""))
    except ValueError:
        recording.dropped["no place"] += 1
        return
    if moment is None:
        recording.dropped["no time, or one without a time zone"] += 1
        return
    yield {"kind": "position", "object": f"track-{track}", "observed_at": moment.isoformat(), "lon": lon, "lat": lat, "value": {}}


def _csv(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (ValueError, pd.errors.ParserError) as error:
        raise BadInput(f"this is no CSV ({str(error).splitlines()[0]})", where=str(path), mend="save it as UTF-8 CSV") from None


def _geopackage(path: Path) -> pd.DataFrame:
    try:
        frame = pyogrio.read_dataframe(path)
    except pyogrio.errors.DataSourceError as error:
        raise BadInput("this is no GeoPackage", where=str(path), mend="export it again") from error
    if frame.crs is None:
        raise BadInput("the layer states no CRS", where=str(path), mend="set its CRS before it is played")
    points = frame.geometry.geom_type == "Point"
    table = pd.DataFrame(frame[points].drop(columns="geometry")).astype(str)
    x, y = frame.geometry[points].x.to_numpy(), frame.geometry[points].y.to_numpy()
    lon, lat = Transformer.from_crs(frame.crs, 4326, always_xy=True).transform(x, y)
    return table.assign(lon=np.asarray(lon).astype(str), lat=np.asarray(lat).astype(str))


def _table(recording: Recording, frame: pd.DataFrame, zone: tzinfo | None) -> Iterator[Report]:
    """Rows with a thing, a time and a place."""
    known = {str(name).strip().lower(): name for name in frame.columns}
    columns = {what: next((known[name] for name in names if name in known), None) for what, names in NAMES.items()}
    place = ("lon", "lat") if columns["lon"] is not None and columns["lat"] is not None else ("x", "y")
    missing = [what for what in ("time", *place) if columns[what] is None]
    if missing:
        raise BadInput(f"no column says {' and '.join(missing)}", where=str(recording.path),
                       mend="name the columns time, lon and lat (or x and y), and object")
    names = frame[columns["object"]] if columns["object"] is not None else pd.Series(["1"] * len(frame))
    tracks = {name: f"track-{k}" for k, name in enumerate(dict.fromkeys(names), start=1)}
    bare = 0
    for name, when, a, b, accuracy, speed in zip(
            names, frame[columns["time"]], frame[columns[place[0]]], frame[columns[place[1]]],
            _column(frame, columns["accuracy"]), _column(frame, columns["speed"]), strict=True):
        moment = _moment(when, zone)
        if moment is None:
            bare += _moment(when, None) is None and _naive(when)
            recording.dropped["no time, or one without a time zone"] += 1
            continue
        try:
            report = {"kind": "position", "object": tracks[name], "observed_at": moment.isoformat(),
                      place[0]: float(a), place[1]: float(b), "value": {"speed": float(speed)} if speed else {}}
            if accuracy:
                report["accuracy_m"] = float(accuracy)
        except ValueError:
            recording.dropped["a number that is none"] += 1
            continue
        yield report
    if bare == len(frame) and bare:
        raise BadInput("the times name no time zone", where=str(recording.path),
                       mend="say which with --zone, such as Asia/Shanghai")


def _column(frame: pd.DataFrame, name: Any) -> Any:
    return frame[name] if name is not None else [""] * len(frame)


def _moment(text: str, zone: tzinfo | None) -> datetime | None:
    """An aware time, or None: a time that names no zone is never guessed."""
    text = text.strip()
    if len(text) > 3 and text[-3] in "+-" and ":" in text:
        text += ":00"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return moment.replace(tzinfo=zone) if zone is not None else None
    return moment


def _naive(text: str) -> bool:
    try:
        return datetime.fromisoformat(text.strip()).tzinfo is None
    except ValueError:
        return False


def _history(path: Path) -> History | None:
    try:
        return read_history(path)
    except BadInput:
        return None


def _cases(recording: Recording, history: History, district: District | None) -> Iterator[Report]:
    """Steps of cases; the place is kept where it lies in the district."""
    inside = _inside(district)
    counts: Counter[str] = Counter()
    for timed in history:
        number = counts[timed.step.case]
        counts[timed.step.case] += 1
        report: Report = {"id": f"{timed.step.case}-{number}", "kind": "case", "object": timed.step.case,
                  "observed_at": timed.at.isoformat(), "value": timed.step.model_dump(mode="json", exclude_none=True)}
        if timed.place is not None:
            if inside(*timed.place):
                report["lon"], report["lat"] = timed.place
            else:
                recording.dropped["place outside the district: taken without it"] += 1
        yield report
    recording.dropped.update(history.dropped)


def _inside(district: District | None) -> Callable[[float, float], bool]:
    if district is None or district.crs.is_engineering:
        return lambda _lon, _lat: False
    project = Transformer.from_crs(4326, district.crs, always_xy=True)
    west, south, east, north = district.bounds

    def inside(lon: float, lat: float) -> bool:
        x, y = project.transform(lon, lat)
        return bool(west <= x <= east and south <= y <= north)
    return inside

