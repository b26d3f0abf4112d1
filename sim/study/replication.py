"""One replication: a scenario, a layout and a seed become files. The same order leads to the same bytes anywhere."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from sim.event import Rehearsal
from sim.parking.plan import ParkingPlan
from sim.place import district_path
from sim.run import FrameWriter
from sim.scenario import Scenario
from sim.study.engine import Kind, engine
from twin.errors import BadInput
from twin.places import District

TABLES = ("series", "queues", "events", "staff")
"""Tables that the replication of an event leaves, each ``<name>.parquet``."""
WHOLE = "metrics.json"
"""Written last: a replication is whole when it is there."""


@dataclass(frozen=True)
class Order:
    """What to replicate: a scenario as YAML, one of its layouts (of a parking night: options), a seed; made for an
    engine, which whoever carries it out must have."""

    scenario: str
    layout: str
    seed: int
    engine: str
    frames: bool = False


def replicate(order: Order) -> dict[str, bytes]:
    """Carry out an order, anywhere, and return the files that it leaves by name; ``metrics.json`` is always there.

    Raises :class:`BadInput` where this machine has another engine, or not the district.
    """
    plan = _plan(order.scenario)
    kind: Kind = "parking" if isinstance(plan, ParkingPlan) else "event"
    if engine(kind) != order.engine:
        raise BadInput(f"a worker has engine {engine(kind)}, the study was begun with {order.engine}",
                       mend="install the same Hutong on every worker")
    if isinstance(plan, ParkingPlan):
        return _night(plan, order)
    path = district_path(plan)
    with tempfile.TemporaryDirectory(prefix="hutong-") as name:
        folder = Path(name)
        leave(folder, _district(str(path), path.stat().st_mtime), plan, order.layout, order.seed, frames=order.frames)
        return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def leave(folder: Path, district: District, scenario: Scenario, layout: str, seed: int, *, frames: bool, threads: int = 1,
          on_progress: Callable[[float], None] | None = None) -> None:
    """Rehearse one seed and leave its files in a folder: ``metrics.json``, the tables, ``maps.npz`` and, if wanted,
    ``frames.parquet``. ``on_progress`` is told the share that is done."""
    cpu, wall = time.process_time(), time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / "frames.draft"
    writer = FrameWriter(draft) if frames else None
    try:
        model = Rehearsal(district, scenario, layout, seed, threads=threads, on_frame=writer.write if writer else None)
        end = scenario.duration_s
        model.rehearse(None if on_progress is None else lambda t: on_progress(t / end))
    finally:
        if writer:
            writer.close()
    result = model.record.result()
    if writer:
        draft.replace(folder / "frames.parquet")
    np.savez_compressed(folder / "maps.npz", **result.maps)  # type: ignore[arg-type]
    for name in TABLES:
        getattr(result, name).to_parquet(folder / f"{name}.parquet", index=False)
    write_metrics(folder, seed, result.metrics, {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall})


def write_metrics(folder: Path, seed: int, metrics: dict[str, float], timing: dict[str, float]) -> None:
    """Write ``metrics.json``, which makes a replication whole, in one move."""
    draft = folder / "metrics.draft"
    draft.write_bytes(_metrics(seed, metrics, timing))
    draft.replace(folder / WHOLE)


def _metrics(seed: int, metrics: dict[str, float], timing: dict[str, float]) -> bytes:
    return json.dumps({"seed": seed, "metrics": metrics, "timing": timing}).encode()


def read_metrics(folder: Path) -> dict[str, Any]:
    """``seed``, ``metrics`` and ``timing`` of a replication; measures that are not known are NaN."""
    return dict(json.loads((folder / WHOLE).read_text(encoding="utf-8")))


def store(folder: Path, files: dict[str, bytes]) -> None:
    """Write the files of a replication as a folder, whole or not at all; one that is there already stays."""
    if (folder / WHOLE).is_file():
        return
    draft = draft_of(folder)
    try:
        for name, content in files.items():
            (draft / name).write_bytes(content)
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def draft_of(folder: Path) -> Path:
    """A new, hidden folder beside one that is to be written whole."""
    draft = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    draft.mkdir(parents=True)
    return draft


def _night(plan: ParkingPlan, order: Order) -> dict[str, bytes]:
    """Spend one parking night; its measures are all that it leaves."""
    from sim.parking.night import Night
    from sim.parking.outcome import outcome
    cpu, wall = time.process_time(), time.perf_counter()
    scene, district, access = _night_scene(order.scenario, order.layout)
    option = plan.option(order.layout)
    night = Night(scene, plan, order.seed, permit=option.permit if option else None).run()
    measures = {key: float(value) for key, value in outcome(night, district, access).measures.items()}
    return {WHOLE: _metrics(order.seed, measures,
                            {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall})}


@lru_cache(maxsize=4)
def _plan(text: str) -> Scenario | ParkingPlan:
    """The scenario of an order; it was validated before it was sent."""
    import yaml
    data = yaml.safe_load(text)
    return ParkingPlan.model_validate(data) if data.get("kind") == "parking" else Scenario.model_validate(data)


@lru_cache(maxsize=2)
def _district(path: str, _written: float) -> District:
    return District.open(path)


@lru_cache(maxsize=2)
def _night_scene(text: str, option: str) -> tuple[Any, District, Any]:
    """The scene of an option, its district, and its fire access: made once for all seeds."""
    from sim.parking.fire import FireAccess
    from sim.parking.night import scene_of
    plan = _plan(text)
    assert isinstance(plan, ParkingPlan)
    path = district_path(plan)  # type: ignore[arg-type] # it names its district as an event does
    district = _district(str(path), path.stat().st_mtime)
    return scene_of(district, plan, option), district, FireAccess.of(district)
