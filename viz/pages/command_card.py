"""What is selected on the command page, with its age, source and accuracy, and what can be done about it."""

from __future__ import annotations

from typing import Any

import dash
import dash_mantine_components as dmc
import numpy as np
from dash import Input, Output, State, dcc, html, no_update

from twin.cases import Case
from twin.guard import Permission
from twin.patrol.reach import nearest_units
from viz import words
from viz.callbacks import answers
from viz.live.picture import Picture, Thing
from viz.live.rights import asker
from viz.live.twin import Live
from viz.pages import command_case, command_ground, command_time, command_whatif, panels
from viz.pages.command_view import (
    Places,
    alarm_words,
    doing_of,
    level_of_service,
    reported_density,
    type_word,
)
from viz.words import say

NEAREST = 5
_TAKES_UNITS = ("reported", "dispatched", "arrived")
HISTORY_S = 1800.0


def register(app: dash.Dash, live: Live, places: Places) -> None:
    """The card is made anew when its thing is, or every ten seconds."""

    @answers(
        app,
        Output("command-card", "children"),
        Output("command-whybar", "hidden"),
        Output("command-card-key", "data"),
        Input("command-selected", "data"),
        Input("command-facts", "data"),
        Input("language", "data"),
        State("command-time", "data"),
        State("command-run", "data"),
        State("command-card-key", "data"),
    )
    def card(
        chosen: dict[str, Any] | None,
        facts: dict[str, Any] | None,
        language: str,
        time: dict[str, Any],
        run: str | None,
        before: Any,
    ) -> Any:
        if not chosen:
            return panels.empty("command.nothing"), True, None
        at = time.get("at")
        key = [chosen["kind"], chosen["id"], (facts or {}).get("key"), language, run, at]
        if key == before:
            return no_update, no_update, no_update
        from viz.pages.command import seen

        picture = seen(live, asker(live), at)
        made = _card(live, places, picture, chosen["kind"], chosen["id"], language, run)
        acts = picture.live and chosen["kind"] in ("case", "alarm")
        return (panels.empty("command.gone"), True, key) if made is None else (made, not acts, key)


def _card(live: Live, places: Places, picture: Picture, kind: str, thing: str, language: str, run: str | None) -> Any:
    if kind == "case":
        case = picture.case(thing)
        return None if case is None else _case(live, places, picture, case, language)
    found = {"unit": picture.units, "camera": picture.crowds, "alarm": picture.alarms}.get(kind, [])
    known = next((one for one in found if one.id == thing), None)
    if known is None:
        return None
    if kind == "unit":
        return _unit(live, picture, known)
    if kind == "camera":
        return _camera(live, picture, known, language, run)
    return _alarm(live, picture, known, language)


def since(at_s: float) -> html.Span:
    """An age that grows in the browser."""
    return html.Span("–", **{"data-since": f"{at_s:.1f}"})


def _head(title: Any, kind: Any, *tags: Any) -> list[Any]:
    return [html.H3(title), html.P([kind, *tags], className="kind")]


def _origin(known: Thing, picture: Picture) -> list[tuple[Any, Any]]:
    """Age, source and accuracy: every value carries them."""
    accuracy = "–" if known.accuracy_m is None else f"± {known.accuracy_m:.0f} m"
    stale = [" ", html.Span(say("command.stale"), className="tag tag-stale")] if known.stale(picture.at_s) else []
    return [
        (say("command.observed"), html.Span([since(known.at_s), *stale])),
        (say("column.source"), known.source),
        (say("command.accuracy"), accuracy),
        *([(say("column.grid"), known.grid)] if known.grid else []),
    ]


def _unit(live: Live, picture: Picture, unit: Thing) -> html.Section:
    sent = {name for case in picture.cases if case.is_open for name in case.units}
    doing = doing_of(unit, sent, picture.at_s)
    cases = [case for case in picture.cases if case.is_open and unit.id in case.units]
    value = unit.value
    asker(live).note_looking("positions.read", units=[unit.id], at=None if picture.live else picture.at_s)
    facts = [(say("column.doing"), say(f"doing.{doing}")), *_origin(unit, picture)]
    if value.get("unit"):
        facts.insert(0, (say("column.unit"), say(f"unit.{value['unit']}")))
    if value.get("speed") is not None:
        facts.append((say("command.speed"), f"{value['speed']:.1f} m/s"))
    if value.get("heading") is not None:
        facts.append((say("command.heading"), f"{(90 - np.degrees(value['heading'])) % 360:.0f}°"))
    return html.Section(
        [
            *_head(unit.id, say("command.kind.unit")),
            panels.facts(facts),
            *[_link("case", case.id, say("command.on_case", id=case.id)) for case in cases],
            html.Div(
                [
                    dmc.Button(say("command.follow"), id={"follow": unit.id}, size="compact-sm", variant="default"),
                    dmc.Button(say("command.track"), id={"track": unit.id}, size="compact-sm", variant="default"),
                ],
                className="row acts",
            ),
        ],
        className="part",
    )


def _camera(live: Live, picture: Picture, camera: Thing, language: str, run: str | None) -> html.Section:
    density, value = reported_density(camera), camera.value
    level = level_of_service(density)
    facts: list[tuple[Any, Any]] = []
    for key, unit, places in (
        ("people_count", "", 0),
        ("density", "/m²", 2),
        ("flow", "/s", 2),
        ("average_crowd_speed", "m/s", 2),
    ):
        if value.get(key) is not None:
            facts.append((say(f"measure.{'speed' if key == 'average_crowd_speed' else key}"), f"{value[key]:.{places}f} {unit}"))
    measured = live.series.people(picture.at_s - HISTORY_S, picture.at_s, camera=camera.id)
    t, simulated = command_whatif.people_in_view(live, run, camera.id) if run else (np.zeros(0), np.zeros(0))
    until, legend = picture.at_s, [html.I(className="line-measured"), say("command.measured")]
    if len(t):
        until = max(until, float(t[-1]))
        legend += [html.I(className="line-simulated"), say("command.simulated")]
        if t[0] <= picture.at_s <= t[-1] + command_whatif.STEP_S:
            facts.insert(1, (say("command.simulated"), f"{np.interp(picture.at_s, t, simulated):.0f}"))
    curve = command_time.two_curves(measured, picture.at_s - HISTORY_S, until, t, simulated)
    return html.Section(
        [
            *_head([html.Span(level or "–", className=f"los los-{level or 'none'}"), " ", camera.id], say("command.kind.camera")),
            panels.facts([*facts, *_origin(camera, picture)]),
            html.Div(
                [
                    html.Div([say("command.people_here"), html.Span(legend, className="lines")], className="spark-name"),
                    html.Div(html.Img(src=curve, alt=words.text("command.people_here", language)), className="spark-plot tall"),
                ],
                className="spark",
            ),
        ],
        className="part",
    )


def _alarm(live: Live, picture: Picture, alarm: Thing, language: str) -> html.Section:
    value, state = alarm.value, alarm.value["state"]
    facts = [
        (say("column.state"), say(f"alarmstate.{state}")),
        (say("column.grave"), str(value.get("level", "–"))),
        (say("command.raised"), since(alarm.first_s or alarm.at_s)),
        *_origin(alarm, picture),
    ]
    if value.get("limit") is not None:
        facts.insert(2, (say("command.limit"), f"{value['limit']:g}"))
    if value.get("by"):
        facts.append((say("column.by"), value["by"]))
    if value.get("why"):
        facts.append((say("command.why.said"), value["why"]))
    may = picture.live and asker(live).may(Permission.ALARMS_ACT)
    order = {
        "raised": ("acknowledge", "escalate", "close"),
        "acknowledged": ("escalate", "close"),
        "escalated": ("acknowledge", "close"),
        "closed": (),
    }[state]
    buttons = [
        dmc.Button(
            say(f"command.do.{act}"),
            id={"alarm": alarm.id, "act": act},
            size="compact-sm",
            variant="filled" if act == "acknowledge" and state == "raised" else "default",
        )
        for act in order
        if may
    ]
    about = value.get("about")
    return html.Section(
        [
            *_head(alarm_words(alarm, language), say("command.kind.alarm")),
            panels.facts(facts),
            *([_link("camera", about, about)] if about else []),
            html.Div(buttons, className="row acts"),
        ],
        className="part",
    )


def _case(live: Live, places: Places, picture: Picture, case: Case, language: str) -> html.Section:
    late = case.is_open and case.due_at.timestamp() < picture.at_s
    due = [html.Span("–", **{"data-clock": f"{case.due_at.timestamp():.0f}"})]
    due += [" ", html.Span(say("command.late"), className="tag tag-late")] if late else []
    facts = [
        (say("column.state"), say(f"casestate.{case.state.value}")),
        (say("column.level"), say(f"level.{case.level.value}")),
        (say("command.reported"), since(case.reported_at.timestamp())),
        (say("command.due"), html.Span(due)),
    ]
    if case.units:
        facts.append((say("column.units"), ", ".join(case.units)))
    if case.grid:
        facts.append((say("column.grid"), case.grid))
    history = [
        html.Li(
            [
                html.Span("–", className="when", **{"data-clock": f"{taken.at.timestamp():.0f}"}),
                " ",
                html.B(say(f"step.{taken.step.step.value}")),
                " ",
                html.Span(taken.step.by, className="who"),
                html.Div(taken.step.why, className="note"),
            ]
        )
        for taken in reversed(case.history[-12:])
    ]
    return html.Section(
        [
            *_head(type_word(case.type, language), say("command.kind.case"), " ", case.id),
            panels.facts(facts),
            *_nearest(live, places, picture, case),
            *command_case.buttons(live, picture, case),
            html.H2(say("command.history")),
            html.Ol(history, className="history"),
        ],
        className="part",
    )


def _nearest(live: Live, places: Places, picture: Picture, case: Case) -> list[Any]:
    """The free units that would be there soonest on foot, each with a button that sends it."""
    at = places.of_case(case)
    if at is None or not picture.live or case.state.value not in _TAKES_UNITS or not asker(live).may(Permission.CASES_WRITE):
        return []
    if not picture.units:
        return [html.H2(say("command.nearest")), html.P(say("command.nearest.none"), className="note")]
    sent = {unit for other in picture.cases if other.is_open for unit in other.units}
    x0, y0 = live.origin
    free = {
        u.id: (u.x + x0, u.y + y0)
        for u in picture.units
        if doing_of(u, sent, picture.at_s) == "free" and u.x is not None and u.y is not None
    }
    crowd = command_ground.crowd_map(live, picture)
    found = nearest_units(live.foot, (at[0] + x0, at[1] + y0), free, most=NEAREST, density=crowd) if free else []
    rows = [
        html.Li(
            [
                html.Span(arrival.unit, className="who"),
                html.Span(say("command.minutes", n=f"{arrival.seconds / 60:.1f}"), className="grow"),
                dmc.Button(say("command.send"), id={"send": arrival.unit, "case": case.id}, size="compact-xs"),
            ]
        )
        for arrival in found
    ]
    return [
        html.H2(say("command.nearest")),
        html.Ol(rows, className="nearest") if rows else html.P(say("command.nearest.none"), className="note"),
    ]


def _link(kind: str, thing: str, said: Any) -> html.Button:
    return html.Button(html.Span(said), id={"goto": kind, "id": thing}, className="hit", type="button")


def store() -> dcc.Store:
    """What the card was made from."""
    return dcc.Store(id="command-card-key")
