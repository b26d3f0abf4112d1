"""What stands on the command page: panels, scene, tables, timeline."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import dash_mantine_components as dmc
from dash import dcc, html

from viz import words
from viz.library import Library
from viz.live.twin import Live
from viz.pages import command_acts, command_card, command_case, command_ground, command_time, command_view, command_whatif, panels
from viz.pages.legend import fruin
from viz.words import say

LAYERS = ("positions", "tracks", "cases", "cameras", "alarms", "overlays", "labels", "buildings")
STATES = {name: f"casestate.{name}" for name in command_view.CASE_STATES}
EVERY_MS = 2000


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
        command_case.spots_section(),
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
            ),
            html.A(say("command.export"), href="/api/live/tables/cases.csv", className="quietlink", id="command-table-export"),
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
                html.Div(panels.table("command-table", [], select="single", suppressCsvExport=True), className="tablebody half"),
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
