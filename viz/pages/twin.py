"""Twin: what is there. Pick an object in the scene, in the table or by searching, and see its row and its ways in."""

from __future__ import annotations

from typing import Any

import dash
import dash_mantine_components as dmc
import numpy as np
import shapely
from dash import ALL, Input, Output, State, ctx, dcc, html, no_update

from twin.places import District
from twin.places.access import ways_in
from twin.places.tables import TABLES
from viz import words
from viz.callbacks import answers
from viz.jobs import Jobs
from viz.library import Library
from viz.pages import panels
from viz.rows import object_row, search, table_rows
from viz.words import say

LAYERS = ("buildings", "parts", "labels", "grid", "shadows")
SCHEMES = {"none": "scheme.none", **{s: f"scheme.{s}" for s in ("household", "functional", "residential", "video")}}
KINDS = {name: f"table.{name}" for name in TABLES if name != "surfaces"}
CHOICES = {("twin-scheme", "data"): SCHEMES, ("twin-kind", "data"): KINDS}
SCENES = ("twin-scene",)
GRID_COLOR = [163, 52, 40, 220]
_FIRST = ("id", "name", "kind", "address", "use", "height", "levels", "width", "state", "scheme", "level")


def layout(library: Library, asked: dict[str, str], language: str) -> html.Div:
    """The page; ``?district=`` and ``?id=`` choose what it begins with."""
    names = library.districts()
    district = asked.get("district") if asked.get("district") in names else names[0]
    left = [
        panels.section(
            "twin.district",
            dmc.Select(
                id="twin-district",
                data=names,
                value=district,
                allowDeselect=False,
                **words.marks(label="twin.district"),
            ),
        ),
        panels.section(
            "twin.search",
            dmc.TextInput(
                id="twin-search",
                debounce=250,
                **{"data-search": "1"},
                **words.marks(label="twin.search", placeholder="twin.search.hint"),
            ),
            html.Div(id="twin-hits", className="hits", role="list"),
        ),
        panels.section(
            "twin.layers",
            dmc.CheckboxGroup(
                id="twin-layers",
                value=list(LAYERS),
                children=dmc.Stack([dmc.Checkbox(label=say(f"layer.{n}"), value=n, size="xs") for n in LAYERS], gap=7),
            ),
        ),
        panels.section(
            "twin.scheme",
            dmc.Select(
                id="twin-scheme",
                data=words.options(SCHEMES, language),
                value="none",
                allowDeselect=False,
                **words.marks(label="twin.scheme"),
            ),
        ),
        panels.section("keys", html.P(say("keys.scene"), className="note")),
    ]
    bottom = [
        html.Div(
            [
                html.Div(
                    [
                        dmc.Select(
                            id="twin-kind",
                            data=words.options(KINDS, language),
                            value="courtyards",
                            allowDeselect=False,
                            size="xs",
                            w=190,
                            **words.marks(label="twin.kind"),
                        ),
                        html.Span(id="twin-count", className="note grow"),
                        dmc.Button(say("table.export"), id="twin-export", size="compact-sm", variant="default"),
                    ],
                    className="tablebar",
                ),
                html.Div(panels.table("twin-table", []), className="tablebody"),
            ],
            className="tablebox",
        )
    ]
    return panels.page(
        "twin",
        left=left,
        middle=[panels.scene("twin-scene", sceneUrl=f"/api/districts/{district}/scene", tool="select")],
        right=[
            html.Div(panels.empty("twin.nothing"), id="twin-selected-panel", **{"aria-live": "polite"}),
            dcc.Store(id="twin-selected", data={"id": asked["id"], "by": "search"} if "id" in asked else None),
        ],
        bottom=bottom,
    )


def register(app: dash.Dash, library: Library, _jobs: Jobs) -> None:
    """Callbacks of the page."""

    @answers(app, Output("twin-scene", "sceneUrl"), Input("twin-district", "value"), prevent_initial_call=True)
    def change_district(name: str) -> str:
        return f"/api/districts/{name}/scene"

    @answers(app, Output("twin-hits", "children"), Input("twin-search", "value"), Input("twin-district", "value"))
    def find(asked: str | None, name: str) -> Any:
        if not (asked or "").strip():
            return []
        hits = search(library.district(name), asked or "")
        if not hits:
            return html.P(say("twin.search.none"), className="note")
        return [
            html.Button(
                [html.Span(hit["name"] or hit["id"]), html.Small([say(f"one.{hit['table']}"), " ", hit["id"]])],
                id={"hit": hit["id"]},
                className="hit",
                type="button",
            )
            for hit in hits
        ]

    app.clientside_callback(
        "(on) => Object.fromEntries(" + str(list(LAYERS)) + ".map((name) => [name, (on || []).includes(name)]))",
        Output("twin-scene", "visible"), Input("twin-layers", "value"))

    @answers(app, Output("twin-scene", "data"), Output("twin-scene", "labels"), Input("twin-scheme", "value"),
             Input("twin-district", "value"))
    def show_grids(scheme: str, name: str) -> Any:
        if scheme == "none":
            return {"layers": []}, []
        return grid_cells(library.district(name), scheme)

    @answers(app, Output("twin-table", "columnDefs"), Output("twin-table", "rowData"), Output("twin-count", "children"),
             Input("twin-kind", "value"), Input("twin-district", "value"), Input("language", "data"))
    def show_table(kind: str, name: str, language: str) -> Any:
        names = [c for c in TABLES[kind].column_names if c != "geometry"]
        names = [c for c in _FIRST if c in names] + [c for c in names if c not in _FIRST]
        heads = panels.columns(names, language, id={"pinned": "left", "width": 170}, name={"width": 160})
        if ctx.triggered_id == "language":
            return heads, no_update, no_update
        rows = table_rows(library.district(name), kind)
        return heads, rows, say("table.count", n=len(rows))

    @answers(
        app,
        Output("twin-selected", "data"),
        Input("twin-scene", "clickInfo"),
        Input("twin-table", "selectedRows"),
        Input({"hit": ALL}, "n_clicks"),
        Input({"goto": ALL}, "n_clicks"),
        State("twin-selected", "data"),
        prevent_initial_call=True,
    )
    def select(click: dict[str, Any] | None, rows: list[dict[str, Any]] | None, hits: list[int | None],
               links: list[int | None], now: dict[str, Any] | None) -> Any:
        by = ctx.triggered_id
        if by == "twin-scene":
            chosen, how = (click or {}).get("id"), "scene"
        elif by == "twin-table":
            chosen, how = (rows[0]["id"], "table") if isinstance(rows, list) and rows else (None, "table")
        elif isinstance(by, dict) and any(hits + links):
            chosen, how = by.get("hit") or by.get("goto"), "search"
        else:
            return no_update
        if chosen is None or (now or {}).get("id") == chosen:
            return no_update
        return {"id": chosen, "by": how}

    app.clientside_callback(
        "(chosen) => chosen ? [[chosen.id], chosen.by === 'scene' ? dash_clientside.no_update : {id: chosen.id}] : "
        "[[], dash_clientside.no_update]",
        Output("twin-scene", "selected"), Output("twin-scene", "setView"), Input("twin-selected", "data"))

    @answers(app, Output("twin-selected-panel", "children"), Output("twin-kind", "value"),
             Input("twin-selected", "data"), Input("twin-district", "value"), State("twin-kind", "value"))
    def show_selected(chosen: dict[str, Any] | None, name: str, kind: str) -> Any:
        district = library.district(name)
        if (
            not chosen
            or ctx.triggered_id == "twin-district"
            or not (district.tables and _known(district, chosen["id"]))
        ):
            return panels.empty("twin.nothing"), no_update
        found = object_row(district, chosen["id"])
        turn = (
            found["table"]
            if chosen["by"] != "table" and found["table"] in KINDS and found["table"] != kind
            else no_update
        )
        return selected_card(district, name, found), turn

    # Not outputs: a selected row selects in the scene, which selects the row; Dash would see a circle.
    app.clientside_callback(
        """(chosen, rows) => {
          const there = chosen && rows && rows.some((row) => row.id === chosen.id);
          const scrollTo = there && chosen.by !== 'table' ? {scrollTo: {rowId: chosen.id, rowPosition: 'middle'}} : {};
          dash_clientside.set_props('twin-table', {selectedRows: {ids: there ? [chosen.id] : []}, ...scrollTo});
        }""",
        Input("twin-selected", "data"),
        Input("twin-table", "rowData"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        "(n) => Boolean(n)",
        Output("twin-table", "exportDataAsCsv"),
        Input("twin-export", "n_clicks"),
        prevent_initial_call=True,
    )


def _known(district: District, object_id: str) -> bool:
    return any((frame["id"] == object_id).any() for frame in district.tables.values() if len(frame))


def selected_card(district: District, name: str, found: dict[str, Any]) -> list[Any]:
    """The panel of one object: its row, and for a courtyard its ways in and its sheet."""
    row, table = found["row"], found["table"]
    units = {c.name: c.unit for c in TABLES[table].columns}
    shown = [(words_for(column), _value(value, units.get(column, ""), column)) for column, value in row.items()
             if value is not None and column not in ("x", "y", "name")]
    parts = [panels.section("twin.selected", html.H3(row.get("name") or row["id"]),
                            html.P(say(f"one.{table}"), className="kind"), panels.facts(shown))]
    courtyard = row["id"] if table == "courtyards" else row.get("courtyard")
    if courtyard and table != "courtyards":
        parts.append(panels.section("twin.belongs", html.Button(
            [html.Span(courtyard)], id={"goto": courtyard}, className="hit", type="button")))
    if table == "courtyards":
        parts.append(panels.section("twin.ways", _ways(district, row["id"])))
        parts.append(panels.section("twin.sheet", html.P(say("twin.sheet.about"), className="note"), html.A(
            say("twin.sheet.open"), href=f"/api/districts/{name}/sheets/{row['id']}", target="_blank",
            className="linkbutton", **{"data-sheet": "1"})))
    return parts


def words_for(column: str) -> Any:
    """What a column is called."""
    return say(f"column.{column}") if f"column.{column}" in words.table()["en"] else column


def _value(value: Any, unit: str, column: str) -> Any:
    if isinstance(value, bool):
        return say("yes" if value else "no")
    if unit == "rad":
        return f"{np.degrees(value) % 360:.0f}°"
    if f"value.{value}" in words.table()["en"] and column not in ("id", "name", "address"):
        return say(f"value.{value}")
    number = f"{value:g}" if isinstance(value, float) else str(value)
    return [number, html.Span(unit, className="unit")] if unit else number


def _ways(district: District, courtyard: str) -> Any:
    ways = ways_in(district, courtyard)
    if not ways:
        return html.P(say("twin.ways.none"), className="error")
    head = html.Tr([html.Th(say(f"ways.{c}")) for c in ("from", "state", "width", "step_free")])
    body = []
    for way in ways:
        through = (
            [html.Div([say("ways.through"), " ", ", ".join(way.through)], className="note")] if way.through else []
        )
        body.append(html.Tr([
            html.Td([html.Div(str(way.street_name or way.from_street or "–")), *through,
                     html.Div(", ".join(way.via), className="note")]),
            html.Td(say(f"value.{way.state}"), className=f"state state-{way.state}"),
            html.Td("–" if way.width is None or not np.isfinite(way.width) else f"{way.width:.1f} m"),
            html.Td(say("unknown") if way.step_free is None else say("yes" if way.step_free else "no"))]))
    return html.Table([html.Thead(head), html.Tbody(body)], className="ways")


def grid_cells(district: District, scheme: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The finest cells of a scheme as outlines in a pydeck specification, and their names as labels, local metres."""
    grids = district.grids[district.grids["scheme"] == scheme]
    order = ["district", "subdistrict", "community", "grid", "courtyard"]
    levels = [level for level in order if (grids["level"] == level).any() and level != "courtyard"]
    if not levels:
        return {"layers": []}, []
    cells = grids[grids["level"] == levels[-1]]
    origin = np.array(district.origin)
    outlines, labels = [], []
    for shape, cell, label in zip(cells.geometry, cells["id"], cells["name"], strict=True):
        for part in shapely.get_parts(shape):
            ring = np.round(shapely.get_coordinates(part.exterior) - origin, 2)
            outlines.append({"path": [[x, y, 0.3] for x, y in ring.tolist()], "id": cell, "name": label or cell})
        x, y = np.round(shapely.get_coordinates(shape.representative_point())[0] - origin, 1).tolist()
        labels.append({"text": label or cell, "position": [x, y, 1], "priority": 80})
    layer = {"@@type": "PathLayer", "id": "scheme", "data": outlines, "getPath": "@@=path", "getColor": GRID_COLOR,
             "getWidth": 2.5, "widthUnits": "pixels", "pickable": True}
    return {"layers": [layer]}, labels


