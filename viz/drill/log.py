"""A drill in the log: every inject and decision, where units are and how many people there are, as ``drill:<id>``."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from sim.drill.msel import clock
from twin.live import Observation, drill
from twin.store import Log

EVERY_S = 10.0
"""Scenario time between two looks at units and people [s]."""
_KINDS = {"steward": "steward", "medic": "medic", "police": "patrol", "guard": "guard", "fire": "fire", "traffic": "traffic"}


class DrillLog:
    """Keeps one drill in a log. ``origin`` is the district's, in its CRS [m]."""

    def __init__(self, store: Log, drill_id: str, origin: tuple[float, float]) -> None:
        self.store, self.stream, self.origin = store, drill(drill_id), origin
        self._decided: dict[int, str] = {}
        self._told: dict[int, str] = {}
        self._looked = -EVERY_S
        self._t = 0.0

    def take(self, parts: dict[str, Any]) -> None:
        """Keep what is new in the parts that have changed."""
        made: list[Observation | None] = []
        if "clock" in parts:
            self._t = float(parts["clock"]["t"])
        for line in parts.get("lines", ()):
            if line["state"] != "waiting" and self._told.get(line["serial"]) != line["state"]:
                self._told[line["serial"]] = line["state"]
                made.append(self._note(f"{clock(line['out_s'])} inject {line['serial']} ({line['state']}) to {line['to']}: "
                                       f"{line['inject']}", "inject", None, f"inject:{line['serial']}"))
        for decision in parts.get("decisions", ()):
            if self._decided.get(decision["number"]) != decision["outcome"]:
                self._decided[decision["number"]] = decision["outcome"]
                made.append(self._note(f"{clock(decision['at_s'])} {decision['do']}: {decision['outcome']}. {decision['said']}",
                                       "decision", decision["who"], f"decision:{decision['number']}"))
        if self._t - self._looked >= EVERY_S:
            if "units" in parts:
                self._looked = self._t
                made += [self._position(unit) for unit in parts["units"]]
            if "clock" in parts:
                made.append(self._made("crowd", "exercise", {"people_count": parts["clock"]["people"]}))
        found = [one for one in made if one is not None]
        if found:
            self.store.append(found)

    def _note(self, text: str, thing: str, who: str | None, about: str) -> Observation | None:
        for by in (who, None):  # who is no call-sign, and words that the log does not take, are left out
            value = {"text": text[:280], "about": about} | ({"by": by} if by else {})
            made = self._made("note", thing, value)
            if made is not None:
                return made
        return self._made("note", thing, {"text": about, "about": about})

    def _position(self, unit: dict[str, Any]) -> Observation | None:
        value = {"unit": _KINDS.get(unit["kind"]), "status": "free" if unit["free"] else "busy"}
        return self._made("position", unit["id"], {key: v for key, v in value.items() if v}, (unit["x"], unit["y"]))

    def _made(self, kind: str, thing: str, value: dict[str, Any], at: tuple[float, float] | None = None) -> Observation | None:
        now = datetime.now(UTC)
        place = {} if at is None else {"x": at[0] + self.origin[0], "y": at[1] + self.origin[1]}
        try:
            return Observation.model_validate({
                "id": f"drill-{uuid.uuid4().hex[:20]}", "stream": self.stream, "source": "exercise", "kind": kind,
                "object": thing, "observed_at": now, "received_at": now, "value": value, **place})
        except ValidationError:
            return None
