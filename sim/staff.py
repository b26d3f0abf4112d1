"""Staff: units that stand at posts and walk to incidents through the crowd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import shapely
from mesa import Agent

from sim.draw import quantile, stream
from sim.scenario import Incident, Post

if TYPE_CHECKING:
    from sim.event import Rehearsal

AROUND = 2.0  # m around a unit whose crowd slows it down
LEAST_PACE = 0.15  # share of the free speed that a unit keeps in the densest crowd


def pace_in_crowd(density: float) -> float:
    """Share of the free walking speed at a density [1/m2] (Weidmann 1993, the walkway curve)."""
    if density <= 0:
        return 1.0
    return float(np.clip(1 - np.exp(-1.913 * (1 / density - 1 / 5.4)), LEAST_PACE, 1.0))


class Unit(Agent):
    """One member of staff on foot, known by a call-sign."""

    model: Rehearsal

    def __init__(self, model: Rehearsal, post: Post, at: np.ndarray, number: int) -> None:
        super().__init__(model)
        self.call_sign = f"{post.id}-{number + 1}"
        self.post, self.base, self.home, self.at = post, post.id, at, at.copy()
        self.kind = post.kind
        self.stays = number < post.stay
        self.state: Literal["post", "turnout", "going", "on scene", "returning"] = "post"
        self.call: Call | None = None
        self._way = at[None]
        self._done = 0.0

    @property
    def free(self) -> bool:
        """On duty, without a call, and not bound to stay at the post."""
        until = self.post.until_s
        on_duty = self.post.from_s <= self.model.time and (until is None or self.model.time < until)
        return on_duty and not self.stays and self.state in ("post", "returning")

    def send(self, call: Call) -> None:
        """Give the unit a call; it sets off after its turnout time."""
        self.call, self.state = call, "turnout"
        self.model.schedule_event(self._set_off, after=call.turnout(self))

    def _set_off(self) -> None:
        if self.call is not None:
            self.state = "going"
            self._follow(self.model.site.ground.path(self.call.goal, self.at))

    def stand_down(self) -> None:
        """End of the call: walk back to the post."""
        self.call, self.state = None, "returning"
        self._follow(self.model.site.ground.path(self.model.post_goal(self.base, self.home), self.at))

    def take_post(self, base: str, at: np.ndarray) -> None:
        """Walk to another place (2,), called ``base``, and stand there from now on."""
        self.base, self.home = base, at
        self.stand_down()

    def _follow(self, way: np.ndarray) -> None:
        self._way = way if len(way) else self.at[None]
        self._done = 0.0

    def walk(self, seconds: float) -> None:
        """Walk on along the way, as fast as the crowd around allows."""
        if self.state not in ("going", "returning"):
            return
        pace = self.model.plan.staff.speed_of(self.kind) * pace_in_crowd(self.model.density_around(self.at, AROUND))
        steps = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(self._way, axis=0).T))])
        self._done += pace * seconds
        self.at = np.array([np.interp(self._done, steps, self._way[:, k]) for k in (0, 1)])
        if self._done >= steps[-1]:
            if self.state == "returning":
                self.state = "post"
            elif self.call is not None:
                self.state = "on scene"
                self.call.arrive(self)


class Call:
    """An incident that needs help: who is on the way, who is there, and when it is over."""

    def __init__(self, model: Rehearsal, incident: Incident, at: np.ndarray) -> None:
        self.model, self.incident, self.at = model, incident, at
        self.goal = model.site.ground.goal(f"incident:{incident.id}", shapely.Point(at))
        self.sent: list[Unit] = []
        self.there: list[Unit] = []
        self.response_s: float | None = None
        self.complete = False
        self._random = stream(model.seed, f"incident/{incident.id}")

    def turnout(self, unit: Unit) -> float:
        """Time until a unit sets off [s]."""
        return max(float(quantile(self.model.plan.staff.turnout_of(unit.kind), self._random.random(1))[0]), 0.0)

    def seek(self) -> None:
        """Send the nearest free units, by walking distance, until enough are on the way; nobody where all are sent by
        order."""
        if not self.model.dispatches:
            return
        missing = self.incident.staff - len(self.sent)
        free = [u for u in self.model.units if u.free and u.kind == self.incident.staff_kind]
        if missing <= 0 or not free:
            return
        away = self.model.site.ground.distance(self.goal, np.array([u.at for u in free]))
        for k in np.argsort(away, kind="stable")[:missing]:
            if np.isfinite(away[k]):
                self.dispatch(free[k], float(away[k]))

    def dispatch(self, unit: Unit, away: float) -> None:
        """Send a unit that is so far away [m]."""
        self.sent.append(unit)
        unit.send(self)
        self.model.record.event("dispatched", unit.call_sign, away, self.incident.id, unit.at)

    def arrive(self, unit: Unit) -> None:
        """A unit is on the scene; when enough are, the work begins. Who comes when it is over goes back."""
        if self.complete:
            unit.stand_down()
            return
        self.there.append(unit)
        if self.response_s is None:
            self.response_s = self.model.time - self.incident.at_s
            self.model.record.event("help arrived", self.incident.id, self.response_s, unit.call_sign, self.at)
        if len(self.there) == self.incident.staff:
            work = float(quantile(self.incident.on_scene, self._random.random(1))[0])
            self.model.schedule_event(self.end, after=max(work, 0.0))

    def end(self) -> None:
        """The incident is over."""
        self.complete = True
        self.model.record.event("resolved", self.incident.id, self.model.time - self.incident.at_s, "", self.at)
        for unit in self.there:
            unit.stand_down()
