"""Parts of the page People: tasks in place of lists, which unit answers for an object, gaps and conflicts of the schemes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import Input, Output, State, html

from twin.errors import BadInput
from twin.people import Gate, Schemes, Task
from twin.places import District
from viz import words
from viz.callbacks import answers
from viz.pages import panels
from viz.words import say

ABOUT_KEYS = {name: f"people.task.{name}" for name in ("pigeons", "children", "mobility_need", "cars")}
CHOICES = {("people-about", "data"): ABOUT_KEYS}


def sections(language: str) -> list[Any]:
    """The parts, for the panel on the right."""
    return [
        panels.section("people.task", html.Div([
            html.P(say("people.task.note"), className="note"),
            dmc.Select(id="people-about", data=words.options(ABOUT_KEYS, language), value="pigeons", allowDeselect=False,
                       **words.marks(label="people.task")),
            dmc.Select(id="people-cell", data=[], searchable=True, **words.marks(label="people.task.where")),
            dmc.Button(say("people.task.make"), id="people-make", size="compact-sm"),
            html.P(id="people-told", className="note", role="status"),
            dmc.CheckboxGroup(html.Div([], id="people-list", className="stack"), id="people-done", value=[])],
            className="stack")),
        panels.section("people.unit", html.Div([
            html.P(say("people.unit.note"), className="note"),
            dmc.TextInput(id="people-object", placeholder="cy-0005", debounce=True, **words.marks(label="people.unit.object")),
            html.Div(id="people-units")], className="stack")),
        panels.section("people.schemes", html.Div(id="people-problems")),
    ]


def register(app: dash.Dash, gate_of: Callable[[str], tuple[District, Gate]], task_of: Callable[[str, str, str], Task],
             district_of: Callable[[str], District]) -> None:
    """Callbacks: ``gate_of`` a district's name, ``task_of`` its name, what a task is about and a cell."""

    @answers(app, Output("people-cell", "data"), Output("people-cell", "value"), Input("people-district", "value"))
    def cells(name: str) -> Any:
        _, gate = gate_of(name)
        drawn = gate.schemes.cells
        drawn = drawn[(drawn["scheme"] == "household") & drawn["level"].isin(["grid", "community", "district"])]
        names = [{"value": cell, "label": f"{cell} {title or ''}".strip()}
                 for cell, title in zip(drawn["id"], drawn["name"], strict=True)]
        return names, names[-1]["value"] if names else None

    @answers(app, Output("people-list", "children"), Output("people-done", "value"), Input("people-make", "n_clicks"),
             State("people-district", "value"), State("people-about", "value"), State("people-cell", "value"),
             prevent_initial_call=True)
    def make(_n: int, name: str, about: str, cell: str | None) -> Any:
        if not cell:
            raise BadInput("a task needs a place", mend="choose a grid or a community")
        made = task_of(name, about, cell)
        concerned = html.P(say("people.task.hidden") if made.concerned is None
                           else say("people.task.concerned", n=made.concerned), className="note")
        return [concerned, *[dmc.Checkbox(label=place, value=place, size="xs") for place in made.courtyards]], []

    @answers(app, Output("people-told", "children"), Input("people-done", "value"), Input("people-list", "children"),
             prevent_initial_call=True)
    def progress(done: list[str], listed: list[Any]) -> Any:
        return say("people.task.progress", done=len(done or []), all=max(len(listed or []) - 1, 0))

    @answers(app, Output("people-units", "children"), Input("people-object", "value"), Input("people-district", "value"),
             Input("language", "data"), prevent_initial_call=True)
    def responsible(object_id: str | None, name: str, language: str) -> Any:
        if not object_id:
            return []
        district = district_of(name)
        found = Schemes.of(district).responsible(district, object_id.strip())
        return panels.facts([(f"{_scheme(r.scheme, language)}, {_level(r.level, language)}",
                              [str(r.cell), " ", str(r.name or ""), " ", say(f"people.how.{r.how.split()[0]}")])
                             for r in found.itertuples(index=False)])

    @answers(app, Output("people-problems", "children"), Input("people-district", "value"), Input("language", "data"))
    def problems(name: str, language: str) -> Any:
        found = Schemes.of(district_of(name)).problems()
        return panels.facts([(f"{_scheme(r.scheme, language)}, {_level(r.level, language)}", _problem(r))
                             for r in found.itertuples(index=False) if r.level == "grid"])


def _scheme(name: str, language: str) -> str:
    return words.text(f"scheme.{name}", language)


def _level(name: str, language: str) -> str:
    return words.text(f"level.{name}", language)


def _problem(row: Any) -> list[Any]:
    """What is amiss in one scheme and level, or that nothing is."""
    found = [say(f"people.schemes.{key}", n=int(n)) for key, n in (
        ("gap", row.places_in_none), ("twice", row.claimed_twice), ("beyond", row.beyond_parent)) if n]
    return [part for k, one in enumerate(found) for part in ((", " if k else ""), one)] or [say("people.schemes.none")]
