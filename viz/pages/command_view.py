"""The live picture as the command page shows it: marks in the scene, rows of the lists, big numbers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from twin.cases import TYPES, Case
from twin.places import District
from viz import words
from viz.live.picture import Picture, Thing
from viz.pages.legend import FRUIN_FROM

CASE_STATES = ("reported", "dispatched", "arrived", "handled", "verified", "closed", "assessed")
SHOWN_STATES = CASE_STATES[:5]
LISTS = {name: f"command.list.{name}" for name in ("cases", "alarms", "units", "cameras", "log")}
COLUMNS: dict[str, list[str]] = {
    "cases": ["type", "state", "late", "age", "units", "level", "id"],
    "alarms": ["grave", "what", "about", "state", "age", "by"],
    "units": ["id", "doing", "age", "accuracy", "unit", "grid"],
    "cameras": ["id", "people", "los", "trend", "density", "age"],
    "log": ["at", "what", "about", "by"],
}
LOG_S = 24 * 3600.0
"""How far back the duty log goes [s]."""
_OPEN_ALARMS = ("raised", "escalated")
_TREND = {1: "▲", 0: "", -1: "▼"}
_TREND_SIGN = {1: "-up", 0: "", -1: "-down"}
_UNITS = {"density": "/m²", "flow": "/s", "speed": "m/s", "people_count": "", "occupancy": "%", "pressure": "/s²"}


def level_of_service(density: float | None) -> str | None:
    """Fruin's letter for walking at a density [1/m2]."""
    if density is None:
        return None
    return "ABCDEF"[int(np.searchsorted(FRUIN_FROM, density, side="right")) - 1]


def type_word(name: str, language: str) -> str:
    """What a type of case is called."""
    kind = TYPES.get(name, TYPES["other"])
    return kind.zh if language == "zh" else kind.en


class Places:
    """Where things of the district are, local metres: for reports that name a thing but no place."""

    def __init__(self, district: District) -> None:
        parts = district.parts
        chosen = parts[parts["kind"].isin(["camera", "gate", "barrier"])]
        x0, y0 = district.origin
        self._at = {
            str(i): (float(g.x) - x0, float(g.y) - y0)
            for i, g in zip(chosen["id"], chosen.geometry, strict=True)
            if g.geom_type == "Point"
        }
        self._origin = (x0, y0)

    def of(self, thing: Thing) -> tuple[float, float] | None:
        """Where a reported thing is, or what it is about."""
        if thing.x is not None and thing.y is not None:
            return thing.x, thing.y
        return self._at.get(thing.id) or self._at.get(str(thing.value.get("about")))

    def of_case(self, case: Case) -> tuple[float, float] | None:
        """Where a case is."""
        return None if case.place is None else (case.place[0] - self._origin[0], case.place[1] - self._origin[1])


Density = Callable[[Thing], float | None]


def reported_density(camera: Thing) -> float | None:
    """The density that a camera reports itself [1/m2]."""
    density = camera.value.get("density")
    return None if density is None else float(density)


def marks(
    picture: Picture, places: Places, trends: dict[str, int], states: Collection[str], language: str
) -> list[dict[str, Any]]:
    """What the scene draws (``liveMarks``): cases in the chosen states, cameras with their level, alarms that are open."""
    found: list[dict[str, Any]] = []
    for case in picture.cases:
        at = places.of_case(case)
        if case.state.value not in states or at is None:
            continue
        late = case.is_open and case.due_at.timestamp() < picture.at_s
        name = type_word(case.type, language)
        found.append(
            {
                "id": case.id,
                "kind": "case",
                "sign": f"case-{case.state.value}{'-late' if late else ''}",
                "position": _rounded(at),
                "label": name,
                "line": f"{name} · {words.text(f'casestate.{case.state.value}', language)}"
                + (f" · {words.text('command.late', language)}" if late else ""),
            }
        )
    for camera in picture.crowds:
        at = places.of(camera)
        if at is None:
            continue
        level = level_of_service(reported_density(camera))
        stale = camera.stale(picture.at_s) or level is None
        people = camera.value.get("people_count")
        found.append(
            {
                "id": camera.id,
                "kind": "camera",
                "sign": "camera-stale" if stale else f"camera-{level}{_TREND_SIGN[trends.get(camera.id, 0)]}",
                "position": _rounded(at),
                "label": None if people is None else words.text("command.people", language, n=people),
                "line": camera_line(camera, picture.at_s, language),
            }
        )
    for alarm in picture.alarms:
        at = places.of(alarm)
        state = alarm.value.get("state")
        if at is None or state == "closed":
            continue
        found.append(
            {
                "id": alarm.id,
                "kind": "alarm",
                "sign": "alarm-open" if state in _OPEN_ALARMS else "alarm-seen",
                "position": _rounded(at),
                "label": alarm_words(alarm, language),
                "line": alarm_words(alarm, language),
            }
        )
    return found


def _rounded(at: tuple[float, float]) -> list[float]:
    return [round(at[0], 1), round(at[1], 1)]


def camera_line(camera: Thing, now_s: float, language: str) -> str:
    """One line about a camera: people, density, age."""
    people, density = camera.value.get("people_count"), camera.value.get("density")
    parts = [words.text("command.people", language, n=people)] if people is not None else []
    parts += [f"{density:.2f} /m²"] if density is not None else []
    return " · ".join([*parts, age_words(camera.age_s(now_s), language)])


def alarm_words(alarm: Thing, language: str) -> str:
    """What an alarm is about, with its reading."""
    measure = str(alarm.value.get("measure", "other"))
    reading = alarm.value.get("reading")
    said = words.text(f"measure.{measure}", language)
    return said if reading is None else f"{said} {reading:.3g} {_UNITS.get(measure, '')}".strip()


def age_words(seconds: float, language: str) -> str:
    """An age in words, such as 4 min."""
    if seconds < 90:
        return words.text("age.s", language, n=round(seconds))
    if seconds < 5400:
        return words.text("age.min", language, n=round(seconds / 60))
    return words.text("age.h", language, n=round(seconds / 3600))


def rows(picture: Picture, which: str, trends: dict[str, int], states: Collection[str], language: str) -> list[dict[str, Any]]:
    """The rows of one of :data:`LISTS`; ages and times are seconds, which the browser words."""
    make = {"cases": _case_rows, "alarms": _alarm_rows, "units": _unit_rows, "cameras": _camera_rows, "log": _log_rows}[which]
    return make(picture, trends, states, language)


def _case_rows(picture: Picture, _trends: dict[str, int], states: Collection[str], language: str) -> list[dict[str, Any]]:
    shown = [case for case in picture.cases if case.state.value in states]
    urgent = {name for name, kind in TYPES.items() if kind.urgent}
    shown.sort(key=lambda case: (not case.is_open, case.type not in urgent, case.due_at))
    return [
        {
            "id": case.id,
            "type": type_word(case.type, language),
            "state": words.text(f"casestate.{case.state.value}", language),
            "late": round((picture.at_s - case.due_at.timestamp()) / 60) if case.is_open else None,
            "age": round(picture.at_s - case.reported_at.timestamp()),
            "units": ", ".join(case.units),
            "level": words.text(f"level.{case.level.value}", language),
        }
        for case in shown[:1000]
    ]


def _alarm_rows(picture: Picture, _trends: dict[str, int], _states: Collection[str], language: str) -> list[dict[str, Any]]:
    order = {"raised": 0, "escalated": 1, "acknowledged": 2, "closed": 3}
    shown = sorted(picture.alarms, key=lambda a: (order[a.value["state"]], a.value.get("level", 4), -a.at_s))
    return [
        {
            "id": alarm.id,
            "grave": alarm.value.get("level"),
            "what": alarm_words(alarm, language),
            "about": alarm.value.get("about") or alarm.id,
            "state": words.text(f"alarmstate.{alarm.value['state']}", language),
            "age": round(picture.at_s - (alarm.first_s or alarm.at_s)),
            "by": alarm.value.get("by") or "",
        }
        for alarm in shown[:500]
    ]


def _unit_rows(picture: Picture, _trends: dict[str, int], _states: Collection[str], language: str) -> list[dict[str, Any]]:
    sent = {unit for case in picture.cases if case.is_open for unit in case.units}
    out = []
    for unit in sorted(picture.units, key=lambda u: u.id):
        doing = doing_of(unit, sent, picture.at_s)
        kind = unit.value.get("unit")
        out.append(
            {
                "id": unit.id,
                "doing": words.text(f"doing.{doing}", language),
                "age": round(unit.age_s(picture.at_s)),
                "accuracy": None if unit.accuracy_m is None else round(unit.accuracy_m),
                "unit": words.text(f"unit.{kind}", language) if kind else "",
                "grid": unit.grid or "",
            }
        )
    return out


def doing_of(unit: Thing, sent: Collection[str], now_s: float) -> str:
    """What a unit is doing: stale, busy, free, break or off."""
    if unit.stale(now_s):
        return "stale"
    if unit.id in sent:
        return "busy"
    return str(unit.value.get("status") or "free")


def _camera_rows(picture: Picture, trends: dict[str, int], _states: Collection[str], _language: str) -> list[dict[str, Any]]:
    shown = sorted(picture.crowds, key=lambda c: -(reported_density(c) or 0.0))
    return [
        {
            "id": camera.id,
            "people": camera.value.get("people_count"),
            "los": "–" if camera.stale(picture.at_s) else level_of_service(reported_density(camera)) or "–",
            "trend": _TREND[trends.get(camera.id, 0)],
            "density": camera.value.get("density"),
            "speed": camera.value.get("average_crowd_speed"),
            "age": round(camera.age_s(picture.at_s)),
        }
        for camera in shown
    ]


def _log_rows(picture: Picture, _trends: dict[str, int], _states: Collection[str], language: str) -> list[dict[str, Any]]:
    return duty_log(picture, language)[:500]


def duty_log(picture: Picture, language: str) -> list[dict[str, Any]]:
    """Notes and decisions, the newest first: ``{id, at [s since 1970], what, about, by}``."""
    found: list[dict[str, Any]] = []
    for k, note in enumerate(note for note in picture.notes if note.at_s >= picture.at_s - LOG_S):
        found.append(
            {
                "id": f"note-{k}-{note.at_s}",
                "at": note.at_s,
                "what": note.value["text"],
                "about": note.value.get("about") or "",
                "by": note.value.get("by") or note.source,
            }
        )
    for alarm in picture.alarms:
        state = alarm.value["state"]
        said = f"{words.text('command.alarm', language)}: {words.text(f'alarmstate.{state}', language)}"
        why = alarm.value.get("why")
        found.append(
            {
                "id": f"alarm-{alarm.id}-{alarm.at_s}",
                "at": alarm.at_s,
                "what": f"{said}. {why}" if why else said,
                "about": alarm.id,
                "by": alarm.value.get("by") or alarm.source,
            }
        )
    since = picture.at_s - LOG_S
    for case in picture.cases:
        for taken in reversed(case.history):
            if taken.at.timestamp() < since:
                break
            if taken.step.by.startswith(("desk", "commander")):
                said = words.text(f"step.{taken.step.step.value}", language)
                units = f" {', '.join(taken.step.units)}" if taken.step.units else ""
                found.append(
                    {
                        "id": f"case-{case.id}-{taken.at.timestamp()}",
                        "at": taken.at.timestamp(),
                        "what": f"{said}{units}. {taken.step.why}",
                        "about": case.id,
                        "by": taken.step.by,
                    }
                )
    return sorted(found, key=lambda row: -row["at"])


def numbers(picture: Picture) -> dict[str, Any]:
    """The big numbers: people counted, open cases and how many are late, units on shift and how many are free, alarms."""
    sent = {unit for case in picture.cases if case.is_open for unit in case.units}
    on_shift = picture.on_shift
    counted = [c.at_s for c in picture.crowds if not c.stale(picture.at_s)]
    return {
        "people": picture.people,
        "people_age_s": picture.at_s - min(counted) if counted else None,
        "cameras": len(counted),
        "open": len(picture.open_cases),
        "late": sum(c.due_at.timestamp() < picture.at_s for c in picture.open_cases),
        "units": len(on_shift),
        "free": sum(doing_of(u, sent, picture.at_s) == "free" for u in on_shift),
        "alarms": sum(a.value["state"] in _OPEN_ALARMS for a in picture.alarms),
    }


def state_counts(picture: Picture) -> dict[str, int]:
    """How many cases are in each state."""
    found = dict.fromkeys(CASE_STATES, 0)
    for case in picture.cases:
        if case.state.value in found:
            found[case.state.value] += 1
    return found
