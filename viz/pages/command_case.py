"""The loop of a case on the command page: the steps that come next, and where and when cases gather."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import dash
import dash_mantine_components as dmc
import shapely
from dash import ALL, Input, Output, State, ctx, html, no_update

from twin.cases import Case, CaseStep
from twin.cases.case import RULES
from twin.cases.hotspots import hot_spots
from twin.cases.indicators import case_table
from twin.errors import BadInput
from twin.guard import Permission
from viz.callbacks import answers, tell
from viz.live.picture import Picture
from viz.live.rights import Asker, asker
from viz.live.twin import Live
from viz.pages import panels
from viz.pages.command_acts import SOURCE, require, sign_of, validated
from viz.words import say

RATINGS = ("1", "2", "3", "4", "5")
SPOTS = 6
"""Hot spots that are named."""
SPOTS_DAYS = 28.0
_NEXT: dict[str, tuple[tuple[str, str], ...]] = {
    "reported": (("pass_up", ""), ("pass_down", "")),
    "dispatched": (("arrive", ""), ("return", ""), ("pass_up", "")),
    "arrived": (("handle", ""), ("return", ""), ("pass_up", "")),
    "handled": (("verify", "solved"), ("verify", "unfounded"), ("return", "")),
    "verified": (("close", ""),),
    "closed": (*(("assess", mark) for mark in RATINGS), ("reopen", "")),
    "assessed": (("reopen", ""),),
}
"""Steps that the page offers in each state, with the verifier's result or the resident's mark; the loop has the last word."""
_OF_THE_UNIT = ("arrive", "handle")


def next_steps(case: Case, now_s: float) -> list[tuple[str, str]]:
    """Steps that may come next, with the result or mark of each; nothing that the loop would refuse for sure."""
    steps = []
    for step, value in _NEXT.get(case.state.value, ()):
        highest, lowest = case.level.value == "district", case.level.value == "community"
        late = case.closed_at is not None and now_s - case.closed_at.timestamp() > RULES.reopen_window / timedelta(seconds=1)
        content = case.rating is not None and case.rating > RULES.bad_rating
        refused = (step == "pass_up" and highest) or (step == "pass_down" and lowest) or (step == "reopen" and (late or content))
        if not refused:
            steps.append((step, value))
    return steps


def buttons(live: Live, picture: Picture, case: Case) -> list[Any]:
    """Buttons for the next steps of a case, for whoever may take them; why is written beside them."""
    if not picture.live or not asker(live).may(Permission.CASES_WRITE):
        return []
    made = [dmc.Button(say(f"command.step.{step}" + (f".{value}" if step == "verify" else ""), n=value),
                       id={"step": step, "of": case.id, "value": value}, size="compact-sm", variant="default")
            for step, value in next_steps(case, picture.at_s)]
    return [html.H2(say("command.steps")), html.Div(made, className="row acts")] if made else []


def take_step(live: Live, who: Asker, case_id: str, step: str, value: str = "", why: str | None = None) -> None:
    """Write the next step of a case. Units report arriving and handling by radio: their steps are theirs, written at the desk."""
    require(who, Permission.CASES_WRITE)
    case = live.picture(grids=who.grids).case(case_id)
    if case is None:
        raise BadInput(f"there is no case {case_id!r}", mend="reload the page")
    if not (why or "").strip():
        raise BadInput("a step needs a reason", mend="write why in a few words, then choose the step again")
    by = sign_of(who)
    if step in _OF_THE_UNIT or (step == "return" and case.state.value != "handled"):
        by = next(iter(case.on_scene or case.units), by)
    more: dict[str, Any] = {"result": value} if step == "verify" else {"rating": int(value)} if step == "assess" else {}
    taken = validated(CaseStep, step=step, case=case_id, by=by, why=str(why).strip(), **more)
    live.check_step(taken)
    live.report("case", case_id, taken, source=SOURCE, grid=case.grid)


def register(app: dash.Dash, live: Live) -> None:
    """Callbacks of the steps, the hot spots and the table's download."""

    @answers(
        app,
        Output("command-done", "data", allow_duplicate=True),
        Output("command-why", "value", allow_duplicate=True),
        Input({"step": ALL, "of": ALL, "value": ALL}, "n_clicks"),
        State("command-why", "value"),
        State("command-done", "data"),
        prevent_initial_call=True,
    )
    def take(clicks: list[int | None], why: str | None, done: int) -> Any:
        chosen = ctx.triggered_id
        if not any(clicks) or not isinstance(chosen, dict):
            return no_update, no_update
        take_step(live, asker(live), str(chosen["of"]), str(chosen["step"]), str(chosen["value"]), why)
        tell(say("command.written"), "done")
        return done + 1, ""

    @answers(app, Output("command-spots", "children"), Input("command-cover-tick", "n_intervals"), Input("command-done", "data"))
    def spots(_n: int | None, _done: int) -> Any:
        return spots_list(live, asker(live))

    app.clientside_callback(
        "(list, time, states, language) => `/api/live/tables/${list}.csv?language=${language || 'en'}`"
        " + (time && time.at ? `&at=${time.at}` : '') + (list === 'cases' ? `&states=${(states || []).join(',')}` : '')",
        Output("command-table-export", "href"),
        Input("command-list", "value"),
        Input("command-time", "data"),
        Input("command-states", "value"),
        Input("language", "data"),
    )


# --- hot spots -----------------------------------------------------------------------------------------------------


def spots_section() -> html.Section:
    """Where and when cases gather more than chance would have them."""
    return panels.section("command.spots", html.Div(id="command-spots"))


def spots_list(live: Live, who: Asker, cell_m: float = 100.0) -> Any:
    """The strongest hot spots of place and hour of the last weeks, as far as somebody may see cases; never of persons."""
    if not who.may(Permission.CASES_READ):
        return html.P(say("command.spots.none"), className="note")
    since = live.now() - 86_400 * SPOTS_DAYS
    cases = [c for c in live.picture(grids=who.grids, may_units=False).cases
             if c.place is not None and c.reported_at.timestamp() >= since and c.state.value != "merged"]
    found = hot_spots(case_table(cases), area=shapely.box(*live.district.bounds), cell_m=cell_m).spots.head(SPOTS)
    if not len(found):
        return html.P(say("command.spots.none"), className="note")
    cells = live.district.grids
    cells = cells[cells["level"] == "grid"]
    rows = []
    for spot in found.to_dict("records"):
        inside = cells[cells.contains(shapely.Point(spot["x"], spot["y"]))]
        place = str(inside["id"].iloc[0]) if len(inside) else f"{spot['x']:.0f}, {spot['y']:.0f}"
        rows.append(html.Li([html.Span(place, className="who"), " ",
                             say("command.spots.one", hour=f"{int(spot['hour']):02d}", n=int(spot["cases"]))]))
    return html.Ol(rows, className="nearest")
