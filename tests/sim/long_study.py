"""Long checks of the study, run by hand: ``python tests/sim/long_study.py`` (minutes; the numbers are printed).

Eight layouts x 20 replications of a small event in one process and on Dask with 1, 2 and 4 local workers, one of them killed
midway: the same numbers to the last bit, and nothing computed twice but what was lost. Common random numbers on two
checkpoint layouts. ``--layouts``, ``--replications`` and ``--workers`` make it shorter.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[2])]

from study_case import small_event  # noqa: E402
from study_work import counted  # noqa: E402

from sim.study.compare import common_random_numbers  # noqa: E402
from sim.study.crew import Crew  # noqa: E402
from sim.study.folder import begin  # noqa: E402
from sim.study.replication import Order  # noqa: E402


def replicate_all(orders: list[Order], crew: Crew, folder: Path, after: int = 0, kill: int = 0) -> dict[tuple[str, int], bytes]:
    """The tables of every replication, joined; after some are finished a worker is killed."""
    got: dict[tuple[str, int], bytes] = {}

    def keep(asked: tuple[str, Order], files: dict[str, bytes]) -> None:
        order = asked[1]
        metrics = json.dumps(json.loads(files.pop("metrics.json"))["metrics"]).encode()
        got[order.layout, order.seed] = metrics + b"".join(files[name] for name in sorted(files))
        if kill and len(got) == after:
            os.kill(kill, signal.SIGKILL)

    folder.mkdir()
    crew.do(counted, [(str(folder), order) for order in orders], keep)
    return got


def main() -> None:
    """Print what was measured; end with code 1 if a bar is missed."""
    ask = argparse.ArgumentParser()
    ask.add_argument("--layouts", type=int, default=8)
    ask.add_argument("--replications", type=int, default=20)
    ask.add_argument("--workers", default="1,2,4")
    asked = ask.parse_args()
    import distributed
    base = Path(tempfile.mkdtemp(prefix="hutong-long-"))
    lanes = {f"lanes-{n}": n for n in range(1, asked.layouts + 1)}
    study = begin(base / "study", small_event(base, lanes, duration_s=240, until_s=60))
    seeds = range(1, asked.replications + 1)
    orders = study.orders([(name, seed) for seed in seeds for name in study.layouts])
    begun = time.perf_counter()
    alone = replicate_all(orders, Crew(1), base / "alone")
    print(f"one process: {len(alone)} replications in {time.perf_counter() - begun:.0f} s", flush=True)
    missed = False
    for workers in map(int, asked.workers.split(",")):
        with distributed.LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None,
                                      silence_logs=logging.CRITICAL) as cluster:
            victim = next(iter(cluster.workers.values())).pid if workers > 1 else 0
            begun = time.perf_counter()
            with Crew(scheduler=cluster.scheduler_address) as crew:
                got = replicate_all(orders, crew, base / f"dask-{workers}", after=len(orders) // 2, kill=victim)
            spent = time.perf_counter() - begun
        done = [file.name.split("-", 1)[1].rsplit("-", 2)[0] for file in (base / f"dask-{workers}").glob("done-*")]
        lost = len(list((base / f"dask-{workers}").glob("begun-*")))
        twice = len(done) - len(set(done))
        same = got == alone
        missed |= not same or twice > 1
        print(f"dask, {workers} worker{'s' * (workers > 1)}{', one killed' if victim else ''}: {spent:.0f} s, the same to the "
              f"last bit: {same}, broken off: {lost}, done twice: {twice}", flush=True)
    loaded = begin(base / "loaded", small_event(base, {"four": 4, "three": 3}, people=60, duration_s=260, until_s=60,
                                                service={"lognormal": [8, 4]}))
    loaded.complete([(name, seed) for seed in seeds for name in loaded.layouts], Crew(1))
    four, three = (loaded.measures(name)["wait_mean"].to_numpy() for name in loaded.layouts)
    ratio = common_random_numbers(four, three)
    shifted = float(np.var(three - np.roll(four, 1), ddof=1) / np.var(three - four, ddof=1))
    missed |= ratio < 2
    print(f"common random numbers, mean wait with 4 and with 3 lanes, {len(seeds)} seeds: the variance of the difference is "
          f"{ratio:.1f} times smaller (sum of variances), {shifted:.1f} times (each seed against the next)")
    sys.exit(int(missed))


if __name__ == "__main__":
    main()
