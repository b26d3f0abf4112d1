"""Runs of a lab scenario, one seed after the other, as a run folder with trajectories (see docs/run-folder.md)."""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from sim.lab import Lab, area_of
from sim.lab.areas import AreaWatch
from sim.lab.bench import prepare
from sim.lab.district import ground_district
from sim.lab.experiment import Experiment, origin_of
from sim.lab.measures import measures
from sim.lab.tracks import write_tracks
from sim.run import FORMAT, Frame, FrameWriter
from sim.scenario_file import dump
from sim.workers import Progress, work_through
from twin.errors import BadInput

FARTHEST = 1600.0
"""Half the widest ground whose positions a run folder holds [m]."""
TABLES = ("series", "people", "crossings", "areas")


@dataclass(frozen=True)
class _Job:
    """One replication: what a worker needs to know."""

    part: Path
    lab: Lab
    seed: int
    frames: bool
    first: bool


def rehearse_lab(
    lab: Lab,
    *,
    out: str | os.PathLike[str],
    seed: int | None = None,
    replications: int = 1,
    workers: int = 1,
    frames: Literal["first", "all", "none"] = "first",
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> Path:
    """Run a lab scenario with seeds ``seed`` (its own, if not given), ``seed + 1`` and so on; gives the run folder.

    Interrupted, it leaves ``<out>.part``; the same call goes on from there. The result does not depend on how many
    ``workers`` (processes) share the seeds. Raises :class:`BadInput` before anything is
    written.
    """
    folder = Path(out)
    if replications < 1:
        raise BadInput(f"{replications} replications are none", where=lab.name, mend="ask for at least 1")
    if folder.exists() and not overwrite:
        raise BadInput("this run is there already", where=str(folder), mend="give another -o, or --overwrite")
    first = lab.seed if seed is None else seed
    seeds = list(range(first, first + replications))
    bench = prepare(lab, first)
    west, south, east, north = bench.ground.walkable.bounds
    if max(east - west, north - south) > 2 * FARTHEST:
        raise BadInput(
            f"the ground is {max(east - west, north - south):.0f} m wide",
            where=lab.name,
            mend=f"take one of at most {2 * FARTHEST:.0f} m",
        )
    part = _part_folder(folder, lab, fresh=overwrite)
    began = time.perf_counter()
    keep = {"first": seeds[:1], "all": seeds, "none": []}[frames]
    jobs = [_Job(part, lab, s, s in keep, s == seeds[0]) for s in seeds
            if not (part / "done" / str(s) / "metrics.json").is_file()]
    work_through(_run, jobs, workers, on_progress)
    _gather(part, lab, bench.lab, seeds, time.perf_counter() - began)
    if folder.exists():
        shutil.rmtree(folder)
    part.rename(folder)
    return folder


def _part_folder(folder: Path, lab: Lab, *, fresh: bool) -> Path:
    """The folder of an unfinished run: a new one, or the one that an interruption left."""
    part = folder.with_name(folder.name + ".part")
    if part.exists() and (fresh or not (part / "scenario.yaml").is_file()):
        shutil.rmtree(part)
    if part.exists():
        if (part / "scenario.yaml").read_text(encoding="utf-8") != dump(lab):
            raise BadInput(
                "an unfinished run of another scenario is there",
                where=str(part),
                mend="finish it, give another -o, or --overwrite",
            )
        return part
    for name in ("done", "frames", "maps"):
        (part / name).mkdir(parents=True)
    (part / "scenario.yaml").write_text(dump(lab), encoding="utf-8")
    return part


def _run(job: _Job, on_progress: Progress | None) -> None:
    """Run one seed and write what it leaves; complete only when ``done/<seed>/metrics.json`` is there."""
    part, lab, seed = job.part, job.lab, job.seed
    cpu, wall = time.process_time(), time.perf_counter()
    draft = part / "frames" / f"{seed}.draft"
    writer = FrameWriter(draft) if job.frames else None

    def on_frame(frame: Frame) -> None:
        watch.look(frame)
        if writer:
            writer.write(frame)

    try:
        experiment = Experiment(lab, seed, tracks=job.frames, maps=True, on_frame=on_frame)
        plane, walkable = experiment.lab, experiment.ground.walkable
        areas = {name: area_of(outline).intersection(walkable) for name, outline in plane.measure.areas.items()}
        watch = AreaWatch(areas, walkable, origin_of(plane))
        findings = experiment.run(None if on_progress is None else lambda t: on_progress(seed, t / lab.duration_s))
    finally:
        if writer:
            writer.close()
    if writer:
        draft.replace(part / "frames" / f"{seed}.parquet")
        write_tracks(findings.tracks, lab.fps, part, "trajectories" if job.first else f"trajectories-{seed}")
    np.savez_compressed(part / "maps" / f"{seed}.npz", **findings.maps)  # type: ignore[arg-type]
    done = part / "done" / str(seed)
    done.mkdir(parents=True, exist_ok=True)
    tables = {"series": findings.series, "people": findings.people, "crossings": findings.crossings, "areas": watch.table()}
    for name in TABLES:
        tables[name].insert(0, "seed", seed)
        tables[name].to_parquet(done / f"{name}.parquet", index=False)
    timing = {"cpu_s": round(time.process_time() - cpu, 2), "wall_s": round(time.perf_counter() - wall, 2)}
    figures = {"seed": seed, "metrics": measures(findings) | watch.measures(), "timing": timing}
    draft = done / "metrics.draft"
    draft.write_text(json.dumps(figures), encoding="utf-8")
    draft.replace(done / "metrics.json")
    if on_progress is not None:
        on_progress(seed, 1.0)


def _gather(part: Path, lab: Lab, plane: Lab, seeds: list[int], wall_s: float) -> None:
    """Join what the seeds left into the tables of the run folder; ``plane`` is the lab with everything in one plane."""
    done = [json.loads((part / "done" / str(s) / "metrics.json").read_text(encoding="utf-8")) for s in seeds]
    pd.DataFrame([{"seed": d["seed"], **d["metrics"]} for d in done]).to_parquet(part / "metrics.parquet", index=False)
    for name in TABLES:
        tables = [pd.read_parquet(part / "done" / str(s) / f"{name}.parquet") for s in seeds]
        pd.concat([t for t in tables if len(t)] or tables[:1], ignore_index=True).to_parquet(
            part / f"{name}.parquet", index=False
        )
    info = {
        "format": FORMAT,
        "kind": "lab",
        "scenario": lab.name,
        "layout": "",
        "seeds": seeds,
        "takes": {},
        "fps": lab.fps,
        "district": {"name": lab.name, "crs": None, "origin": origin_of(plane), "attribution": "", "observed_at": None},
        "versions": {p: version(p) for p in ("hutong", "mesa", "numpy", "numba", "shapely")}
        | {"python": platform.python_version()},
        "host": {"system": platform.platform(), "machine": platform.machine(), "cores": os.cpu_count()},
        "timing": {"wall_s": round(wall_s, 2), "replications": [d["timing"] for d in done]},
    }
    ground_district(plane).save(part / "ground.gpkg")
    (part / "run.json").write_text(json.dumps(info, indent=2, ensure_ascii=False), encoding="utf-8")
    shutil.rmtree(part / "done")
