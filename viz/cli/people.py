"""``hutong people``: make a synthetic population, see how well it fits, count it through the gate, look ahead, site."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

import twin
from sim.place import builtin
from twin.errors import BadInput
from viz.cli import output

if TYPE_CHECKING:
    import pandas as pd

    from twin.people import Fit, Gate, Population, Size, Task
    from twin.places import District

app = typer.Typer(no_args_is_help=True, help="Residents: synthetic population, counts through the gate, forecast, siting.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Which = Annotated[Path | None, typer.Option("--district", help="GeoPackage; the built-in district if missing.")]
Kept = Annotated[Path | None, typer.Option("--population", help="Folder of a population; one is made if missing.")]
SizeName = Annotated[str | None, typer.Option("--size", help="quarter, large, or PEOPLE,HOUSEHOLDS,DWELLINGS.")]
SeedNumber = Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same population.")]
Inputs = Annotated[Path | None, typer.Option("--inputs", help="Folder with a seed and control totals in PopulationSim's shape.")]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse controls that contradict each other.")]
Scheme = Annotated[str, typer.Option("--scheme", help="household, functional, residential or video.")]
Level = Annotated[str, typer.Option("--level", help="district, subdistrict, community, grid or courtyard.")]


def _district(path: Path | None) -> District:
    return twin.open(path if path is not None else builtin("xichangan"))


def _population(district: Path | None, size: str | Size | None, seed: int, inputs: Path | None, strict: bool) -> Population:
    from twin.people import from_inputs, make_population, read_inputs
    if inputs is not None:
        with output.busy("fitting households"):
            return from_inputs(read_inputs(inputs), seed=seed, strict=strict)
    place = _district(district)
    with output.busy("fitting households"):
        return make_population(place, size=_size(size), seed=seed)


def _size(text: str | Size | None) -> str | Size | None:
    from twin.people import Size
    if not isinstance(text, str) or "," not in text:
        return text
    numbers = text.split(",")
    if len(numbers) != 3 or not all(n.strip().isdigit() for n in numbers):
        raise BadInput(f"--size {text} is not a size", mend="write it like 50000,20800,24000: people, households, dwellings")
    people, households, dwellings = (int(n) for n in numbers)
    if not people or not households:
        raise BadInput(f"--size {text} asks for nobody", mend="ask for at least one person and one household")
    return Size(people, households, dwellings)


def _gate(district: Path | None, population: Path | None, seed: int, k: int) -> tuple[District, Population, Gate]:
    from twin.people import Gate, Population, make_population
    place = _district(district)
    with output.busy("reading the population"):
        people = Population.open(population) if population is not None else make_population(place, seed=seed)
    return place, people, Gate.of(place, people, k=k)


@app.command()
def make(out: Annotated[Path | None, typer.Option("-o", "--out", help="Folder to write the population to.")] = None,
         district: Which = None, size: SizeName = None, seed: SeedNumber = 1, inputs: Inputs = None, strict: Strict = False,
         blocks: Annotated[Path | None, typer.Option(help="Folder of subdistricts with their totals (beijing_blocks).")] = None,
         subdistrict: Annotated[str | None, typer.Option(help="Name in --blocks: as many people as it has.")] = None,
         json: Json = False) -> None:
    """Make a synthetic population: households and persons in the dwellings of a district."""
    if (blocks is None) != (subdistrict is None) or (blocks is not None and size is not None):
        raise BadInput("--blocks and --subdistrict go together, without --size",
                       mend="give both, such as --subdistrict 东城区/景山街道")
    if blocks is not None and subdistrict is not None:
        from twin.people import subdistrict_size
        made = _population(district, subdistrict_size(blocks, subdistrict), seed, inputs, strict)
    else:
        made = _population(district, size, seed, inputs, strict)
    if out is not None:
        made.save(out)
    fit = made.fit
    persons, households = made.numbers
    if json:
        output.print_json({"persons": persons, "households": households, "seed": seed, "out": out, "fit": fit.as_json()})
        return
    output.out.print(f"{persons:,} persons in {households:,} households, {len(fit.zones)} zones" +
                     (f", in {out}" if out is not None else ""))
    _print_fit(fit)


@app.command("fit")
def show_fit(population: Annotated[Path | None, typer.Argument(help="Folder of a population; one is made if missing.")] = None,
             district: Which = None, size: SizeName = None, seed: SeedNumber = 1, inputs: Inputs = None, strict: Strict = False,
             json: Json = False) -> None:
    """How well a population meets its controls: absolute and relative error by control, SRMSE, contradictions."""
    from twin.people import Population
    fit = (Population.open(population) if population is not None else _population(district, size, seed, inputs, strict)).fit
    if json:
        output.print_json(fit.as_json())
    else:
        _print_fit(fit)


def _print_fit(fit: Fit) -> None:
    rounding = f" (rounding alone: {fit.srmse_of_rounding:.4f})" if fit.srmse_of_rounding else ""
    output.out.print(f"SRMSE {fit.srmse:.4f} over zones{rounding}, {fit.srmse_of_totals:.4f} over totals; "
                     f"{'every control' if fit.met else 'not every control'} within 1 % or 5, "
                     f"{100 * fit.zones_met:.1f} % of the totals of single zones")
    rows = [[row.control, f"{row.target:,.1f}", f"{row.fitted:,.0f}", f"{row.error:+.1f}", f"{100 * row.relative:+.2f}",
             f"{row.worst_zone_error:.1f}", "" if row.met else "missed"] for row in fit.by_control().itertuples()]
    output.table("fit", ["control", "asked", "met", "error", "%", "worst zone", ""], rows)
    for sentence in fit.compromises:
        output.out.print(f"compromise: {sentence}")


@app.command("aggregate")
def count(measure: Annotated[str, typer.Argument(help="people, households, age, sex, cars, children ...")] = "people",
          scheme: Scheme = "household", level: Level = "grid",
          across: Annotated[str | None, typer.Option(help="A second scheme, for the crossings of the grids of both.")] = None,
          k: Annotated[int, typer.Option(help="Counts from 1 to k - 1 are not shown, nor what would tell them.")] = 5,
          district: Which = None, population: Kept = None, seed: SeedNumber = 1, json: Json = False) -> None:
    """Counts of residents by the cells of a scheme, as far as they may be shown."""
    _, _, gate = _gate(district, population, seed, k)
    with output.busy("deciding what may be shown"):
        made = gate.aggregate(measure, scheme=scheme, level=level, across=across)
    if json:
        output.print_json({"measure": measure, "scheme": scheme, "level": level, "across": across, "k": k,
                           "cells": _records(made)})
        return
    output.table(f"{measure} by {scheme}/{level}" + (f" and {across}" if across else ""), [str(c) for c in made.columns],
                 [["–" if value is None else str(value) for value in row.values()] for row in _records(made)])
    output.out.print(f"– : not shown, because it is under {k} or would tell what is")


@app.command("task")
def task(about: Annotated[str, typer.Argument(help="pigeons, cars, children or mobility_need.")],
         cell: Annotated[list[str] | None, typer.Option("--cell", help="A grid or community; several if repeated.")] = None,
         zone: Annotated[str | None, typer.Option("--zone", help="WKT in the district's CRS: the grids that it touches.")] = None,
         out: Annotated[Path | None, typer.Option("-o", "--out", help="File to keep the task and its progress in.")] = None,
         district: Which = None, population: Kept = None, seed: SeedNumber = 1, json: Json = False) -> None:
    """Courtyards to be told something, how many that concerns if that may be shown, and how far it has got."""
    from twin.people import make_task, whole_zone
    if bool(cell) == (zone is not None):
        raise BadInput("a task needs a place", mend="give --cell grid-05, or --zone with a polygon as WKT")
    if out is not None and out.exists():
        raise BadInput("there is something already", where=str(out), mend="give another -o, or go on with `hutong people done`")
    _, people, gate = _gate(district, population, seed, 5)
    with output.busy("deciding what may be shown"):
        made = make_task(gate, people, about, list(cell) if cell else whole_zone(gate, _zone(zone or "")))
    if out is not None:
        made.save(out)
    _print_task(made, json)


@app.command("done")
def done(file: Annotated[Path, typer.Argument(help="A task that was written with -o.")],
         courtyards: Annotated[list[str] | None, typer.Argument(help="Courtyards that have been told.")] = None,
         json: Json = False) -> None:
    """Tick courtyards of a task off, and see how far it has got."""
    from twin.people import Task
    kept = Task.open(file)
    for name in courtyards or []:
        kept = kept.tick(name)
    if courtyards:
        kept.save(file)
    _print_task(kept, json)


def _zone(text: str) -> Any:
    import shapely
    try:
        shape = shapely.from_wkt(text)
    except shapely.errors.ShapelyError as error:
        raise BadInput("the zone is not WKT", where="--zone",
                       mend="write it like POLYGON ((445700 4417100, 445900 4417100, 445900 4417300, 445700 4417100))") from error
    if shape is None or not shape.is_valid or shape.area <= 0:
        raise BadInput("the zone encloses nothing", where="--zone", mend="give a polygon that does not cross itself")
    return shape


def _print_task(made: Task, json: bool) -> None:
    if json:
        output.print_json({"about": made.about, "courtyards": list(made.courtyards), "concerned": made.concerned,
                           "done": sorted(made.done), "progress": made.progress})
        return
    said = "how many that concerns is not shown" if made.concerned is None else f"concerns {made.concerned:,}"
    output.out.print(f"{made.about}: {len(made.courtyards)} courtyards, {said}; {made.progress:.0%} told", markup=False)
    output.table("courtyards", ["courtyard", ""], [[name, "told" if name in made.done else ""] for name in made.courtyards])


@app.command("responsible")
def responsible(object_id: Annotated[str, typer.Argument(help="Id of a courtyard, lamp, street ...")],
                district: Which = None, json: Json = False) -> None:
    """Which unit of every scheme and level answers for an object."""
    from twin.people import Schemes
    place = _district(district)
    found = Schemes.of(place).responsible(place, object_id)
    if json:
        output.print_json({"object": object_id, "units": _records(found)})
        return
    output.table(f"who answers for {object_id}", ["scheme", "level", "unit", "name", "share", "how"],
                 [[r.scheme, r.level, r.cell, str(r.name), f"{r.share:.0%}", r.how] for r in found.itertuples(index=False)])


@app.command("schemes")
def show_schemes(district: Which = None, json: Json = False) -> None:
    """Gaps and conflicts of the schemes: places in no cell, ground that two cells claim, cells that leave their parent."""
    from twin.people import Schemes
    found = Schemes.of(_district(district)).problems()
    if json:
        output.print_json({"schemes": _records(found)})
        return
    output.table("schemes", ["scheme", "level", "units", "places in none", "m2 in none", "claimed twice", "places in two",
                             "beyond their parent"],
                 [[r.scheme, r.level, str(r.units), str(r.places_in_none), f"{r.uncovered_m2:,.0f}", str(r.claimed_twice),
                   str(r.places_in_two), str(r.beyond_parent)] for r in found.itertuples(index=False)])


@app.command("forecast")
def look_ahead(scheme: Scheme = "household", level: Level = "grid",
               years: Annotated[int, typer.Option(min=1, max=10, help="How many years ahead.")] = 2,
               draws: Annotated[int, typer.Option(min=100, max=20_000, help="Random futures drawn.")] = 2000,
               births: Annotated[float | None, typer.Option(help="Births a year for each woman of 20 to 44.")] = None,
               district: Which = None, population: Kept = None, seed: SeedNumber = 1, json: Json = False) -> None:
    """Children of 0 to 3 by grid over the next years, with 80 and 95 % intervals."""
    from dataclasses import asdict

    from twin.people import Assumptions, forecast_children
    used = Assumptions() if births is None else Assumptions(births_per_woman=births)
    _, people, gate = _gate(district, population, seed, 5)
    with output.busy("drawing futures"):
        made = forecast_children(gate, people, scheme=scheme, level=level, years=years, assumptions=used, draws=draws, seed=seed)
    if json:
        output.print_json({"assumptions": asdict(used), "draws": draws, "total": _records(made.total),
                           "cells": _records(made.cells)})
        return
    output.table("all grids", ["year", "children 0-3", "80 %", "95 %"],
                 [[str(r.year), f"{r.mean:,.0f}", f"{r.low_80:,.0f}-{r.high_80:,.0f}", f"{r.low_95:,.0f}-{r.high_95:,.0f}"]
                  for r in made.total.itertuples()])
    output.table("by cell", [str(c) for c in made.cells.columns],
                 [["–" if value is None else str(value) for value in row.values()] for row in _records(made.cells)])
    output.out.print("assumed: " + ", ".join(f"{name} {value:g}" for name, value in asdict(used).items()))


@app.command("site")
def find_sites(number: Annotated[int, typer.Option(min=1, help="How many kindergartens.")] = 2,
               goal: Annotated[str, typer.Option(help="median (least walking in all) or centre (nobody far).")] = "median",
               candidates: Annotated[Path | None, typer.Option(help="CSV with id, x, y in metres of the district.")] = None,
               district: Which = None, population: Kept = None, seed: SeedNumber = 1, json: Json = False) -> None:
    """Where kindergartens go for the children of two years ahead, by walking distance."""
    from twin.people import forecast_children, plan_sites
    if goal not in ("median", "centre"):
        raise BadInput(f"--goal {goal} is unknown", mend="say median or centre")
    aim: Literal["median", "centre"] = "median" if goal == "median" else "centre"
    offered = _candidates(candidates) if candidates is not None else None
    place, people, gate = _gate(district, population, seed, 5)
    with output.busy("walking to every candidate"):
        expected = forecast_children(gate, people, seed=seed).expected
        plan = plan_sites(place, gate, expected, number=number, goal=aim, candidates=offered)
    chosen = plan.candidates.iloc[list(plan.chosen.sites)]
    if json:
        output.print_json({"goal": goal, "mean_m": plan.chosen.mean_m, "worst_m": plan.chosen.worst_m,
                           "optimal": plan.chosen.optimal, "sites": _records(chosen), "cells": _records(plan.cells)})
        return
    output.out.print(f"mean walk {plan.chosen.mean_m:,.0f} m, longest {plan.chosen.worst_m:,.0f} m"
                     f" ({'proved best' if plan.chosen.optimal else 'best found'} of {len(plan.candidates)} candidates)")
    output.table("sites", ["site", "x", "y"], [[str(r.id), f"{r.x:.0f}", f"{r.y:.0f}"] for r in chosen.itertuples()])


@app.command("kindergartens")
def kindergartens(report: Annotated[Path | None, typer.Option("--report", help="HTML page to write.")] = None,
                  number: Annotated[int, typer.Option(min=1, help="How many kindergartens.")] = 2,
                  years: Annotated[int, typer.Option(min=1, max=10, help="How many years ahead.")] = 2,
                  births: Annotated[float | None, typer.Option(help="Births a year for each woman of 20 to 44.")] = None,
                  candidates: Annotated[Path | None, typer.Option(help="CSV with id, x, y in metres of the district.")] = None,
                  history: Annotated[Path | None, typer.Option(help="CSV of former years to try the forecast on.")] = None,
                  language: Annotated[str, typer.Option(help="en or zh.")] = "en",
                  district: Which = None, population: Kept = None, seed: SeedNumber = 1, json: Json = False) -> None:
    """Children of 0 to 3 with intervals, where kindergartens go by both goals, and how the forecast does on the past."""
    from twin.people import Assumptions
    from viz.report.kindergartens import page, plan_kindergartens
    from viz.words import LANGUAGES
    if language not in LANGUAGES:
        raise BadInput(f"--language {language} is unknown", mend="say en or zh")
    used = Assumptions() if births is None else Assumptions(births_per_woman=births)
    offered = _candidates(candidates) if candidates is not None else None
    place, people, gate = _gate(district, population, seed, 5)
    with output.busy("drawing futures and walking to every candidate"):
        found = plan_kindergartens(place, people, gate, number=number, years=years, assumptions=used, candidates=offered,
                                   history=history, seed=seed)
    if report is not None:
        draft = report.with_name(f".{report.name}.draft")
        draft.write_text(page(found, place, gate, language), encoding="utf-8")
        draft.replace(report)
    plans = {"median": found.median, "centre": found.centre}
    if json:
        output.print_json({"total": _records(found.forecast.total), "backtest": _records(found.backtest.scores()),
                           "real_past": found.real_past, "report": report,
                           "goals": {goal: {"sites": plan.candidates["id"].iloc[list(plan.chosen.sites)].tolist(),
                                            "mean_m": plan.mean_m, "farthest_m": plan.farthest_m,
                                            "optimal": plan.chosen.optimal} for goal, plan in plans.items()}})
        return
    output.table("children of 0-3", ["year", "expected", "80 %", "95 %"],
                 [[str(r.year), f"{r.mean:,.0f}", f"{r.low_80:,.0f}-{r.high_80:,.0f}", f"{r.low_95:,.0f}-{r.high_95:,.0f}"]
                  for r in found.forecast.total.itertuples()])
    output.table("sites", ["goal", "sites", "mean walk, m", "longest, m"],
                 [[goal, ", ".join(plan.candidates["id"].iloc[list(plan.chosen.sites)]), f"{plan.mean_m:,.0f}",
                   f"{plan.farthest_m:,.0f}"] for goal, plan in plans.items()])
    output.table("backtest on " + ("the given past" if found.real_past else "pasts drawn from the assumptions"),
                 ["years ahead", "cases", "bias", "mean error", "80 % covered", "95 % covered"],
                 [[str(r.year), str(r.cases), f"{r.bias:+.2f}", f"{r.mae:.2f}", f"{r.covered_80:.1%}", f"{r.covered_95:.1%}"]
                  for r in found.backtest.scores().itertuples()])
    if report is not None:
        output.out.print(f"wrote {report}")


def _candidates(path: Path) -> pd.DataFrame:
    import pandas as pd
    try:
        table = pd.read_csv(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise BadInput("this is not a CSV file", where=str(path), mend="export it again as CSV") from error
    if not {"id", "x", "y"} <= set(table.columns) or table.empty:
        raise BadInput("candidates need id, x and y", where=str(path), mend="give these columns, metres of the district")
    places = table[["x", "y"]].apply(pd.to_numeric, errors="coerce")
    if places.isna().to_numpy().any():
        line = int(places.isna().any(axis=1).to_numpy().argmax())
        raise BadInput("a candidate has no place", where=f"{path} line {line + 2}", mend="give x and y in metres of the district")
    return table[["id"]].astype(str).join(places)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values, null where nothing is shown."""
    return [{str(key): None if value is None or value != value else value for key, value in row.items()}
            for row in table.astype(object).where(table.notna(), None).to_dict("records")]
