"""``hutong protect``: is the plan whole, how soon is help there, which posts to move, and patrols that nobody foretells."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from sim.measures import readable
from sim.place import district_of
from sim.protection import Arrivals, Check, Moves, Period, Plan, Schedule, make_ready
from sim.scenario_file import load
from viz.cli import output

app = typer.Typer(no_args_is_help=True, help="The protection plan: zones, posts, rounds and reserves against risks and problems.")

File = Annotated[Path, typer.Argument(help="Scenario file (YAML) with `protection:`.")]
Which = Annotated[str, typer.Option("--layout", "-l", help="Layout of the scenario; the first if missing.")]
RunFolder = Annotated[Path | None, typer.Option("--run", help="Run folder: the crowding that a rehearsal found.")]
Page = Annotated[Path | None, typer.Option("-o", "--out", help="Page (HTML) with the map to write.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def _plan(scenario: Path, layout: str) -> Plan:
    spec = load(scenario)
    return make_ready(district_of(spec), spec, layout or next(iter(spec.layouts)))


def _crowd(plan: Plan, run: Path | None) -> list[Period] | None:
    from sim.protection import rehearsed
    from sim.run import Run
    return rehearsed(plan, Run(run)) if run is not None else None


def _write(path: Path | None, page: str) -> None:
    if path is not None:
        draft = path.with_name(f".{path.name}.part")
        draft.write_text(page, encoding="utf-8")
        draft.replace(path)
        output.err.print(f"wrote {path}")


@app.command("check")
def show_check(scenario: File, layout: Which = "", run: RunFolder = None, out: Page = None, json: Json = False) -> None:
    """Zones, posts, rounds and reserves set against risk places: what is missing, who is where, what nobody sees."""
    from sim.protection import check
    from viz.report.protection_page import check_page
    with output.busy("looking at the plan"):
        plan = _plan(scenario, layout)
        found = check(plan, _crowd(plan, run))
    _write(out, check_page(plan, found) if out else "")
    if json:
        output.print_json(_check_told(plan, found))
        return
    output.out.print(f"{plan.staff:,} staff at {len(plan.stations)} posts and patrols, {len(plan.risks)} risk places, "
                     f"{len(plan.grids)} grids")
    first = found.forces[found.forces["time_s"] == found.moments[0]]
    kinds = sorted(first["kind"].unique())
    table = first.pivot_table(index="zone", columns="kind", values="staff", fill_value=0, aggfunc="sum")
    output.table("staff at the start", ["zone", *kinds],
                 [[str(zone), *(f"{int(row[kind]):,}" for kind in kinds)] for zone, row in table.iterrows()])
    output.out.print(f"in sight: {100 * found.sight.share('street'):.1f} % of the streets in the zones by length, "
                     f"{100 * found.sight.share('gate'):.1f} % of the courtyard gates")
    for problem in found.problems:
        output.out.print(f"- {problem}", markup=False)
    if not found.problems:
        output.out.print("nothing is missing")


def _check_told(plan: Plan, found: Check) -> dict[str, Any]:
    return {"scenario": plan.scenario.name, "layout": plan.layout_name, "staff": plan.staff, "stations": len(plan.stations),
            "risk_places": len(plan.risks), "grids": len(plan.grids), "problems": found.problems,
            "moments_s": found.moments, "forces": found.forces.to_dict("records"), "by_grid": found.grids.to_dict("records"),
            "risks": found.risks.to_dict("records"), "streets_seen": found.sight.share("street"),
            "gates_seen": found.sight.share("gate"), "seen_at_s": found.sight_at_s,
            "blind_spots": found.sight.blind[["id", "kind", "of", "x", "y", "length_m", "zone", "grid"]].to_dict("records")}


@app.command("arrival")
def show_arrival(scenario: File, layout: Which = "", run: RunFolder = None,
                 replications: Annotated[int, typer.Option("--replications", "-n", min=2, max=2000)] = 40,
                 out: Page = None, json: Json = False) -> None:
    """How soon help is there by kind of problem: turnout, travel and response with percentiles, in the crowd."""
    from sim.protection import arrivals, prepare
    from viz.report.protection_page import arrival_page
    with output.bar("answering calls", replications + 1) as done:
        plan = _plan(scenario, layout)
        prepared = prepare(plan, plan.stations, _crowd(plan, run))
        done(1)
        found = arrivals(plan, prepared, replications=replications, on_progress=lambda share: done(1 + share * replications))
    _write(out, arrival_page(plan, found) if out else "")
    if json:
        output.print_json({"scenario": plan.scenario.name, "layout": plan.layout_name, "replications": replications,
                           "problems": found.table.to_dict("records")})
        return
    _arrival_table(plan, found, replications)


def _arrival_table(plan: Plan, found: Arrivals, replications: int) -> None:
    rows = []
    for row in found.table.to_dict("records"):
        spans = [" / ".join(readable(row[f"{part}_p{p}"]) for p in (50, 90, 95))
                 for part in ("turnout", "travel", "first", "whole")]
        rows.append([str(row["problem"]), f"{row['calls']:,}", *spans, f"{row['within_min']:g} min",
                     f"{100 * row['share_in_time']:.1f} ({100 * row['low']:.1f} … {100 * row['high']:.1f})",
                     f"{100 * row['promised']:.0f}", str(row["verdict"])])
    output.table(f"{plan.scenario.name}, layout {plan.layout_name}: seconds at the 50th / 90th / 95th percentile, "
                 f"{replications} replications",
                 ["problem", "calls", "turnout", "travel", "first there", "all there", "promise", "in time % (95 %)",
                  "promised %", ""], rows)


@app.command("posts")
def move_posts(scenario: File, layout: Which = "", run: RunFolder = None,
               problem: Annotated[str | None, typer.Option(help="Problem to be answered sooner; the worst if missing.")] = None,
               moves: Annotated[int, typer.Option(min=1, max=20, help="At most so many posts move.")] = 3,
               replications: Annotated[int, typer.Option("--replications", "-n", min=2, max=2000)] = 30,
               out: Page = None, json: Json = False) -> None:
    """Which posts to move: maximal covering proposes, simulation on the same calls decides."""
    from sim.protection import propose
    from viz.report.protection_page import moves_page
    with output.bar("moving posts", 1.0) as done:
        plan = _plan(scenario, layout)
        found = propose(plan, problem, most=moves, periods=_crowd(plan, run), replications=replications, on_progress=done)
    _write(out, moves_page(plan, found) if out else "")
    if json:
        output.print_json(_moves_told(found))
        return
    output.out.print(f"{found.problem}: {100 * found.share_now:.1f} % in time now; covering counts "
                     f"{100 * found.covered_now:.1f} %")
    output.table("proposals", ["posts that move", "covering %", "in time %", "better by (95 %)", ""],
                 [[", ".join(f"{m.post} to {m.site}" for m in p.moves), f"{100 * p.covered:.1f}", f"{100 * p.share:.1f}",
                   f"{100 * p.better:+.1f} ({100 * p.low:+.1f} … {100 * p.high:+.1f})",
                   "take" if k == found.best else "better" if p.taken else "no"] for k, p in enumerate(found.proposals)])


def _moves_told(found: Moves) -> dict[str, Any]:
    return {"problem": found.problem, "share_now": found.share_now, "covered_now": found.covered_now, "best": found.best,
            "proposals": [{"moves": [{"post": m.post, "from": m.from_xy, "to": m.to_xy, "site": m.site} for m in p.moves],
                           "covered": p.covered, "bound": p.bound, "share": p.share, "better": p.better, "low": p.low,
                           "high": p.high, "taken": p.taken,
                           "others": {name: {"better": b, "low": low, "high": high} for name, (b, low, high) in p.others.items()}}
                          for p in found.proposals]}


@app.command("schedule")
def show_schedule(scenario: File, layout: Which = "",
                  slots: Annotated[int | None, typer.Option(min=1, max=2000, help="How many; the scenario's if missing.")] = None,
                  seed: Annotated[int | None, typer.Option(min=0, help="To draw the same again; secret if missing.")] = None,
                  out: Page = None, json: Json = False) -> None:
    """Draw patrols that nobody can foretell. Whoever knows the seed knows them."""
    from sim.protection import schedule
    from viz.report.protection_page import schedule_page
    chosen = secrets.randbits(62) if seed is None else seed
    with output.busy("drawing patrols"):
        plan = _plan(scenario, layout)
        found = schedule(plan, chosen, slots=slots)
    _write(out, schedule_page(plan, found) if out else "")
    if json:
        output.print_json({"seed": chosen, "value": found.value, "bound": found.bound, "fixed": found.fixed,
                           "by_comb": found.by_comb, "bits_per_slot": found.mix.bits, "tours": len(found.tours),
                           "places": found.places.to_dict("records"), "rows": found.rows.to_dict("records")})
        return
    _schedule_table(plan, found)


def _schedule_table(plan: Plan, found: Schedule) -> None:
    start = plan.scenario.start
    shown = [[f"{start + timedelta(seconds=row.start_s):%H:%M}", row.team, " → ".join(row.stops), f"{row.round_min:.0f}",
              f"{row.walk_min:.0f}"] for row in found.rows.itertuples()]
    output.table("patrols", ["from", "team", "tour", "round min", "walk min"], shown)
    output.out.print(f"an attacker who knows all but the draw can expect {found.value:.2f}; no patrols go below "
                     f"{found.bound:.2f}; the same tours every time: {found.fixed:.2f}; {found.mix.bits:.1f} bits a slot")
