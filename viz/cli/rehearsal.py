"""``hutong rehearse``, ``compare``, ``still`` and ``scenario``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

import sim
from sim.lab import Lab
from sim.measures import readable
from sim.scenario_file import load_any, schema
from sim.study import intervals
from twin.errors import BadInput
from viz.cli import laboratory, output

scenario_app = typer.Typer(no_args_is_help=True, help="Look at and check scenario files.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def rehearse(
        scenario: Annotated[Path, typer.Argument(help="Scenario file (YAML).")],
        layout: Annotated[str, typer.Option("--layout", "-l", help="Layout of the scenario.")] = "",
        replications: Annotated[int, typer.Option("--replications", "-n", min=1, help="How many seeds.")] = 1,
        out: Annotated[Path | None, typer.Option("-o", "--out", help="Run folder; runs/SCENARIO-LAYOUT if missing.")] = None,
        seed: Annotated[int | None, typer.Option(min=0, help="First seed; the scenario's own if missing.")] = None,
        workers: Annotated[int, typer.Option("--workers", "--jobs", "-j", min=0, help="Processes; 0 means one a core.")] = 0,
        threads: Annotated[int, typer.Option(min=1, help="Threads of each.")] = 1,
        frames: Annotated[str, typer.Option(help="Keep positions of: first, all or none of the replications.")] = "first",
        overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run that is there.")] = False,
        json: Json = False) -> None:
    """Rehearse one layout of a scenario, or run an experiment (kind: lab)."""
    if frames not in ("first", "all", "none"):
        raise BadInput(f"--frames {frames} is unknown", mend="say first, all or none")
    kept = cast(Literal["first", "all", "none"], frames)
    plan = load_any(scenario)
    if isinstance(plan, Lab):
        laboratory.rehearse(plan, layout=layout, out=out, seed=seed, replications=replications, workers=workers,
                            frames=kept, overwrite=overwrite, json=json)
        return
    layout = layout or next(iter(plan.layouts))
    out = out or Path("runs") / f"{plan.name}-{layout}"
    shares: dict[int, float] = {}
    with output.bar(f"rehearsing {plan.name}, layout {layout}", replications) as done:

        def on_progress(of_seed: int, share: float) -> None:
            shares[of_seed] = share
            done(sum(shares.values()))

        run = sim.rehearse(plan, layout, seed=seed, replications=replications, out=out, threads=threads, frames=kept,
                           workers=workers or min(os.cpu_count() or 1, replications), overwrite=overwrite,
                           on_progress=on_progress)
    measures = intervals(run)
    if json:
        output.print_json({"run": str(out), "scenario": plan.name, "layout": layout, "seeds": run.seeds,
                           "takes": run.info["takes"], "timing": run.info["timing"], "measures": measures})
        return
    output.table(f"{out}: {plan.name}, layout {layout}, {replications} replication{'s' * (replications > 1)}",
                 ["measure", "mean", "95 % interval", "unit"],
                 [[_label(key), readable(m["mean"]),
                   "" if m["low"] is None else f"{readable(m['low'])} … {readable(m['high'])}", m["unit"]]
                  for key, m in measures.items() if m["n"]])
    output.table("what it takes", ["", ""], [[key, readable(value)] for key, value in run.info["takes"].items()])


def _label(key: str) -> str:
    from sim.measures import measure
    return measure(key).label()


def compare(a: Annotated[Path, typer.Argument(help="A run folder.")],
            b: Annotated[Path, typer.Argument(help="Another, of the same scenario and seeds.")],
            html: Annotated[Path | None, typer.Option(help="Write the comparison as a page.")] = None,
            language: Annotated[str, typer.Option(help="en or zh, for the page.")] = "en", json: Json = False) -> None:
    """Compare two runs, replications paired by seed."""
    comparison = sim.compare(sim.Run(a), sim.Run(b))
    if html is not None:
        html.write_text(comparison.to_html(language), encoding="utf-8")
    if json:
        output.print_json(comparison.to_dict())
        return
    output.out.print(f"[bold]{comparison.sentence()}[/bold]")
    if comparison.takes:
        output.table("what each takes", ["", "A", "B"],
                     [[key, readable(x), readable(y)] for key, (x, y) in comparison.takes.items()])
    output.table(f"B - A over {len(comparison.seeds)} pairs", ["measure", "A", "B", "B - A", "95 % interval", "unit", "better"],
                 [[row.label, readable(row.mean_a), readable(row.mean_b), readable(row.difference),
                   "" if row.low is None else f"{readable(row.low)} … {readable(row.high)}", row.unit,
                   row.better or ("no difference" if row.low is not None and not row.real else "")]
                  for row in comparison.rows])
    if html is not None:
        output.out.print(f"wrote {html}")


def still(out: Annotated[Path, typer.Option("-o", "--out", help="PNG to write.")],
          district: Annotated[Path | None, typer.Option(help="GeoPackage; the built-in district if missing.")] = None,
          run: Annotated[Path | None, typer.Option(help="Run whose people are shown.")] = None,
          time: Annotated[float | None, typer.Option(help="Time of the run [s].")] = None,
          camera: Annotated[str, typer.Option(help="bird, street or top.")] = "bird",
          width: Annotated[int, typer.Option(min=64, max=8000)] = 1600,
          height: Annotated[int, typer.Option(min=64, max=8000)] = 900) -> None:
    """Render a picture of a district, with the people of a run."""
    import twin
    import viz
    from sim.place import builtin, district_of
    chosen = sim.Run(run) if run else None
    place = twin.open(district) if district else (district_of(chosen.scenario) if chosen else twin.open(builtin("xichangan")))
    with output.busy("rendering"):
        viz.still(place, chosen, time, camera, size=(width, height), path=out)
    output.out.print(f"wrote {out}")


@scenario_app.command("schema")
def print_schema() -> None:
    """Print the JSON Schema of a scenario file."""
    print(schema())


@scenario_app.command("check")
def check(scenario: Annotated[Path, typer.Argument(help="Scenario file (YAML).")], json: Json = False) -> None:
    """Check a scenario and all its layouts against the district, without running it."""
    from sim.place import district_of
    from sim.site import problems
    plan = load_any(scenario)
    if isinstance(plan, Lab):
        laboratory.check(plan, json=json)
        return
    place = district_of(plan)
    found = {name: problems(place, plan, name) for name in plan.layouts}
    if json:
        output.print_json(found)
    for name, sentences in found.items():
        if not json:
            output.out.print(f"layout {name}: " + ("; ".join(sentences) if sentences else "can be rehearsed"), markup=False)
    if any(found.values()):
        raise typer.Exit(2)
