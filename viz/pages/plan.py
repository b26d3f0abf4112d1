"""Plan: draw the layouts of a scenario on the district, checked while they are drawn."""

from __future__ import annotations

from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, ctx, dcc, html, no_update

from sim.layout import takes
from sim.scenario import Layout, Scenario
from sim.site import problems
from twin.errors import BadInput, HutongError
from viz import drafting, words
from viz.callbacks import answers, tell
from viz.draft import Draft, advance, fresh, redone, undone
from viz.jobs import Jobs
from viz.library import Library
from viz.pages import panels, plan_form
from viz.words import say

TOOLS = ("select", "barrier", "gate", "checkpoint", "zone", "post", "closure", "oneway", "measure")
ZONES = {"core": "zone.core", "guard": "zone.guard", "control": "zone.control"}
CHOICES = {("plan-zone-kind", "data"): ZONES}
SCENES = ("plan-scene",)


def layout(library: Library, asked: dict[str, str], language: str) -> html.Div:
    """The page; ``?scenario=`` and ``?layout=`` choose what it begins with."""
    names = library.scenarios()
    if not names:
        return html.Main(panels.empty("plan.no_scenario"), className="alone", id="scene-main")
    scenario = asked.get("scenario") if asked.get("scenario") in names else library.first_scenario()
    left = [
        panels.section(
            "plan.scenario",
            html.Div(
                [
                    dmc.Select(
                        id="plan-scenario",
                        data=names,
                        value=scenario,
                        allowDeselect=False,
                        **words.marks(label="plan.scenario"),
                    ),
                    dmc.Select(id="plan-layout", data=[], label=say("plan.layout"), allowDeselect=False),
                    html.Div(
                        [
                            dmc.TextInput(
                                id="plan-new-name",
                                className="grow",
                                size="xs",
                                **words.marks(label="plan.new_name", placeholder="plan.new_name"),
                            ),
                            dmc.Button(say("plan.copy"), id="plan-copy", size="xs", variant="default"),
                        ],
                        className="row",
                    ),
                ],
                className="stack",
            ),
        ),
        panels.section(
            "plan.change",
            html.Div(
                [
                    dmc.Button(say("plan.undo"), id="plan-undo", size="xs", variant="default", **{"data-undo": "1"}),
                    dmc.Button(say("plan.redo"), id="plan-redo", size="xs", variant="default", **{"data-redo": "1"}),
                    dmc.Button(say("plan.save"), id="plan-save", size="xs"),
                ],
                className="row tight",
            ),
            html.P(id="plan-state", className="note", style={"marginTop": "8px"}, role="status"),
        ),
        panels.section("plan.takes", html.Div(id="plan-takes")),
        panels.section(
            "plan.checks",
            html.Ul(id="plan-quick", className="problems"),
            html.Ul(id="plan-full", className="problems", style={"marginTop": "6px"}),
            html.P(say("plan.checking"), id="plan-checking", className="note"),
            **{"aria-live": "polite"},
        ),
        panels.section("plan.next", html.Div(id="plan-next")),
    ]
    tools = html.Div([html.Button(say(f"tool.{name}"), id={"tool": name}, type="button", className="tool",
                                  **{"data-tool": name}) for name in TOOLS], className="overlay tools", role="toolbar",
                     **words.marks(label="plan.tools"))
    middle = [panels.scene("plan-scene", tool="select", overlays=[], enableEvents=["click"]), tools,
              html.Div(id="plan-hint", className="overlay hint", role="status")]
    right = [panels.section("plan.selected", html.Div(id="plan-form"), id="plan-form-part"),
             panels.section("plan.zone_kind", dmc.SegmentedControl(
                 id="plan-zone-kind", data=words.options(ZONES, language), value="guard", fullWidth=True, size="xs"))]
    bottom = [html.Div([
        html.Div([html.Span(say("plan.table"), className="note grow")], className="tablebar"),
        html.Div(panels.table("plan-table", []), className="tablebody")], className="tablebox")]
    stores = [dcc.Store(id="plan-drafts", storage_type="session", data={}), dcc.Store(id="plan-tool", data="select"),
              dcc.Store(id="plan-steps"),
              dcc.Store(id="plan-asked", data=asked.get("layout")), dcc.Store(id="plan-drawn")]
    return html.Div([panels.page("plan", left=left, middle=middle, right=right, bottom=bottom), *stores])


def register(app: dash.Dash, library: Library, _jobs: Jobs) -> None:
    """Callbacks of the page."""
    _tools(app)
    _choosing(app, library)
    _drawing(app, library)
    _showing(app, library)


def _tools(app: dash.Dash) -> None:
    app.clientside_callback(
        """(clicks, now) => {
          const by = dash_clientside.callback_context.triggered_id;
          const tool = by && clicks.some(Boolean) ? by.tool : now || 'select';
          document.querySelectorAll('[data-tool]').forEach((button) => {
            const on = button.dataset.tool === tool;
            button.classList.toggle('tool-on', on);
            button.setAttribute('aria-pressed', on);
          });
          const hint = document.getElementById('plan-hint');
          return [tool, tool];
        }""",
        Output("plan-tool", "data"),
        Output("plan-scene", "tool"),
        Input({"tool": ALL}, "n_clicks"),
        State("plan-tool", "data"),
    )

    @answers(app, Output("plan-hint", "children"), Input("plan-tool", "data"))
    def hint(tool: str) -> Any:
        return say(f"hint.{tool}") if tool in TOOLS else ""


def _choosing(app: dash.Dash, library: Library) -> None:
    @answers(app, Output("plan-layout", "data"), Output("plan-layout", "value"), Output("plan-scene", "sceneUrl"),
             Input("plan-scenario", "value"), State("plan-asked", "data"), State("plan-layout", "value"))
    def choose_scenario(name: str, asked: str | None, now: str | None) -> Any:
        scenario = library.scenario(name)
        names = list(scenario.layouts)
        chosen = next((n for n in (now, asked) if n in names), names[0])
        return names, chosen, f"/api/districts/{library.district_name(scenario)}/scene"

    @answers(app, Output("plan-scene", "setView"), Input("plan-layout", "value"), State("plan-scenario", "value"))
    def look(name: str | None, of: str) -> Any:
        scenario = library.scenario(of)
        if name not in scenario.layouts:
            return no_update
        district = library.district(library.district_name(scenario))
        return drafting.frame(drafting.overlays(district, scenario, scenario.layouts[name])) or no_update

    @answers(
        app,
        Output("plan-layout", "data", allow_duplicate=True),
        Output("plan-layout", "value", allow_duplicate=True),
        Output("plan-new-name", "value"),
        Input("plan-copy", "n_clicks"),
        State("plan-new-name", "value"),
        State("plan-scenario", "value"),
        State("plan-layout", "value"),
        State("plan-drafts", "data"),
        prevent_initial_call=True,
    )
    def copy(clicks: int | None, name: str | None, of: str, current: str, drafts: dict[str, Draft]) -> Any:
        if not clicks:
            return no_update, no_update, no_update
        name = (name or "").strip()
        known = library.scenario(of).layouts
        if not name:
            raise BadInput("the new layout has no name", mend="write one beside the button")
        if name in known:
            raise BadInput(f"there is a layout {name!r} already", mend="give another name")
        draft = drafts.get(_key(of, current))
        library.save_layout(of, name, Layout.model_validate(draft["now"]) if draft else known[current])
        return [*known, name], name, ""


def _key(scenario: str, name: str) -> str:
    return f"{scenario}/{name}"


def _drawing(app: dash.Dash, library: Library) -> None:
    # Dash drops the answer of a callback that is asked again meanwhile: quick steps are kept in a list, and each
    # answer takes all that the draft has not had yet, so that none is lost and none is taken twice.
    app.clientside_callback(
        """(edit, undo, redo, of, name, zone) => {
          const by = dash_clientside.callback_context.triggered_id;
          const step = by === 'plan-undo' ? undo && {action: 'undo'}
            : by === 'plan-redo' ? redo && {action: 'redo'} : edit;
          if (!step || !name) return dash_clientside.no_update;
          const steps = window.hutong.steps = window.hutong.steps || [];
          const before = steps.length ? steps[steps.length - 1].step : 0;
          steps.push({...step, step: Math.max(Date.now(), before + 1), of: `${of}/${name}`, zone});
          return steps.slice(-40);
        }""",
        Output("plan-steps", "data"), Input("plan-scene", "edit"), Input("plan-undo", "n_clicks"),
        Input("plan-redo", "n_clicks"), State("plan-scenario", "value"), State("plan-layout", "value"),
        State("plan-zone-kind", "value"), prevent_initial_call=True)

    @answers(
        app,
        Output("plan-drafts", "data"),
        Input("plan-layout", "value"),
        Input("plan-steps", "data"),
        Input("plan-scene", "clickInfo"),
        Input("plan-table", "selectedRows"),
        Input("plan-save", "n_clicks"),
        Input({"plan-delete": ALL}, "n_clicks"),
        Input({"plan-field": ALL, "of": ALL}, "value"),
        State("plan-scenario", "value"),
        State("plan-drafts", "data"),
        State({"plan-field": ALL, "of": ALL}, "id"),
    )
    def draw(
        name: str | None,
        steps: list[dict[str, Any]] | None,
        click: Any,
        rows: Any,
        _save: Any,
        deletes: list[Any],
        values: list[Any],
        of: str,
        drafts: dict[str, Draft] | None,
        ids: list[dict[str, str]],
    ) -> Any:
        if not name:
            return no_update
        by, drafts, key = ctx.triggered_id, drafts or {}, _key(of, name)
        scenario = library.scenario(of)
        if name not in scenario.layouts:
            return no_update
        draft = drafts.get(key)
        if draft is None or by in (None, "plan-layout"):
            if draft is not None and draft["now"] != draft["saved"]:
                return drafts
            done = (draft or {}).get("done", 0)
            return {**drafts, key: {**fresh(scenario.layouts[name]), "done": done}}
        before = draft
        draft = _stepped(library, scenario, draft, [step for step in steps or [] if step["of"] == key])
        now = Layout.model_validate(draft["now"])
        if by == "plan-steps":
            after = draft
        elif by == "plan-scene":
            chosen = click.get("id") if click and click.get("table") == "overlays" else None
            after = {**draft, "selected": chosen}
        elif by == "plan-table":
            after = draft if not isinstance(rows, list) or not rows else {**draft, "selected": rows[0]["id"]}
        elif by == "plan-save":
            library.save_layout(of, name, now)
            tell(say("plan.saved", name=name), "done")
            after = {**draft, "saved": draft["now"]}
        elif isinstance(by, dict) and "plan-delete" in by:
            after = advance(draft, drafting.without(now, by["plan-delete"]), None) if any(deletes) else draft
        else:
            after = _from_form(draft, now, values, ids)
        return no_update if after == before else {**drafts, key: after}


def _stepped(library: Library, scenario: Scenario, draft: Draft, steps: list[dict[str, Any]]) -> Draft:
    """The draft after the steps of the browser that it has not taken yet, in their order."""
    for step in steps:
        if step["step"] <= draft.get("done", 0):
            continue
        draft = {**draft, "done": step["step"]}
        if step["action"] == "undo":
            draft = undone(draft)
        elif step["action"] == "redo":
            draft = redone(draft)
        else:
            district = library.district(library.district_name(scenario))
            now = Layout.model_validate(draft["now"])
            layout, selected = drafting.edited(now, step, district, zone_kind=step["zone"])
            draft = advance(draft, layout, selected)
    return draft


def _from_form(draft: Draft, now: Layout, values: list[Any], ids: list[dict[str, str]]) -> Draft:
    chosen = draft["selected"]
    found = drafting.find(now, chosen) if chosen else None
    if found is None or not ids or any(i["of"] != chosen for i in ids):
        return draft
    given = plan_form.read({i["plan-field"]: value for i, value in zip(ids, values, strict=True)})
    before = drafting.fields(*found)
    if all(before.get(name) == value for name, value in given.items()):
        return draft
    layout, selected = drafting.with_fields(now, chosen, given)
    return advance(draft, layout, selected)


def _showing(app: dash.Dash, library: Library) -> None:
    now_drawn = (Input("plan-drafts", "data"), Input("plan-layout", "value"))
    of_scenario = State("plan-scenario", "value")

    def drawn(drafts: dict[str, Draft] | None, name: str | None, of: str) -> tuple[Draft, Scenario, Layout] | None:
        draft = (drafts or {}).get(_key(of, name or ""))
        if draft is None:
            return None
        scenario = library.scenario(of)
        now = Layout.model_validate(draft["now"])
        return draft, scenario.model_copy(update={"layouts": {**scenario.layouts, str(name): now}}), now

    @answers(
        app,
        Output("plan-scene", "overlays"),
        Output("plan-scene", "selected"),
        Output("plan-table", "rowData"),
        Output("plan-undo", "disabled"),
        Output("plan-redo", "disabled"),
        Output("plan-state", "children"),
        Output("plan-takes", "children"),
        Output("plan-quick", "children"),
        Output("plan-next", "children"),
        *now_drawn,
        Input("language", "data"),
        of_scenario,
    )
    def show(drafts: dict[str, Draft] | None, name: str | None, language: str, of: str) -> Any:
        found = drawn(drafts, name, of)
        if found is None:
            return [no_update] * 9
        draft, scenario, now = found
        district = library.district(library.district_name(scenario))
        state = say("plan.unsaved") if draft["now"] != draft["saved"] else say("plan.is_saved")
        wrong = [html.Li(say(key, **values)) for key, values in drafting.quick_problems(district, now)]
        link = dcc.Link(say("plan.rehearse"), href=f"/rehearse?scenario={of}&layout={name}", className="linkbutton")
        return (
            drafting.overlays(district, scenario, now),
            [draft["selected"]] if draft["selected"] else [],
            _rows(now, language),
            not draft["past"],
            not draft["future"],
            state,
            _takes(district, scenario, str(name)),
            wrong,
            link if draft["now"] == draft["saved"] else html.P(say("plan.save_first"), className="note"),
        )

    @answers(app, Output("plan-form", "children"), *now_drawn, of_scenario)
    def form(drafts: dict[str, Draft] | None, name: str | None, of: str) -> Any:
        found = drawn(drafts, name, of)
        chosen = drafting.find(found[2], found[0]["selected"]) if found and found[0]["selected"] else None
        return plan_form.form(*chosen) if chosen else html.P(say("plan.nothing"), className="note")

    @answers(app, Output("plan-full", "children"), *now_drawn, of_scenario,
             running=[(Output("plan-checking", "className"), "note", "note js-hidden")])
    def check(drafts: dict[str, Draft] | None, name: str | None, of: str) -> Any:
        found = drawn(drafts, name, of)
        if found is None:
            return no_update
        _, scenario, _ = found
        sentences = problems(library.district(library.district_name(scenario)), scenario, str(name))
        if not sentences:
            return html.Li(say("plan.fine"), className="fine")
        return [html.Li(sentence) for sentence in sentences]

    @answers(app, Output("plan-table", "columnDefs"), Input("language", "data"))
    def heads(language: str) -> Any:
        return panels.columns(["id", "kind", "what", "from", "until"], language, id={"width": 180}, what={"flex": 1})


def _takes(district: Any, scenario: Scenario, name: str) -> Any:
    try:
        needs = takes(district, scenario, name)
    except HutongError:
        return html.P("–")
    units = {"barrier_m": "m", "fence_m": "m", "staff_hours": "h"}
    return panels.facts([(say(f"takes.{key}"), [f"{value:g}", html.Span(units.get(key, ""), className="unit")])
                         for key, value in needs.items()])


def _rows(now: Layout, language: str) -> list[dict[str, Any]]:
    rows = []
    for kind, name in drafting.LISTS.items():
        for item in getattr(now, name):
            spans = item.open[0] if kind == "gate" and item.open else item
            start, end = getattr(spans, "from_s", 0.0), getattr(spans, "until_s", None)
            rows.append(
                {
                    "id": item.id,
                    "kind": words.text(f"tool.{kind}", language),
                    "what": plan_form.summary(kind, item, language),
                    "from": plan_form.minutes(start or 0.0),
                    "until": "" if end is None else plan_form.minutes(end),
                }
            )
    return rows
