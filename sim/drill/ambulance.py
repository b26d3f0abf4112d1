"""An ambulance that was called: it drives to an entry, and its crew goes on on foot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.scenario import Post
from sim.staff import Call, Unit

if TYPE_CHECKING:
    from sim.event import Rehearsal

CREW = 2
CALL_SIGN = "AMB"


class Ambulance:
    """On its way to the entry at ``at (2,)`` for a call, ``drive_s`` from now."""

    def __init__(self, model: Rehearsal, call: Call, entry: str, at: np.ndarray, number: int, drive_s: float) -> None:
        self.model, self.call, self.entry, self.at, self.number = model, call, entry, np.asarray(at, float), number
        self.here = False
        model.record.event("ambulance called", entry, drive_s, call.incident.id, self.at)
        model.schedule_event(self.arrive, after=drive_s)

    def arrive(self) -> None:
        """The crew gets out and goes to who needs them."""
        self.here = True
        post = Post(id=f"{CALL_SIGN}{self.number}", at=(0.0, 0.0), kind="medic", staff=CREW)
        crew = [Unit(self.model, post, self.at, k) for k in range(CREW)]
        self.model.units += crew
        self.model.record.event("ambulance here", self.entry, float(CREW), self.call.incident.id, self.at)
        away = float(self.model.site.ground.distance(self.call.goal, self.at[None])[0])
        for unit in crew:
            if not self.call.complete and np.isfinite(away) and unit.kind == self.call.incident.staff_kind:
                self.call.dispatch(unit, away)
