"""The after-action report: one page in English or Chinese that opens offline and prints without cut tables."""

from __future__ import annotations

import base64
import io
import json
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader
from PIL import Image

from sim.drill.drill import Decision
from sim.drill.folder import Record
from sim.drill.marks import Answer, ObjectiveMarks, answers, marks
from sim.drill.msel import clock
from sim.drill.plan import DrillPlan
from sim.drill.report_words import EVENTS, WORDS
from sim.measures import MEASURES, measure, readable

FRUIN = ((49, 104, 189), (38, 157, 160), (84, 168, 75), (236, 202, 48), (240, 134, 34), (207, 42, 39))
"""Colours of the levels of service A to F."""
SHOWN = ("people_entered", "people_left", "reached_venue", "density_peak", "person_min_above_3_5", "person_min_above_5",
         "queue_max", "wait_p95", "response_mean", "response_max", "unanswered", "clearance_p95", "stuck_max", "cut_off")
_CURVES = {"inside": "#2a72c4", "queueing": "#c4780c", "density_max": "#b3261e"}
_CSS = {"in time": "in", "late": "late", "missed": "missed", "not asked": "not"}


def report(record: Record, language: str = "en") -> str:
    """The report of a drill as one HTML page."""
    t, zh, plan = WORDS[language], language == "zh", record.plan
    given = marks(plan, record.info["lines"], record.decisions, record.metrics)
    environment = Environment(loader=PackageLoader("sim.drill", "."), autoescape=True, trim_blocks=True)
    return environment.get_template("report.html.j2").render(
        zh=zh, t=t, clock=clock, title=(plan.title_zh if zh else "") or plan.title or plan.name,
        about=(plan.about_zh if zh else "") or plan.about, began=_moment(record.info.get("began", "")), ended=record.ended_at_s,
        trainees=", ".join(f"{who} ({_role(plan, role, zh)})" for who, role in record.info["trainees"].items()) or t["nobody"],
        level=record.info.get("level", 4), objectives=[_objective(o, t, zh) for o in given],
        reached=[_reached(r, language) for o in given for r in o.outcomes],
        answers=[_answer(a, t) for a in answers(record.info["lines"], record.decisions)],
        curves=[_curve(record.run.series, key, colour, record.ended_at_s, t) for key, colour in _CURVES.items()],
        ticks=_ticks(record), map=_map(record), measures=_measures(record, language), whatifs=_whatifs(record, language, t),
        timeline=_timeline(record, t, zh), hash=record.hash, seed=record.seed,
        engine=", ".join(f"{name} {number}" for name, number in record.info["engine"].items()))


def _moment(text: str) -> str:
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return "–"


def _role(plan: DrillPlan, name: str, zh: bool) -> str:
    role = plan.roles.get(name)
    return name if role is None else (role.title_zh if zh else "") or role.title


def _objective(marked: ObjectiveMarks, t: dict[str, str], zh: bool) -> dict[str, Any]:
    counts = {mark: sum(a.mark == mark for a in marked.answers) for mark in ("in time", "late", "missed")}
    said = [f"{t[mark]}: {count}" for mark, count in counts.items() if count]
    if marked.outcomes:
        said.append(f"{t['met']}: {sum(r.met for r in marked.outcomes)}/{len(marked.outcomes)}")
    return {"title": (marked.objective.title_zh if zh else "") or marked.objective.title, "share": marked.share,
            "said": " · ".join(said) or t["none"]}


def _reached(reached: Any, language: str) -> dict[str, Any]:
    outcome = reached.outcome
    sign, bound = ("≤", outcome.most) if outcome.most is not None else ("≥", outcome.least)
    kind = measure(outcome.measure)
    return {"label": kind.label(language), "bound": f"{sign} {readable(bound)} {kind.unit}", "value": readable(reached.value),
            "met": reached.met}


def _answer(answer: Answer, t: dict[str, str]) -> dict[str, Any]:
    decision = answer.decision
    return {"serial": answer.inject.serial, "asked": "–" if answer.asked_at_s is None else clock(answer.asked_at_s),
            "expected": str(answer.expected), "done": f"{clock(decision.at_s)} {decision.do}" if decision else "–",
            "who": decision.who if decision else "", "took": f"{answer.took_s:.0f} s" if answer.took_s is not None else "–",
            "mark": t[answer.mark], "css": _CSS[answer.mark], "note": answer.inject.note}


def _curve(series: pd.DataFrame, key: str, colour: str, end: float, t: dict[str, str]) -> dict[str, Any]:
    times, values = series["time_s"].to_numpy(float), np.nan_to_num(series[key].to_numpy(float))
    step = max(len(times) // 700, 1)
    if len(times) % step:
        pad = -len(times) % step
        times, values = np.append(times, [times[-1]] * pad), np.append(values, [values[-1]] * pad)
    times, values = times[::step], values.reshape(-1, step).max(axis=1) if len(values) else values
    top = float(values.max(initial=0.0)) or 1.0
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(46 + 744 * times / max(end, 1.0), 106 - 92 * values / top, strict=True))
    return {"label": t[f"curve {key}"], "points": points, "colour": colour, "top": readable(top)}


def _ticks(record: Record) -> list[dict[str, Any]]:
    """Where injects and decisions stand on the curves."""
    end = max(record.ended_at_s, 1.0)
    out = [{"x": round(46 + 744 * line["at_s"] / end, 1), "colour": "#6b2fa0", "dash": "2 3", "y": 10,
            "text": line["inject"]["serial"]}
           for line in record.info["lines"] if line["state"] == "out"]
    return out + [{"x": round(46 + 744 * d.at_s / end, 1), "colour": "#1f5fa8", "dash": "none", "text": f"#{d.number}", "y": 117}
                  for d in record.decisions if d.order is not None and d.outcome in ("done", "under way")]


def _map(record: Record) -> str:
    """The highest density of each cell by level of service, as a picture in the page; empty where nobody walked."""
    maps = record.run.maps(record.seed)
    seen = np.nan_to_num(maps["person_s"])[::-1] > 0
    if not seen.any():
        return ""
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    part = slice(max(rows[0] - 5, 0), rows[-1] + 6), slice(max(columns[0] - 5, 0), columns[-1] + 6)
    level = np.nan_to_num(maps["level_max"])[::-1][part].astype(int)
    picture = np.where(seen[part][..., None], np.array(FRUIN, np.uint8)[np.clip(level, 0, 5)], np.uint8(246)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def _measures(record: Record, language: str) -> list[dict[str, str]]:
    keys = [key for key in record.metrics if key in SHOWN or ":" in key]
    return [_row(key, record.metrics[key], language) for key in sorted(keys, key=lambda key: (":" in key, list(MEASURES).index(
        key.partition(":")[0])))]


def _row(key: str, value: float, language: str) -> dict[str, str]:
    kind = measure(key)
    return {"label": kind.label(language), "value": readable(value), "unit": kind.unit}


def _whatifs(record: Record, language: str, t: dict[str, str]) -> list[dict[str, Any]]:
    """What was found by playing it again with something changed (``whatif.json``)."""
    file = record.path / "whatif.json"
    if not file.is_file():
        return []
    shown = []
    for told in json.loads(file.read_text(encoding="utf-8")):
        what = [t["without"].format(number=d.number, do=d.do) for d in record.decisions if d.number in told["drop"]]
        what += [t["with"].format(at=clock(at_s), do=line) for at_s, line, _ in told["give"]]
        rows = [{"label": measure(key).label(language), "was": readable(was), "now": readable(now), "unit": measure(key).unit}
                for key, was, now in told["differs"] if key in SHOWN or ":" in key]
        shown.append({"what": " · ".join(what) or t["unchanged"], "rows": rows})
    return shown


def _outcome(decision: Decision) -> str:
    return "carried out" if decision.outcome == "done" else decision.outcome


def _timeline(record: Record, t: dict[str, str], zh: bool) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for line in record.info["lines"]:
        if line["state"] != "waiting":
            inject = line["inject"]
            text = (inject.get("inject_zh") if zh else "") or inject["inject"]
            rows.append({"at_s": line["at_s"], "kind": "inject", "name": f"{t['inject']} {inject['serial']}", "what": text,
                         "who": f"{inject['from']} → {inject['to']}", "said": t["skipped"] if line["state"] == "skipped" else "",
                         "outcome": line["state"], "order": 0})
    for decision in record.decisions:
        rows.append({"at_s": decision.at_s, "kind": "decision", "name": f"#{decision.number}", "what": decision.do,
                     "who": f"{decision.who} ({_role(record.plan, decision.role, zh)})",
                     "said": f"{t[_outcome(decision)]}{': ' if decision.said else ''}{decision.said}",
                     "outcome": decision.outcome, "order": 1})
    for event in record.run.events.itertuples():
        if event.kind in EVENTS:
            words = EVENTS[event.kind][1 if zh else 0]
            rows.append({"at_s": float(event.time_s), "kind": "event", "name": words, "what": event.note or event.object,
                         "who": "" if event.note in ("", event.object) else event.object, "said": "", "outcome": "", "order": 2})
    return sorted(rows, key=lambda row: (row["at_s"], row["order"]))
