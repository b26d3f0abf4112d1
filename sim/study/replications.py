"""Replications: the same scenario and layout with one seed after the other, into a run folder that can be resumed."""

from __future__ import annotations

import json
import os
import platform
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from sim.layout import chosen, takes
from sim.place import district_path
from sim.run import FORMAT, Run
from sim.scenario import Scenario
from sim.scenario_file import dump, load
from sim.site import prepare
from sim.study.engine import engine, versions
from sim.study.replication import TABLES, WHOLE, leave, read_metrics
from sim.workers import Progress, work_through
from twin.errors import BadInput
from twin.places import District


@dataclass(frozen=True)
class _Job:
    """One replication: what a worker needs to know."""

    folder: str
    district: str
    layout: str
    seed: int
    frames: bool
    threads: int


def rehearse(scenario: Scenario | str | os.PathLike[str], layout: str, *, seed: int | None = None,
             replications: int = 1, out: str | os.PathLike[str] | None = None, workers: int = 1, threads: int = 1,
             frames: Literal["first", "all", "none"] = "first", overwrite: bool = False,
             on_progress: Progress | None = None) -> Run:
    """Rehearse one layout of a scenario and return the run.

    Seeds are ``seed`` (the scenario's own, if not given), ``seed + 1`` and so on. The run is written to ``out``, or to
    a temporary folder. Interrupted, it leaves ``<out>.part``; the same call goes on from there. The result does not
    depend on ``workers`` (processes) or ``threads`` (of each). Raises :class:`BadInput` before anything is written.
    """
    if not isinstance(scenario, Scenario):
        scenario = load(scenario)
    chosen(scenario, layout)
    if replications < 1:
        raise BadInput(f"{replications} replications are none", where=scenario.name, mend="ask for at least 1")
    scenario = pinned(scenario)
    first = scenario.seed if seed is None else seed
    seeds = list(range(first, first + replications))
    folder = Path(out) if out is not None else Path(tempfile.mkdtemp(prefix="hutong-")) / layout
    if folder.exists() and not overwrite:
        raise BadInput("this run is there already", where=str(folder), mend="give another -o, or --overwrite")
    path = district_path(scenario)
    district = District.open(path)
    prepare(district, scenario, layout)
    part = _part_folder(folder, scenario, layout, fresh=overwrite)
    keep = {"first": seeds[:1], "all": seeds, "none": []}[frames]
    jobs = [_Job(str(part), str(path), layout, s, s in keep, threads) for s in seeds
            if not (part / "done" / str(s) / WHOLE).is_file()]
    started = time.perf_counter()
    work_through(_replicate, jobs, workers, on_progress)
    gather(part, {s: part / "done" / str(s) for s in seeds}, scenario, district, layout, time.perf_counter() - started)
    shutil.rmtree(part / "done")
    (part / "stamp.json").unlink()
    if folder.exists():
        shutil.rmtree(folder)
    part.rename(folder)
    return Run(folder)


def pinned(scenario: Scenario) -> Scenario:
    """The scenario with an absolute district path, so that the run folder stands alone."""
    if scenario.district is None:
        return scenario
    return scenario.model_copy(update={"district": str(Path(scenario.district).resolve())})


def _part_folder(folder: Path, scenario: Scenario, layout: str, *, fresh: bool) -> Path:
    """The folder of an unfinished run: a new one, or the one that an interruption left."""
    part = folder.with_name(folder.name + ".part")
    stamp = json.dumps({"layout": layout, "scenario": dump(scenario), "engine": engine("event")})
    if part.exists() and (fresh or not (part / "stamp.json").is_file()):
        shutil.rmtree(part)
    if part.exists():
        if (part / "stamp.json").read_text(encoding="utf-8") != stamp:
            raise BadInput("an unfinished run of another scenario or layout, or of another version of Hutong, is there",
                           where=str(part), mend="finish it, give another -o, or --overwrite")
        return part
    (part / "done").mkdir(parents=True)
    (part / "stamp.json").write_text(stamp, encoding="utf-8")
    (part / "scenario.yaml").write_text(dump(scenario), encoding="utf-8")
    return part


def _replicate(job: _Job, on_progress: Progress | None) -> None:
    """Rehearse one seed and write what it leaves; complete only when ``done/<seed>/metrics.json`` is there."""
    part = Path(job.folder)
    leave(part / "done" / str(job.seed), District.open(job.district), load(part / "scenario.yaml"), job.layout, job.seed,
          frames=job.frames, threads=job.threads,
          on_progress=None if on_progress is None else lambda share: on_progress(job.seed, share))


def gather(part: Path, done: dict[int, Path], scenario: Scenario, district: District, layout: str, wall_s: float,
           made_by: dict[str, str] | None = None) -> None:
    """Make a run folder of a folder that holds ``scenario.yaml`` alone: join what the replications left, by seed.
    ``made_by`` are the versions that they were made by, if not these."""
    for name in ("frames", "maps"):
        (part / name).mkdir(parents=True, exist_ok=True)
    told = [read_metrics(folder) for folder in done.values()]
    pd.DataFrame([{"seed": d["seed"], **d["metrics"]} for d in told]).to_parquet(part / "metrics.parquet", index=False)
    for name in TABLES:
        parts = [pd.read_parquet(folder / f"{name}.parquet") for folder in done.values()]
        kept = [p for p in parts if len(p)] or parts[:1]
        pd.concat(kept, ignore_index=True).to_parquet(part / f"{name}.parquet", index=False)
    for seed, folder in done.items():
        shutil.copyfile(folder / "maps.npz", part / "maps" / f"{seed}.npz")
        if (folder / "frames.parquet").is_file():
            shutil.copyfile(folder / "frames.parquet", part / "frames" / f"{seed}.parquet")
    info = {
        "format": FORMAT, "scenario": scenario.name, "layout": layout, "seeds": list(done),
        "takes": takes(district, scenario, layout),
        "district": {"name": district.name, "crs": district.crs.to_string(), "origin": district.origin,
                     "attribution": district.attribution, "observed_at": _observed(district)},
        "versions": made_by or versions("event"),
        "host": {"system": platform.platform(), "machine": platform.machine(), "cores": os.cpu_count()},
        "timing": {"wall_s": round(wall_s, 2), "replications": [_rounded(d["timing"]) for d in told]}}
    (part / "run.json").write_text(json.dumps(info, indent=2, ensure_ascii=False), encoding="utf-8")


def _rounded(timing: dict[str, float]) -> dict[str, float]:
    """Seconds to two places."""
    return {key: round(value, 2) for key, value in timing.items()}


def _observed(district: District) -> str | None:
    """When the latest of the district's objects was observed."""
    dates = [frame["observed_at"].max() for frame in district.tables.values() if frame["observed_at"].notna().any()]
    return max(dates).isoformat() if dates else None
