"""The district that a scenario names: a GeoPackage, or the built-in one, generated once and kept."""

from __future__ import annotations

import os
from pathlib import Path

from sim.scenario import Scenario
from twin.errors import BadInput
from twin.places import District, synthetic


def cache_folder() -> Path:
    """Where generated districts are kept: ``$HUTONG_CACHE``, else the user's cache folder."""
    if "HUTONG_CACHE" in os.environ:
        return Path(os.environ["HUTONG_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hutong"


def builtin(name: str) -> Path:
    """The GeoPackage of a built-in district, generated on first use and again when its generator has changed."""
    path = cache_folder() / f"{name}.gpkg"
    rules = Path(synthetic.__file__).parent
    changed = max(file.stat().st_mtime for folder in (rules, rules.parent) for file in folder.glob("*.py"))
    if not path.is_file() or path.stat().st_mtime < changed:
        synthetic.generate(name).save(path)
    return path


def district_path(scenario: Scenario) -> Path:
    """The GeoPackage of a scenario's district."""
    if scenario.synthetic is not None:
        return builtin(scenario.synthetic)
    path = Path(scenario.district or "")
    if not path.is_file():
        raise BadInput(f"the district {path} is not there", where=scenario.name,
                       mend="import it with `hutong district import MAP -o DISTRICT.gpkg`, or correct `district:`")
    return path


def district_of(scenario: Scenario) -> District:
    """The district of a scenario."""
    return District.open(district_path(scenario))
