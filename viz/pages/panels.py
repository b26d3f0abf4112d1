"""What every page is made of: panels left, right and bottom round the scene, the same everywhere."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag
from dash import html

from viz import words
from viz.component import Scene
from viz.words import say

THEME = {"function": "themeQuartz.withParams({spacing: 5, fontSize: 13, wrapperBorder: false, "
                     "wrapperBorderRadius: 0, backgroundColor: 'var(--panel)', foregroundColor: 'var(--ink)', "
                     "headerBackgroundColor: 'var(--panel-deep)', borderColor: 'var(--line)', "
                     "accentColor: 'var(--accent)', browserColorScheme: 'inherit'})"}


def page(name: str, *, left: list[Any], middle: list[Any], right: list[Any] | None = None,
         bottom: list[Any] | None = None) -> html.Div:
    """A page: what to show on the left, the scene, what is selected on the right, time or the table at the bottom."""
    parts = [html.Aside(left, className="panel left", id=f"{name}-left", **words.marks(label="panel.left")),
             html.Main(middle, className="middle", id="scene-main", tabIndex="-1")]
    if right is not None:
        parts.append(html.Aside(right, className="panel right", id=f"{name}-right", **words.marks(label="panel.right")))
    if bottom is not None:
        parts.append(html.Section(bottom, className="panel bottom", id=f"{name}-bottom",
                                  **words.marks(label="panel.bottom")))
    folds = [fold("left"), *([fold("right")] if right is not None else []),
             *([fold("bottom")] if bottom is not None else [])]
    return html.Div(
        [*parts, *folds],
        className=f"page page-{name}",
        **{"data-has-right": str(right is not None).lower(), "data-has-bottom": str(bottom is not None).lower()},
    )


def fold(side: str) -> html.Button:
    """The button that folds one panel away and brings it back (assets/shell.js)."""
    return html.Button(className=f"fold fold-{side}", type="button",
                       **{"data-fold": side}, **words.marks(label=f"fold.{side}", title=f"fold.{side}"))


def section(key: str, *content: Any, **props: Any) -> html.Section:
    """A part of a panel under its own heading."""
    return html.Section([html.H2(say(key)), *content], className="part", **props)


def scene(name: str, *, label: str = "scene.label", **props: Any) -> html.Div:
    """The scene of a page, filling the middle, and what stands there until the district is drawn."""
    drawn = Scene(id=name, className="scene", ariaLabel=words.text(label), style={"height": "100%", "width": "100%"},
                  theme="light", language="en", **props)
    return html.Div([drawn, html.Div(say("scene.loading"), className="overlay loading", **{"data-loading": name})],
                    className="scenebox")


def table(name: str, columns: list[dict[str, Any]], rows: list[dict[str, Any]] | None = None, *,
          select: str | None = "single", **options: Any) -> dag.AgGrid:
    """A table that sorts, filters, copies and exports; rows need an ``id``."""
    grid: dict[str, Any] = {
        "theme": THEME,
        "rowHeight": 28,
        "headerHeight": 30,
        "animateRows": False,
        "enableCellTextSelection": True,
        "ensureDomOrder": True,
        "suppressColumnMoveAnimation": True,
        "localeText": {"noRowsToShow": "–"},
        **options,
    }
    if select:
        grid["rowSelection"] = {
            "mode": "singleRow" if select == "single" else "multiRow",
            "checkboxes": select != "single",
            "enableClickSelection": True,
            "headerCheckbox": False,
        }
    return dag.AgGrid(id=name, columnDefs=columns, rowData=rows or [], getRowId="params.data.id", className="table",
                      defaultColDef={"sortable": True, "filter": True, "resizable": True, "minWidth": 70,
                                     "tooltipValueGetter": {"function": "params.value"}},
                      dashGridOptions=grid, csvExportParams={"fileName": f"{name}.csv"},
                      style={"height": "100%", "width": "100%"})


def columns(names: list[str], language: str, **wide: Any) -> list[dict[str, Any]]:
    """Column definitions with headings in a language; ``wide`` gives extra settings by column."""
    return [{"field": name, "headerName": words.either(f"column.{name}", name, language), **wide.get(name, {})}
            for name in names]


def facts(rows: list[tuple[Any, Any]]) -> html.Dl:
    """Names with values, one under the other."""
    return html.Dl([part for name, value in rows for part in (html.Dt(name), html.Dd(value))], className="facts")


def big_number(key: str, value: Any, unit: str = "", note: Any = None, **props: Any) -> html.Div:
    """A number that is read from afar, with its unit and what it is."""
    return html.Div([html.Div(say(key), className="big-name"),
                     html.Div([html.Span(value, className="big-value"), html.Span(unit, className="unit")]),
                     html.Div(note, className="big-note")], className="big", **props)


def empty(key: str, *action: Any) -> html.Div:
    """An empty state: what to do next, with one button."""
    return html.Div([html.P(say(key)), *action], className="empty")
