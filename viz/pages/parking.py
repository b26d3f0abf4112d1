"""Parking: the night in three dimensions with a clock, who has no bay, options side by side, and a lot to draw and try."""

from __future__ import annotations

import json
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dash
import dash_mantine_components as dmc
import numpy as np
from dash import Input, Output, State, ctx, dcc, html, no_update

from sim.measures import readable
from sim.parking.plan import AS_IT_IS, Lot, Option, ParkingPlan
from sim.parking.study import NightStudy, compare_options, deficit_map
from sim.scenario_file import load_night
from twin.errors import BadInput, HutongError
from viz import words
from viz.callbacks import answers
from viz.jobs import Jobs
from viz.library import BUILT_IN, Library
from viz.pages import panels
from viz.words import say

CHOICES: dict[tuple[str, str], dict[str, str]] = {}
SCENES = ("parking-scene",)
DRAWN = "drawn"
STEP_S = 600
"""Step of the clock [s]."""
MOST = 20
CAR_LEGAL, CAR_ILLEGAL = [42, 114, 196, 255], [200, 36, 28, 255]
_HIDDEN = [140, 140, 140, 90]
_DARKEST = 20
"""Cars without a bay from which a grid has the darkest colour."""


def _text(key: str, language: str, **values: Any) -> str:
    return words.text(f"parking.{key.replace(' ', '_')}", language, **values)


def _part(key: str, *content: Any) -> html.Section:
    return html.Section([html.H2(say(f"parking.{key}")), *content], className="part")


def night_files(library: Library) -> dict[str, Path]:
    """Files of the parking nights in the folders of scenarios, by name; in a folder that comes earlier wins."""
    found = {}
    for folder in reversed(library.scenario_folders):
        for file in sorted(folder.glob("*.yaml")):
            try:
                load_night(file)
            except HutongError:
                continue
            found[file.stem] = file
    return found


def _night(library: Library, name: str) -> Path:
    files = night_files(library)
    if name not in files:
        raise BadInput(f"there is no parking night {name!r}", mend="choose one of the list")
    return files[name]


def layout(library: Library, asked: dict[str, str], _language: str) -> html.Div:
    """The page; ``?scenario=`` chooses what it begins with."""
    names = list(night_files(library))
    if not names:
        return html.Main([html.Div(html.P(say("parking.none")), className="empty")], className="alone",
                         id="scene-main")
    chosen = asked["scenario"] if asked.get("scenario") in names else names[0]
    left = [
        _part("scenario", html.Div([
            dmc.Select(id="parking-scenario", data=names, value=chosen, allowDeselect=False,
                       **words.marks(label="parking.scenario")),
            dmc.NumberInput(id="parking-nights", value=5, min=2, max=MOST, step=1, label=say("parking.nights")),
            dmc.Button(say("parking.run"), id="parking-run", size="xs")], className="stack")),
        _part("shown", dmc.Select(id="parking-option", data=[AS_IT_IS], value=AS_IT_IS, allowDeselect=False,
                                  **words.marks(label="parking.shown"))),
        _part("draw", html.Div([
            html.P(say("parking.draw.about"), className="note"),
            html.Div([dmc.Button(say("parking.draw.start"), id="parking-draw", size="xs", variant="default"),
                      dmc.Button(say("parking.draw.stop"), id="parking-clear", size="xs", variant="default")],
                     className="row tight"),
            html.P(id="parking-drawn-says", className="note", role="status"),
            dmc.NumberInput(id="parking-bays", value=142, min=1, max=5000, step=1, label=say("parking.draw.bays")),
            dmc.Button(say("parking.draw.run"), id="parking-try", size="xs")], className="stack"))]
    middle = [panels.scene("parking-scene", overlays=[], tool="select", enableEvents=["click"],
                           tooltip={"text": "{name}"}),
              html.Div([html.B(say("parking.simulated")), html.Span(id="parking-title", className="grow")],
                       className="overlay band"),
              html.Div([html.Div(say("parking.legend"), className="legend-title"), _legend(),
                        html.Div(say("parking.hint"), className="note")], className="overlay legend")]
    right = [_part("options", html.P(id="parking-says", className="note", role="status"),
                   html.Div(id="parking-table", style={"overflowX": "auto"}),
                   html.P(id="parking-blocked", className="note"))]
    bottom = [html.Div([
        html.Div([dmc.ActionIcon("▶", id="parking-play", size="lg", radius="xl", **words.marks(label="parking.play")),
                  html.Div([html.Span("–", id="parking-clock"), html.Small(id="parking-count")], className="clock",
                           style={"minWidth": "300px"})],
                 className="play"),
        dmc.Slider(id="parking-t", value=39_600, min=0, max=68_400, step=STEP_S, label=None, size="sm",
                   style={"margin": "6px 20px 10px"})])]
    stores = [dcc.Store(id="parking-study"), dcc.Store(id="parking-ring"),
              dcc.Interval(id="parking-tick", interval=900, disabled=True)]
    page = panels.page("parking", left=left, middle=middle, right=right, bottom=bottom)
    page.style = {"--right": "620px", "--bottom": "92px"}  # a wide table, and no curves under the clock
    return html.Div([page, *stores])


def _legend() -> html.Div:
    steps = [html.Div([html.I("", style={"background": f"rgb({r},{g},{b})"}), html.Span(name)], className="legend-step")
             for name, (r, g, b) in ((f"{n}{'+' if n == _DARKEST else ''}", _shade(n)) for n in (0, 5, 10, 15, _DARKEST))]
    return html.Div(steps, className="legend-steps")


def _shade(missing: float) -> tuple[int, int, int]:
    """From pale sand for none to brown for twenty cars without a bay."""
    share = min(missing / _DARKEST, 1.0)
    low, high = np.array([240, 232, 214]), np.array([122, 32, 12])
    red, green, blue = (low + share * (high - low)).astype(int).tolist()
    return red, green, blue


def register(app: dash.Dash, library: Library, _jobs: Jobs) -> None:
    """Callbacks of the page."""
    made = lru_cache(maxsize=12)(lambda name, count, _written, ring, bays: _study(library, name, count, ring, bays))
    one_at_a_time = threading.Lock()

    def study_of(asked: dict[str, Any]) -> NightStudy:
        with one_at_a_time:
            return made(asked["name"], asked["nights"], _night(library, asked["name"]).stat().st_mtime,
                        json.dumps(asked["ring"]) if asked["ring"] else None, asked["bays"])

    _asking(app, library)
    _drawing(app)
    _clock(app)
    _showing(app, library, study_of)


def _study(library: Library, name: str, count: int, ring: str | None, bays: int) -> NightStudy:
    """All options of a night; with a ring only the drawn lot beside things as they are."""
    plan = load_night(_night(library, name))
    district = library.district(_district_name(library, plan))
    if ring is None:
        return compare_options(district, plan, replications=count)
    area = [(x + district.origin[0], y + district.origin[1]) for x, y in json.loads(ring)]
    drawn = Option(title="", lots=[Lot(id="drawn-lot", area=area, capacity=bays)])
    plan = plan.model_copy(update={"options": {DRAWN: drawn}})
    return compare_options(district, plan, [DRAWN], replications=count)


def _district_name(library: Library, plan: ParkingPlan) -> str:
    if plan.district is None:
        return BUILT_IN
    for name in library.districts():
        if library.place(name) == plan.district:
            return name
    raise BadInput(f"the district {plan.district} is not served here", where=plan.name,
                   mend="start the server with `--district` and this file")


def _asking(app: dash.Dash, library: Library) -> None:
    @answers(app, Output("parking-scene", "sceneUrl"), Output("parking-title", "children"), Output("parking-t", "max"),
             Input("parking-scenario", "value"))
    def place(name: str) -> Any:
        plan = load_night(_night(library, name))
        return (f"/api/districts/{quote(_district_name(library, plan))}/scene", plan.title or plan.name, plan.duration_s)

    @answers(app, Output("parking-study", "data"), Input("parking-scenario", "value"), Input("parking-run", "n_clicks"),
             Input("parking-try", "n_clicks"), State("parking-nights", "value"), State("parking-ring", "data"),
             State("parking-bays", "value"))
    def ask(name: str, _run: Any, tried: int | None, count: Any, ring: Any, bays: Any) -> Any:
        by_drawing = ctx.triggered_id == "parking-try"
        if by_drawing and not tried:
            return no_update
        if not isinstance(count, (int, float)) or not 2 <= count <= MOST:
            raise BadInput("the number of nights is missing", mend=f"give a number from 2 to {MOST}")
        if by_drawing and not ring:
            raise BadInput("there is no lot to run with", mend="draw its outline first")
        if by_drawing and (not isinstance(bays, (int, float)) or bays < 1):
            raise BadInput("the lot has no bays", mend="give a number of 1 or more")
        return {"name": name, "nights": int(count), "ring": ring if by_drawing else None,
                "bays": int(bays) if by_drawing else 0}


def _drawing(app: dash.Dash) -> None:
    @answers(app, Output("parking-scene", "tool"), Output("parking-ring", "data"), Output("parking-scene", "overlays"),
             Output("parking-drawn-says", "children"), Input("parking-draw", "n_clicks"), Input("parking-clear", "n_clicks"),
             Input("parking-scene", "edit"), Input("language", "data"), State("parking-ring", "data"))
    def draw(start: Any, _clear: Any, edit: dict[str, Any] | None, language: str, ring: Any) -> Any:
        import shapely
        by = ctx.triggered_id
        if by == "parking-draw" and start:
            return "zone", None, [], ""
        if by == "parking-scene" and edit and edit.get("geometry", {}).get("type") == "Polygon" and edit["action"] != "delete":
            ring = [[round(x, 2), round(y, 2)] for x, y, *_ in edit["geometry"]["coordinates"][0]]
        elif by == "parking-clear" or (edit and by == "parking-scene"):
            ring = None
        if not ring:
            return "select", None, [], ""
        overlay = {"id": "drawn-lot", "kind": "zone", "style": "guard", "label": _text("drawn", language),
                   "geometry": {"type": "Polygon", "coordinates": [ring]}}
        return "select", ring, [overlay], _text("draw.ready", language, area=f"{shapely.Polygon(ring).area:,.0f}")


def _clock(app: dash.Dash) -> None:
    app.clientside_callback("(n, off) => n ? [!off, off ? '❚❚' : '▶'] : [true, '▶']", Output("parking-tick", "disabled"),
                            Output("parking-play", "children"), Input("parking-play", "n_clicks"),
                            State("parking-tick", "disabled"))
    app.clientside_callback(f"(n, t, end) => n ? (t + {STEP_S} > end ? 0 : t + {STEP_S}) : dash_clientside.no_update",
                            Output("parking-t", "value"), Input("parking-tick", "n_intervals"), State("parking-t", "value"),
                            State("parking-t", "max"))


def _showing(app: dash.Dash, library: Library, study_of: Any) -> None:
    @answers(app, Output("parking-option", "data"), Output("parking-option", "value"), Output("parking-table", "children"),
             Output("parking-says", "children"), Input("parking-study", "data"), Input("language", "data"),
             State("parking-option", "value"))
    def compare(asked: dict[str, Any] | None, language: str, shown: str) -> Any:
        if not asked:
            return no_update, no_update, no_update, _text("waiting", language)
        study = study_of(asked)
        names = [{"value": name, "label": _named(study, name, language)} for name in study.options]
        chosen = DRAWN if asked["ring"] else shown if shown in study.options else study.options[0]
        return names, chosen, side_by_side(study, language), _text("says", language, n=len(study.seeds))

    @answers(app, Output("parking-scene", "data"), Output("parking-clock", "children"), Output("parking-count", "children"),
             Output("parking-blocked", "children"), Input("parking-study", "data"), Input("parking-option", "value"),
             Input("parking-t", "value"), Input("language", "data"))
    def show(asked: dict[str, Any] | None, option: str, t: float, language: str) -> Any:
        if not asked:
            return no_update, no_update, _text("waiting", language), no_update
        study = study_of(asked)
        if option not in study.options:
            option = study.options[0]
        district = library.district(_district_name(library, study.plan))
        spec, legal, illegal = picture(study, district, option, float(t), language)
        start = study.plan.start
        minutes = (start.hour * 60 + start.minute + int(t // 60)) % 1440
        cut_off = int((np.array(study.blocked[option]) >= 0.5).sum())
        return (spec, f"{minutes // 60:02d}:{minutes % 60:02d}",
                f"{legal:,} {_text('parked', language)} · {illegal:,} {_text('illegal', language)}",
                _text("blocked", language, n=cut_off))


def _named(study: NightStudy, option: str, language: str) -> str:
    if option in (AS_IT_IS, DRAWN):
        return _text(option, language)
    return study.plan.options[option].title or option


def picture(study: NightStudy, district: Any, option: str, t: float, language: str = "en") -> tuple[dict[str, Any], int, int]:
    """What is drawn over the district at a time, as a deck.gl specification, and how many cars stand in bays and not."""
    cars = study.cars[(study.cars["option"] == option) & (study.cars["parked_s"] <= t) & (study.cars["leaves_s"] > t)]
    names = {True: _text("parked", language), False: _text("illegal", language)}
    dots = [{"position": [x, y, 1.2], "color": CAR_LEGAL if legal else CAR_ILLEGAL, "name": names[bool(legal)]}
            for x, y, legal in zip(cars["x"].tolist(), cars["y"].tolist(), cars["legal"].tolist(), strict=True)]
    hour = min(round(t / 3600), int(study.grids["hour"].max()))
    cells = [_cell(cell, language) for cell in deficit_map(study, district, option, hour)]
    layers = [
        {"@@type": "PolygonLayer", "id": "parking-deficit", "data": cells, "getPolygon": "@@=polygon",
         "getFillColor": "@@=color", "stroked": False, "pickable": True,
         "parameters": {"depthCompare": "always", "depthWriteEnabled": False}},
        {"@@type": "ScatterplotLayer", "id": "parking-cars", "data": dots, "getPosition": "@@=position",
         "getFillColor": "@@=color", "getRadius": 1.9, "radiusMinPixels": 2, "pickable": True,
         "parameters": {"depthCompare": "always"}}]
    legal = int(cars["legal"].sum())
    return {"layers": layers}, legal, len(cars) - legal


def _cell(cell: dict[str, Any], language: str) -> dict[str, Any]:
    """A household grid in the colour of its deficit, grey where the gate does not show it."""
    missing = cell["deficit"]
    told = _text("hidden", language) if missing is None else f"{missing:g}"
    colour = _HIDDEN if missing is None else [*_shade(missing), 0 if missing == 0 else 150]
    return {"polygon": cell["ring"], "color": colour, "name": f"{cell['name']}: {told} · {_text('legend', language)}"}


def _short(value: float) -> str:
    """A number for a narrow column: small ones with two digits."""
    return f"{value:.2g}" if abs(value) < 1 else readable(value)


def side_by_side(study: NightStudy, language: str) -> html.Table:
    """Every measure: its mean as things are, and the difference of each option with its interval."""
    others = study.options[1:]
    rows = {name: study.rows(name) for name in others}
    head = html.Thead(html.Tr([html.Th(_text("measure", language)), html.Th(_text(AS_IT_IS, language)),
                               *[html.Th(_text(name, language) if name == DRAWN else name, title=_named(study, name, language))
                                 for name in others]]))
    body = []
    for k, base in enumerate(study.rows(AS_IT_IS)):
        label = base.label_zh if language == "zh" else base.label
        unit = words.either(f"parking.unit.{base.unit}", base.unit, language)
        cells = [html.Td(f"{label} [{unit}]" if unit else label, style={"minWidth": "120px"}), html.Td(readable(base.mean_a))]
        for name in others:
            row = rows[name][k]
            change = "–" if row.difference is None else f"{row.difference:+.3g}"
            range_ = "" if row.low is None or row.high is None else f"{_short(row.low)} … {_short(row.high)}"
            below = html.Div(range_, className="note", style={"whiteSpace": "nowrap"})
            cells.append(html.Td([html.B(change) if row.real else change, below],
                                 className=f"better-{row.better}" if row.better else ""))
        body.append(html.Tr(cells))
    return html.Table([head, html.Tbody(body)], className="parking-options",
                      style={"fontSize": "12.5px", "width": "100%", "textAlign": "left", "borderSpacing": "8px 5px"})
