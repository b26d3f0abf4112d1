"""Who computes: this process, processes of its own, or any executor, such as that of a Dask scheduler.

An order is anything that pickles, and what is done with it a function of a module. Results come back in any order; nothing
depends on where, or in what company, an order was carried out.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor, as_completed
from types import TracebackType
from typing import Any, TypeVar

from twin.errors import BadInput, Unavailable

PATIENCE = 5
"""Losses of workers in a row, with nothing finished in between, after which the work is given up."""
REACHED_WITHIN_S = 10.0

O = TypeVar("O")  # noqa: E741 - an order
R = TypeVar("R")


class Crew:
    """Computes orders until the ``with`` block ends.

    ``processes`` of this machine (1 is this process itself, 0 one a core), the Dask ``scheduler`` at an address, or an
    ``executor`` that somebody else opens and closes. Raises :class:`BadInput` for a scheduler that cannot be reached.
    """

    def __init__(self, processes: int = 1, *, scheduler: str | None = None, executor: Executor | None = None) -> None:
        self.processes = processes or os.cpu_count() or 1
        self.scheduler = scheduler
        self._client: Any = None
        self._given = executor
        self._pool: Executor | None = executor

    def __enter__(self) -> Crew:
        if self.scheduler is not None:
            self._client = _client(self.scheduler)
            self._pool = self._client.get_executor(pure=False)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close(hard=kind is not None)
        if self._client is not None:
            self._client.close()

    def do(self, function: Callable[[O], R], orders: Sequence[O], on_done: Callable[[O, R], None]) -> None:
        """Carry out all orders and hand each result to ``on_done`` in this thread, as soon as it is there.

        An order whose worker was lost is given to another. An exception or an interruption stops the others and is
        passed on; what ``on_done`` was told stays.
        """
        if self._pool is None and self.scheduler is None and (self.processes <= 1 or len(orders) <= 1):
            for order in orders:
                on_done(order, function(order))
            return
        waiting, losses = list(orders), 0
        while waiting:
            finished = self._round(function, waiting, on_done)
            waiting = [order for k, order in enumerate(waiting) if k not in finished]
            losses = 0 if finished else losses + 1
            if losses >= PATIENCE:
                raise Unavailable("the workers were lost again and again; look whether they have enough memory, and give the "
                                  "same command again: what is finished is kept")

    def _round(self, function: Callable[[O], R], orders: Sequence[O], on_done: Callable[[O, R], None]) -> set[int]:
        """Carry out orders until all are finished or workers are lost; the positions of those that are finished."""
        pool = self._open(len(orders))
        number: dict[Future[R], int] = {}
        finished: set[int] = set()
        broken = False
        try:
            try:
                for k, order in enumerate(orders):
                    number[pool.submit(function, order)] = k
            except BrokenExecutor:
                broken = True
            for future in as_completed(list(number)):
                # Whoever holds on to a future of Dask has it computed again when the worker that did so is lost.
                k = number.pop(future)
                try:
                    result = future.result()
                except BrokenExecutor:
                    broken = True
                    continue
                del future
                finished.add(k)
                on_done(orders[k], result)
        except CancelledError:
            raise Unavailable(f"the scheduler {self.scheduler} went away; what is finished is kept: start it and give the same "
                              "command again") from None
        except BaseException as error:
            for future in number:
                future.cancel()
            self._close(hard=True)
            if type(error).__name__ == "KilledWorker":  # of distributed, which need not be installed
                raise Unavailable("a replication lost its worker again and again; look whether the workers have enough "
                                  "memory, and give the same command again: what is finished is kept") from None
            raise
        if broken:
            self._close(hard=True)
        return finished

    def _open(self, orders: int) -> Executor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(min(self.processes, max(orders, 1)), mp_context=context,
                                             # Ctrl-C is for this process, which then ends the others.
                                             initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))
        return self._pool

    def _close(self, *, hard: bool) -> None:
        pool, self._pool = self._pool, self._given
        if pool is None or pool is self._given:
            return
        if hard and isinstance(pool, ProcessPoolExecutor):
            for process in list((pool._processes or {}).values()):
                process.terminate()
        if isinstance(pool, ProcessPoolExecutor):
            pool.shutdown(wait=True, cancel_futures=True)
        else:
            pool.shutdown(wait=not hard)


def _client(address: str) -> Any:
    """A Dask client of the scheduler at an address."""
    try:
        import distributed
    except ImportError:
        raise Unavailable("a scheduler needs Dask, which is not installed: pip install distributed") from None
    import logging
    for name in ("distributed.core", "distributed.comm.tcp", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # the sentence below says it
    try:
        return distributed.Client(address, timeout=REACHED_WITHIN_S, set_as_default=False)
    except ValueError as error:
        raise BadInput(f"the scheduler's address {address!r} cannot be used ({error})",
                       mend="give one such as tcp://10.0.0.5:8786") from None
    except (OSError, TimeoutError):
        raise BadInput(f"the scheduler {address} does not answer",
                       mend="start it with `dask scheduler`, check the address and the network; nothing was begun") from None
