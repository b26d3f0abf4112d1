"""The long form of the tests of robustness: many seeds of the door, the counter-flow and the event example.

    python tests/sim/long_seeds.py [--what door|counterflow|event] [--seeds 1000] [--first 1] [--jobs 1] [-o FILE]

writes one JSON line a seed, and goes on where it was stopped when it is given again. It fails if a seed raised an
exception, put anybody outside or lost anybody, or if somebody who wanted to walk stood without being reported as stuck.
``--seconds`` cuts the event short. ``test_seeds.py`` is the short form.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import shapely

import sim
from sim.crowd import Crowd
from sim.crowd.step import columns
from sim.event import Rehearsal
from sim.lab.experiment import Experiment
from sim.place import district_of
from sim.run import Frame
from sim.scenario_file import load_any
from sim.verify.drawing import FREE, box, group, joined, lab, line

ROOT = Path(__file__).resolve().parents[2]
ROOM_TO_SHUFFLE = 0.5
"""Somebody who stays within so many metres of one place stands [m]: half of what counts as progress."""
LONG = 120.0
"""Somebody who stands for so long has to be reported [s]. The crowd reports who has come no metre nearer for 60 s; within
the room to shuffle one metre may still be completed once, so twice that time leaves no excuse."""
WALKING = (0, 4)
"""States of a frame in which people want to walk: walking in, leaving."""


class Standing:
    """Who stands where they stand, and since when."""

    def __init__(self) -> None:
        self._at: dict[int, tuple[float, float, float]] = {}
        self.unreported: set[int] = set()

    def look(self, frame: Frame, excused: np.ndarray) -> None:
        """Take in a second: people who have stood for too long, want to walk and are not among the ``excused``
        ids, those who are reported as stuck or wait at a place of their own."""
        waits = set(excused.tolist())
        here: dict[int, tuple[float, float, float]] = {}
        for person, (x, y), state in zip(frame.ids.tolist(), frame.xy.tolist(), frame.state.tolist(), strict=True):
            before = self._at.get(person)
            moved = before is None or np.hypot(x - before[0], y - before[1]) > ROOM_TO_SHUFFLE
            afresh = moved or before is None or state not in WALKING or person in waits
            here[person] = (x, y, frame.time_s) if afresh or before is None else before
            if frame.time_s - here[person][2] > LONG + 1:
                self.unreported.add(person)
        self._at = here


def excused(crowd: Crowd) -> np.ndarray:
    """Ids of people who are reported as stuck, are told to stand still, or are within a step of the place where they
    were told to wait."""
    reals, integers = crowd.columns
    mode = integers[columns.MODE]
    waits = (mode & columns.HOLD != 0) | ((mode & columns.STAND != 0) & (reals[columns.LEFT] < ROOM_TO_SHUFFLE))
    return np.concatenate([integers[columns.ID][waits], crowd.stuck()])


def door(seed: int) -> dict[str, Any]:
    """200 people through a door of 1 m (scenarios/labs/door.yaml)."""
    return _experiment(load_any(ROOT / "scenarios" / "labs" / "door.yaml"), seed)


def counterflow(seed: int) -> dict[str, Any]:
    """100 people against 100 in a corridor of 2 x 10 m between two rooms (NIST TN 1822, 2.8)."""
    scenario = lab(
        "counterflow", joined(box(0, 0, 10, 10), box(10, 4, 20, 6), box(20, 0, 30, 10)),
        [group("right", area=box(1.2, 0.2, 9.8, 9.8), count=100, speed=FREE),
         group("left", area=box(20.2, 0.2, 28.8, 9.8), count=100, speed=FREE)],
        {"right": box(29, 0, 30, 10), "left": box(0, 0, 1, 10)}, 600, lines={"middle": line(15, 4, 15, 6)})
    return _experiment(scenario, seed)


def _experiment(scenario: Any, seed: int) -> dict[str, Any]:
    standing, seen = Standing(), {"outside": 0, "lost": 0, "stuck": 0}

    def look(frame: Frame) -> None:
        _count(seen, experiment)
        standing.look(frame, excused(experiment.crowd))

    experiment = Experiment(scenario, seed, tracks=False, on_frame=look)
    findings = experiment.run()
    return {"people": len(findings.people), "arrived": int(findings.people["out_s"].notna().sum()),
            "end_s": round(findings.end_s, 1), **seen, "unreported": len(standing.unreported)}


def event(seed: int, seconds: float | None = None) -> dict[str, Any]:
    """The event example (scenarios/evening.yaml), layout A."""
    scenario = sim.load(ROOT / "scenarios" / "evening.yaml")
    if seconds is not None:
        scenario = scenario.model_copy(update={"duration_s": seconds})
    standing, seen = Standing(), {"outside": 0, "lost": 0, "stuck": 0}

    def look(frame: Frame) -> None:
        _count(seen, model)
        standing.look(frame, excused(model.crowd))

    model = Rehearsal(district_of(scenario), scenario, "A", seed, on_frame=look)
    shapely.prepare(model.site.walkable)
    model.rehearse()
    series = model.record.result().series
    astray = int((series["entered"] != series["left"] + series["inside"]).sum())
    return {"people": len(model.visitors), "arrived": int(series["left"].iloc[-1]), "end_s": round(model.time, 1), **seen,
            "astray": astray, "unreported": len(standing.unreported)}


def _count(seen: dict[str, int], of: Experiment | Rehearsal) -> None:
    ground = of.ground if isinstance(of, Experiment) else of.site.ground
    seen["outside"] += int((~ground.inside(of.crowd.table().xy)).sum())
    seen["lost"] = max(seen["lost"], len(of.crowd.lost()))
    seen["stuck"] = max(seen["stuck"], len(of.crowd.stuck()))


CASES: dict[str, Callable[..., dict[str, Any]]] = {"door": door, "counterflow": counterflow, "event": event}


def seed_line(what: str, seconds: float | None, seed: int) -> dict[str, Any]:
    """Run one seed; an exception becomes part of the line."""
    started = time.process_time()
    try:
        found = CASES[what](seed, seconds) if what == "event" else CASES[what](seed)
    except Exception as error:
        found = {"error": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}
    return {"what": what, "seed": seed, "error": None, **found, "cpu_s": round(time.process_time() - started, 1)}


def wrong(row: dict[str, Any]) -> bool:
    """Whether a seed breaks a promise."""
    return bool(row["error"] or row["outside"] or row["lost"] or row["unreported"] or row.get("astray"))


def summary(rows: list[dict[str, Any]]) -> str:
    """One sentence about all seeds."""
    ran = [row for row in rows if not row["error"]]
    return (f"{len(rows)} seeds: exceptions {len(rows) - len(ran)}, outside {sum(r['outside'] for r in ran)}, "
            f"lost {sum(r['lost'] for r in ran)}, standing unreported {sum(r['unreported'] for r in ran)}; "
            f"most reported stuck at once {max((r['stuck'] for r in ran), default=0)} "
            f"(in {sum(r['stuck'] > 0 for r in ran)} seeds), not arrived at the end "
            f"{sum(r['people'] - r['arrived'] for r in ran)} of {sum(r['people'] for r in ran)}")


def main() -> None:
    """Run the seeds that the file does not have yet."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--what", choices=CASES, default="door")
    ask.add_argument("--seeds", type=int, default=1000)
    ask.add_argument("--first", type=int, default=1)
    ask.add_argument("--jobs", type=int, default=1)
    ask.add_argument("--seconds", type=float, help="cut the event short")
    ask.add_argument("-o", "--out", type=Path)
    given = ask.parse_args()
    file = given.out or ROOT / "artefacts" / "seeds" / f"{given.what}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    lines_before = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    rows = [row for row in map(json.loads, lines_before) if not row["error"]]
    asked = range(given.first, given.first + given.seeds)
    left = sorted(set(asked) - {row["seed"] for row in rows})
    print(f"{given.what}: {len(asked) - len(left)} of {len(asked)} seeds are in {file}", flush=True)
    started = time.monotonic()
    run = partial(seed_line, given.what, given.seconds)
    try:
        with multiprocessing.get_context("spawn").Pool(given.jobs) as pool, file.open("a", encoding="utf-8") as lines:
            for k, row in enumerate(pool.imap_unordered(run, left), 1):
                lines.write(json.dumps(row) + "\n")
                lines.flush()
                rows.append(row)
                to_go = (time.monotonic() - started) / k * (len(left) - k)
                if wrong(row) or k % 10 == 0 or k == len(left):
                    print(f"{k}/{len(left)} seeds, {sum(map(wrong, rows))} wrong, {to_go / 60:.1f} min left"
                          + (f": {row}" if wrong(row) else ""), flush=True)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here")
        sys.exit(130)
    rows = [row for row in rows if row["seed"] in asked]
    print(summary(rows))
    sys.exit(any(map(wrong, rows)))


if __name__ == "__main__":
    main()
