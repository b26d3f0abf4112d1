"""A regulated door: it lets through no more than so many people a second, as guidelines for careful design assume."""

from __future__ import annotations

import numpy as np
import shapely

from sim.crowd import Crowd

MOUTH = 0.4
"""People stop so far from the line of a regulated door until it is their turn [m]."""


class Regulator:
    """Lets people over a line one at a time, at even intervals at the earliest; each person once.

    ``line`` is the door, ``rate`` the most that it lets through [1/s].
    """

    def __init__(self, line: shapely.Geometry, rate: float, people: int) -> None:
        self.line, self.interval = line, 1 / rate
        shapely.prepare(line)
        self._next_s = 0.0
        self._passed, self._stopped = np.zeros(people, bool), np.zeros(people, bool)

    def regulate(self, crowd: Crowd, person_of: np.ndarray, held: np.ndarray) -> None:
        """Stop who comes to the line and let the nearest go if it is time.

        ``person_of`` gives the person's number by id, ``held (n,) bool`` who stands still for another reason.
        """
        people = crowd.table()
        away = shapely.distance(self.line, shapely.points(people.xy))
        who = person_of[people.ids]
        here = (away < MOUTH) & ~self._passed[who] & ~held[who]
        if here.any() and crowd.time >= self._next_s - 1e-9:
            first = np.flatnonzero(here)[away[here].argmin()]
            self._passed[who[first]] = True
            self._next_s = max(self._next_s, crowd.time - crowd.dt) + self.interval
            here[first] = False
        go = self._stopped[who] & ~here & ~held[who]
        if go.any():
            crowd.hold(people.ids[go], False)
            self._stopped[who[go]] = False
        stop = here & ~self._stopped[who]
        if stop.any():
            crowd.hold(people.ids[stop])
            self._stopped[who[stop]] = True
