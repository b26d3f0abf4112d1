"""Rehearsals in the background: each is a process of its own that reports its progress and can be cancelled.

``python -m viz.jobs`` is that process: it reads one order as JSON from its standard input and writes one JSON object
a line: ``{"share": 0.4}`` while it works, at the end ``{"done": true}`` or ``{"error": "one sentence"}``.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Literal

from twin.errors import BadInput, HutongError

State = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class Order:
    """What to rehearse and the run folder to write."""

    scenario: str
    layout: str
    out: str
    replications: int = 1
    seed: int | None = None
    workers: int = 1


@dataclass
class Job:
    """A rehearsal that was asked for. Times are seconds of a monotonic clock."""

    id: int
    order: Order
    state: State = "waiting"
    share: float = 0.0
    error: str = ""
    started: float | None = None
    ended: float | None = None
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def run(self) -> str:
        """Name of the run that it writes."""
        return Path(self.order.out).name

    @property
    def elapsed_s(self) -> float:
        """Seconds that it has worked."""
        if self.started is None:
            return 0.0
        return (self.ended or time.monotonic()) - self.started

    @property
    def left_s(self) -> float | None:
        """Seconds that are left at the pace so far; None before there is a pace."""
        if self.state != "running" or self.share < 0.01:
            return None
        return self.elapsed_s * (1 - self.share) / self.share

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {"id": self.id, "run": self.run, "scenario": Path(self.order.scenario).stem, "layout": self.order.layout,
                "replications": self.order.replications, "state": self.state, "share": round(self.share, 4),
                "elapsed_s": round(self.elapsed_s, 1), "left_s": None if self.left_s is None else round(self.left_s, 1),
                "error": self.error}


class Jobs:
    """The rehearsals of this server: one after the other, so that each has the machine for itself."""

    def __init__(self) -> None:
        self._jobs: dict[int, Job] = {}
        self._numbers = count(1)
        self._lock = threading.Lock()

    def start(self, order: Order) -> Job:
        """Queue a rehearsal."""
        if order.replications < 1:
            raise BadInput(f"{order.replications} replications are none", mend="ask for at least 1")
        job = Job(next(self._numbers), order)
        with self._lock:
            self._jobs[job.id] = job
        self._start_next()
        return job

    def all(self) -> list[Job]:
        """All jobs, the newest first."""
        with self._lock:
            return sorted(self._jobs.values(), key=lambda job: -job.id)

    def job(self, number: int) -> Job:
        """One job."""
        if number not in self._jobs:
            raise BadInput(f"there is no job {number}", mend="look at the list of rehearsals")
        return self._jobs[number]

    def cancel(self, number: int) -> Job:
        """Stop a job with all its processes; what it had written is removed."""
        job = self.job(number)
        with self._lock:
            if job.state not in ("waiting", "running"):
                return job
            waiting = job.state == "waiting"
            job.state, job.ended = "cancelled", time.monotonic()
        if not waiting:
            _stop(job)
        self._start_next()
        return job

    def close(self) -> None:
        """Stop everything."""
        for job in self.all():
            self.cancel(job.id)

    def _start_next(self) -> None:
        with self._lock:
            if any(job.state == "running" for job in self._jobs.values()):
                return
            job = next((job for _, job in sorted(self._jobs.items()) if job.state == "waiting"), None)
            if job is None:
                return
            job.state, job.started = "running", time.monotonic()
            job.process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "viz.jobs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True, encoding="utf-8", start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})
        threading.Thread(target=self._follow, args=(job,), daemon=True).start()

    def _follow(self, job: Job) -> None:
        process = job.process
        if process is None or process.stdin is None or process.stdout is None:
            return
        outcome: dict[str, Any] = {
            "error": "the rehearsal stopped without saying why; try again with fewer replications."
        }
        try:
            with process.stdin as order:
                order.write(json.dumps(vars(job.order)))
            with process.stdout as lines:
                for line in lines:
                    said = json.loads(line)
                    if "share" in said:
                        job.share = float(said["share"])
                    else:
                        outcome = said
        except (OSError, ValueError):
            pass  # the process was stopped in the middle of a line; its state says why
        process.wait()
        with self._lock:
            if job.state == "running":
                job.ended = time.monotonic()
                job.state, job.error = ("done", "") if "done" in outcome else ("failed", str(outcome["error"]))
                if job.state == "done":
                    job.share = 1.0
        self._start_next()


def _stop(job: Job) -> None:
    """End the process of a job and those that it started, and remove its unfinished folder."""
    process = job.process
    if process is None:
        return
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        except ProcessLookupError:
            pass
    shutil.rmtree(f"{job.order.out}.part", ignore_errors=True)


def work(order: Order, tell: Callable[[dict[str, Any]], None]) -> None:
    """Rehearse, telling the share that is done at most five times a second."""
    import sim
    shares: dict[int, float] = {}
    last = 0.0

    def on_progress(seed: int, share: float) -> None:
        nonlocal last
        shares[seed] = share
        if time.monotonic() - last > 0.2:
            last = time.monotonic()
            tell({"share": sum(shares.values()) / order.replications})

    Path(order.out).parent.mkdir(parents=True, exist_ok=True)
    sim.rehearse(order.scenario, order.layout, seed=order.seed, replications=order.replications, out=order.out,
                 workers=order.workers, on_progress=on_progress)
    tell({"done": True})


def main() -> None:
    """Carry out the order on standard input."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))

    def tell(what: dict[str, Any]) -> None:
        print(json.dumps(what, ensure_ascii=False), flush=True)

    try:
        work(Order(**json.load(sys.stdin)), tell)
    except HutongError as error:
        tell({"error": " ".join(str(error).split())})
    except OSError as error:
        tell({"error": f"{error.strerror or error}; check the free space and the permissions of the folder of runs."})
    except Exception as error:
        tell({"error": f"Something went wrong inside Hutong ({type(error).__name__}: {error}); please report it."})


if __name__ == "__main__":
    main()
