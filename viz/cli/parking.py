"""``hutong parking``, ``hutong search`` and ``hutong bench parking``: nights of parked cars."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Annotated

import typer
import yaml

from sim.measures import readable
from twin.errors import BadInput
from twin.places import District
from viz.cli import output

app = typer.Typer(no_args_is_help=True, help="Parking nights: options compared, profiles from counts.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Plan = Annotated[Path, typer.Argument(help="Scenario file of kind parking, such as scenarios/night.yaml.")]


def _district(plan_district: str | None, name: str) -> District:
    from sim.place import builtin
    if plan_district is None:
        return District.open(builtin("xichangan"))
    if not Path(plan_district).is_file():
        raise BadInput(f"the district {plan_district} is not there", where=name,
                       mend="import it with `hutong district import MAP -o DISTRICT.gpkg`, or correct `district:`")
    return District.open(plan_district)


@app.command("compare")
def compare(scenario: Plan,
            option: Annotated[list[str] | None, typer.Option("--option", help="An option; all of them if missing.")] = None,
            replications: Annotated[int, typer.Option("--replications", "-n", min=1, help="How many seeds.")] = 20,
            seed: Annotated[int | None, typer.Option(min=0, help="First seed; the scenario's own if missing.")] = None,
            out: Annotated[Path | None, typer.Option("-o", "--out", help="Folder to write the study to.")] = None,
            overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a study that is there.")] = False,
            json: Json = False) -> None:
    """Spend the same nights with each option, and tell the differences to `as it is` with 95 % intervals."""
    from sim.parking.plan import AS_IT_IS
    from sim.parking.study import compare_options
    from sim.scenario_file import load_night
    plan = load_night(scenario)
    if out is not None and out.exists() and not overwrite:
        raise BadInput("there is something already", where=str(out), mend="give another -o, or --overwrite a study")
    district = _district(plan.district, plan.name)
    with output.bar(f"nights of {plan.name}", 1.0) as done:
        study = compare_options(district, plan, option or None, replications=replications, seed=seed, on_progress=done)
    if out is not None:
        study.save(out, overwrite=overwrite)
    if json:
        output.print_json({**study.to_dict(), "study": None if out is None else str(out)})
        return
    if study.unreachable:
        output.out.print(f"{len(study.unreachable)} places of the district cannot be driven to and stay empty, such as "
                         f"{study.unreachable[0]}: they lie further than 150 m from every street, or are cut off.", markup=False)
    means = study.metrics[study.metrics["option"] == AS_IT_IS]
    for name in study.options[1:]:
        chosen = plan.option(name)
        output.table(f"{name}: {chosen.title if chosen else ''} ({len(means)} pairs of nights)",
                     ["measure", AS_IT_IS, name, "difference", "95 % interval", "unit"],
                     [[row.label, readable(row.mean_a), readable(row.mean_b), readable(row.difference),
                       "" if row.low is None else f"{readable(row.low)} … {readable(row.high)}", row.unit]
                      for row in study.rows(name)])
    if out is not None:
        output.out.print(f"wrote {out}")


@app.command("profile")
def profile(counts: Annotated[Path, typer.Argument(help="CSV without header: car park, capacity, cars, local time.")],
            start: Annotated[int, typer.Option(min=0, max=23, help="Hour of the day at which the scenario starts.")] = 7,
            stay_h: Annotated[float, typer.Option(min=0.1, help="Mean stay that is assumed [h].")] = 3.0,
            json: Json = False) -> None:
    """Arrival and departure profiles from counts of car parks, as lines for a scenario; dirty rows are told."""
    from sim.parking.occupancy import profile as profile_of
    from sim.parking.occupancy import read_counts
    read = read_counts(counts)
    found = profile_of(read, mean_stay_s=stay_h * 3600)
    come, go = (curve.model_dump(exclude_none=True) for curve in (found.arrivals(start * 3600), found.leavings(start * 3600)))
    dirty = {name: getattr(read, name) for name in ("read", "unreadable", "negative", "over", "over_kept", "duplicate")}
    if json:
        output.print_json({**dirty, "used": len(read.rows), "arrive": come, "leave": go,
                           "occupancy": dict(zip(found.start_s.tolist(), found.occupancy.tolist(), strict=True))})
        return
    output.out.print(read.sentence(), markup=False)
    output.out.print(yaml.safe_dump({"arrive": _lists(come), "leave": _lists(go)}, default_flow_style=None, width=110),
                     markup=False)


@app.command("known")
def known(plot: Annotated[Path | None, typer.Option("--plot", help="Write search against occupancy as SVG.")] = None,
          seed: Annotated[int, typer.Option(min=0)] = 1, json: Json = False) -> None:
    """Known behaviour on the grid: search rises with occupancy (Levy 2013), bays act on extremes (PARKAGENT)."""
    from dataclasses import asdict

    from sim.parking.behaviour import known_behaviour
    with output.busy("parking on the grid"):
        found = known_behaviour(seed=seed)
    if plot is not None:
        draft = plot.with_name(f".{plot.name}.draft")
        draft.write_text(found.plot().svg(), encoding="utf-8")
        draft.replace(plot)
    change = {name: found.change(name) for name in ("mean_all_s", "mean_found_s", "gave_up", "long")}
    if json:
        output.print_json({"search_s": found.search, "supply": [asdict(s) for s in found.supply], "straight": found.straight,
                           "change": change})
        return
    output.table("search by occupancy", ["share taken", "mean search, s"],
                 [[f"{share:g}", readable(value)] for share, value in found.search.items()])
    output.table("the same cars and more bays", ["bays", "mean of all, s", "of those that found one", "gave up", "over 300 s"],
                 [[str(s.bays), readable(s.mean_all_s), readable(s.mean_found_s), str(s.gave_up), str(s.long)]
                  for s in found.supply])
    output.out.print(f"cars that give up against bays: correlation {found.straight:.3f}; from the least to the most bays " +
                     ", ".join(f"{name} {value:+.0%}" for name, value in change.items()), markup=False)


def _lists(curve: dict[str, list[tuple[float, float]]]) -> dict[str, list[list[float]]]:
    return {"profile": [list(point) for point in curve["profile"]]}


def search(scenario: Plan,
           lots: Annotated[int, typer.Option("--lots", "-k", min=1, help="How many sites to choose.")] = 1,
           measure: Annotated[str, typer.Option(help="What to make least.")] = "unserved",
           replications: Annotated[int, typer.Option("--replications", "-n", min=3, help="Nights at most.")] = 20,
           proposals: Annotated[int, typer.Option(min=1, max=50, help="Sets that the models propose.")] = 6,
           indifference: Annotated[float, typer.Option(min=0.001, help="A difference that does not matter.")] = 2.0,
           seed: Annotated[int | None, typer.Option(min=0)] = None, json: Json = False) -> None:
    """Choose sites for new lots: covering and p-median propose, simulated nights decide and say how sure they are."""
    from dataclasses import asdict

    from sim.parking.siting import site_lots
    from sim.scenario_file import load_night
    plan = load_night(scenario)
    district = _district(plan.district, plan.name)
    with output.bar("nights at the proposed sites", 1.0) as done:
        found = site_lots(district, plan, lots, measure=measure, proposals=proposals, replications=replications,
                          indifference=indifference, seed=seed, on_progress=done)
    if json:
        output.print_json({"sentence": found.sentence(), **asdict(found)})
        return
    output.out.print(f"[bold]{found.sentence()}[/bold]")
    output.table("proposed sets", ["sites", "model", "mean", "to the best", "95 % interval", "nights"],
                 [[" + ".join(c.sites), c.proposed_by, readable(c.mean), readable(c.difference),
                   "" if c.low is None else f"{readable(c.low)} … {readable(c.high)}",
                   f"{c.replications}{'' if c.dropped_after is None else ' (dropped)'}"] for c in found.choices])


def bench(cars: Annotated[int | None, typer.Option(min=1, help="Cars; as many as spaces if missing.")] = None,
          spaces: Annotated[int, typer.Option(min=168, help="Spaces at the 168 kerbs of the grid.")] = 2872,
          rounds: Annotated[int, typer.Option(min=1, max=20)] = 3,
          against: Annotated[str | None, typer.Option(help="A peer to spend the same nights in: sumo.")] = None,
          json: Json = False) -> None:
    """One night on a grid of 168 kerbs; medians over the rounds. double_parked counts breaches of the audit (0).

    With --against sumo the same cars also drive in SUMO micro, at four ratios of cars to spaces.
    """
    from sim.parking.grid import grid_plan, grid_scene, race
    if against is not None:
        _bench_against(against, spaces, json)
        return
    plan = grid_plan()
    scene = grid_scene(plan, spaces=spaces)
    race(scene, 100, plan=plan)  # the first night compiles
    paces = [race(scene, cars or spaces, seed, plan) for seed in range(1, rounds + 1)]
    result = {"cars": paces[0].cars, "spaces": spaces, "kerbs": len(scene.supply),
              "cpu_s": median(p.cpu_s for p in paces), "cars_per_cpu_s": median(p.cars_per_cpu_s for p in paces),
              "double_parked": sum(p.double_parked for p in paces), "unparked": median(p.unparked for p in paces),
              "search_mean_s": median(p.search_mean_s for p in paces), "search_p95_s": median(p.search_p95_s for p in paces)}
    if json:
        output.print_json(result)
        return
    output.table("a night on a grid", ["", ""], [[key, readable(float(value))] for key, value in result.items()])


def _bench_against(peer: str, spaces: int, json: bool) -> None:
    from dataclasses import asdict

    from sim.parking.sumo_night import RATIOS, meet
    if peer != "sumo":
        raise BadInput(f"--against {peer} is unknown", mend="say sumo")
    met = []
    with output.bar("nights in SUMO", float(len(RATIOS))) as done:
        for k, ratio in enumerate(RATIOS):
            met.append(meet(ratio, spaces=spaces))
            done(k + 1.0)
    ours, theirs = ([getattr(m, side).search_s for m in met] for side in ("ours", "sumo"))
    order = [sorted(range(len(met)), key=values.__getitem__) for values in (ours, theirs)]
    result = {"nights": [{**asdict(m), "unparked_apart": m.unparked_apart, "times_faster": m.times_faster} for m in met],
              "unparked_apart_most": max(m.unparked_apart for m in met), "same_order": order[0] == order[1],
              "times_faster_least": min(m.times_faster for m in met)}
    if json:
        output.print_json(result)
        return
    output.table("the same nights in SUMO micro",
                 ["cars / spaces", "unparked", "in SUMO", "search, s", "in SUMO", "times faster"],
                 [[f"{m.ratio:g}", str(m.ours.unparked), str(m.sumo.unparked), readable(m.ours.search_s),
                   readable(m.sumo.search_s), f"{m.times_faster:.0f}"] for m in met])
