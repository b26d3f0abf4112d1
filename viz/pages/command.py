"""Command: the district live. Who is where, what is open, what is crowded; any moment before; and what if from now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import dash
import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, ctx, dcc, html, no_update

from twin.guard import Permission
from viz import words
from viz.callbacks import answers
from viz.jobs import Jobs
from viz.library import Library
from viz.live import Live
from viz.live_rights import Asker, asker
from viz.pages import command_acts, command_card, command_ground, command_time, command_view, command_whatif, panels
from viz.pages.legend import fruin
from viz.words import say

LAYERS = ("positions", "tracks", "cases", "cameras", "alarms", "overlays", "labels", "buildings")
STATES = {name: f"casestate.{name}" for name in command_view.CASE_STATES}
CHOICES = {
    ("command-list", "data"): command_view.LISTS,
    ("command-span", "data"): command_time.SPANS,
    ("command-look", "data"): command_whatif.LOOKS,
}
SCENES = ("command-scene",)
EVERY_MS = 2000
_KIND_OF_LIST = {"cases": "case", "alarms": "alarm", "units": "unit", "cameras": "camera"}
_SLIM = {"suppressHeaderFilterButton": True}


def _age(function: str, width: int, **more: Any) -> dict[str, Any]:
    return {"width": width, "valueFormatter": {"function": function}, **_SLIM, **more}


_WIDE: dict[str, dict[str, Any]] = {
    "id": {"flex": 2, "minWidth": 118},
    "type": {"flex": 3, "minWidth": 110},
    "what": {"flex": 3, "minWidth": 120},
    "state": {"width": 116, **_SLIM},
    "late": _age("hutongLate(params.value)", 92, cellClassRules={"overdue": "params.value > 0"}),
    "age": _age("hutongAge(params.value)", 72),
    "at": _age("hutongClock(params.value)", 84),
    "density": _age("hutongFixed(params.value, 2)", 70),
    "speed": _age("hutongFixed(params.value, 1)", 62),
    **{name: {"width": width, **_SLIM} for name, width in {
        "grave": 62, "los": 66, "trend": 66, "people": 76, "accuracy": 62, "doing": 92, "by": 96, "level": 104, "unit": 84,
        "grid": 92, "about": 96, "units": 92}.items()},
}


def layout(library: Library, live: Live | None, asked: dict[str, str], language: str) -> html.Div | html.Main:
    """The page. ``?view=``, ``show=``, ``states=``, ``list=``, ``selected=kind:id``, ``zones=`` and ``at=`` say what is seen."""
    if live is None:
        start = html.Pre(
            "hutong account add desk-1 --role commander --everywhere --store live.sqlite\n"
            "hutong serve --store live.sqlite --feed synthetic",
            className="commands",
        )
        return html.Main(panels.empty("command.none", start), className="alone", id="scene-main")
    shown = [name for name in asked.get("show", ",".join(LAYERS)).split(",") if name in (*LAYERS, "coverage")]
    states = [name for name in asked.get("states", ",".join(command_view.SHOWN_STATES)).split(",") if name in STATES]
    listed = asked["list"] if asked.get("list") in command_view.LISTS else "cases"
    kind, _, thing = asked.get("selected", "").partition(":")
    view = _view(asked.get("view", ""))
    middle = html.Div(
        [
            html.Div(
                [
                    panels.scene(
                        "command-scene",
                        sceneUrl=f"/api/districts/{quote(live.name)}/scene",
                        liveUrl="/ws/live",
                        liveMarks=[],
                        overlays=[],
                        selected=[],
                        enableEvents=["click"],
                        linkedTo="command",
                        initialViewState=view,
                    ),
                    html.Div(
                        [html.Div(id="command-band", className="grow bandline", role="status"), command_whatif.button()],
                        className="overlay band band-live",
                        id="command-band-box",
                    ),
                    html.Div(id="command-refused", className="overlay refused", role="status"),
                ]
            ),
            html.Div(id="command-second"),
        ],
        className="pair single",
        id="command-pair",
    )
    return panels.page(
        "command",
        left=_left(library, live, shown, states, asked, language),
        middle=[
            middle,
            html.Div(id="command-numbers", className="overlay wallnumbers", **{"aria-live": "polite"}),
            html.Div(fruin("command.legend"), className="overlay legend"),
        ],
        right=_right(listed, language),
        bottom=[
            command_time.timeline(_number(asked.get("at")), language),
            dcc.Store(id="command-selected", data={"kind": kind, "id": thing, "by": "link"} if thing else None),
            dcc.Store(id="command-facts"),
            dcc.Store(id="command-done", data=0),
            dcc.Store(id="command-follow", data=False),
            *command_ground.stores(),
            command_card.store(),
            dcc.Interval(id="command-cover-tick", interval=60_000),
            dcc.Interval(id="command-second-hand", interval=EVERY_MS),
        ],
    )


def _left(library: Library, live: Live, shown: list[str], states: list[str], asked: dict[str, str], language: str) -> list[Any]:
    boxes = [dmc.Checkbox(label=say(f"command.layer.{name}"), value=name, size="xs") for name in (*LAYERS, "coverage")]
    chips = [
        dmc.Checkbox(
            label=html.Span(
                [
                    html.I(className=f"casesign case-{name}"),
                    say(STATES[name]),
                    html.B(id=f"command-count-{name}", className="count"),
                ]
            ),
            value=name,
            size="xs",
        )
        for name in command_view.CASE_STATES
    ]
    return [
        panels.section("command.operation", html.Div(id="command-operation")),
        panels.section(
            "command.show",
            dmc.CheckboxGroup(id="command-layers", value=shown, children=dmc.Stack(boxes, gap=6)),
            html.Div(command_ground.cover_legend(), id="command-cover-legend", hidden=True),
        ),
        panels.section("command.states", dmc.CheckboxGroup(id="command-states", value=states, children=dmc.Stack(chips, gap=6))),
        panels.section("command.zones", command_ground.zone_choice(library, live, asked.get("zones", "none"))),
        panels.section("command.reach", command_ground.reach_choice()),
        command_whatif.section(language),
        command_acts.views_section(),
        panels.section("keys", html.P(say("command.keys"), className="note")),
    ]


def _right(listed: str, language: str) -> list[Any]:
    head = html.Div(
        [
            dmc.SegmentedControl(
                id="command-list",
                data=words.options(command_view.LISTS, language),
                value=listed,
                size="xs",
                fullWidth=True,
                className="grow",
            )
        ],
        className="tablebar",
    )
    note = html.Form(
        [
            dmc.TextInput(
                id="command-note",
                size="xs",
                className="grow",
                **words.marks(label="command.note", placeholder="command.note"),
            ),
            dmc.Button(say("command.note.add"), id="command-note-add", size="xs", variant="default"),
            html.A(say("command.export"), href="/api/live/duty-log.csv", className="quietlink", id="command-export"),
        ],
        className="notebar",
        id="command-noteform",
    )
    return [
        html.Div(
            [
                head,
                html.Div(panels.table("command-table", [], select="single"), className="tablebody half"),
                html.Div(
                    html.Div(panels.empty("command.nothing"), id="command-card", **{"aria-live": "polite"}), className="cardbox"
                ),
                html.Div(
                    [
                        dmc.TextInput(
                            id="command-why",
                            size="xs",
                            **words.marks(label="command.why", placeholder="command.why"),
                        )
                    ],
                    className="whybar",
                    id="command-whybar",
                ),
                note,
            ],
            className="tablebox",
        )
    ]


def _view(text: str) -> dict[str, Any] | None:
    try:
        x, y, z, zoom, tilt, turn = (float(part) for part in text.split(","))
    except ValueError:
        return None
    return {"target": [x, y, z], "zoom": zoom, "rotationX": tilt, "rotationOrbit": turn}


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def register(app: dash.Dash, library: Library, jobs: Jobs, live: Live | None) -> None:
    """Callbacks of the page; without a live store there are none."""
    if live is None:
        return
    places = command_view.Places(live.district)
    _looking(app, live, places)
    _choosing(app)
    command_card.register(app, live, places)
    command_acts.register(app, live)
    command_ground.register(app, library, live)
    command_whatif.register(app, library, jobs, live)
    _in_the_browser(app)


def _looking(app: dash.Dash, live: Live, places: command_view.Places) -> None:
    @answers(
        app,
        Output("command-scene", "liveMarks"),
        Output("command-table", "rowData"),
        Output("command-numbers", "children"),
        Output("command-band", "children"),
        Output("command-facts", "data"),
        *[Output(f"command-count-{name}", "children") for name in STATES],
        Input("command-second-hand", "n_intervals"),
        Input("command-time", "data"),
        Input("command-list", "value"),
        Input("command-states", "value"),
        Input("language", "data"),
        Input("command-done", "data"),
        State("command-facts", "data"),
    )
    def look(
        _n: int | None,
        time: dict[str, Any],
        which: str,
        states: list[str],
        language: str,
        done: int,
        before: dict[str, Any] | None,
    ) -> Any:
        who, at = asker(live), time.get("at")
        key = [
            live.version if at is None else 0,
            at,
            which,
            states,
            language,
            done,
            who.name,
            int(live.now() // 10) if at is None else 0,
        ]
        facts = {"now": live.now(), "key": key}
        if before and before.get("key") == key:
            return [no_update] * 4 + [facts] + [no_update] * len(STATES)
        picture = seen(live, who, at)
        trends = live.series.trends(picture.at_s)
        numbers = command_view.numbers(picture)
        counts = command_view.state_counts(picture)
        return [
            command_view.marks(picture, places, trends, states, language),
            command_view.rows(picture, which, trends, states, language),
            _numbers(numbers),
            _band(live, at),
            facts,
            *[str(counts[name]) for name in STATES],
        ]

    @answers(app, Output("command-table", "columnDefs"), Input("command-list", "value"), Input("language", "data"))
    def heads(which: str, language: str) -> Any:
        return panels.columns(command_view.COLUMNS[which], language, **_WIDE)

    @answers(
        app,
        Output("command-marks", "children"),
        *[Output(f"command-spark-{key}", "src") for key in command_time.SPARKS],
        *[Output(f"command-now-{key}", "children") for key in command_time.SPARKS],
        Input("command-facts", "data"),
        Input("command-span", "value"),
        State("language", "data"),
        State("command-range", "data"),
        State("command-run", "data"),
    )
    def past(_facts: dict[str, Any] | None, span: str, language: str, before: Any, run: str | None) -> Any:
        now = live.now()
        # Curves are by the minute; they need not be drawn anew with every picture.
        stamp = [live.version, int(now // 15), span, language, run]
        if before == stamp and ctx.triggered_id == "command-facts":
            return [no_update] * (1 + 2 * len(command_time.SPARKS))
        dash.set_props("command-range", {"data": stamp})
        who = asker(live)
        picture, since = seen(live, who, None), now - float(span)
        simulated = command_whatif.people_in_view(live, run) if run else None
        curves = command_time.curves(live, picture, since, now, who.grids, simulated)
        numbers = command_view.numbers(picture)
        figures = {"people": numbers["people"], "open": numbers["open"], "units": numbers["units"]}
        return [
            command_time.marks(picture, since, now, language),
            *[curves[key] or no_update for key in command_time.SPARKS],
            *["–" if figures[key] is None else str(figures[key]) for key in command_time.SPARKS],
        ]

    @answers(
        app,
        Output("command-operation", "children"),
        Input("command-second-hand", "n_intervals"),
        Input("command-done", "data"),
        Input("language", "data"),
        State("command-operation", "children"),
    )
    def operation(_n: int | None, _done: int, _language: str, shown: Any) -> Any:
        made = command_acts.operation_box(live, asker(live))
        same = shown is not None and _shape(shown) == _shape(made.to_plotly_json())
        return no_update if same else made


def _shape(part: Any) -> Any:
    """Whether two pieces of a page say the same, whatever they are made of."""
    if isinstance(part, dict):
        props = part.get("props", part)
        return (props.get("id"), props.get("data-word"), props.get("data-values"), _shape(props.get("children")))
    if isinstance(part, list | tuple):
        return [_shape(p) for p in part]
    return _shape(part.to_plotly_json()) if hasattr(part, "to_plotly_json") else part


def seen(live: Live, who: Asker, at: float | None) -> Any:
    """The picture of a moment as far as somebody may see it."""
    units = who.may(Permission.POSITIONS_READ) and live.operation(at) is not None
    if units:
        who.note_looking("positions.read", at=at)
    return live.picture(at, grids=who.grids, may_units=units, may_cases=who.may(Permission.CASES_READ))


def _numbers(n: dict[str, Any]) -> list[Any]:
    return [
        panels.big_number(
            "command.spark.people",
            "–" if n["people"] is None else str(n["people"]),
            note=say("command.big.cameras", n=n["cameras"]),
        ),
        panels.big_number("command.spark.open", str(n["open"]), note=say("command.big.late", n=n["late"])),
        panels.big_number("command.spark.units", str(n["units"]), note=say("command.big.free", n=n["free"])),
        panels.big_number("command.big.alarms", str(n["alarms"]), **{"data-alarm": str(bool(n["alarms"])).lower()}),
    ]


def _band(live: Live, at: float | None) -> list[Any]:
    if at is not None:
        return [html.B(say("band.recorded")), html.Span(say("band.recorded.about"), className="grow")]
    key = "band.live" if live.stream == "live" else "band.exercise"
    return [html.B(say(key)), html.Span(live.name if live.stream == "live" else live.stream, className="grow")]


def _choosing(app: dash.Dash) -> None:
    app.clientside_callback(
        """(click, row, links, list, before) => {
          const by = dash_clientside.callback_context.triggered_id, none = dash_clientside.no_update;
          const kinds = {cases: 'case', alarms: 'alarm', units: 'unit', cameras: 'camera'};
          let next = null;
          if (by === 'command-scene') {
            next = click && kinds[click.table] ? {kind: kinds[click.table], id: click.id, by: 'scene'} : null;
          } else if (by === 'command-table') {
            next = row && row[0] && kinds[list] ? {kind: kinds[list], id: row[0].id, by: 'table'} : null;
          }
          else if (by && links.some(Boolean)) next = {kind: by.goto, id: by.id, by: 'link'};
          return !next || (before && before.kind === next.kind && before.id === next.id) ? none : next;
        }""",
        Output("command-selected", "data"),
        Input("command-scene", "clickInfo"),
        Input("command-table", "selectedRows"),
        Input({"goto": ALL, "id": ALL}, "n_clicks"),
        State("command-list", "value"),
        State("command-selected", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        "(chosen) => chosen ? [[chosen.id], chosen.kind === 'unit' ? chosen.id : null] : [[], null]",
        Output("command-scene", "selected"),
        Output("command-scene", "liveUnit"),
        Input("command-selected", "data"),
    )
    app.clientside_callback(
        """(clicks, chosen, on) => {
          if (dash_clientside.callback_context.triggered_id === 'command-selected') return false;
          return clicks.some(Boolean) ? !on : dash_clientside.no_update;
        }""",
        Output("command-follow", "data"),
        Input({"follow": ALL}, "n_clicks"),
        Input("command-selected", "data"),
        State("command-follow", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback("(on) => Boolean(on)", Output("command-scene", "liveFollow"), Input("command-follow", "data"))


def _in_the_browser(app: dash.Dash) -> None:
    app.clientside_callback(
        "(on) => Object.fromEntries(" + str(list(LAYERS)) + ".map((name) => [name, (on || []).includes(name)]))",
        Output("command-scene", "visible"),
        Input("command-layers", "value"),
    )
    app.clientside_callback(
        "(facts) => hutong.command.met(facts)", Output("command-tick", "disabled"), Input("command-facts", "data")
    )
    app.clientside_callback(
        "(time) => hutong.command.keep(time)", Output("command-scene", "liveAt"), Input("command-time", "data")
    )
    app.clientside_callback(
        "(n, span) => hutong.command.tick(span)",
        Output("command-clock", "children"),
        Output("command-date", "children"),
        Input("command-tick", "n_intervals"),
        Input("command-span", "value"),
    )
    app.clientside_callback(
        "(value) => hutong.command.slid(value)", Output("command-tick", "max_intervals"), Input("command-t", "value")
    )
    app.clientside_callback(
        "(view, layers, states, list, selected, zones, time) => "
        "hutong.command.address(view, layers, states, list, selected, zones, time)",
        Output("command-address", "data"),
        Input("command-scene", "viewState"),
        Input("command-layers", "value"),
        Input("command-states", "value"),
        Input("command-list", "value"),
        Input("command-selected", "data"),
        Input("command-zones", "value"),
        Input("command-time", "data"),
    )
    # Panels fold and the numbers grow: the wall reads it from five metres.
    app.clientside_callback(
        "(state, language) => state && (state.state === 'refused' || state.state === 'lost') ? "
        "hutong.text('command.' + state.state + (state.why ? '.' + state.why : ''), null, language) : ''",
        Output("command-refused", "children"),
        Input("command-scene", "liveState"),
        Input("language", "data"),
    )


@dataclass(frozen=True)
class Page:
    """The page of one live twin, as the other pages are modules."""

    live: Live | None
    CHOICES = CHOICES
    SCENES = SCENES

    def layout(self, library: Library, asked: dict[str, str], language: str) -> Any:
        """The page."""
        return layout(library, self.live, asked, language)

    def register(self, app: dash.Dash, library: Library, jobs: Jobs) -> None:
        """Its callbacks."""
        register(app, library, jobs, self.live)


__all__ = ["Page", "layout", "register", "seen"]
