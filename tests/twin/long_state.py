"""State at a moment from a long log: how long it takes.

    python tests/twin/long_state.py [--rows 10000000] [--store log.sqlite] [--asks 20]

Builds a day of 5,000 units and 200 cameras (the last hour in the table, everything older in segments, snapshots every ten
minutes), then asks for the state at random moments and checks some of them against a plain fold of everything before.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from twin.live import State
from twin.live.row import Row, microseconds
from twin.live.state import take_snapshots
from twin.store import Log, Segment, open_store, query
from twin.store.segment import SCHEMA, pack_table

UNITS, CAMERAS = 5_000, 200
START = datetime(2026, 10, 1, tzinfo=UTC)
HOUR = 3_600_000_000


def build(log: Log, rows: int, hours: int = 24) -> datetime:
    """Fill a log; returns the time of its end."""
    rng = np.random.default_rng(1)
    each = rows // hours
    start = microseconds(START)
    for hour in range(hours):
        at = np.sort(start + hour * HOUR + rng.integers(0, HOUR, each))
        thing = rng.integers(0, UNITS + CAMERAS, each)
        seq = np.arange(each) + hour * each + 1
        unit = thing < UNITS
        names = [f"P-{k:04d}" if k < UNITS else f"cam-{k - UNITS}" for k in range(UNITS + CAMERAS)]
        table = pa.table([
            pa.array([f"gps/{k}" for k in seq]), pa.array(["live"] * each), pa.array(np.where(unit, "gps", "camera")),
            pa.array(np.where(unit, "position", "crowd")), pa.array(np.array(names)[thing]), pa.array(at), pa.array(at),
            pa.array(np.round(rng.uniform(0, 1000, each), 2)), pa.array(np.round(rng.uniform(0, 1000, each), 2)),
            pa.array(np.full(each, 5.0)), pa.array(np.array(["c-1", "c-2"])[thing % 2]),
            pa.array(np.where(unit, '{"speed":1.2}', '{"people_count":7}')), pa.array(seq)], schema=SCHEMA)
        if hour < hours - 1:
            data = pack_table(table)
            since = start + hour * HOUR
            segment = Segment(f"live-{hour:02d}", "live", since, since + HOUR, int(seq[0]), int(seq[-1]), each, len(data), True)
            log._commit.call(partial(log._tables.put_segment, segment, data))
        else:
            lines = list(map(Row._make, zip(*(column.to_pylist() for column in table.columns), strict=True)))
            for k in range(0, each, 5_000):
                log.append(lines[k:k + 5_000])
        print(f"hour {hour + 1} of {hours}", end="\r", flush=True)
    return START + timedelta(hours=hours)


def main() -> int:
    """Build, ask, check, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--store")
    parser.add_argument("--asks", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hutong-state-") as folder:
        log = open_store(given.store or Path(folder) / "log.sqlite")
        begin = time.perf_counter()
        end = build(log, given.rows)
        built = time.perf_counter() - begin
        begin = time.perf_counter()
        snapshots = take_snapshots(log, "live", end - timedelta(minutes=2))
        taken = time.perf_counter() - begin
        rng = np.random.default_rng(2)
        spans, objects = [], []
        moments = [START + timedelta(seconds=float(s)) for s in np.sort(rng.uniform(600, 86_400, given.asks))] + [end]
        for moment in moments:
            begin = time.perf_counter()
            state = State.at(log, "live", moment)
            spans.append(time.perf_counter() - begin)
            objects.append(len(state))
        for moment in (moments[0], moments[len(moments) // 2]):
            since = moment - timedelta(minutes=40)
            asked = query("live", since=since, until=moment + timedelta(microseconds=1))
            plain = State(log.read_rows(asked))
            known = {(r.kind, r.object): r.id for r in State.at(log, "live", moment).rows()}
            assert all(known[r.kind, r.object] == r.id for r in plain.rows()), "the state is not the fold of the log"
        log.close()
    print(json.dumps({"rows": given.rows, "build_s": round(built, 1), "snapshots": snapshots, "snapshots_s": round(taken, 1),
                      "state_at_median_s": round(float(np.median(spans)), 3), "state_at_max_s": round(max(spans), 3),
                      "objects": max(objects)}, indent=1))
    return 0 if max(spans) < 1.0 else 1


if __name__ == "__main__":
    raise SystemExit(main())
