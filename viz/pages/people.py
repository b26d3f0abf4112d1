"""People: counts of residents by scheme and level as the gate shows them, children over the next years, and the fit."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import dash
import dash_mantine_components as dmc
import numpy as np
import pandas as pd
import shapely
from dash import Input, Output, State, html

from twin.people import (
    MEASURES,
    SCHEMES,
    ChildrenForecast,
    Fit,
    Gate,
    SitePlan,
    forecast_children,
    make_population,
    make_task,
    plan_sites,
)
from twin.places import District
from viz import words
from viz.callbacks import answers
from viz.jobs import Jobs
from viz.library import Library
from viz.pages import legend, panels, people_units
from viz.words import say

SHOWN = ("people", "households", "age", "sex", "mobility_need", "day", "size", "cars", "workers", "children")
MEASURE_KEYS = {name: f"people.measure.{name}" for name in SHOWN if name in MEASURES}
LEVEL_KEYS = {name: f"level.{name}" for name in ("district", "subdistrict", "community", "grid", "courtyard")}
SCHEME_KEYS = {name: f"scheme.{name}" for name in SCHEMES}
GOAL_KEYS = {"median": "people.goal.median", "centre": "people.goal.centre"}
ACROSS_KEYS = {"": "people.across.none", **SCHEME_KEYS}
VIEW_KEYS = {"now": "people.view.now", "forecast": "people.view.forecast"}
CHOICES = {("people-measure", "data"): MEASURE_KEYS, ("people-level", "data"): LEVEL_KEYS, ("people-scheme", "data"): SCHEME_KEYS,
           ("people-across", "data"): ACROSS_KEYS, ("people-goal", "data"): GOAL_KEYS,
           ("people-view", "data"): VIEW_KEYS, **people_units.CHOICES}
SCENES = ("people-scene",)
_RAMP = np.array([[68, 1, 84], [54, 92, 141], [31, 161, 135], [122, 209, 81], [253, 231, 37]])  # no grey: grey is hidden
_HIDDEN = [150, 150, 150, 130]
_SITE = [206, 40, 40, 255]
_YEARS = 2


@dataclass
class _Residents:
    """The gate of one district, its forecast and its siting, made when they are first asked for."""

    district: District
    gate: Gate
    fit: Fit
    ahead: Any
    task: Any
    _plans: dict[str, SitePlan] = field(default_factory=dict)
    shown_plan: SitePlan | None = None
    _forecast: dict[tuple[str, str], ChildrenForecast] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def counts(self, measure: str, scheme: str, level: str) -> pd.DataFrame:
        with self.lock:
            return self.gate.aggregate(measure, scheme=scheme, level=level)

    def forecast(self, scheme: str, level: str) -> ChildrenForecast:
        with self.lock:
            if (scheme, level) not in self._forecast:
                self._forecast[scheme, level] = self.ahead(scheme, level)
            return self._forecast[scheme, level]

    def crossed(self, measure: str, scheme: str, across: str, level: str) -> pd.DataFrame:
        with self.lock:
            return self.gate.aggregate(measure, scheme=scheme, level=level, across=across)

    def plan(self, goal: Literal["median", "centre"]) -> SitePlan:
        made = self.forecast("household", "grid")
        with self.lock:
            if goal not in self._plans:
                self._plans[goal] = plan_sites(self.district, self.gate, made.expected, goal=goal)
            self.shown_plan = self._plans[goal]
            return self._plans[goal]


def layout(library: Library, asked: dict[str, str], language: str) -> html.Div:
    """The page; ``?district=`` chooses the district."""
    names = library.districts()
    district = asked.get("district") if asked.get("district") in names else names[0]
    left = [
        panels.section("twin.district", dmc.Select(id="people-district", data=names, value=district, allowDeselect=False,
                                                   **words.marks(label="twin.district"))),
        panels.section("people.view", dmc.SegmentedControl(id="people-view", data=words.options(VIEW_KEYS, language), value="now",
                                                           fullWidth=True, size="xs")),
        panels.section("people.measure", _choice("people-measure", MEASURE_KEYS, "people", "people.measure", language)),
        panels.section("twin.scheme", _choice("people-scheme", SCHEME_KEYS, "household", "twin.scheme", language)),
        panels.section("people.across", _choice("people-across", ACROSS_KEYS, "", "people.across", language)),
        panels.section("people.level", _choice("people-level", LEVEL_KEYS, "grid", "people.level", language)),
        panels.section("people.gate", html.P(say("people.about"), className="note")),
    ]
    right = [
        panels.section("people.forecast", html.P(say("people.forecast.about"), className="note"), html.Div(id="people-forecast")),
        panels.section("people.sites", html.Div([
            html.P(say("people.sites.about"), className="note"),
            _choice("people-goal", GOAL_KEYS, "median", "people.goal", language),
            dmc.Button(say("people.sites.find"), id="people-find", size="compact-sm"), html.Div(id="people-sites")],
            className="stack")),
        *people_units.sections(language),
        panels.section("people.fit", html.Div(id="people-fit")),
    ]
    bottom = [html.Div([html.Div([html.Span(id="people-count", className="note grow")], className="tablebar"),
                        html.Div(panels.table("people-table", []), className="tablebody")], className="tablebox")]
    scene = panels.scene("people-scene", sceneUrl=f"/api/districts/{district}/scene", tool="select")
    return panels.page("people", left=left, middle=[scene, html.Div(id="people-legend", className="overlay legend")], right=right,
                       bottom=bottom)


def _choice(name: str, keys: dict[str, str], value: str, label: str, language: str) -> dmc.Select:
    return dmc.Select(id=name, data=words.options(keys, language), value=value, allowDeselect=False, **words.marks(label=label))


def register(app: dash.Dash, library: Library, _jobs: Jobs) -> None:
    """Callbacks of the page."""
    one_at_a_time = threading.Lock()

    @cache
    def made(name: str) -> _Residents:
        district = library.district(name)
        people = make_population(district)
        gate = Gate.of(district, people)
        return _Residents(district, gate, people.fit,
                          lambda scheme, level: forecast_children(gate, people, scheme=scheme, level=level, years=_YEARS),
                          lambda about, cell: make_task(gate, people, about, cell))

    def residents(name: str) -> _Residents:
        with one_at_a_time:
            return made(name)

    def task_of(name: str, about: str, cell: str) -> Any:
        here = residents(name)
        with here.lock:
            return here.task(about, cell)

    people_units.register(app, lambda name: (residents(name).district, residents(name).gate), task_of, library.district)

    @answers(app, Output("people-scene", "sceneUrl"), Input("people-district", "value"), prevent_initial_call=True)
    def change_district(name: str) -> str:
        return f"/api/districts/{name}/scene"

    @answers(app, Output("people-scene", "data"), Output("people-scene", "labels"), Output("people-legend", "children"),
             Output("people-table", "columnDefs"), Output("people-table", "rowData"), Output("people-count", "children"),
             Input("people-district", "value"), Input("people-view", "value"), Input("people-measure", "value"),
             Input("people-scheme", "value"), Input("people-level", "value"), Input("language", "data"),
             Input("people-sites", "children"), Input("people-across", "value"))
    def show(name: str, view: str, measure: str, scheme: str, level: str, language: str, _sites: Any, across: str = "") -> Any:
        here = residents(name)
        if view == "forecast":
            table = here.forecast(scheme, level).cells
            table = table[table["year"] == _YEARS].drop(columns="year")
            value = table["mean"]
        else:
            table = here.counts(measure, scheme, level)
            value = table["all"]
        data, labels, scale = cells_on_map(here.district, table["id"], value)
        if here.shown_plan is not None:
            data["layers"] += sites_on_map(here.district, here.shown_plan)
        if across and view == "now":
            table = here.crossed(measure, scheme, across, level)
            value = table["all"]
            table["id"] = table["id"] + " × " + table["id_2"]
        rows = [{k: None if pd.isna(v) else v for k, v in row.items()} for row in table.astype(object).to_dict("records")]
        return (data, labels, [*scale, html.Div(say("people.hidden"), className="note")], _heads(table, language), rows,
                say("people.count", n=len(rows), hidden=int(value.isna().sum())))

    @answers(app, Output("people-forecast", "children"), Input("people-district", "value"))
    def show_forecast(name: str) -> Any:
        total = residents(name).forecast("household", "grid").total
        return [panels.big_number("people.forecast.year", f"{row.mean:,.0f}",
                                  note=say("people.forecast.interval", year=int(row.year), low80=int(row.low_80),
                                           high80=int(row.high_80), low95=int(row.low_95), high95=int(row.high_95)))
                for row in total.itertuples()]

    @answers(app, Output("people-sites", "children"), Input("people-find", "n_clicks"), State("people-district", "value"),
             State("people-goal", "value"), prevent_initial_call=True)
    def find_sites(_n: int, name: str, goal: Literal["median", "centre"] = "median") -> Any:
        plan = residents(name).plan(goal)
        return [html.Ul([html.Li(plan.candidates["id"][k]) for k in plan.chosen.sites]),
                html.P(say("people.sites.walk", mean=round(plan.mean_m), worst=round(plan.farthest_m)),
                       className="note")]

    @answers(app, Output("people-fit", "children"), Input("people-district", "value"))
    def show_fit(name: str) -> Any:
        fit = residents(name).fit
        table = fit.by_control()
        worst = table.loc[table["error"].abs().idxmax()]
        return [panels.facts([("SRMSE", f"{fit.srmse:.4f}"),
                              (say("people.fit.controls"), f"{int(table['met'].sum())} / {len(table)}"),
                              (say("people.fit.worst"), f"{worst['control']} {worst['error']:+.0f}")]),
                html.P(say("people.fit.about"), className="note")]


def _heads(table: pd.DataFrame, language: str) -> list[dict[str, Any]]:
    """Column headings: words where there are any, categories as they are."""
    wide: dict[str, dict[str, Any]] = {"id": {"pinned": "left", "width": 150}, "name": {"width": 150}}
    return [{"field": c, "headerName": words.either(f"people.column.{c}", words.either(f"column.{c}", c, language), language),
             **wide.get(c, {})} for c in map(str, table.columns)]


def cells_on_map(district: District, ids: pd.Series, value: pd.Series) -> tuple[dict[str, Any], list[dict[str, Any]], list[Any]]:
    """Cells coloured by their count, grey where it is not shown: layers, labels with the counts, and the legend."""
    shapes = pd.concat([district.grids.set_index("id").geometry, district.courtyards.set_index("id").geometry,
                        district.buildings.set_index("id").geometry])
    origin = np.array(district.origin)
    known = value.dropna().astype(float)
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    polygons, labels = [], []
    for cell, count in zip(ids, value, strict=True):
        if cell not in shapes.index:
            continue
        shape = shapes[cell]
        fill = _HIDDEN if pd.isna(count) else _colour((float(count) - low) / max(high - low, 1e-9))
        for part in shapely.get_parts(shape):
            ring = np.round(shapely.get_coordinates(part.exterior) - origin, 2).tolist()
            polygons.append({"polygon": [[x, y, 0.4] for x, y in ring], "fill": fill, "id": cell})
        if len(ids) <= 120:
            x, y = np.round(shapely.get_coordinates(shape.representative_point())[0] - origin, 1).tolist()
            labels.append({"text": "–" if pd.isna(count) else str(int(count)), "position": [x, y, 1], "priority": 80})
    layer = {"@@type": "PolygonLayer", "id": "people-cells", "data": polygons, "getPolygon": "@@=polygon", "pickable": True,
             "getFillColor": "@@=fill", "getLineColor": [60, 60, 60, 160], "getLineWidth": 1, "lineWidthUnits": "pixels"}
    return {"layers": [layer]}, labels, [legend.ramp("people.legend", "viridis", f"{low:,.0f}", f"{high:,.0f}")]


def _colour(share: float) -> list[int]:
    at = np.linspace(0, 1, len(_RAMP))
    return [*(int(np.interp(share, at, _RAMP[:, c])) for c in range(3)), 170]


def sites_on_map(district: District, plan: SitePlan) -> list[dict[str, Any]]:
    """The chosen sites as dots."""
    chosen = plan.candidates.iloc[list(plan.chosen.sites)]
    x0, y0 = district.origin
    dots = [{"position": [round(x - x0, 1), round(y - y0, 1), 2.0], "id": name}
            for name, x, y in zip(chosen["id"], chosen["x"], chosen["y"], strict=True)]
    return [{"@@type": "ScatterplotLayer", "id": "people-sites", "data": dots, "getPosition": "@@=position",
             "getFillColor": _SITE, "getRadius": 14, "radiusMinPixels": 6, "pickable": True}]
