"""The master scenario events list (MSEL) as a table: CSV or XLSX, in and out."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from pydantic import ValidationError

from sim.drill.plan import Inject
from twin.errors import BadInput

COLUMNS = {"serial": "serial", "scenario time": "at_s", "event": "event", "inject": "inject", "inject (zh)": "inject_zh",
           "method": "method", "from": "sender", "to": "to", "expected action": "expected", "within [s]": "within_s",
           "objective": "objective", "evaluator's note": "note"}
"""Heading -> field of :class:`Inject`."""
NEEDED = ("serial", "scenario time", "inject")
_WIDTHS = {"inject": 60, "inject (zh)": 40, "expected action": 46, "evaluator's note": 46, "event": 18, "objective": 16}
_CLOCK = re.compile(r"^(?:(\d+):)?(\d{1,2}):(\d{2}(?:\.\d+)?)$")


def write(path: Path, injects: Sequence[Inject]) -> None:
    """Write an events list; the ending of the file decides between CSV and XLSX."""
    rows: list[list[str | float]] = [[*COLUMNS], *([_cell(inject, field) for field in COLUMNS.values()] for inject in injects)]
    draft = path.with_name(f".{path.name}.draft")
    if _kind(path) == "csv":
        text = io.StringIO()
        csv.writer(text).writerows([[_plain(cell) for cell in row] for row in rows])
        draft.write_text("\ufeff" + text.getvalue(), encoding="utf-8", newline="")
    else:
        _write_sheet(draft, rows)
    draft.replace(path)


def read(path: Path) -> list[Inject]:
    """Read an events list; raises :class:`BadInput` that names the row."""
    if not path.is_file():
        raise BadInput("there is no such file", where=str(path), mend="write one with `hutong drill events DRILL -o msel.xlsx`")
    rows = list(_csv_rows(path) if _kind(path) == "csv" else _sheet_rows(path))
    if not rows:
        raise BadInput("the list is empty", where=str(path), mend=f"its first row has the headings {', '.join(COLUMNS)}")
    heads = [str(cell or "").strip().lower() for cell in rows[0]]
    for head in NEEDED:
        if head not in heads:
            raise BadInput(f"there is no column {head!r}", where=f"{path} row 1",
                           mend=f"the headings are {', '.join(COLUMNS)}")
    unknown = [head for head in heads if head and head not in COLUMNS]
    if unknown:
        raise BadInput(f"nobody knows the column {unknown[0]!r}", where=f"{path} row 1",
                       mend=f"the headings are {', '.join(COLUMNS)}")
    return [_inject(dict(zip(heads, row, strict=False)), f"{path} row {k}") for k, row in enumerate(rows[1:], 2)
            if any(str(cell).strip() for cell in row if cell is not None)]


def clock(seconds: float) -> str:
    """Time since the start as h:mm:ss."""
    whole, rest = divmod(round(seconds * 10), 10)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}" + (f".{rest}" if rest else "")


def seconds_of(value: Any, where: str) -> float:
    """Scenario time [s] from a cell: seconds, ``m:ss``, ``h:mm:ss``, or a time of a spreadsheet."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime):
        value = value.time()
    if isinstance(value, time):
        return value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
    text = str(value if value is not None else "").strip()
    found = _CLOCK.match(text)
    if found:
        return int(found[1] or 0) * 3600 + int(found[2]) * 60 + float(found[3])
    try:
        return float(text)
    except ValueError:
        raise BadInput(f"{text!r} is no scenario time", where=where, mend="write h:mm:ss or seconds since the start") from None


def _inject(row: dict[str, Any], where: str) -> Inject:
    given: dict[str, Any] = {COLUMNS[head]: value for head, value in row.items()
                             if head in COLUMNS and value is not None and str(value).strip()}
    given["at_s"] = seconds_of(given.get("at_s"), where)
    for key in given.keys() - {"at_s", "serial", "within_s"}:
        given[key] = str(given[key]).strip()
    try:
        return Inject.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        named = next((head for head, field in COLUMNS.items() if first["loc"] and field == first["loc"][0]), "the row")
        raise BadInput(f"{named}: {first['msg'][:1].lower()}{first['msg'][1:]}", where=where, mend="correct this cell") from None


def _cell(inject: Inject, field: str) -> str | float:
    value: str | float = getattr(inject, field)
    return clock(float(value)) if field == "at_s" else value


def _plain(cell: str | float) -> str | float:
    """A cell that a spreadsheet does not take for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "@", "\t", "\r")) else cell


def _kind(path: Path) -> str:
    ending = path.suffix.lower().removeprefix(".")
    if ending not in ("csv", "xlsx"):
        raise BadInput(f"an events list is no .{ending} file", where=str(path), mend="give a file that ends with .csv or .xlsx")
    return ending


def _csv_rows(path: Path) -> Iterable[list[Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput("this is not UTF-8 text", where=str(path), mend="save it as CSV UTF-8") from None
    separator = max(",;\t", key=text.partition("\n")[0].count)
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
        yield [cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "@", "\t", "\r") else cell for cell in row]


def _sheet_rows(path: Path) -> Iterable[list[Any]]:
    from openpyxl import load_workbook
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, KeyError, OSError, ValueError):
        raise BadInput("this is not a workbook", where=str(path), mend="save it as .xlsx, or give a .csv") from None
    try:
        return [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]
    finally:
        book.close()


def _write_sheet(path: Path, rows: list[list[str | float]]) -> None:
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font
    book = Workbook()
    sheet = book.active
    sheet.title = "MSEL"
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(row, 1):
            cell = sheet.cell(number, column)
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"  # a text that begins with = is no formula
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            if number == 1:
                cell.font = Font(bold=True)
    for letter, head in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", COLUMNS, strict=False):
        sheet.column_dimensions[letter].width = _WIDTHS.get(head, 13)
    sheet.freeze_panes = "A2"
    with path.open("wb") as file:
        book.save(file)
