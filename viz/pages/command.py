"""Command: the district live. Who is where, what is open, what is crowded; any moment before; and what if from now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import dash
from dash import ALL, Input, Output, State, ctx, html, no_update

from twin.guard import Permission
from viz.callbacks import answers
from viz.jobs import Jobs
from viz.library import Library
from viz.live.rights import Asker, asker
from viz.live.twin import Live
from viz.pages import command_acts, command_card, command_case, command_ground, command_time, command_view, command_whatif, panels
from viz.pages.command_layout import LAYERS, STATES, layout
from viz.words import say

CHOICES = {
    ("command-list", "data"): command_view.LISTS,
    ("command-span", "data"): command_time.SPANS,
    ("command-look", "data"): command_whatif.LOOKS,
}
SCENES = ("command-scene",)
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


def register(app: dash.Dash, library: Library, jobs: Jobs, live: Live | None) -> None:
    """Callbacks of the page; without a live store there are none."""
    if live is None:
        return
    places = command_view.Places(live.district)
    _looking(app, live, places)
    _choosing(app)
    command_card.register(app, live, places)
    command_acts.register(app, live)
    command_case.register(app, live)
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
