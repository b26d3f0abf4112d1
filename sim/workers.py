"""Replications side by side: each job in a process of its own, with its progress told to the caller."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Protocol, TypeVar

Progress = Callable[[int, float], None]
"""Called with a seed and the share of its run that is done, 0 to 1."""


class Job(Protocol):
    """One replication."""

    @property
    def seed(self) -> int:
        """Its seed."""


J = TypeVar("J", bound=Job)
Work = Callable[[J, Progress | None], None]
"""Does a job; a function of a module, so that other processes find it."""

_queue: Any = None


def work_through(work: Work[J], jobs: Sequence[J], workers: int, on_progress: Progress | None) -> None:
    """Do all jobs, in this process or in up to ``workers`` of their own.

    An exception or an interruption ends the other workers and is passed on; what is finished stays.
    """
    if workers <= 1 or len(jobs) <= 1:
        for job in jobs:
            work(job, on_progress)
        return
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    pool = ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context, initializer=_begin, initargs=(queue,))
    try:
        waiting = {pool.submit(_do, work, job) for job in jobs}
        while waiting:
            while not queue.empty():
                seed, share = queue.get()
                if on_progress is not None:
                    on_progress(seed, share)
            done = {future for future in waiting if future.done()}
            for future in done:
                future.result()
            waiting -= done
            time.sleep(0.1)
    except BaseException:
        for process in list(pool._processes.values()):
            process.terminate()
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    pool.shutdown()


def _begin(queue: Any) -> None:
    """Get a worker ready: Ctrl-C is for the process that waits for it, which then ends this one."""
    global _queue
    _queue = queue
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _do(work: Work[J], job: J) -> None:
    work(job, lambda seed, share: _queue.put((seed, share)))
