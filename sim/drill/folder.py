"""The record of a drill: a folder that is a run folder too, with the plan, every decision, and the hash of the whole run.

Beside what ``docs/run-folder.md`` says: ``drill.yaml`` (the plan as it was played), ``decisions.json`` (everything that
was decided, in the order of arrival) and ``drill.json`` (id, times, who took part, what became of the injects, the hash).
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sim.drill.drill import Decision, Drill
from sim.drill.plan import DrillPlan, dump, load
from sim.layout import takes
from sim.record import Result
from sim.run import FORMAT, Frame, FrameWriter, Run
from sim.scenario_file import dump as dump_scenario
from twin.errors import BadInput

DRILL_FORMAT = 1
ENGINE = ("hutong", "mesa", "numpy", "numba", "shapely")


class Recording:
    """A drill record that is being written: under another name until it is whole."""

    def __init__(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        self.folder = Path(folder)
        if self.folder.exists() and not overwrite:
            raise BadInput("this is there already", where=str(self.folder), mend="give another -o, or --overwrite")
        self.part = self.folder.with_name(self.folder.name + ".part")
        if self.part.exists():
            shutil.rmtree(self.part)
        (self.part / "frames").mkdir(parents=True)
        (self.part / "maps").mkdir()
        self._writer: FrameWriter | None = None
        self._began = datetime.now(UTC)

    def frame(self, frame: Frame) -> None:
        """Keep the positions of a second."""
        if self._writer is None:
            self._writer = FrameWriter(self.part / "frames" / "draft.parquet")
        self._writer.write(frame)

    def finish(self, drill: Drill, *, drill_id: str, trainees: dict[str, str] | None = None, wall_s: float = 0.0) -> Path:
        """Write everything else and give the folder its name; ``trainees`` are call-signs with their roles."""
        self._close()
        draft = self.part / "frames" / "draft.parquet"
        if draft.exists():
            draft.rename(self.part / "frames" / f"{drill.seed}.parquet")
        result = drill.result()
        _write_result(self.part, drill, result, wall_s)
        (self.part / "drill.yaml").write_text(dump(drill.plan), encoding="utf-8")
        (self.part / "decisions.json").write_text(_json([d.to_dict() for d in drill.decisions]), encoding="utf-8")
        info = {"format": DRILL_FORMAT, "id": drill_id, "hash": drill.digest(), "seed": drill.seed, "ended_at_s": drill.time,
                "level": drill.level, "began": self._began.isoformat(timespec="seconds"), "trainees": trainees or {},
                "lines": [{"inject": line.inject.model_dump(mode="json", by_alias=True), "state": line.state, "at_s": line.at_s}
                          for line in drill.lines],
                "engine": {name: version(name) for name in ENGINE}}
        (self.part / "drill.json").write_text(_json(info), encoding="utf-8")
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.part.rename(self.folder)
        return self.folder

    def drop(self) -> None:
        """Leave nothing behind."""
        self._close()
        shutil.rmtree(self.part, ignore_errors=True)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _write_result(part: Path, drill: Drill, result: Result, wall_s: float) -> None:
    """What a run folder holds."""
    plan = drill.plan
    pd.DataFrame([{"seed": drill.seed, **result.metrics}]).to_parquet(part / "metrics.parquet", index=False)
    for name in ("series", "queues", "events", "staff"):
        getattr(result, name).to_parquet(part / f"{name}.parquet", index=False)
    np.savez_compressed(part / "maps" / f"{drill.seed}.npz", **result.maps)  # type: ignore[arg-type]
    (part / "scenario.yaml").write_text(dump_scenario(plan.scenario), encoding="utf-8")
    info = {
        "format": FORMAT, "scenario": plan.scenario.name, "layout": plan.layout, "seeds": [drill.seed], "drill": plan.name,
        "takes": takes(drill.district, plan.scenario, plan.layout),
        "district": {"name": drill.district.name, "crs": drill.district.crs.to_string(), "origin": drill.district.origin,
                     "attribution": drill.district.attribution, "observed_at": None},
        "versions": {name: version(name) for name in ENGINE} | {"python": platform.python_version()},
        "host": {"system": platform.platform(), "machine": platform.machine(), "cores": os.cpu_count()},
        "timing": {"wall_s": round(wall_s, 2), "replications": [{"wall_s": round(wall_s, 2)}]}}
    (part / "run.json").write_text(_json(info), encoding="utf-8")


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)


@dataclass
class Record:
    """A drill that was played, read from its folder."""

    path: Path
    info: dict[str, Any] = field(init=False)
    decisions: list[Decision] = field(init=False)

    def __post_init__(self) -> None:
        self.path = Path(self.path)
        file = self.path / "drill.json"
        if not file.is_file():
            raise BadInput("this is not the record of a drill", where=str(self.path),
                           mend="make one with `hutong drill play DRILL -o FOLDER`")
        try:
            self.info = json.loads(file.read_text(encoding="utf-8"))
            told = json.loads((self.path / "decisions.json").read_text(encoding="utf-8"))
            self.decisions = [Decision(**line) for line in told]
            newer = int(self.info["format"]) > DRILL_FORMAT
            self.info["hash"], self.info["ended_at_s"], self.info["engine"], self.info["lines"]  # all there
        except (OSError, ValueError, KeyError, TypeError):
            raise BadInput("this record is damaged", where=str(self.path), mend="take another copy of it") from None
        if newer:
            raise BadInput(f"this record has format {self.info['format']}, this Hutong reads up to {DRILL_FORMAT}",
                           where=str(self.path), mend="update Hutong")

    @property
    def hash(self) -> str:
        """Hash of the whole run."""
        return str(self.info["hash"])

    @property
    def seed(self) -> int:
        """Seed of the rehearsal."""
        return int(self.info["seed"])

    @property
    def ended_at_s(self) -> float:
        """Scenario time at which it ended [s]."""
        return float(self.info["ended_at_s"])

    @cached_property
    def plan(self) -> DrillPlan:
        """The drill as it was played."""
        return load(self.path / "drill.yaml")

    @cached_property
    def run(self) -> Run:
        """The same folder as a run."""
        return Run(self.path)

    @cached_property
    def metrics(self) -> dict[str, float]:
        """The measures of the rehearsal."""
        return {str(key): float(value) for key, value in self.run.metrics.iloc[0].items() if key != "seed"}

    def other_engine(self) -> str:
        """What of the engine differs from this one, a sentence; empty if nothing does."""
        differ = [f"{name} {was} there, {version(name)} here" for name, was in self.info["engine"].items()
                  if was != version(name)]
        return ", ".join(differ)
