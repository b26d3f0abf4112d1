"""What the application serves: districts, scenarios and runs, each by its name."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Any

from sim.place import builtin
from sim.run import Run
from sim.scenario import Layout, Scenario
from sim.scenario_file import load, put_layout
from twin.errors import BadInput, HutongError
from twin.places import District
from viz.shipped import shipped

BUILT_IN = "xichangan"
KEPT = 4  # districts, scenes and runs that stay in memory


@dataclass(frozen=True)
class RunEntry:
    """One line of the list of runs, read from ``run.json`` alone."""

    name: str
    scenario: str
    layout: str
    seeds: list[int]
    wall_s: float
    written: float


class Library:
    """Districts, scenarios and runs on this machine. All methods may be called from several threads.

    ``district`` is a GeoPackage that is served beside the built-in one, ``runs`` the folder of runs, ``scenarios``
    one folder of scenario files or several; without it ``./scenarios``, else the examples that come with Hutong.
    """

    def __init__(self, district: str | PathLike[str] | None = None, runs: str | PathLike[str] = "runs",
                 scenarios: str | PathLike[str] | Iterable[str | PathLike[str]] | None = None) -> None:
        self.runs_folder = Path(runs).resolve()
        if district is not None and not Path(district).is_file():
            raise BadInput("there is no such file", where=str(district),
                           mend="import a map with `hutong district import MAP -o DISTRICT.gpkg`")
        self._own = Path(district).resolve() if district is not None else None
        self.scenario_folders = _folders(scenarios)
        self._met: dict[str, Path] = {}  # districts that only a run names
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._district = lru_cache(KEPT)(self._open)
        self._scene = lru_cache(KEPT)(self._make_scene)
        self._run = lru_cache(2 * KEPT)(lambda path, _written: Run(path))

    def districts(self) -> list[str]:
        """Names of the districts: the given one first, or the built-in one, then those of the scenarios."""
        return list(self._district_paths())

    def district(self, name: str) -> District:
        """A district by name."""
        path = self._district_path(name)
        with self._one_at_a_time(f"district {name}"):
            return self._district(str(path), path.stat().st_mtime)

    def place(self, name: str) -> str:
        """What a scenario calls a district: ``synthetic:NAME``, or the path of its file."""
        path = self._district_paths().get(name, self._district_path(name))
        return f"synthetic:{name}" if path is None else str(path)

    def scene(self, name: str) -> bytes:
        """The static geometry of a district for the scene (:func:`viz.scene.scene_bytes`)."""
        return gzip.decompress(self.packed_scene(name))

    def packed_scene(self, name: str) -> bytes:
        """The same, gzipped once and kept."""
        path = self._district_path(name)
        with self._one_at_a_time(f"scene {name}"):
            return self._scene(name, path.stat().st_mtime)

    def scenarios(self) -> list[str]:
        """Names of the scenario files (without ``.yaml``), in alphabetical order."""
        return sorted(self._scenario_paths())

    def first_scenario(self) -> str | None:
        """The scenario that pages begin with: the first that plays in the first district, else any whose district is
        there."""
        possible = []
        for name in self.scenarios():
            try:
                scenario = self.scenario(name)
            except HutongError:
                continue
            if scenario.synthetic is not None or Path(scenario.district or "").is_file():
                possible.append((self.district_name(scenario) != self.districts()[0], name))
        return min(possible)[1] if possible else next(iter(self.scenarios()), None)

    def scenario_path(self, name: str) -> Path:
        """The file of a scenario."""
        paths = self._scenario_paths()
        if name not in paths:
            raise BadInput(f"there is no scenario {name!r}", mend=_choose(sorted(paths)))
        return paths[name]

    def scenario(self, name: str) -> Scenario:
        """A scenario by name, read afresh."""
        return load(self.scenario_path(name))

    def save_layout(self, scenario: str, name: str, layout: Layout) -> None:
        """Save a layout in a scenario file, validated, in one move."""
        if not name.strip() or len(name) > 60:
            raise BadInput(f"{name!r} cannot be the name of a layout", mend="give 1 to 60 characters")
        path = self.scenario_path(scenario)
        with self._one_at_a_time(f"scenario {scenario}"):
            try:
                put_layout(path, name.strip(), layout)
            except PermissionError:
                raise BadInput("this file cannot be written", where=str(path),
                               mend="copy the scenarios to a folder of your own and serve that") from None

    def district_name(self, scenario: Scenario) -> str:
        """The name under which the district of a scenario is served."""
        if scenario.synthetic is not None:
            return scenario.synthetic
        path = Path(scenario.district or "").resolve()
        for name, known in self._district_paths().items():
            if known == path:
                return name
        if not path.is_file():
            raise BadInput(f"the district {path} is not there any more", where=scenario.name,
                           mend="put the file back, or import it again with `hutong district import`")
        name = _free(path.stem, self._district_paths())
        self._met[name] = path
        return name

    def runs(self) -> list[RunEntry]:
        """The finished runs, newest first. Folders that are not runs are passed over."""
        if not self.runs_folder.is_dir():
            return []
        entries = [_entry(file) for file in self.runs_folder.glob("*/run.json") if file.parent.suffix != ".part"]
        return sorted((e for e in entries if e), key=lambda e: (-e.written, e.name))

    def run(self, name: str) -> Run:
        """A run by name."""
        file = self.runs_folder / name / "run.json"
        if Path(name).name != name or name.startswith(".") or not file.is_file():
            raise BadInput(f"there is no run {name!r}", mend=_choose([e.name for e in self.runs()][:5]))
        return self._run(str(file.parent), file.stat().st_mtime)

    def run_district(self, run: Run) -> str:
        """The name of the district that a run took place in; an experiment brings a ground of its own."""
        if run.kind == "event":
            return self.district_name(run.scenario)
        ground = run.path / "ground.gpkg"
        if not ground.is_file():
            raise BadInput("this run of an experiment kept no ground", where=run.name,
                           mend="run it again with `hutong rehearse` to watch it here")
        name = f"experiment {run.name}"
        self._met[name] = ground
        return name

    def new_run_name(self, scenario: str, layout: str) -> str:
        """A name for a run that is not taken."""
        stem = f"{scenario}-{layout}".replace("/", "-").replace("\\", "-").replace(" ", "-").lstrip(".")
        name, k = stem, 2
        while (self.runs_folder / name).exists() or (self.runs_folder / f"{name}.part").exists():
            name, k = f"{stem}-{k}", k + 1
        return name

    def _district_paths(self) -> dict[str, Path | None]:
        """Name and file of every district; None for the built-in one, which is made when it is first asked for."""
        paths: dict[str, Path | None] = {}
        if self._own is not None:
            paths[self._own.stem] = self._own
        else:
            paths[BUILT_IN] = None
        for name in self.scenarios():
            try:
                scenario = self.scenario(name)
            except HutongError:
                continue  # a broken scenario is reported where it is opened, not where districts are listed
            if scenario.district is not None and Path(scenario.district).is_file():
                path = Path(scenario.district).resolve()
                if path not in paths.values():
                    paths[_free(path.stem, paths)] = path
        paths.update(self._met)
        paths.setdefault(BUILT_IN, None)
        return paths

    def _district_path(self, name: str) -> Path:
        paths = self._district_paths()
        if name not in paths:
            raise BadInput(f"there is no district {name!r}", mend=_choose(list(paths)))
        path = paths[name]
        if path is not None:
            return path
        with self._one_at_a_time("built-in"):
            return builtin(BUILT_IN)

    def _open(self, path: str, _written: float) -> District:
        return District.open(path)

    def _make_scene(self, name: str, _written: float) -> bytes:
        from viz.scene import scene_bytes
        return gzip.compress(scene_bytes(self.district(name)), compresslevel=4, mtime=0)

    def _scenario_paths(self) -> dict[str, Path]:
        """Files of events by stem; in a folder that comes earlier wins. Parking nights have a page of their own."""
        files = [file for folder in self.scenario_folders for file in sorted(folder.glob("*.yaml"))]
        return {file.stem: file for file in reversed(files) if not file.name.startswith(".") and not _is_night(file)}

    def _one_at_a_time(self, what: str) -> threading.Lock:
        """A lock of its own for every thing, so that two visitors do not both make it."""
        with self._lock:
            return self._locks.setdefault(what, threading.Lock())


def _is_night(file: Path) -> bool:
    try:
        return any(line.split("#")[0].split() == ["kind:", "parking"] for line in file.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError):
        return False


def _folders(given: str | PathLike[str] | Iterable[str | PathLike[str]] | None) -> list[Path]:
    if given is None:
        own = Path("scenarios")
        folders = [own if own.is_dir() else shipped("scenarios")]
    elif isinstance(given, (str, PathLike)):
        folders = [Path(given)]
    else:
        folders = [Path(folder) for folder in given]
    for folder in folders:
        if not folder.is_dir():
            raise BadInput("there is no such folder", where=str(folder), mend="give the folder of your scenario files")
    return [folder.resolve() for folder in folders]


def _entry(file: Path) -> RunEntry | None:
    try:
        info: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return RunEntry(file.parent.name, str(info["scenario"]), str(info["layout"]), [int(s) for s in info["seeds"]],
                        float(info["timing"]["wall_s"]), file.stat().st_mtime)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _free(stem: str, taken: dict[str, Path | None]) -> str:
    name, k = stem, 2
    while name in taken or name == BUILT_IN:
        name, k = f"{stem}-{k}", k + 1
    return name


def _choose(names: list[str]) -> str:
    return f"choose one of {', '.join(names)}" if names else "there are none yet: make one first"
