"""Pages of a protection plan: one HTML file each, with the map, that opens without a network and prints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from markupsafe import Markup, escape

from sim.measures import readable
from sim.protection import Arrivals, Check, Moves, Plan, Schedule
from viz.report.protection_map import legend, plan_map

_STYLE = """body{font:15px/1.45 system-ui,"Noto Sans CJK SC",sans-serif;margin:1.5rem auto;max-width:1120px;padding:0 1rem;
color:#1c1c1c}
table{border-collapse:collapse;margin:.6rem 0 1.4rem;break-inside:auto}tr{break-inside:avoid}
th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #ddd}th:first-child,td:first-child{text-align:left}
svg{width:100%;height:auto;border:1px solid #ccc;background:#fbfaf7}.legend span{margin-right:1rem;white-space:nowrap}
.legend i{display:inline-block;width:11px;height:11px;margin-right:.3rem}
.missed,.bad{color:#a4122b;font-weight:600}.kept{color:#1b6e34}"""


def _page(plan: Plan, title: str, *parts: str) -> str:
    head = f"{escape(plan.scenario.title or plan.scenario.name)} · {escape(plan.layout.title or plan.layout_name)}"
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}: {head}</title>'
            f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1><p>{head}: {plan.staff:,} staff, "
            f"{len(plan.stations)} posts and patrols, {len(plan.risks)} risk places, "
            f"{len(plan.grids)} grids</p>" + "".join(parts) + "</body></html>")


def _table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> Markup:
    head = "".join(f"<th>{escape(h)}</th>" for h in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return Markup(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def check_page(plan: Plan, found: Check) -> str:
    """What is missing, the map with the blind spots, forces by zone and against every risk place."""
    problems = "".join(f'<li class="bad">{escape(p)}</li>' for p in found.problems) or '<li class="kept">nothing is missing</li>'
    staff = found.forces.groupby(["time_s", "zone"], sort=False)["staff"].sum().reset_index()
    first = plan.scenario.start
    return _page(
        plan, "Protection plan", f"<ul>{problems}</ul>", plan_map(plan, blind=found.sight.blind), legend(plan),
        f"<p>In sight of posts and rounds at the worst moment: {100 * found.sight.share('street'):.1f} % of the streets in the "
        f"zones by length, {100 * found.sight.share('gate'):.1f} % of the courtyard gates.</p><h2>Forces</h2>",
        _table(["from", "zone", "staff"], [[f"{first + timedelta(seconds=r.time_s):%H:%M}", r.zone, f"{r.staff:,}"]
                                           for r in staff.itertuples()]),
        "<h2>Risk places</h2>",
        _table(["risk place", "kind", "needed", "there in time", "short", "first after [s]"],
               [[r.risk, r.kind, r.needed, r.there, r.short or "", readable(r.first_s)] for r in found.risks.itertuples()]))


def arrival_page(plan: Plan, found: Arrivals) -> str:
    """Percentiles by kind of problem, as curves and as a table."""
    parts = [_curve(plan, found, str(name)) for name in found.table["problem"]]
    rows = [[r["problem"], f"{r['calls']:,}", *(" / ".join(readable(r[f"{part}_p{p}"]) for p in (50, 90, 95))
                                               for part in ("turnout", "travel", "first", "whole")),
             f"{r['within_min']:g} min", f"{100 * r['share_in_time']:.1f} ({100 * r['low']:.1f} … {100 * r['high']:.1f})",
             f"{100 * r['promised']:.0f}", r["verdict"]] for r in found.table.to_dict("records")]
    return _page(plan, "Arrival of help", _table(
        ["problem", "calls", "turnout [s]", "travel [s]", "first there [s]", "all there [s]", "promise", "in time % (95 %)",
         "promised %", ""], rows), "<p>Seconds at the 50th / 90th / 95th percentile.</p>", *parts, plan_map(plan), legend(plan))


def _curve(plan: Plan, found: Arrivals, name: str) -> Markup:
    """Share of the calls that had turned out, and that had help, after so many seconds."""
    spec = plan.protection.problems[name]
    mine = found.calls[found.calls["problem"] == name]
    if not len(mine):
        return Markup("")
    end = 1.5 * 60 * spec.within_min
    lines = []
    for column, colour, label in (("turnout_s", "#888", "turnout"), ("first_s", "#1f4e9c", "first there"),
                                  ("whole_s", "#b3243a", "all there")):
        seconds = np.linspace(0.0, end, 121)
        share = np.searchsorted(np.sort(mine[column].dropna().to_numpy()), seconds, side="right") / len(mine)
        points = " ".join(f"{40 + 300 * s / end:.1f},{115 - 100 * p:.1f}" for s, p in zip(seconds, share, strict=True))
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"><title>{label}</title>'
                     "</polyline>")
    due = 40 + 300 * 60 * spec.within_min / end
    return Markup(
        f'<svg viewBox="0 0 360 140" style="width:32%;min-width:300px" role="img" aria-label="{escape(name)}">'
        f'<text x="40" y="11" font-size="11">{escape(spec.title or name)}: {spec.within_min:g} min for {100 * spec.share:g} %'
        "</text>"
        f'<path d="M40,15V115H340M{due:.1f},15V115M40,{115 - 100 * spec.share:.1f}H340" fill="none" stroke="#bbb"/>'
        f'{"".join(lines)}'
        f'<text x="40" y="130" font-size="10">0</text><text x="320" y="130" font-size="10">{end:.0f} s</text>'
        '<text x="8" y="22" font-size="10">100 %</text></svg>')


def moves_page(plan: Plan, found: Moves) -> str:
    """What was proposed and what simulation says, with the best moves on the map."""
    rows = [[", ".join(f"{m.post} → {m.site}" for m in p.moves), f"{100 * p.covered:.1f}", f"{100 * p.share:.1f}",
             f"{100 * p.better:+.1f} ({100 * p.low:+.1f} … {100 * p.high:+.1f})",
             "take" if k == found.best else "better" if p.taken else "no"] for k, p in enumerate(found.proposals)]
    best = found.proposals[found.best].moves if found.best is not None else []
    return _page(plan, "Which posts to move",
                 f"<p>{escape(found.problem)}: {100 * found.share_now:.1f} % answered in time as the plan is; maximal "
                 f"covering counts {100 * found.covered_now:.1f} %.</p>",
                 _table(["posts that move", "covering %", "in time %", "better by (95 %)", ""], rows), plan_map(plan, moves=best),
                 legend(plan))


def schedule_page(plan: Plan, found: Schedule) -> str:
    """The patrols by slot, what they are worth, and how well each risk place is watched."""
    start = plan.scenario.start
    worst = found.value or 1.0
    colour = {str(r.risk): f"hsl({60 - 60 * min(r.gain / worst, 1.0):.0f} 90% 60%)" for r in found.places.itertuples()}
    return _page(
        plan, "Patrols",
        f"<p>An attacker who knows all but the draw can expect {found.value:.2f}; no patrols go below {found.bound:.2f}; the "
        f"same tours every time: {found.fixed:.2f}. A slot has {found.mix.bits:.1f} bits.</p>",
        plan_map(plan, risk_colour=colour), legend(plan),
        _table(["from", "team", "tour", "round [min]", "walk to it [min]"],
               [[f"{start + timedelta(seconds=r.start_s):%H:%M}", r.team, " → ".join(r.stops), f"{r.round_min:.0f}",
                 f"{r.walk_min:.0f}"] for r in found.rows.itertuples()]),
        "<h2>Risk places</h2>",
        _table(["risk place", "weight", "met with the chance", "attacker's gain"],
               [[r.risk, f"{r.weight:g}", f"{r.chance:.3f}", f"{r.gain:.2f}"]
                for r in found.places.sort_values("gain", ascending=False).itertuples()]))
