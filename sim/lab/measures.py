"""What a lab run is summed up by, with units."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sim.lab import area_of, line_of
from sim.lab.experiment import Findings

UNITS = {
    "people": "persons",
    "out": "persons",
    "inside": "persons",
    "not_let_in": "persons",
    "waited_outside": "persons",
    "evacuation_p50": "s",
    "evacuation_p95": "s",
    "evacuation_p100": "s",
    "travel_mean": "s",
    "density_peak": "1/m²",
    "stuck_max": "persons",
    "stuck": "persons",
    "gave_way": "times",
    "gave_up": "times",
    "incapacitated": "persons",
    "dose_max": "1",
    "company_spread": "m",
    "company_spread_p95": "m",
    "company_waits": "times",
    "company_wait_mean": "s",
    "left_behind": "persons",
    "end": "s",
    "crossed": "persons",
    "flow": "1/s",
    "flow_per_m": "1/(m s)",
    "flow_middle": "1/s",
    "density": "1/m²",
    "density_max": "1/m²",
    "speed": "m/s",
}
"""Unit by measure; measures of a line or an area carry its name after a colon, such as ``flow:door``."""
WAITED = 0.15
"""Somebody who comes in later than this after they were due has waited outside [s]."""


def unit(measure: str) -> str:
    """The unit of a measure, whatever line or area it belongs to."""
    return UNITS[measure.partition(":")[0]]


def measures(findings: Findings) -> dict[str, float]:
    """The measures of one run.

    ``evacuation_pN``: when N of 100 people were out, all people counted, NaN if the run ended before that.
    ``flow``: those who crossed a line but the first, per second between the first and the last; ``flow_middle``: the
    same for the middle 70 of 100 who crossed; ``flow_per_m``: ``flow_middle`` per metre of the line on the ground.
    ``density`` and ``speed`` of an area: means over the time steps from the first to the last in which somebody was
    there, speed over people. ``not_let_in``: who still waited outside at the end. ``stuck``: who got nowhere for over a
    minute at any time. ``company_spread``: the way between the first and the last of a company.
    """
    people = findings.people
    due = people[people["due_s"] <= findings.end_s]
    entered, out = due["entered_s"].to_numpy(), due["out_s"].to_numpy()
    got_in, gone = np.isfinite(entered), np.isfinite(out)
    late = due["entered_s"].fillna(np.inf).to_numpy() - due["due_s"].to_numpy() > WAITED
    table = {
        "people": float(len(due)),
        "out": float(gone.sum()),
        "inside": float((got_in & ~gone).sum()),
        "not_let_in": float((~got_in).sum()),
        "waited_outside": float(late.sum()),
        **{f"evacuation_p{share}": _share_out(out, share) for share in (50, 95, 100)},
        "travel_mean": float(np.mean(out[gone] - entered[gone])) if gone.any() else np.nan,
        "density_peak": float(findings.series["density_max"].max()),
        "stuck_max": float(findings.series["stuck"].max()),
        "stuck": float(people["stuck"].sum()),
        "gave_way": float(findings.gave_way),
        "gave_up": float(people["gave_up"].sum()),
        **_in_company(findings),
        **_in_smoke(findings),
        "end": findings.end_s,
    }
    assert findings.lab.walkable is not None
    ground = area_of(findings.lab.walkable)
    for name, ref in findings.lab.measure.lines.items():
        table |= _flow(findings, name, line_of(ref).intersection(ground).length)
    for name in findings.lab.measure.areas:
        table |= _area(findings.areas[findings.areas["area"] == name], name)
    return table


def crossing_times(findings: Findings, line: str) -> np.ndarray:
    """When people crossed a line, either way: (n,) float64 ascending [s]."""
    rows = findings.crossings[findings.crossings["line"] == line]
    return np.repeat(rows["time_s"].to_numpy(float), (rows["forward"] + rows["backward"]).to_numpy(int))


def flow_of(times: np.ndarray) -> float:
    """Flow [1/s] of passages at times (n,) ascending: all but the first, between the first and the last; 0 for fewer
    than two."""
    return float((len(times) - 1) / (times[-1] - times[0])) if len(times) > 1 and times[-1] > times[0] else 0.0


def _flow(findings: Findings, name: str, length: float) -> dict[str, float]:
    times = crossing_times(findings, name)
    middle = times[int(0.15 * len(times)) : int(0.85 * len(times)) + 1]
    return {
        f"crossed:{name}": float(len(times)),
        f"flow:{name}": flow_of(times),
        f"flow_middle:{name}": flow_of(middle),
        f"flow_per_m:{name}": flow_of(middle) / length if length else np.nan,
    }


def _in_company(findings: Findings) -> dict[str, float]:
    """How well companies keep together; nothing where nobody has company."""
    people = findings.people[findings.people["company"] >= 0]
    if not len(people):
        return {}
    waited = people.loc[people["waits"] > 0, "waited_s"]
    return {
        "company_spread": findings.company_spread,
        "company_spread_p95": findings.company_spread_p95,
        "company_waits": float(people["waits"].sum()),
        "company_wait_mean": float(waited.mean()) if len(waited) else 0.0,
        "left_behind": float((people["left_behind"] > 0).sum()),
    }


def _in_smoke(findings: Findings) -> dict[str, float]:
    """What people breathed; nothing where there is no smoke."""
    if not findings.lab.smoke:
        return {}
    people = findings.people
    return {"incapacitated": float(people["down_s"].notna().sum()), "dose_max": float(people["dose"].max())}


def _area(rows: pd.DataFrame, name: str) -> dict[str, float]:
    there = np.flatnonzero(rows["people"].to_numpy() > 0)
    if not len(there):
        return {f"density:{name}": 0.0, f"density_max:{name}": 0.0, f"speed:{name}": np.nan}
    span = rows.iloc[there[0] : there[-1] + 1]
    count = span["people"].to_numpy(float)
    return {
        f"density:{name}": float(span["density"].mean()),
        f"density_max:{name}": float(span["density"].max()),
        f"speed:{name}": float((span["speed"].fillna(0).to_numpy() * count).sum() / count.sum()),
    }


def _share_out(out: np.ndarray, percent: float) -> float:
    """Time by which a share of all (n,) is out [s]; NaN if that never happened."""
    known = np.sort(out[np.isfinite(out)])
    needed = int(np.ceil(len(out) * percent / 100))
    return float(known[needed - 1]) if 0 < needed <= len(known) else float("nan")
