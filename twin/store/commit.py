"""One writer thread and a bounded queue in front of it: what many feeds bring is committed in groups."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from twin.errors import HutongError
from twin.live.observation import SHED
from twin.live.row import Row
from twin.store.query import Receipt, Shed, StoreDown

Done = Callable[[Receipt | HutongError], None]
Write = Callable[[list[Sequence[Row]]], list[Receipt]]
T = TypeVar("T")

MOST_ROWS = 100_000  # that may wait
GROUP_ROWS = 15_000  # in one commit: each writes much of the indices anew, so few large ones are cheaper
GATHER_S = 0.004  # a commit costs a flush to disk: wait so long for company
REMEMBERED = 20_000


@dataclass(slots=True)
class _Brought:
    rows: Sequence[Row]
    done: Done
    at: float
    sheddable: bool


@dataclass(frozen=True, slots=True)
class Pace:
    """How the writer keeps up. Latencies from being brought to being durable [ms]."""

    waiting: int
    commits: int
    rows: int
    shed: int
    p50_ms: float
    p99_ms: float
    trouble: str | None


class GroupCommit:
    """Calls ``write`` with groups of what was brought, on a thread of its own, and tells each bringer what became of it.

    When more than ``most`` rows wait, the oldest groups that hold positions alone give way (:class:`Shed`). Cases,
    alarms and everything else are never shed: whoever brings them waits for room instead.
    """

    def __init__(self, write: Write, *, most: int = MOST_ROWS, group: int = GROUP_ROWS, gather_s: float = GATHER_S) -> None:
        self._write, self._most, self._group, self._gather_s = write, most, group, gather_s
        self._waiting: deque[_Brought] = deque()
        self._errands: deque[Callable[[], None]] = deque()
        self._rows = 0
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._closing = False
        self._latencies: deque[tuple[float, int]] = deque(maxlen=REMEMBERED)
        self._commits = self._committed = self._shed = 0
        self._trouble: str | None = None
        self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)
        self._thread.start()

    def submit(self, rows: Sequence[Row], done: Done) -> None:
        """Bring rows; ``done`` is called on the writer's thread with a receipt, or with the error that kept them out."""
        brought = _Brought(rows, done, time.monotonic(), {row.kind for row in rows} <= SHED)
        given_way: list[_Brought] = []
        with self._lock:
            if self._closing:
                raise StoreDown("the log is closed")
            given_way = self._make_room(len(rows))
            while not brought.sheddable and self._rows and self._rows + len(rows) > self._most and not self._closing:
                self._room.wait(0.1)
            if brought.sheddable and self._rows and self._rows + len(rows) > self._most:
                given_way.append(brought)
                self._shed += len(rows)
            else:
                self._waiting.append(brought)
                self._rows += len(rows)
                self._news.notify()
        for late in given_way:
            late.done(Shed(f"{self._rows:,} observations wait for the disk: {len(late.rows):,} positions gave way; "
                           "send the newest again."))

    def call(self, errand: Callable[[], T]) -> T:
        """Run a function on the writer's thread between two commits and return its value."""
        if threading.current_thread() is self._thread:
            return errand()
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(errand())
            except BaseException as error:
                answer.set_exception(error)
        with self._lock:
            if self._closing:
                raise StoreDown("the log is closed")
            self._errands.append(run)
            self._news.notify()
        return answer.result()

    def pace(self) -> Pace:
        """How the writer keeps up, over the last commits."""
        with self._lock:
            latencies = sorted(self._latencies)
            return Pace(self._rows, self._commits, self._committed, self._shed, _share(latencies, 0.5), _share(latencies, 0.99),
                        self._trouble)

    def close(self) -> None:
        """Commit what waits and end the thread."""
        with self._lock:
            self._closing = True
            self._news.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _make_room(self, coming: int) -> list[_Brought]:
        """Take the oldest groups of positions out of the queue until there is room."""
        given_way: list[_Brought] = []
        if self._rows + coming <= self._most:
            return given_way
        kept: deque[_Brought] = deque()
        for brought in self._waiting:
            if brought.sheddable and self._rows + coming > self._most:
                given_way.append(brought)
                self._rows -= len(brought.rows)
                self._shed += len(brought.rows)
            else:
                kept.append(brought)
        self._waiting = kept
        return given_way

    def _run(self) -> None:
        while True:
            with self._lock:
                while not self._waiting and not self._errands and not self._closing:
                    self._news.wait()
                if self._closing and not self._waiting and not self._errands:
                    return
                errands, self._errands = list(self._errands), deque()
                few = self._rows < self._group and not self._closing
            for errand in errands:
                errand()
            if few and not errands:
                time.sleep(self._gather_s)
            group = self._next_group()
            if group:
                self._commit(group)

    def _next_group(self) -> list[_Brought]:
        group: list[_Brought] = []
        rows = 0
        with self._lock:
            while self._waiting and (not group or rows + len(self._waiting[0].rows) <= self._group):
                group.append(self._waiting.popleft())
                rows += len(group[-1].rows)
            self._rows -= rows
            self._room.notify_all()
        return group

    def _commit(self, group: list[_Brought]) -> None:
        answers: Sequence[Receipt | HutongError]
        try:
            answers = self._write([brought.rows for brought in group])
            trouble = None
        except Exception as error:
            down = error if isinstance(error, HutongError) else StoreDown(f"the log cannot be written ({error})")
            answers, trouble = [down] * len(group), str(down)
        now = time.monotonic()
        with self._lock:
            self._trouble = trouble
            if trouble is None:
                self._commits += 1
                self._committed += sum(len(brought.rows) for brought in group)
                self._latencies.extend((1000 * (now - brought.at), len(brought.rows)) for brought in group)
        for brought, answer in zip(group, answers, strict=True):
            brought.done(answer)


def _share(latencies: list[tuple[float, int]], share: float) -> float:
    """The latency that a share of all rows stays under."""
    aim = share * sum(rows for _, rows in latencies)
    seen = 0
    for latency, rows in latencies:
        seen += rows
        if seen >= aim:
            return latency
    return 0.0
