"""What people do on the command page: decide about alarms, send units, write the duty log, declare an operation."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, ctx, dcc, html, no_update
from pydantic import ValidationError

from twin.cases import CaseStep
from twin.errors import BadInput
from twin.guard import Permission
from twin.live import Alarm, Note, Operation
from viz import words
from viz.callbacks import answers, tell
from viz.live.rights import Asker, asker
from viz.live.twin import Live
from viz.words import say

STATE_OF = {"acknowledge": "acknowledged", "escalate": "escalated", "close": "closed"}
SOURCE = "desk"
_SIGN = re.compile(r"^[A-Za-z][A-Za-z-]{0,11}[0-9]{0,4}$")
MOST_HOURS = 24 * 14


def sign_of(who: Asker) -> str:
    """What the log calls somebody: the account if it is a call-sign with a number, else the role. The audit keeps the account."""
    if _SIGN.match(who.name) and any(letter.isdigit() for letter in who.name):
        return who.name
    return "commander"


def register(app: dash.Dash, live: Live) -> None:
    """Callbacks that write to the log."""
    _alarms(app, live)
    _dispatch(app, live)
    _notes(app, live)
    _operations(app, live)
    _views(app)


def require(who: Asker, permission: Permission) -> None:
    """Raise :class:`BadInput` where the roles do not permit something."""
    if not who.may(permission):
        raise BadInput(words.text("command.not_permitted"), mend=words.text("command.not_permitted.mend"))


def _alarms(app: dash.Dash, live: Live) -> None:
    @answers(
        app,
        Output("command-done", "data", allow_duplicate=True),
        Output("command-why", "value", allow_duplicate=True),
        Input({"alarm": ALL, "act": ALL}, "n_clicks"),
        State("command-why", "value"),
        State("command-done", "data"),
        prevent_initial_call=True,
    )
    def decide(clicks: list[int | None], why: str | None, done: int) -> Any:
        if not any(clicks) or not isinstance(ctx.triggered_id, dict):
            return no_update, no_update
        decide_alarm(live, asker(live), str(ctx.triggered_id["alarm"]), str(ctx.triggered_id["act"]), why)
        tell(say("command.written"), "done")
        return done + 1, ""


def decide_alarm(live: Live, who: Asker, alarm_id: str, act: str, why: str | None = None) -> None:
    """Acknowledge, escalate or close an alarm: an observation of what was decided, by whom and why."""
    require(who, Permission.ALARMS_ACT)
    alarm = next((a for a in live.picture(grids=who.grids).alarms if a.id == alarm_id), None)
    if alarm is None:
        raise BadInput(f"there is no alarm {alarm_id!r}", mend="reload the page")
    before = alarm.value
    level = max(int(before.get("level", 4)) - 1, 1) if act == "escalate" else int(before.get("level", 4))
    value = validated(
        Alarm,
        state=STATE_OF[act],
        level=level,
        by=sign_of(who),
        why=(why or "").strip() or None,
        **{k: before[k] for k in ("about", "measure", "reading", "limit") if k in before},
    )
    at = None if alarm.x is None or alarm.y is None else (alarm.x, alarm.y)
    live.report("alarm", alarm_id, value, source=SOURCE, at=at, grid=alarm.grid)


def _dispatch(app: dash.Dash, live: Live) -> None:
    @answers(
        app,
        Output("command-done", "data", allow_duplicate=True),
        Output("command-why", "value", allow_duplicate=True),
        Input({"send": ALL, "case": ALL}, "n_clicks"),
        State("command-why", "value"),
        State("command-done", "data"),
        prevent_initial_call=True,
    )
    def send(clicks: list[int | None], why: str | None, done: int) -> Any:
        if not any(clicks) or not isinstance(ctx.triggered_id, dict):
            return no_update, no_update
        unit = str(ctx.triggered_id["send"])
        dispatch(live, asker(live), str(ctx.triggered_id["case"]), unit, why)
        tell(say("command.sent", unit=unit), "done")
        return done + 1, ""


def dispatch(live: Live, who: Asker, case_id: str, unit: str, why: str | None = None) -> None:
    """Send a unit to a case: a step of the case's loop."""
    require(who, Permission.CASES_WRITE)
    case = live.picture(grids=who.grids).case(case_id)
    if case is None:
        raise BadInput(f"there is no case {case_id!r}", mend="reload the page")
    step = validated(
        CaseStep,
        step="dispatch",
        case=case_id,
        by=sign_of(who),
        units=(unit,),
        why=(why or "").strip() or words.text("command.why.nearest"),
    )
    live.check_step(step)
    live.report("case", case_id, step, source=SOURCE, grid=case.grid)


def _notes(app: dash.Dash, live: Live) -> None:
    @answers(
        app,
        Output("command-done", "data", allow_duplicate=True),
        Output("command-note", "value"),
        Input("command-note-add", "n_clicks"),
        Input("command-note", "n_submit"),
        State("command-note", "value"),
        State("command-selected", "data"),
        State("command-done", "data"),
        prevent_initial_call=True,
    )
    def note(_clicks: int | None, _submit: int | None, text: str | None, chosen: dict[str, Any] | None, done: int) -> Any:
        if not (text or "").strip():
            return no_update, no_update
        write_note(live, asker(live), str(text), (chosen or {}).get("id"))
        return done + 1, ""


def write_note(live: Live, who: Asker, text: str, about: str | None = None) -> None:
    """A line of the duty log."""
    require(who, Permission.OBSERVATIONS_WRITE)
    grid = min(who.grids) if who.grids else None
    note = validated(Note, text=text.strip(), about=about, by=sign_of(who))
    live.report("note", f"log-{live.now():.3f}", note, source=SOURCE, grid=grid)


def validated(model: Any, **values: Any) -> Any:
    """The value, or :class:`BadInput` with the first reason in plain words."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        what = str(first["msg"]).removeprefix("Value error, ")
        raise BadInput(
            what, where=".".join(str(part) for part in first["loc"]) or None, mend=words.text("command.reword")
        ) from None


# --- operations ----------------------------------------------------------------------------------------------------


def operation_box(live: Live, who: Asker) -> html.Div:
    """The operation that is on, or how to declare one: without it no position is shown."""
    now = live.operation()
    if now is not None:
        end = [dmc.Button(say("command.operation.end"), id={"operation": "end"}, size="compact-xs", variant="default")]
        return html.Div(
            [
                html.Div(now.purpose, className="purpose"),
                html.Div(
                    [say("command.operation.until"), " ", html.Span("–", **{"data-clock": f"{now.end.timestamp():.0f}"})],
                    className="note",
                ),
                *(end if who.may(Permission.OPERATIONS_WRITE) else []),
            ],
            className="stack",
        )
    if not who.may(Permission.OPERATIONS_WRITE):
        return html.Div(html.P(say("command.operation.none"), className="note"))
    return html.Div(
        [
            html.P(say("command.operation.none"), className="note"),
            dmc.TextInput(
                id="command-purpose",
                size="xs",
                **words.marks(label="command.purpose", placeholder="command.purpose"),
            ),
            html.Div(
                [
                    dmc.NumberInput(
                        id="command-hours",
                        value=8,
                        min=0.5,
                        max=MOST_HOURS,
                        size="xs",
                        w=88,
                        suffix=" h",
                        **words.marks(label="command.hours"),
                    ),
                    dmc.Button(say("command.operation.declare"), id={"operation": "declare"}, size="xs"),
                ],
                className="row",
            ),
        ],
        className="stack",
    )


def _operations(app: dash.Dash, live: Live) -> None:
    @answers(
        app,
        Output("command-done", "data", allow_duplicate=True),
        Input({"operation": ALL}, "n_clicks"),
        State("command-purpose", "value", allow_optional=True),
        State("command-hours", "value", allow_optional=True),
        State("command-done", "data"),
        prevent_initial_call=True,
    )
    def change(clicks: list[int | None], purpose: str | None, hours: float | None, done: int) -> Any:
        if not any(clicks) or not isinstance(ctx.triggered_id, dict):
            return no_update
        if ctx.triggered_id["operation"] == "end":
            end_operation(live, asker(live))
        else:
            declare_operation(live, asker(live), purpose or "", float(hours or 8))
        return done + 1


def declare_operation(live: Live, who: Asker, purpose: str, hours: float) -> None:
    """Declare an operation from now for some hours: within it positions are kept and shown."""
    require(who, Permission.OPERATIONS_WRITE)
    if len(purpose.strip()) < 3:
        raise BadInput("an operation needs a purpose", mend="say in a few words what it is for")
    start = datetime.fromtimestamp(live.now(), UTC)
    live.declare(
        validated(
            Operation,
            id=f"op-{start:%Y%m%d-%H%M%S}",
            purpose=purpose.strip(),
            start=start,
            end=start + timedelta(hours=min(max(hours, 0.1), MOST_HOURS)),
            grids=tuple(sorted(who.grids or ())),
        )
    )
    who.note("operation.declare", purpose=purpose.strip(), hours=hours)


def end_operation(live: Live, who: Asker) -> None:
    """End the operation that is on: positions are hidden at once."""
    require(who, Permission.OPERATIONS_WRITE)
    now = live.operation()
    if now is not None:
        live.declare(
            now.model_copy(update={"end": max(datetime.fromtimestamp(live.now(), UTC), now.start + timedelta(seconds=1))})
        )
        who.note("operation.end", operation=now.id)


# --- saved views ---------------------------------------------------------------------------------------------------


def views_section() -> html.Section:
    """Saved views: each is a link that holds the camera, what is shown, the list, the selection and the moment."""
    from viz.pages import panels

    return panels.section(
        "command.views",
        html.Div(id="command-views", className="hits"),
        html.Div(
            [
                dmc.TextInput(
                    id="command-view-name",
                    size="xs",
                    className="grow",
                    **words.marks(label="command.views.name", placeholder="command.views.name"),
                ),
                dmc.Button(say("command.views.save"), id="command-view-save", size="xs", variant="default"),
            ],
            className="row",
        ),
        dcc.Store(id="command-address"),
        dcc.Store(id="command-saved", storage_type="local", data=[]),
    )


def _views(app: dash.Dash) -> None:
    app.clientside_callback(
        """(save, enter, gone, name, address, before) => {
          const by = dash_clientside.callback_context.triggered_id, none = dash_clientside.no_update, kept = before || [];
          if (by && by.forget !== undefined) return gone.some(Boolean) ? kept.filter((v) => v.name !== by.forget) : none;
          if (!(name || '').trim() || !address) return none;
          return [...kept.filter((v) => v.name !== name.trim()), {name: name.trim(), href: address}].slice(-20);
        }""",
        Output("command-saved", "data"),
        Input("command-view-save", "n_clicks"),
        Input("command-view-name", "n_submit"),
        Input({"forget": ALL}, "n_clicks"),
        State("command-view-name", "value"),
        State("command-address", "data"),
        State("command-saved", "data"),
        prevent_initial_call=True,
    )

    @answers(app, Output("command-views", "children"), Input("command-saved", "data"))
    def show(saved: list[dict[str, str]] | None) -> Any:
        if not saved:
            return html.P(say("command.views.none"), className="note")
        return [
            html.Div(
                [
                    html.A(view["name"], href=view["href"], className="grow viewlink"),
                    html.Button(
                        "×",
                        id={"forget": view["name"]},
                        type="button",
                        className="quiet",
                        **words.marks(title="command.views.forget"),
                    ),
                ],
                className="row",
            )
            for view in saved
            if str(view.get("href", "")).startswith("/command?")
        ]
