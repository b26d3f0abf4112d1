"""The long form of the event tests: 5,000 people on the real Beijing extract for 30 minutes.

    python tests/sim/long_event.py [PEOPLE]

prints CPU seconds including start-up, and fails if anybody was outside the walkable ground or got lost in any second.
``test_event.py`` is the short form.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from pathlib import Path

import numpy as np
import shapely

import sim
from sim.event import Rehearsal
from sim.run import Frame
from twin.places import District
from twin.sources import read

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("HUTONG_DATA", ROOT.parent / "shared" / "data"))


def main(people: int) -> None:
    """Rehearse the campus example with so many people and check every second of it."""
    scenario = sim.load(ROOT / "scenarios" / "campus.yaml")
    now = sum(demand.people for demand in scenario.demand.values())
    for demand in scenario.demand.values():
        demand.people = round(demand.people * people / now)
    scenario.duration_s = 1800
    with tempfile.TemporaryDirectory() as folder:
        path = read(DATA / "osm" / "beijing_cau_haidian.osm").district.save(Path(folder) / "beijing.gpkg")
        district = District.open(path)
    outside = 0

    def look(frame: Frame) -> None:
        nonlocal outside
        inside = shapely.intersects_xy(model.site.walkable, *frame.xy.astype(float).T)
        outside += int(np.count_nonzero(~inside))

    model = Rehearsal(district, scenario, "A", 1, on_frame=look)
    shapely.prepare(model.site.walkable)
    model.rehearse(lambda t: print(f"{t:6.0f} s  {model.crowd.n:5,} inside  {len(model.stuck()):3} stuck", end="\r"))
    series = model.record.result().series
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(f"\n{int(series.entered.iloc[-1]):,} people, 30 min: {usage.ru_utime + usage.ru_stime:.0f} s CPU, "
          f"outside {outside}, most stuck at once {int(series.stuck.max())}")
    assert outside == 0
    assert (series.entered == series.left + series.inside).all()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
