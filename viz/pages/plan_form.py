"""The form of one thing of a layout: its fields, read back as values of the scenario file."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from viz import drafting, words
from viz.words import say

_NUMBERS: dict[str, tuple[float, float, float, str]] = {
    # name: least, most, step, unit
    "width": (0.6, 60, 0.5, "m"),
    "heading_deg": (-360, 360, 5, "°"),
    "lanes": (1, 64, 1, ""),
    "lane_width": (0.7, 3, 0.1, "m"),
    "staff_per_lane": (0, 20, 0.5, ""),
    "staff": (1, 500, 1, ""),
    "from_s": (0, 2880, 5, "min"),
    "until_s": (0, 2880, 5, "min"),
    "open_from_s": (0, 2880, 5, "min"),
    "open_until_s": (0, 2880, 5, "min"),
}
_KINDS = {"zone": ("core", "guard", "control"), "post": ("steward", "medic", "police")}
_IN_MINUTES = ("from_s", "until_s", "open_from_s", "open_until_s")


def form(kind: str, item: Any) -> html.Div:
    """Inputs for every field of a thing, and the button that deletes it."""
    values = drafting.fields(kind, item)
    inputs = [_input(kind, name, value, item.id) for name, value in values.items()]
    return html.Div([html.H3(item.id), html.P(say(f"tool.{kind}"), className="kind"), html.Div(
        [*inputs, dmc.Button(say("plan.delete"), id={"plan-delete": item.id}, variant="default", color="red", size="xs",
                             mt=6)], className="stack")])


def _input(kind: str, name: str, value: Any, item_id: str) -> Any:
    key = {"plan-field": name, "of": item_id}
    label = say(f"field.{name}")
    if name == "id":
        return dmc.TextInput(id=key, label=label, value=value, debounce=True, size="xs")
    if name == "fenced":
        return dmc.RadioGroup(id=key, label=label, value="yes" if value else "no", size="xs", children=dmc.Group(
            [dmc.Radio(label=say(answer), value=answer, size="xs") for answer in ("yes", "no")], mt=4))
    if name in ("kind", "direction"):
        names = _KINDS.get(kind, ("forward", "backward"))
        return dmc.RadioGroup(id=key, label=label, value=value, size="xs", children=dmc.Group(
            [dmc.Radio(label=say(f"value.{one}"), value=one, size="xs") for one in names], gap="sm", mt=4))
    least, most, step, unit = _NUMBERS[name]
    shown = round(value / 60, 2) if name in _IN_MINUTES and value is not None else value
    return dmc.NumberInput(id=key, label=label, value="" if shown is None else shown, min=least, max=most, step=step,
                           suffix=f" {unit}" if unit else "", debounce=600, size="xs")


def read(values: dict[str, Any]) -> dict[str, Any]:
    """Values of the inputs as those of the scenario file: minutes become seconds, empty becomes None."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        if value == "":
            value = None
        if name == "fenced":
            value = value == "yes"
        if name in _IN_MINUTES and value is not None:
            value = float(value) * 60
        if name == "lanes" or name == "staff":
            value = None if value is None else int(value)
        out[name] = value
    return out


def summary(kind: str, item: Any, language: str = "en") -> str:
    """One line about a thing for the table."""
    if kind == "zone":
        fenced = f" · {words.text('plan.fenced', language)}" if item.fenced else ""
        return words.text(f"value.{item.kind}", language) + fenced
    if kind == "gate":
        return f"{item.width:g} m"
    if kind == "checkpoint":
        return f"{item.lanes} × {item.lane_width:g} m"
    if kind == "post":
        return f"{words.text(f'value.{item.kind}', language)} × {item.staff}"
    if kind in ("closure", "oneway"):
        return item.street or ""
    return ""


def minutes(seconds: float) -> str:
    """Seconds after the start as minutes."""
    return f"{round(seconds / 60, 1):g} min"
