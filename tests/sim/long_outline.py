"""How near the outline comes to rehearsals: ``python tests/sim/long_outline.py [scenario] [folder]``, six minutes.

Rehearses every layout of a scenario with three seeds, looks at the same in outline, and prints both side by side, with the CPU
time that a layout and seed take in outline.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sim.measures import readable
from sim.place import district_of
from sim.scenario_file import load
from sim.study.crew import Crew
from sim.study.folder import begin
from sim.study.outline import Outline

SEEDS = (1, 2, 3)

if __name__ == "__main__":
    shipped = Path(__file__).resolve().parents[2] / "scenarios" / "evening.yaml"
    scenario = load(sys.argv[1] if len(sys.argv) > 1 else shipped)
    names = list(scenario.layouts)
    folder = sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="hutong-outline-")
    with Crew(0) as crew:
        study = begin(folder, scenario, names, seed=SEEDS[0])
        study.complete([(name, seed) for seed in SEEDS for name in names], crew, frames="first")
    outline = Outline(district_of(scenario), scenario, SEEDS)
    foreseen = {name: outline.measures(scenario.layouts[name]) for name in names}
    started = time.process_time()
    for name in names:
        outline.measures(scenario.layouts[name])
    spent = (time.process_time() - started) / len(names) / len(SEEDS)
    found = {name: study.measures(name).loc[list(SEEDS)].mean() for name in names}
    print("measure".ljust(26), *(f"{name + ' rehearsed':>14}{name + ' outline':>14}" for name in names))
    for key in foreseen[names[0]]:
        print(key.ljust(26), *(f"{readable(float(found[name].get(key, float('nan')))):>14}"
                               f"{readable(foreseen[name].get(key, float('nan'))):>14}" for name in names))
    print(f"{spent:.3f} CPU-seconds a layout and seed in outline")
