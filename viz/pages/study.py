"""Study: layouts by what they lead to, the front that nothing beats, and the layout behind each point."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dash
import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, ctx, dcc, html, no_update

from sim.layout import takes
from sim.measures import readable
from sim.study.compare import interval
from sim.study.folder import Study
from sim.study.search import ENDS, front
from twin.errors import BadInput, HutongError
from twin.places import District
from viz import drafting, words
from viz.callbacks import answers
from viz.jobs import Jobs
from viz.library import Library
from viz.pages import panels
from viz.words import say

CHOICES: dict[tuple[str, str], dict[str, str]] = {}
SCENES = ("study-scene",)
RESOURCES = ("staff", "lanes", "gates", "barrier_m", "posts")


def studies(library: Library) -> list[str]:
    """Names of the studies of events in the folder of runs, the newest first."""
    if not library.runs_folder.is_dir():
        return []
    found = []
    for file in library.runs_folder.glob("*/study.yaml"):
        try:
            if Study(file.parent).kind == "event" and not file.parent.name.startswith("."):
                found.append((-file.stat().st_mtime, file.parent.name))
        except (HutongError, OSError, KeyError):
            continue
    return [name for _, name in sorted(found)]


def study_of(library: Library, name: str) -> Study:
    """A study of the library by name."""
    if name not in studies(library):
        raise BadInput(f"there is no study {name!r}", mend="make one with `hutong study run SCENARIO -o runs/NAME`")
    return Study(library.runs_folder / Path(name).name)


def points_of(study: Study, district: District) -> tuple[list[dict[str, Any]], list[str]]:
    """The points of a study and its ends: of a search those that were screened, else its layouts by their means.

    A point has ``layout``, ``values`` by end, ``front`` (no other beats it) and ``made`` (``by hand`` or ``search``).
    """
    found = study.about.get("search")
    if found:
        return list(found["points"]), list(found["ends"])
    values = {}
    for name in study.layouts:
        if not study.seeds(name):
            continue
        table, needs = study.measures(name), takes(district, study.scenario, name)
        values[name] = {end: float(needs[end]) if end in needs else
                        float(table[end].mean()) if end in table else math.nan for end in ENDS}
    best = front(values) if values else []
    points = [{"layout": name, "values": told, "front": name in best, "made": "by hand"} for name, told in values.items()]
    return points, list(ENDS)


def layout(library: Library, asked: dict[str, str], _language: str) -> html.Div:
    """The page; ``?study=`` and ``?layout=`` choose what it begins with."""
    names = studies(library)
    if not names:
        return html.Main(panels.empty("study.none"), className="alone", id="scene-main")
    chosen = asked["study"] if asked.get("study") in names else names[0]
    left = [
        panels.section("study.study", dmc.Select(id="study-name", data=names, value=chosen, allowDeselect=False,
                                                 **words.marks(label="study.study"))),
        panels.section("study.ends", html.Div([
            dmc.Select(id="study-x", data=[], allowDeselect=False, label=say("study.across")),
            dmc.Select(id="study-y", data=[], allowDeselect=False, label=say("study.up"))], className="stack")),
        panels.section("study.front", html.Div(id="study-front", style={"position": "relative", "height": "300px"}),
                       html.P(say("study.front.about"), className="note"))]
    middle = [panels.scene("study-scene", overlays=[], enableEvents=["click"]),
              html.Div([html.B(say("band.simulated")), html.Span(id="study-title", className="grow")], className="overlay band")]
    right = [panels.section("study.layout", html.P(id="study-headline", className="headline", role="status"),
                            html.Div(id="study-facts")),
             panels.section("study.against", html.Div(id="study-verdicts")),
             dcc.Store(id="study-layout", data=asked.get("layout"))]
    return panels.page("study", left=left, middle=middle, right=right)


def register(app: dash.Dash, library: Library, _jobs: Jobs) -> None:
    """Callbacks of the page."""

    @answers(app, Output("study-scene", "sceneUrl"), Output("study-x", "data"), Output("study-x", "value"),
             Output("study-y", "data"), Output("study-y", "value"), Output("study-title", "children"),
             Input("study-name", "value"), Input("language", "data"))
    def choose(name: str, language: str) -> Any:
        study = study_of(library, name)
        place = library.district_name(study.scenario)
        _, ends = points_of(study, library.district(place))
        data = [{"value": end, "label": end_label(study, end, language)} for end in ends]
        return (f"/api/districts/{quote(place)}/scene", data, ends[min(1, len(ends) - 1)], data, ends[0],
                study.scenario.title or study.scenario.name)

    @answers(app, Output("study-layout", "data"), Input({"type": "study-point", "layout": ALL}, "n_clicks"),
             prevent_initial_call=True)
    def click(clicks: list[int | None]) -> Any:
        if not any(clicks) or not isinstance(ctx.triggered_id, dict):
            return no_update
        return ctx.triggered_id["layout"]

    @answers(app, Output("study-front", "children"), Input("study-name", "value"), Input("study-x", "value"),
             Input("study-y", "value"), Input("study-layout", "data"), Input("language", "data"))
    def draw(name: str, x: str | None, y: str | None, shown: str | None, language: str) -> Any:
        if not x or not y:
            return no_update
        study = study_of(library, name)
        points, ends = points_of(study, library.district(library.district_name(study.scenario)))
        if x not in ends or y not in ends:
            return no_update
        return picture(points, x, y, {end: end_label(study, end, language) for end in ends}, shown)

    @answers(app, Output("study-scene", "overlays"), Output("study-scene", "setView"), Output("study-headline", "children"),
             Output("study-facts", "children"), Output("study-verdicts", "children"), Input("study-name", "value"),
             Input("study-layout", "data"), Input("language", "data"), State("study-scene", "overlays"))
    def open_layout(name: str, wanted: str | None, language: str, before: Any) -> Any:
        study = study_of(library, name)
        known = study.scenario.layouts
        chosen = wanted if wanted in known else study.layouts[0]
        district = library.district(library.district_name(study.scenario))
        drawn = drafting.overlays(district, study.scenario, known[chosen])
        view = no_update if before and ctx.triggered_id != "study-name" else drafting.frame(drawn) or no_update
        return (drawn, view, f"{chosen} {known[chosen].title}".strip(), layout_facts(study, district, chosen, language),
                layout_verdicts(study, chosen, language))


def end_label(study: Study, end: str, language: str) -> str:
    """What an end is called, with its unit."""
    try:
        kind = study.measure_of(end)
    except KeyError:
        return words.either(f"takes.{end}", end, language)
    return f"{kind.label(language)} [{words.either(f'unit.{kind.unit}', kind.unit, language)}]"


def picture(points: list[dict[str, Any]], x: str, y: str, labels: dict[str, str], shown: str | None) -> list[Any]:
    """Points by two ends; each is a button that opens its layout."""
    known = [p for p in points if math.isfinite(p["values"].get(x, math.nan)) and math.isfinite(p["values"].get(y, math.nan))]
    across, up = (_span([p["values"][end] for p in known]) for end in (x, y))
    parts: list[Any] = [
        html.Div(style={"position": "absolute", "inset": "24px 8px 42px 50px", "borderLeft": "1px solid var(--line)",
                        "borderBottom": "1px solid var(--line)"}),
        html.Small(labels[x], style={"position": "absolute", "right": "8px", "bottom": "2px"}, className="note"),
        html.Small(labels[y], style={"position": "absolute", "left": "8px", "top": "0"}, className="note")]
    for value in across.ends if known else ():
        parts.append(html.Small(readable(value), className="note", style={
            "position": "absolute", "bottom": "22px", "left": _x(across, value), "transform": "translateX(-50%)"}))
    for value in up.ends if known else ():
        parts.append(html.Small(readable(value), className="note", style={
            "position": "absolute", "left": "0", "width": "44px", "textAlign": "right", "bottom": _y(up, value),
            "transform": "translateY(50%)"}))
    for p in sorted(known, key=lambda p: (p["front"], p["made"] == "by hand")):
        hand, size = p["made"] == "by hand", 15 if p["front"] or p["made"] == "by hand" else 10
        told = f"{p['layout']}: " + ", ".join(f"{labels[end]} {readable(p['values'][end])}" for end in labels)
        colour = "#c8553d" if hand else "var(--accent)" if p["front"] else "var(--quiet)"
        parts.append(html.Button(id={"type": "study-point", "layout": p["layout"]}, type="button", title=told,
                                 **{"aria-label": told, "aria-pressed": str(p["layout"] == shown).lower(),
                                    "data-front": str(p["front"]).lower()},
                                 style={"position": "absolute", "left": _x(across, p["values"][x]),
                                        "bottom": _y(up, p["values"][y]), "width": f"{size}px", "height": f"{size}px",
                                        "transform": "translate(-50%, 50%)", "padding": 0, "cursor": "pointer",
                                        "borderRadius": "2px" if hand else "50%", "background": colour,
                                        "border": "2px solid var(--ink)" if p["layout"] == shown else "1px solid var(--panel)"}))
        if hand or p["front"]:
            parts.append(html.Small(p["layout"], style={
                "position": "absolute", "left": _x(across, p["values"][x]), "bottom": _y(up, p["values"][y]),
                "transform": "translate(9px, -2px)", "pointerEvents": "none"}))
    return parts


def layout_facts(study: Study, district: District, name: str, language: str) -> Any:
    """What a layout leads to and takes: means of its replications with intervals, or what the screening gave."""
    rows: list[tuple[Any, Any]] = []
    seeds = study.seeds(name)
    points, ends = points_of(study, district)
    screened: dict[str, float] = next((p["values"] for p in points if p["layout"] == name), {})
    table = study.measures(name) if seeds else None
    for end in ends:
        if table is not None and end in table and table[end].notna().any():
            mean, low, _ = interval(table[end].dropna().to_numpy())
            rows.append((end_label(study, end, language), readable(mean) + ("" if low is None else f" ±{readable(mean - low)}")))
        elif end in screened:
            rows.append((end_label(study, end, language), readable(screened[end])))
    needs = takes(district, study.scenario, name)
    rows += [(say(f"takes.{key}"), f"{needs[key]:g}") for key in RESOURCES if key in needs and key not in ends]
    about = say("study.replicated", n=len(seeds)) if seeds else say("study.screened")
    return [html.P(about, className="note"), panels.facts(rows)]


def layout_verdicts(study: Study, name: str, language: str) -> Any:
    """How a confirmed layout of a search does against those made by hand."""
    found = [v for v in study.about.get("search", {}).get("verdicts", []) if v["layout"] == name]
    if not found:
        return html.P(say("study.unconfirmed"), className="note")
    out: list[Any] = []
    for v in found:
        verdict = say("study.beats" if v["beats"] else "study.beats_not", other=v["against"], n=v["pairs"])
        told = [(say("study.better"), _listed(study, v["better"], language)),
                (say("study.worse"), _listed(study, v["worse"], language))]
        out += [html.P(verdict), panels.facts(told)]
    return out


def _listed(study: Study, keys: list[str], language: str) -> str:
    return "; ".join(end_label(study, key, language).rpartition(" [")[0] or key for key in keys) or "–"


@dataclass(frozen=True)
class _Scale:
    """Where values lie between 0 and 1, with some room at both ends."""

    ends: tuple[float, float]

    def share(self, value: float) -> float:
        low, high = self.ends
        room = (high - low) * 0.1 or abs(low) * 0.1 or 1.0
        return (value - low + room) / (high - low + 2 * room)


def _span(values: list[float]) -> _Scale:
    return _Scale((min(values, default=0.0), max(values, default=1.0)))


def _x(scale: _Scale, value: float) -> str:
    return f"calc(50px + (100% - 58px) * {scale.share(value):.4f})"


def _y(scale: _Scale, value: float) -> str:
    return f"calc(42px + (100% - 66px) * {scale.share(value):.4f})"
