"""``hutong study`` and ``hutong bench study``: layouts replicated, compared, selected, varied and searched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from sim.measures import readable
from sim.scenario import Scenario
from sim.study.compare import common_random_numbers, interval, paired
from sim.study.correction import CORRECTIONS, Correction
from sim.study.crew import Crew
from sim.study.folder import Plan, Study, begin
from sim.study.stopping import Precision, replicate_all
from twin.errors import BadInput
from viz.cli import output

app = typer.Typer(no_args_is_help=True, help="Studies: layouts replicated side by side, in folders that can be resumed.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
File = Annotated[Path, typer.Argument(help="Scenario file (YAML) of an event or of a parking night.")]
Out = Annotated[Path, typer.Option("-o", "--out", help="Folder of the study; one that is there goes on.")]
Layouts = Annotated[str, typer.Option("--layouts", "-l", help="Names with commas between them; all if missing.")]
Workers = Annotated[int, typer.Option("--workers", "-j", min=0, help="Processes of this machine; 0 means one a core.")]
Scheduler = Annotated[str | None, typer.Option(help="Address of a Dask scheduler, such as tcp://10.0.0.5:8786.")]
Seed = Annotated[int | None, typer.Option(min=0, help="First seed; the scenario's own if missing.")]
Correct = Annotated[str, typer.Option(help="For many measures: none, bonferroni or holm.")]


@app.command("run")
def run(scenario: File, out: Out, layouts: Layouts = "",
        replications: Annotated[int, typer.Option("--replications", "-n", min=1, help="Seeds of each layout.")] = 10,
        precision: Annotated[str, typer.Option(help="Go on until the measure is this precise, such as 5%.")] = "",
        measure: Annotated[str, typer.Option(help="The measure that shall be precise.")] = "wait_mean",
        most: Annotated[int, typer.Option(help="Replications of a layout at most, with --precision.")] = 100,
        seed: Seed = None, workers: Workers = 0, scheduler: Scheduler = None, correction: Correct = "holm",
        json: Json = False) -> None:
    """Replicate layouts with the same seeds, as often as asked or as a wanted precision needs, and compare them."""
    how = _correction(correction)
    wanted = Precision(_share(precision), measure, most) if precision else None
    plan = load_plan(scenario)
    names = _names(layouts)
    with Crew(workers, scheduler=scheduler) as crew:
        study = begin(out, plan, names, seed=seed)
        study.note(replications=replications, **({"precision": {"share": wanted.share, "measure": measure}} if wanted else {}))
        with output.bar(f"replicating {plan.name}", 1.0) as done:
            now = replicate_all(study, crew, replications=replications, precision=wanted, on_progress=_ratio(done),
                                frames="first" if study.kind == "event" else "none")
    told = _told(study, how)
    if json:
        output.print_json({**told, "precision": [vars(r) for r in now] if now else None})
        return
    _print(study, told)
    for r in now:
        output.out.print(f"{r.layout}: {measure} is known to {'–' if r.share is None else f'{r.share:.1%}'} after {r.n} "
                         f"replications{'' if r.enough else ', which was not asked for: allow more with --most'}", markup=False)


@app.command("show")
def show(study: Annotated[Path, typer.Argument(help="Folder of a study.")], correction: Correct = "holm",
         json: Json = False) -> None:
    """Tell what a study has found so far, also while it is running or after it was interrupted."""
    told = _told(Study(study), _correction(correction))
    if json:
        output.print_json(told)
        return
    _print(Study(study), told)


def load_plan(scenario: Path) -> Plan:
    """An event or a parking night from its file."""
    from sim.lab import Lab
    from sim.scenario_file import load_any, load_night
    if _kind(scenario) == "parking":
        return load_night(scenario)
    plan = load_any(scenario)
    if isinstance(plan, Lab):
        raise BadInput("an experiment (kind: lab) has no layouts to study", where=str(scenario),
                       mend="give an event or a parking night, or use `hutong rehearse` and `hutong compare`")
    return plan


def _kind(scenario: Path) -> str:
    import yaml
    try:
        data = yaml.safe_load(scenario.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return "event"  # which is read with a sentence about what is wrong
    return str(data.get("kind", "event")) if isinstance(data, dict) else "event"


def _names(layouts: str) -> list[str] | None:
    return [name.strip() for name in layouts.split(",") if name.strip()] or None


def _correction(how: str) -> Correction:
    if how not in CORRECTIONS:
        raise BadInput(f"--correction {how} is unknown", mend=f"say {', '.join(CORRECTIONS)}")
    return how


def _share(text: str) -> float:
    try:
        return float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        raise BadInput(f"--precision {text} is no share", mend="say it like 5% or 0.05") from None


def _ratio(done: Callable[[float], None]) -> Callable[[int, int], None]:
    return lambda finished, of: done(finished / max(of, 1))


def _told(study: Study, correction: Correction) -> dict[str, Any]:
    """Means with intervals, and differences to the first layout over the seeds that both have."""
    tables = {name: study.measures(name) for name in study.layouts}
    first = study.layouts[0]
    against, reduction = {}, {}
    for name in study.layouts[1:]:
        seeds = study.common_seeds([first, name])
        if not seeds:
            continue
        left, right = tables[first].loc[seeds], tables[name].loc[seeds]
        against[name] = [vars(row) for row in paired(left, right, study.measure_of, correction=correction)]
        if len(seeds) >= 3:
            reduction[name] = {key: common_random_numbers(left[key].to_numpy(), right[key].to_numpy())
                               for key in left.columns if key in right.columns and left[key].nunique() > 1}
    means = {name: {key: dict(zip(("mean", "low", "high"), interval(known), strict=True)) | {"n": len(known)}
                    for key in table.columns if len(known := table[key].dropna().to_numpy())} for name, table in tables.items()}
    return {"study": str(study.path), "scenario": study.about["scenario"], "layouts": study.layouts,
            "seeds": {name: study.seeds(name) for name in study.layouts}, "means": means, "against": first,
            "correction": correction, "differences": against, "variance_reduction": reduction}


def _print(study: Study, told: dict[str, Any]) -> None:
    keys = list(dict.fromkeys(key for of in told["means"].values() for key in of))
    rows = []
    for key in keys:
        kind = study.measure_of(key)
        cells = [f"{readable(m['mean'])}" + ("" if m["low"] is None else f" ±{readable(m['mean'] - m['low'])}")
                 if (m := told["means"][name].get(key)) else "–" for name in told["layouts"]]
        rows.append([kind.label(), *cells, kind.unit])
    counts = ", ".join(f"{name} {len(seeds)}" for name, seeds in told["seeds"].items())
    output.table(f"{study.path}: replications {counts}; ± is the half-width of a 95 % interval",
                 ["measure", *told["layouts"], "unit"], rows)
    for name, differences in told["differences"].items():
        real = [row for row in differences if row["real"]]
        title = f"{name} - {told['against']}: what differs ({told['correction']} correction over {len(differences)} measures)"
        output.table(title, ["measure", "difference", "interval", "p", "better"],
                     [[row["label"], readable(row["difference"]), f"{readable(row['low'])} … {readable(row['high'])}",
                       f"{row['p']:.2g}", {"A": told["against"], "B": name, None: ""}[row["better"]]] for row in real])


@app.command("select")
def select(scenario: File, out: Out, measure: Annotated[str, typer.Option(help="What decides.")] = "wait_mean",
           layouts: Layouts = "", method: Annotated[str, typer.Option(help="kn or ocba.")] = "kn",
           probability: Annotated[float, typer.Option(help="Probability of selecting the best that is wanted.")] = 0.95,
           indifference: Annotated[float | None, typer.Option(help="A difference that does not matter, in its unit.")] = None,
           first_stage: Annotated[int, typer.Option(min=3, help="Replications of each before any drops out.")] = 5,
           most: Annotated[int, typer.Option(min=6, help="Replications of all layouts together, at most.")] = 1000,
           seed: Seed = None, workers: Workers = 0, scheduler: Scheduler = None, json: Json = False) -> None:
    """Select the best of several layouts with as few replications as a wanted probability of being right needs."""
    from sim.study.selection import select as select_best
    if method not in ("kn", "ocba"):
        raise BadInput(f"--method {method} is unknown", mend="say kn or ocba")
    plan = load_plan(scenario)
    with Crew(workers, scheduler=scheduler) as crew:
        study = begin(out, plan, _names(layouts), seed=seed)
        better = study.measure_of(_known(study, measure)).better
        if better is None:
            raise BadInput(f"neither more nor less of {measure} is better", mend="choose another measure")
        with output.busy(f"selecting among {len(study.layouts)} layouts of {plan.name}"):
            def outcomes(asked: Sequence[tuple[int, int]]) -> list[float]:
                pairs = [(study.layouts[k], s) for k, s in asked]
                study.complete(pairs, crew)
                return [study.value(layout, s, measure) for layout, s in pairs]

            found = select_best(outcomes=outcomes, systems=len(study.layouts), method="ocba" if method == "ocba" else "kn",
                                probability=probability, indifference=indifference, first_stage=first_stage, most=most,
                                better=better, first_seed=study.first_seed)
    best = study.layouts[found.best]
    told = {"best": best, "sure": found.sure, "probability": found.probability, "method": method, "measure": measure,
            "indifference": indifference, "runs": dict(zip(study.layouts, found.runs, strict=True)),
            "means": dict(zip(study.layouts, found.means, strict=True)), "total": found.total}
    study.note(selection=told)
    if json:
        output.print_json(told)
        return
    promise = "with a probability of" if method == "kn" else "with an estimated probability of"
    output.out.print(f"[bold]{best} is the best in {study.measure_of(measure).label()}, {promise} {found.probability:.1%}"
                     f"{'' if found.sure else ' wanted, which the replications allowed were too few for'}.[/bold]")
    output.table(f"{found.total} replications", ["layout", "replications", "mean"],
                 [[name, str(n), readable(mean)] for name, n, mean in zip(study.layouts, found.runs, found.means, strict=True)])


def _known(study: Study, key: str) -> str:
    """The measure, if there is one of that name."""
    try:
        study.measure_of(key)
    except KeyError:
        raise BadInput(f"there is no measure {key!r}", mend="see `hutong study show`, or the measures of a run") from None
    return key


@app.command("sensitivity")
def sensitivity(scenario: File, out: Out,
                vary: Annotated[list[str], typer.Option("--vary", help="PLACE=LOW..HIGH, or PLACE=x0.8..x1.2; twice or more.")],
                layout: Annotated[str, typer.Option("--layout", "-l", help="Layout; the first if missing.")] = "",
                measure: Annotated[list[str] | None, typer.Option("--measure", help="wait_mean and density_peak.")] = None,
                paths: Annotated[int, typer.Option(min=2, help="Paths through the numbers (Morris).")] = 4,
                replications: Annotated[int, typer.Option("--replications", "-n", min=1, help="Seeds of each point.")] = 1,
                seed: Seed = None, workers: Workers = 0, scheduler: Scheduler = None, json: Json = False) -> None:
    """Tell which numbers of a scenario matter to a layout's measures (Morris's elementary effects)."""
    from sim.study.sensitivity import sensitivity as effects_of
    from sim.study.settings import Parameter
    plan = _event(scenario)
    parameters = [Parameter.read(text) for text in vary]
    with Crew(workers, scheduler=scheduler) as crew, output.bar(f"varying {plan.name}", 1.0) as done:
        effects = effects_of(plan, layout or next(iter(plan.layouts)), parameters, measure or ["wait_mean", "density_peak"], out,
                             crew, paths=paths, replications=replications, seed=seed, on_progress=_ratio(done))
    if json:
        output.print_json([vars(effect) for effect in effects])
        return
    output.table(f"effects over the whole range of each number ({paths} paths)",
                 ["number", "measure", "mu*", "95 %", "mu", "sigma"],
                 [[e.place, e.measure, readable(e.mu_star), f"±{readable(e.spread)}", readable(e.mu), readable(e.sigma)]
                  for e in effects])


@app.command("search")
def search(scenario: File, out: Out,
           hand: Annotated[str, typer.Option("--from", help="Layouts to begin with and to beat; all if missing.")] = "",
           ends: Annotated[str, typer.Option(help="What to have less of, with commas between.")] = "",
           tries: Annotated[int, typer.Option(min=1, help="Layouts to look at in outline.")] = 1200,
           screen: Annotated[int, typer.Option(min=1, help="The best of so many lineages are rehearsed once.")] = 4,
           confirm: Annotated[int, typer.Option(min=1, help="Layouts to rehearse in full.")] = 2,
           replications: Annotated[int, typer.Option("--replications", "-n", min=2, help="Seeds of each in full.")] = 5,
           share: Annotated[float, typer.Option(help="Share of the people in screening.")] = 1.0,
           seed: Seed = None, workers: Workers = 0, scheduler: Scheduler = None, json: Json = False) -> None:
    """Search for better layouts towards several ends, and confirm the most promising against those made by hand."""
    from dataclasses import asdict

    from sim.study.search import ENDS
    from sim.study.search import search as search_layouts
    plan = _event(scenario)
    with Crew(workers, scheduler=scheduler) as crew, output.bar(f"searching {plan.name}", 1.0) as done:
        found = search_layouts(plan, _names(hand) or list(plan.layouts), out, crew, ends=_names(ends) or ENDS, tries=tries,
                               screen=screen, confirm=confirm, replications=replications, share=share, seed=seed,
                               on_progress=_ratio(done))
    if json:
        output.print_json(asdict(found) | {"winners": found.winners(), "study": str(out)})
        return
    shown = _names(ends) or ENDS
    output.table(f"screened with {share:.0%} of the people: what no other beats", ["layout", *shown],
                 [[p.layout, *(readable(p.values[end]) for end in shown)] for p in found.points if p.front])
    output.table("confirmed in full", ["layout", "against", "pairs", "better", "worse", "verdict"],
                 [[v.layout, v.against, str(v.pairs), ", ".join(v.better), ", ".join(v.worse), "beats it" if v.beats else "no"]
                  for v in found.verdicts])
    output.out.print(f"{found.refused} layouts could not be rehearsed. Winners: {', '.join(found.winners()) or 'none'}.",
                     markup=False)


def _event(scenario: Path) -> Scenario:
    plan = load_plan(scenario)
    if not isinstance(plan, Scenario):
        raise BadInput("this is a parking night, which has no layouts of a crowd", where=str(scenario),
                       mend="give an event scenario; `hutong search` finds lots for parking nights")
    return plan


def bench(scenario: Annotated[Path | None, typer.Argument(help="Scenario; a short form of evening.yaml if missing.")] = None,
          replications: Annotated[int, typer.Option("--replications", "-n", min=1, help="For each worker.")] = 3,
          workers: Annotated[str, typer.Option(help="Numbers of processes, with commas between.")] = "1,2",
          json: Json = False) -> None:
    """Replications per hour by workers, and efficiency: the share of that many times one worker. Workers start beforehand."""
    from sim.study.pace import paces
    from viz.shipped import shipped
    counts = [int(n) for n in _names(workers) or ["1", "2"] if n.isdecimal() and int(n) >= 1]
    if not counts:
        raise BadInput(f"--workers {workers} names no number", mend="say 1,2 or 1,2,4")
    plan = _event(scenario or shipped("scenarios") / "evening.yaml")
    with output.bar("replicating", 1.0) as done:
        found = paces(plan, counts, replications=replications, small=scenario is None, on_progress=_ratio(done))
    if json:
        output.print_json(found)
        return
    output.table(f"{found['scenario']}, layout {found['layout']}, {found['people']} people",
                 ["workers", "replications/hour", "efficiency"],
                 [[n, readable(rate), f"{found['efficiency'][n]:.2f}"] for n, rate in found["replications_per_hour"].items()])
