"""What leaves the live picture as a file: the tables of the command page and the duty log, as CSV. The audit knows of each."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Response

from viz.live.rights import asker
from viz.live.twin import Live

Language = Literal["en", "zh"]
Listed = Literal["cases", "alarms", "units", "cameras", "log"]


def add_exports(server: FastAPI, live: Live) -> None:
    """Add ``GET /api/live/duty-log.csv`` and ``GET /api/live/tables/{which}.csv`` to an application."""

    @server.get("/api/live/duty-log.csv", tags=["live"])
    def duty_log(hours: Annotated[float, Query(gt=0, le=24)] = 24.0, language: Language = "en") -> Response:
        """The duty log of the last hours: notes and decisions, the newest first."""
        from viz.pages.command_view import duty_log as lines
        who = asker(live)
        now = live.now()
        rows = [row for row in lines(live.picture(grids=who.grids), language) if row["at"] >= now - 3600 * hours]
        who.note("export.duty_log", rows=len(rows), hours=hours)
        return _csv("duty-log", ["at", "what", "about", "by"], rows)

    @server.get("/api/live/tables/{which}.csv", tags=["live"])
    def table(which: Listed, at: Annotated[float | None, Query(ge=0, le=1e11, description="seconds since 1970")] = None,
              states: Annotated[str, Query(max_length=200, description="states of cases, with commas; all if empty")] = "",
              language: Language = "en") -> Response:
        """A table of the command page as it is now or was at a moment, as far as you may see it."""
        from viz.pages import command_view
        from viz.pages.command import seen
        who = asker(live)
        picture = seen(live, who, at)
        shown = [name for name in states.split(",") if name in command_view.CASE_STATES] or list(command_view.CASE_STATES)
        rows = command_view.rows(picture, which, live.series.trends(picture.at_s), shown, language)
        who.note(f"export.{which}", rows=len(rows), at=None if at is None else datetime.fromtimestamp(at, UTC))
        return _csv(which, command_view.COLUMNS[which], rows)


def _csv(name: str, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> Response:
    """A file of rows; ``at`` is written as a time."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(columns)
    for row in rows:
        table.writerow([datetime.fromtimestamp(row["at"], UTC).isoformat(timespec="seconds") if column == "at"
                        else _plain(row.get(column)) for column in columns])
    return Response("\ufeff" + out.getvalue(), media_type="text/csv",
                    headers={"Content-Disposition": f'attachment; filename="{name}.csv"'})


def _plain(value: Any) -> str:
    """A cell that a spreadsheet does not take for a formula; numbers are what they are."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
