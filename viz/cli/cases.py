"""``hutong cases``: bring case histories in, look at cases, their indicators and the weekly brief."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
import typer
from pyproj import Transformer

from sim.measures import readable
from twin.cases import CaseBook
from twin.cases.history import History, read_history
from twin.cases.indicators import Indicators, Spread, case_table, indicators, period
from twin.errors import BadInput
from viz.cli import output

if TYPE_CHECKING:
    from twin.live.observation import Observation

app = typer.Typer(no_args_is_help=True, help="Cases: bring histories in, look at them, their indicators and the weekly brief.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Source = Annotated[str, typer.Argument(help="A log (live.sqlite, postgresql://...), or a CSV of 311 requests or fire calls.")]
Stream = Annotated[str, typer.Option(help="Stream of the log: live, drill:NAME or sim:RUN.")]
DistrictFile = Annotated[Path | None, typer.Option("--district", help="GeoPackage; places are looked at only if given.")]


@app.command("import")
def bring_in(file: Annotated[Path, typer.Argument(help="CSV of 311 service requests or of fire department calls.")],
             log: Annotated[str, typer.Option("--log", help="Log that it goes into: a path or a URL.")],
             stream: Stream = "live", district: DistrictFile = None, json: Json = False) -> None:
    """Bring a history of cases into a log; the same file again adds nothing."""
    from twin.store import open_store
    history = read_history(file)
    with output.busy(f"reading {file.name}"):
        observations = list(_observations(history, stream, district))
    store = open_store(log)
    try:
        with output.busy("writing"):
            receipts = [store.append(observations[k:k + 5000]) for k in range(0, len(observations), 5000)]
    finally:
        store.close()
    counts = CaseBook.of(observations).counts()
    told: dict[str, Any] = {
        "cases": counts.received, "steps": len(observations), "stored": sum(r.stored for r in receipts),
        "duplicates": sum(r.duplicates for r in receipts), "refused": sum(r.refused for r in receipts),
        "dropped": dict(history.dropped)}
    if json:
        output.print_json(told)
        return
    output.table(f"{file} -> {log}", ["", ""], [[key, f"{value:,}"] for key, value in told.items() if key != "dropped"])
    for reason, count in history.dropped.items():
        output.out.print(f"dropped {count:,}: {reason}")


def _observations(history: History, stream: str, district: Path | None) -> Iterator[Observation]:
    """The steps of a history as observations; with a district, those within it have a place."""
    from twin.live.observation import Observation
    project = _into(district)
    numbers: dict[str, int] = {}
    for timed in history:
        case = timed.step.case
        numbers[case] = number = numbers.get(case, 0) + 1
        place = None if timed.lon is None or timed.lat is None else project(timed.lon, timed.lat)
        yield Observation(id=f"{case}/{number}", stream=stream, source=history.source, kind="case", object=case,
                          observed_at=timed.at, received_at=timed.at, x=place[0] if place else None,
                          y=place[1] if place else None, grid=timed.step.grid, value=timed.step)


def _into(path: Path | None) -> Callable[[float, float], tuple[float, float] | None]:
    """WGS84 to metres of a district, None outside it."""
    import twin
    district = twin.open(path) if path is not None else None
    to_metres = Transformer.from_crs(4326, district.crs, always_xy=True) if district is not None else None

    def place(lon: float, lat: float) -> tuple[float, float] | None:
        if district is None or to_metres is None:
            return None
        (west, south, east, north), (x, y) = district.bounds, to_metres.transform(lon, lat)
        return (x, y) if west <= x <= east and south <= y <= north else None
    return place


def open_book(source: str, stream: str) -> CaseBook:
    """The case book of a history file or of a stream of a log."""
    if source.lower().endswith(".csv"):
        book = CaseBook()
        for timed in read_history(source):
            book.add(timed.step, timed.at, place=timed.place)
    else:
        book = CaseBook.of(_from_log(source, stream))
    if not len(book):
        raise BadInput(f"there are no cases in the stream {stream}", where=source,
                       mend="bring some in with `hutong cases import`")
    return book


def _from_log(source: str, stream: str) -> Iterable[Observation]:
    from twin.store import open_store
    if "://" not in source and not Path(source).is_file():
        raise BadInput("there is no such log", where=source, mend="give the path or URL of a log, or a CSV file")
    store = open_store(source, read_only=True)
    try:
        return store.read(stream=stream, kinds=["case"])
    finally:
        store.close()


@app.command()
def show(source: Source, case: Annotated[str | None, typer.Argument(metavar="[CASE]", help="Id of a case.")] = None,
         stream: Stream = "live", limit: Annotated[int, typer.Option(min=1, help="Open cases shown.")] = 20,
         json: Json = False) -> None:
    """Show the open cases, the most overdue first, or one case with its whole history: who, when, why."""
    book = open_book(source, stream)
    if case is not None:
        _show_case(book, case, json)
        return
    counts = book.counts()
    waiting = sorted((c for c in book if c.is_open), key=lambda c: (c.due_at, c.id))
    if json:
        output.print_json({**counts._asdict(), "cases": [
            {"id": c.id, "type": c.type, "state": c.state.value, "level": c.level.value, "grid": c.grid,
             "reported_at": c.reported_at.isoformat(), "due_at": c.due_at.isoformat(), "units": list(c.units)}
            for c in waiting[:limit]]})
        return
    output.table(f"{counts.received:,} cases: {counts.open:,} open, {counts.closed:,} closed, {counts.merged:,} merged",
                 ["case", "type", "state", "level", "grid", "reported", "due"],
                 [[c.id, c.type, c.state.value, c.level.value, c.grid or "–", _local(c.reported_at), _local(c.due_at)]
                  for c in waiting[:limit]])


def _show_case(book: CaseBook, case_id: str, json: bool) -> None:
    case = book[case_id]
    steps = [{"at": taken.at.isoformat(), "step": taken.step.step.value, "by": taken.step.by, "why": taken.step.why}
             for taken in case.history]
    refused = [{"at": r.at.isoformat(), "step": r.step.step.value, "by": r.step.by, "reason": r.reason}
               for r in book.refusals(case_id)]
    if json:
        output.print_json({"id": case.id, "type": case.type, "state": case.state.value, "level": case.level.value,
                           "grid": case.grid, "place": case.place, "due_at": case.due_at.isoformat(),
                           "duplicate_of": case.duplicate_of, "duplicates": book.duplicates(case_id), "history": steps,
                           "refused": refused})
        return
    output.table(f"{case.id}: {case.type}, {case.state.value} at the {case.level.value}", ["when", "step", "by", "why"],
                 [[_local(datetime.fromisoformat(s["at"])), s["step"], s["by"], s["why"]] for s in steps])
    for refusal in refused:
        output.out.print(f"refused {refusal['step']} by {refusal['by']}: {refusal['reason']}", markup=False)


Since = Annotated[str | None, typer.Option(help="From this day or moment (ISO 8601, UTC if no zone); all if missing.")]
Until = Annotated[str | None, typer.Option(help="Up to this day or moment.")]


@app.command("indicators")
def show_indicators(source: Source, since: Since = None, until: Until = None, stream: Stream = "live",
                    json: Json = False) -> None:
    """Received, closed, rates, times to arrive, handle and close, backlog and age."""
    table = case_table(open_book(source, stream))
    first, last = period(table)
    found = indicators(table, since=_moment(since) or first, until=_moment(until) or last)
    if json:
        output.print_json(found.as_dict())
        return
    _print_indicators(found)


def _print_indicators(found: Indicators) -> None:
    rows = [["received", f"{found.received:,}"], ["closed", f"{found.closed:,}"], ["merged", f"{found.merged:,}"],
            ["open", f"{found.open:,}"], ["reopened", f"{found.reopened:,}"], ["closing rate", _percent(found.closing_rate)],
            ["on time", _percent(found.on_time_rate)], ["backlog", f"{found.backlog_open:,}"],
            ["overdue", f"{found.backlog_overdue:,}"]]
    rows += [[f"{name}: median, 90 %, 95 % [min]", _spread(getattr(found, name.split()[-1]))] for name in
             ("to arrive", "to handle", "to close")]
    output.table(f"{_local(found.since)} to {_local(found.until)}", ["", ""], rows)
    output.table("by type", ["type", "received", "closed", "on time", "arrive min", "handle min", "close min"],
                 [[str(row["type"]), str(row["received"]), str(row["closed"]), _percent(row["on_time_rate"]),
                   *(readable(row[f"{what}_p50_min"]) for what in ("arrive", "handle", "close"))]
                  for row in found.by_type.to_dict("records")])


@app.command()
def brief(source: Source, week: Annotated[str | None, typer.Option(help="A day of the week; the last week if missing.")] = None,
          out: Annotated[Path | None, typer.Option("-o", "--out", help="File to write: .html or .md.")] = None,
          language: Annotated[str, typer.Option(help="en or zh.")] = "en", district: DistrictFile = None,
          stream: Stream = "live", json: Json = False) -> None:
    """Write the weekly brief; with a district, with the hot spots of place and hour."""
    import shapely

    import twin
    from twin.cases.brief import weekly_brief
    table = case_table(open_book(source, stream))
    place = twin.open(district) if district is not None else None
    last = period(table)[1]
    made = weekly_brief(table, _moment(week) or last - timedelta(seconds=2), as_of=last, place=place.name if place else "",
                        area=shapely.box(*place.bounds) if place else None)
    if out is not None and out.suffix not in (".html", ".md"):
        raise BadInput(f"a brief is a web page or Markdown, not {out.suffix or 'a file without an ending'}", where=str(out),
                       mend="name a file that ends in .html or .md")
    if json:
        output.print_json({"week": made.week.as_dict(), "before": made.before.as_dict(),
                           "hot_spots": made.spots.spots.to_dict("records") if made.spots else None})
    elif out is None:
        print(made.markdown(language))
    if out is not None:
        draft = out.with_name(f".{out.name}.part")
        draft.write_text(made.html(language) if out.suffix == ".html" else made.markdown(language), encoding="utf-8")
        draft.replace(out)
        if not json:
            output.out.print(f"wrote {out}")


@app.command("hot-spots")
def show_hot_spots(source: Source, since: Since = None, until: Until = None, district: DistrictFile = None,
                   cell: Annotated[float, typer.Option(help="Side of a cell [m].")] = 100.0,
                   zone: Annotated[str, typer.Option(help="Time zone of the hours.")] = "Asia/Shanghai",
                   stream: Stream = "live", json: Json = False) -> None:
    """Cells and hours in which cases gather more than chance would have them."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    import shapely

    import twin
    from twin.cases.hotspots import hot_spots
    try:
        hours = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(f"there is no time zone {zone!r}", mend="give one such as Asia/Shanghai") from None
    table = _in_metres(case_table(open_book(source, stream)))
    first, last = _moment(since), _moment(until)
    table = table[(table["reported_s"] >= (first.timestamp() if first else -np.inf))
                  & (table["reported_s"] < (last.timestamp() if last else np.inf))]
    area = shapely.box(*twin.open(district).bounds) if district is not None else None
    found = hot_spots(table, area=area, cell_m=cell, zone=hours)
    if json:
        output.print_json({**{key: getattr(found, key) for key in ("cell_m", "bins", "used", "threshold_p")},
                           "spots": found.spots.to_dict("records")})
        return
    output.table(f"{len(found.spots)} hot spots among {found.bins:,} cells and hours, {found.used:,} cases",
                 ["x, y", "hour", "cases", "around", "Gi*", "p"],
                 [[f"{r['x']:.0f}, {r['y']:.0f}", f"{r['hour']:02d}", str(r["cases"]), str(r["around"]), f"{r['z']:.1f}",
                   f"{r['p']:.1e}"] for r in found.spots.head(30).to_dict("records")])


def _in_metres(table: pd.DataFrame) -> pd.DataFrame:
    """Places in degrees (of a history file) become metres around their middle; metres stay."""
    xy = table[["x", "y"]].to_numpy()
    if not len(xy) or np.isnan(xy).all() or np.nanmax(np.abs(xy)) > 180:
        return table
    lon, lat = np.nanmedian(xy, axis=0)
    to_metres = Transformer.from_crs(4326, f"+proj=aeqd +lat_0={lat} +lon_0={lon} +units=m", always_xy=True)
    x, y = to_metres.transform(xy[:, 0], xy[:, 1])
    return table.assign(x=np.where(np.isnan(xy[:, 0]), np.nan, x), y=np.where(np.isnan(xy[:, 1]), np.nan, y))


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is not a day or a moment", mend="write it like 2026-01-05 or 2026-01-05T08:00+08:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _local(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.1f} %"


def _spread(spread: Spread) -> str:
    return f"{readable(spread.p50)}, {readable(spread.p90)}, {readable(spread.p95)}" if spread.n else "–"
