"""Numbers of a scenario by their place in it, such as ``layouts.A.checkpoints.north-west.lanes`` or ``demand.*.people``.

A place is keys with dots between them; ``*`` stands for every key. Things in a list go by their id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from sim.scenario import Scenario
from twin.errors import BadInput


@dataclass(frozen=True)
class Parameter:
    """A number that is varied: its place, and from where to where. With ``times`` what stands there is multiplied."""

    place: str
    low: float
    high: float
    times: bool = False

    @staticmethod
    def read(text: str) -> Parameter:
        """From ``PLACE=LOW..HIGH``, or ``PLACE=x0.8..x1.2`` for factors.

        >>> Parameter.read("demand.*.people=x0.8..x1.2")
        Parameter(place='demand.*.people', low=0.8, high=1.2, times=True)
        """
        place, _, ends = text.partition("=")
        low, _, high = ends.partition("..")
        times = low.startswith("x") and high.startswith("x")
        try:
            first, last = (float(end.removeprefix("x")) for end in (low, high))
        except ValueError:
            first = last = float("nan")
        if not place or low.startswith("x") != high.startswith("x") or not first < last:
            raise BadInput(f"{text!r} says nothing that can be varied",
                           mend="write PLACE=LOW..HIGH, such as staff.speed=1.2..2.0, or PLACE=x0.8..x1.2 for factors")
        return Parameter(place.strip(), first, last, times)


def put(scenario: Scenario, values: dict[Parameter, float]) -> Scenario:
    """The scenario with other numbers at some places; whole numbers stay whole. Raises :class:`BadInput` where it cannot."""
    data = scenario.model_dump(mode="json", exclude_none=True)
    for parameter, value in values.items():
        found = _find(data, parameter.place.split("."))
        if not found:
            raise BadInput(f"there is nothing at {parameter.place}", where=scenario.name,
                           mend="name its keys with dots between them, things of a list by their id")
        for holder, key in found:
            was = holder[key]
            if isinstance(was, bool) or not isinstance(was, (int, float)):
                raise BadInput(f"what stands at {parameter.place} is no number", where=scenario.name, mend="name one that is")
            now = was * value if parameter.times else value
            holder[key] = round(now) if isinstance(was, int) else now
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadInput(f"{'.'.join(map(str, first['loc']))} cannot be what is asked for: {first['msg']}", where=scenario.name,
                       mend="narrow what is varied") from None


def _find(data: Any, keys: list[str]) -> list[tuple[Any, Any]]:
    """Where keys lead to: the dict or list that holds the value, and its key there."""
    key, rest = keys[0], keys[1:]
    if isinstance(data, dict):
        here = list(data) if key == "*" else [known for known in data if str(known) == key]
    elif isinstance(data, list):
        here = [k for k, item in enumerate(data)
                if key in ("*", str(k)) or (isinstance(item, dict) and item.get("id") == key)]
    else:
        return []
    if not rest:
        return [(data, one) for one in here]
    return [found for one in here for found in _find(data[one], rest)]
