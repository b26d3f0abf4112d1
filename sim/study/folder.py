"""A study as a folder: what is asked, and one folder a replication, each written whole. It goes on where it stopped.

::

    study.yaml                          what is compared, with which engine it was begun
    scenario.yaml                       the scenario with every layout of the study, defaults written out
    replications/<layout>/<seed>/       metrics.json; of an event also the tables and maps of a run
    runs/<layout>/                      run folders, made of the replications when somebody asks for them
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import yaml

from sim.layout import chosen
from sim.measures import MeasureKind, measure
from sim.parking.plan import AS_IT_IS, ParkingPlan
from sim.run import Run
from sim.scenario import Scenario
from sim.scenario_file import dump, load, load_night
from sim.study.crew import Crew
from sim.study.engine import differs, engine, versions
from sim.study.replication import WHOLE, Order, draft_of, read_metrics, replicate, store
from sim.study.replications import gather, pinned
from twin.errors import BadInput

FORMAT = 1
Plan = Scenario | ParkingPlan
Progress = Callable[[int, int], None]
"""Called with how many replications of a step are finished, and of how many."""


class Study:
    """A study folder. ``layouts`` are those that it compares (of a parking night: options), in the order of asking."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        file = self.path / "study.yaml"
        if not file.is_file():
            raise BadInput("this is not a study", where=str(self.path),
                           mend="make one with `hutong study run SCENARIO -o FOLDER`")
        self.about: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
        if self.about["format"] > FORMAT:
            raise BadInput(f"this study has format {self.about['format']}, this Hutong reads up to {FORMAT}",
                           where=str(self.path), mend="update Hutong")

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.path.name

    @property
    def kind(self) -> Literal["event", "parking"]:
        """What is replicated."""
        return "parking" if self.about["kind"] == "parking" else "event"

    @property
    def layouts(self) -> list[str]:
        """What is compared."""
        return [str(name) for name in self.about["layouts"]]

    @property
    def first_seed(self) -> int:
        """Seed of the first replication of every layout; the others follow it."""
        return int(self.about["seed"])

    @cached_property
    def plan(self) -> Plan:
        """The scenario with all its layouts."""
        file = self.path / "scenario.yaml"
        return load_night(file) if self.kind == "parking" else load(file)

    @property
    def scenario(self) -> Scenario:
        """The event that is studied; :class:`BadInput` for parking nights."""
        if not isinstance(self.plan, Scenario):
            raise BadInput("this is a study of parking nights, which have no crowd", where=str(self.path),
                           mend="give the study of an event")
        return self.plan

    def folder(self, layout: str, seed: int) -> Path:
        """Where a replication is, or will be."""
        return self.path / "replications" / layout / str(seed)

    def seeds(self, layout: str) -> list[int]:
        """Seeds whose replication is whole, ascending."""
        here = self.path / "replications" / layout
        return sorted(int(file.parent.name) for file in here.glob(f"*/{WHOLE}") if file.parent.name.isdecimal())

    def common_seeds(self, layouts: Sequence[str] | None = None) -> list[int]:
        """Seeds that all layouts, or the named ones, have."""
        names = self.layouts if layouts is None else layouts
        return sorted(set.intersection(*(set(self.seeds(name)) for name in names))) if names else []

    def measures(self, layout: str) -> pd.DataFrame:
        """One row a seed (the index), one column a measure."""
        rows = {seed: read_metrics(self.folder(layout, seed))["metrics"] for seed in self.seeds(layout)}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("seed").astype(float)

    def value(self, layout: str, seed: int, key: str) -> float:
        """One measure of one replication; NaN where it is not known."""
        return float(read_metrics(self.folder(layout, seed))["metrics"].get(key, float("nan")))

    def metrics(self) -> pd.DataFrame:
        """Everything that is finished: columns ``layout``, ``seed`` and one a measure."""
        parts = [self.measures(name).reset_index().assign(layout=name) for name in self.layouts if self.seeds(name)]
        if not parts:
            return pd.DataFrame(columns=["layout", "seed"])
        joined = pd.concat(parts, ignore_index=True)
        return joined[["layout", "seed", *[c for c in joined.columns if c not in ("layout", "seed")]]]

    def measure_of(self, key: str) -> MeasureKind:
        """What a column of the measures holds."""
        if self.kind == "parking":
            from sim.parking.outcome import MEASURES
            return MEASURES[key]
        return measure(key)

    def require_measure(self, key: str) -> MeasureKind:
        """The same, with a sentence for a measure that the study has not."""
        for name in self.layouts:
            for seed in self.seeds(name)[:1]:
                known = read_metrics(self.folder(name, seed))["metrics"]
                if key not in known:
                    raise BadInput(f"there is no measure {key!r}", where=str(self.path),
                                   mend=f"choose one of {', '.join(known)}")
        return self.measure_of(key)

    def complete(self, wanted: Iterable[tuple[str, int]], crew: Crew, *, frames: Literal["first", "all", "none"] = "none",
                 refused: set[str] | None = None, on_progress: Progress | None = None) -> None:
        """Compute what of the wanted (layout, seed) is not there yet. A layout that cannot be rehearsed raises
        :class:`BadInput`, or is put among the ``refused``."""
        complete([(self, layout, seed) for layout, seed in wanted], crew, frames=frames, refused=refused, on_progress=on_progress)

    def orders(self, wanted: Iterable[tuple[str, int]], frames: Literal["first", "all", "none"] = "none") -> list[Order]:
        """What has to be computed of the wanted (layout, seed): what is not there yet, each once. Raises
        :class:`BadInput` where the study was begun by another engine."""
        apart = differs(self.about["versions"], versions(self.kind))
        if apart:
            raise BadInput(f"this study was begun with {apart[0]}, this is {apart[1]}: their results do not belong together",
                           where=str(self.path), mend="finish it with the version that began it, or begin another folder")
        text = dump(self.plan)
        return [Order(text, layout, seed, engine(self.kind), frames == "all" or (frames == "first" and seed == self.first_seed))
                for layout, seed in dict.fromkeys(wanted) if not (self.folder(layout, seed) / WHOLE).is_file()]

    def note(self, **facts: Any) -> None:
        """Keep facts in ``study.yaml``, in one move."""
        self.about.update(facts)
        _write(self.path / "study.yaml", yaml.safe_dump(self.about, sort_keys=False, allow_unicode=True))

    def run_of(self, layout: str) -> Run:
        """The finished replications of a layout as a run folder, made again when there are more of them."""
        seeds = self.seeds(layout)
        if not seeds:
            raise BadInput(f"the layout {layout!r} has no finished replication", where=str(self.path),
                           mend="finish the study with `hutong study run` first")
        folder = self.path / "runs" / layout
        if (folder / "run.json").is_file():
            run = Run(folder)
            if run.seeds == seeds:
                return run
        from sim.place import district_of
        draft = draft_of(folder)
        (draft / "scenario.yaml").write_text(dump(self.scenario), encoding="utf-8")
        gather(draft, {seed: self.folder(layout, seed) for seed in seeds}, self.scenario, district_of(self.scenario), layout, 0.0,
               made_by=self.about["versions"])
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
        return Run(folder)

    def add(self, layouts: dict[str, Any]) -> None:
        """Take more layouts, by name, into the study and its scenario; those that are there must be the same."""
        plan = self.plan
        known = plan.layouts if isinstance(plan, Scenario) else plan.options
        for name, layout in layouts.items():
            _require_name(name)
            if name in known and known[name] != layout:
                raise BadInput(f"the study has another layout {name!r}", where=str(self.path), mend="give it another name")
        new = {name: layout for name, layout in layouts.items() if name not in known}
        if new:
            key = "layouts" if isinstance(plan, Scenario) else "options"
            self.plan = plan.model_copy(update={key: {**known, **new}})
            _write(self.path / "scenario.yaml", dump(self.plan))
        missing = [name for name in layouts if name not in self.layouts]
        if missing:
            self.note(layouts=[*self.layouts, *missing])


def complete(wanted: Iterable[tuple[Study, str, int]], crew: Crew, *, frames: Literal["first", "all", "none"] = "none",
             refused: set[str] | None = None, on_progress: Progress | None = None) -> None:
    """Compute what of the wanted (study, layout, seed) is not there yet, of several studies side by side."""
    by_study: dict[Path, tuple[Study, list[tuple[str, int]]]] = {}
    for study, layout, seed in wanted:
        by_study.setdefault(study.path, (study, []))[1].append((layout, seed))
    orders = [(study.path, order) for study, pairs in by_study.values() for order in study.orders(pairs, frames)]
    finished = 0

    def keep(asked: tuple[Path, Order], files: dict[str, bytes]) -> None:
        nonlocal finished
        path, order = asked
        if refused is not None and not files:
            refused.add(order.layout)
        else:
            store(path / "replications" / order.layout / str(order.seed), files)
        finished += 1
        if on_progress is not None:
            on_progress(finished, len(orders))

    crew.do(_replicate if refused is None else _attempt, orders, keep)


def _replicate(asked: tuple[Path, Order]) -> dict[str, bytes]:
    return replicate(asked[1])


def _attempt(asked: tuple[Path, Order]) -> dict[str, bytes]:
    """The same, or nothing where the layout cannot be rehearsed."""
    try:
        return replicate(asked[1])
    except BadInput:
        return {}


def begin(path: str | os.PathLike[str], plan: Plan, layouts: Sequence[str] | None = None, *, seed: int | None = None) -> Study:
    """The study in a folder: a new one, or the one that is there, which must be of the same scenario and engine.

    More layouts may join a study that is there. Nothing is written before everything is found right.
    """
    path = Path(path)
    names = _layouts(plan, layouts)
    plan = pinned(plan) if isinstance(plan, Scenario) else plan
    if (path / "study.yaml").is_file():
        study = Study(path)
        _require_same(study, plan, seed)
        mine = plan.layouts if isinstance(plan, Scenario) else {**plan.options}
        study.add({name: mine[name] for name in names if name in mine})
        study.note(layouts=list(dict.fromkeys([*study.layouts, *names])))
        return study
    if path.exists() and any(path.iterdir()):
        raise BadInput("there is something else already", where=str(path), mend="give another -o")
    about = {"format": FORMAT, "kind": plan.kind, "scenario": plan.name, "layouts": names,
             "seed": plan.seed if seed is None else seed, "versions": versions(plan.kind)}
    draft = draft_of(path)
    (draft / "scenario.yaml").write_text(dump(plan), encoding="utf-8")
    (draft / "study.yaml").write_text(yaml.safe_dump(about, sort_keys=False, allow_unicode=True), encoding="utf-8")
    if path.exists():
        path.rmdir()
    draft.rename(path)
    return Study(path)


def _layouts(plan: Plan, asked: Sequence[str] | None) -> list[str]:
    known = list(plan.layouts) if isinstance(plan, Scenario) else [AS_IT_IS, *plan.options]
    names = list(dict.fromkeys(asked)) if asked else known
    for name in names:
        if isinstance(plan, Scenario):
            chosen(plan, name)
        elif name not in known:
            raise BadInput(f"there is no option {name!r}", where=plan.name, mend=f"choose one of {', '.join(known)}")
        _require_name(name)
    return names


def _require_name(name: str) -> None:
    if not name.strip() or name.startswith(".") or set(name) & set("/\\:*?\"<>|\0"):
        raise BadInput(f"the layout {name!r} cannot be the name of a folder", mend="rename it in the scenario")


def _require_same(study: Study, plan: Plan, seed: int | None) -> None:
    """Only the layouts of a scenario may grow while it is studied."""
    mine, theirs = (p.model_dump(exclude={"layouts", "options"}) for p in (plan, study.plan))
    if type(plan) is not type(study.plan) or mine != theirs:
        parts = [key for key in mine if mine.get(key) != theirs.get(key)]
        raise BadInput(f"this is the study of another scenario ({study.about['scenario']}; other: {', '.join(parts)})",
                       where=str(study.path), mend="give another -o, or the scenario that it was begun with")
    ours, known = ((p.layouts if isinstance(p, Scenario) else p.options) for p in (plan, study.plan))
    for name in set(ours) & set(known):
        if ours[name] != known[name]:
            raise BadInput(f"the layout {name!r} has changed since this study was begun", where=str(study.path),
                           mend="give the changed layout another name, or another -o")
    if seed is not None and seed != study.first_seed:
        raise BadInput(f"this study was begun with the seed {study.first_seed}, not {seed}", where=str(study.path),
                       mend="leave --seed out, or give another -o")


def _write(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)


__all__ = ["Plan", "Study", "begin", "complete"]
