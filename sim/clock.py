"""The event clock: Mesa's unified time interface, on every Mesa that this project runs with.

Mesa 3.5 gives a model ``schedule_event``, ``schedule_recurring``, ``run_for`` and ``run_until``; Python 3.11 can
install Mesa 3.3 at most, which has none of them. Models derive from :class:`Model` here and read the same on both.
Functions are held weakly, as Mesa holds them: schedule bound methods, never lambdas.
"""

from __future__ import annotations

import heapq
import itertools
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mesa

try:
    from mesa.time import Schedule
except ImportError:

    @dataclass(frozen=True, slots=True)
    class Schedule:  # type: ignore[no-redef]
        """When a recurring event happens: every ``interval`` seconds from ``start`` until ``end``, ``count`` times."""

        interval: float = 1.0
        start: float | None = None
        end: float | None = None
        count: int | None = None


if hasattr(mesa.Model, "schedule_event"):
    Model = mesa.Model
else:

    class _Event:
        """One call at one instant."""

        def __init__(self, time: float, number: int, function: Callable[[], None]) -> None:
            self.time, self.number = time, number
            self._function: Any = (weakref.WeakMethod(function) if hasattr(function, "__self__")
                                   else weakref.ref(function))

        def __lt__(self, other: _Event) -> bool:
            return (self.time, self.number) < (other.time, other.number)

        def cancel(self) -> None:
            """Make sure that the call never happens."""
            self._function = None

        def execute(self) -> None:
            """Make the call, unless it was cancelled or its owner is gone."""
            function = self._function() if self._function is not None else None
            if function is not None:
                function()

        def __getstate__(self) -> tuple[float, int, Any]:
            return self.time, self.number, self._function() if self._function is not None else None

        def __setstate__(self, state: tuple[float, int, Any]) -> None:
            time, number, function = state
            self.time, self.number, self._function = time, number, None
            if function is not None:
                self.__init__(time, number, function)  # type: ignore[misc]

    class _Recurring:
        """A call that schedules itself again."""

        def __init__(self, model: Any, function: Callable[[], None], schedule: Schedule) -> None:
            self._model, self._schedule, self._made = model, schedule, 0
            self._function: Any = weakref.WeakMethod(function)
            start = schedule.start
            self._event = model.schedule_event(self._fire, at=model.time + schedule.interval if start is None else start)

        def _fire(self) -> None:
            function = self._function()
            if function is None:
                return
            function()
            self._made += 1
            schedule, following = self._schedule, self._model.time + self._schedule.interval
            if schedule.count is not None and self._made >= schedule.count:
                return
            if schedule.end is None or following <= schedule.end:
                self._event = self._model.schedule_event(self._fire, at=following)

        def stop(self) -> None:
            """End the series."""
            self._event.cancel()

        def __getstate__(self) -> dict[str, Any]:
            return {**self.__dict__, "_function": self._function()}

        def __setstate__(self, state: dict[str, Any]) -> None:
            function = state.pop("_function")
            self.__dict__.update(state, _function=weakref.WeakMethod(function))

    class Model(mesa.Model):  # type: ignore[no-redef]
        """``mesa.Model`` with the time interface of Mesa 3.5; ``time`` counts seconds."""

        def __init__(self, *args: Any, rng: Any = None, **kwargs: Any) -> None:
            super().__init__(*args, rng=rng, **kwargs)
            self.time = 0.0
            self._calendar: list[_Event] = []
            self._numbers = itertools.count()
            self._series: list[_Recurring] = []

        def schedule_event(self, function: Callable[[], None], *, at: float | None = None,
                           after: float | None = None) -> _Event:
            """Call ``function`` at a time, or after a delay [s]; events of one instant run in the order of scheduling."""
            if (at is None) == (after is None):
                raise ValueError("give either at or after")
            time = at if at is not None else self.time + (after or 0.0)
            if time < self.time:
                raise ValueError(f"time {time} has passed, it is {self.time}")
            event = _Event(time, next(self._numbers), function)
            heapq.heappush(self._calendar, event)
            return event

        def schedule_recurring(self, function: Callable[[], None], schedule: Schedule) -> _Recurring:
            """Call ``function`` again and again."""
            series = _Recurring(self, function, schedule)
            self._series.append(series)
            return series

        def run_until(self, end_time: float) -> None:
            """Run every event up to and including ``end_time``."""
            while self._calendar and self._calendar[0].time <= end_time:
                event = heapq.heappop(self._calendar)
                self.time = event.time
                event.execute()
            self.time = end_time

        def run_for(self, duration: float) -> None:
            """Run every event of the next ``duration`` seconds."""
            self.run_until(self.time + duration)


__all__ = ["Model", "Schedule"]
