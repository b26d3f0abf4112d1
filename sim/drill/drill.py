"""A drill that runs: a rehearsal that takes orders between its steps, and gives out injects.

Time goes in steps of :data:`STEP`. An order holds from the step at which it was given on; all of them stand in one list
in the order of their arrival, which with the plan and the seed makes the same run again, to the last bit.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

import numpy as np
from pydantic import ValidationError

from sim.drill.acts import carry_out
from sim.drill.ambulance import Ambulance
from sim.drill.order import Order, contradicts, parse
from sim.drill.plan import EVERYBODY, TRAINER, DrillPlan, Inject, check_inject, check_order
from sim.event import TICK, Rehearsal
from sim.record import Result
from sim.run import Frame
from twin.errors import BadInput
from twin.places import District

STEP = TICK
"""Scenario time between two moments at which orders take effect [s]."""
SAME_MOMENT = 2.0
"""Of two people who order the opposite within this scenario time, the first to arrive is obeyed; the second is told [s]."""
WAYS_A_STEP = 3
"""Ways to gates that are found anew in one step after the ground has changed."""
LED = ("publish", "skip", "add")
"""What the trainer does with injects."""

State = Literal["waiting", "out", "skipped"]
Outcome = Literal["done", "under way", "refused", "opposed"]


@dataclass
class Decision:
    """One line of the record: who decided what, when in scenario time, and what came of it.

    ``do`` is an order, or ``publish inject:N``, ``skip inject:N`` and ``add inject:N`` of the trainer (``inject`` then
    holds what was added). ``outcome`` is ``done``, ``under way`` (it takes a while), ``refused`` (it cannot be done) or
    ``opposed`` (somebody else ordered the opposite a moment before); ``said`` is one sentence about it.
    """

    number: int
    at_s: float
    who: str
    role: str
    do: str
    outcome: Outcome = "done"
    said: str = ""
    inject: dict[str, Any] | None = None

    @property
    def order(self) -> Order | None:
        """The order; None for what the trainer does with injects."""
        return None if self.do.split(" ", 1)[0] in LED else parse(self.do)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        return asdict(self)


@dataclass
class Line:
    """One inject of a running drill: whether it is out, and since when."""

    inject: Inject
    state: State = "waiting"
    at_s: float | None = None


class Drill:
    """One drill with one seed.

    ``on_frame`` is given everybody's positions each second. ``decisions`` are all that was decided, ``lines`` the
    injects, ``level`` the level of response (4 at the start).
    """

    def __init__(self, plan: DrillPlan, district: District, *, seed: int | None = None, threads: int = 1,
                 on_frame: Callable[[Frame], None] | None = None) -> None:
        self.plan, self.district = plan, district
        self.seed = plan.first_seed if seed is None else seed
        self._on_frame = on_frame
        self._hash = hashlib.blake2b(digest_size=20)
        told = {inject.event for inject in plan.injects}
        # What an inject tells of, and what would come after the end, begins when an inject says so.
        self._on_call = {i.id for i in plan.scenario.incidents if i.id in told or i.at_s > plan.duration_s}
        self.rehearsal = Rehearsal(district, plan.scenario, plan.layout, self.seed, threads=threads, on_frame=self._take_frame,
                                   on_call=set(self._on_call), dispatches=False)
        self._off_duty()
        self.lines = [Line(inject) for inject in plan.injects]
        self.decisions: list[Decision] = []
        self.ambulances: list[Ambulance] = []
        self.level = 4
        self._steps = 0
        self._last = math.floor(plan.duration_s / STEP + 1e-6)
        self._under_way: list[tuple[int, Decision]] = []
        self._ground_version = self.rehearsal.site.ground.version
        self._stale: list[int] = []
        self._release_due()

    # -- time ---------------------------------------------------------------------------------------------------

    @property
    def time(self) -> float:
        """Scenario time [s]."""
        return round(self._steps * STEP, 6)

    @property
    def over(self) -> bool:
        """Whether it has come to its end."""
        return self._steps >= self._last

    def step(self) -> None:
        """Go on by one step; nothing happens after the end."""
        if self.over:
            return
        self._find_ways_ahead()
        self._steps += 1
        self.rehearsal.run_until(self.time)
        self._release_due()
        self._finish_due()

    def _find_ways_ahead(self) -> None:
        """After the ground has changed, find the ways to a few gates anew in each step, so that not all of them are found
        in the one step in which people look for another gate. By steps and not by the time at hand: the same in a replay."""
        ground = self.rehearsal.site.ground
        if ground.version != self._ground_version:
            self._ground_version = ground.version
            self._stale = [int(goal) for goal in self.rehearsal.ways.gates.goals]
        if self._stale:
            some, self._stale = self._stale[:WAYS_A_STEP], self._stale[WAYS_A_STEP:]
            ground.terrain(some)

    def run_until(self, time_s: float, on_progress: Callable[[float], None] | None = None) -> None:
        """Go on to a moment; ``on_progress`` is told the time [s] every ten seconds of it."""
        last = min(math.floor(time_s / STEP + 1e-6), self._last)
        while self._steps < last:
            self.step()
            if on_progress is not None and self._steps % round(10 / STEP) == 0:
                on_progress(self.time)

    # -- what trainees do -----------------------------------------------------------------------------------------

    def order(self, who: str, role: str, line: str) -> Decision:
        """Give an order, now. What cannot be carried out is in the record too; what is no order, or not theirs to
        give, raises :class:`BadInput` and leaves no trace."""
        order = parse(line)
        if self.over:
            raise BadInput("the drill is over", where=str(order), mend="look at the report")
        if "*" in str(order):
            raise BadInput("an order names one thing", where=str(order), mend="write its id instead of *")
        check_order(self.plan, order)
        if role != TRAINER:
            if role not in self.plan.roles:
                raise BadInput(f"there is no role {role!r}", where=self.plan.name,
                               mend=f"choose one of {', '.join(self.plan.roles)}")
            if not self.plan.roles[role].allows(order):
                raise BadInput(f"{role} cannot order this: {order}", where=self.plan.name, mend="ask who may, or the trainer")
        decision = self._noted(who, role, str(order))
        earlier = self._opposed(decision, order)
        if earlier is not None:
            decision.outcome = "opposed"
            decision.said = f"{earlier.who} ordered {earlier.do} a moment before and is obeyed; say it again to change that"
        elif (wait := self._takes(order)) > 0:
            decision.outcome, decision.said = "under way", f"it takes {wait:.0f} s"
            self._under_way.append((self._steps + max(round(wait / STEP), 1), decision))
        else:
            self._do(decision)
        return decision

    def _opposed(self, decision: Decision, order: Order) -> Decision | None:
        for earlier in reversed(self.decisions[:-1]):
            if decision.at_s - earlier.at_s > SAME_MOMENT:
                return None
            if earlier.order is not None and earlier.who != decision.who and earlier.outcome in ("done", "under way") \
                    and contradicts(earlier.order, order):
                return earlier
        return None

    def _takes(self, order: Order) -> float:
        return next((wait for pattern, wait in self.plan.takes_s.items() if fnmatchcase(str(order), pattern)), 0.0)

    def _do(self, decision: Decision) -> None:
        order = decision.order
        assert order is not None
        try:
            decision.said = carry_out(self, order)
            decision.outcome = "done"
        except BadInput as error:
            decision.outcome, decision.said = "refused", str(error)
        self.rehearsal.record.event("decision", order.what, float(decision.number), f"{decision.do} ({decision.outcome})", None)

    def _finish_due(self) -> None:
        due = [decision for step, decision in self._under_way if step <= self._steps]
        self._under_way = [(step, decision) for step, decision in self._under_way if step > self._steps]
        for decision in due:
            self._do(decision)

    def _noted(self, who: str, role: str, do: str, inject: dict[str, Any] | None = None) -> Decision:
        decision = Decision(len(self.decisions) + 1, self.time, who, role, do, inject=inject)
        self.decisions.append(decision)
        return decision

    # -- what the trainer does -------------------------------------------------------------------------------------

    def publish(self, who: str, serial: int) -> Decision:
        """Give out an inject before its time."""
        line = self._waiting(serial)
        decision = self._noted(who, TRAINER, f"publish inject:{serial}")
        self._release(line)
        return decision

    def skip(self, who: str, serial: int) -> Decision:
        """Leave out an inject; what it would have begun does not happen."""
        line = self._waiting(serial)
        decision = self._noted(who, TRAINER, f"skip inject:{serial}")
        line.state, line.at_s = "skipped", self.time
        return decision

    def add(self, who: str, inject: Inject) -> Decision:
        """Add an inject on the spot; raises :class:`BadInput` for one in the past or about what is not there."""
        where = f"inject {inject.serial}"
        if self.over:
            raise BadInput("the drill is over", where=where, mend="add it to the plan for the next time")
        if inject.at_s < self.time:
            raise BadInput(f"{inject.at_s:g} s has passed, it is {self.time:g} s", where=where, mend="give a time to come")
        if any(line.inject.serial == inject.serial for line in self.lines):
            raise BadInput("this serial is taken", where=where, mend=f"take {self.next_serial}")
        if inject.event not in self._on_call and inject.event in {i.id for i in self.plan.scenario.incidents}:
            raise BadInput(f"the incident {inject.event} has begun already", where=where, mend="name another, or none")
        try:
            check_inject(self.plan, inject)
        except ValueError as error:
            raise BadInput(str(error), where=where, mend="correct it; nothing was added") from None
        decision = self._noted(who, TRAINER, f"add inject:{inject.serial}", inject.model_dump(mode="json", by_alias=True))
        self.lines.append(Line(inject))
        self.lines.sort(key=lambda line: line.inject.at_s)
        self._release_due()
        return decision

    def again(self, decision: Decision) -> Decision:
        """Decide once more what was decided in another run of this drill, now."""
        if decision.inject is not None:
            try:
                return self.add(decision.who, Inject.model_validate(decision.inject))
            except ValidationError:
                raise BadInput(f"decision {decision.number} adds something that is no inject",
                               mend="take another copy of the record") from None
        verb, _, what = decision.do.partition(" ")
        if verb in ("publish", "skip"):
            serial = int(what.partition(":")[2])
            return self.publish(decision.who, serial) if verb == "publish" else self.skip(decision.who, serial)
        return self.order(decision.who, decision.role, decision.do)

    @property
    def next_serial(self) -> int:
        """A serial that no inject has."""
        return max((line.inject.serial for line in self.lines), default=0) + 1

    def inbox(self, role: str) -> list[Line]:
        """The injects that are out and meant for a role, the first first; all for the trainer."""
        out = [line for line in self.lines if line.state == "out" and (role == TRAINER or line.inject.to in (EVERYBODY, role))]
        return sorted(out, key=lambda line: (line.at_s or 0.0, line.inject.serial))

    def _waiting(self, serial: int) -> Line:
        line = next((line for line in self.lines if line.inject.serial == serial), None)
        if line is None:
            raise BadInput(f"there is no inject {serial}", where=self.plan.name, mend="look at the list of injects")
        if line.state != "waiting":
            raise BadInput(f"inject {serial} is {line.state} already", where=self.plan.name,
                           mend="choose one that is still to come")
        if self.over:
            raise BadInput("the drill is over", where=f"inject {serial}", mend="look at the report")
        return line

    def _release_due(self) -> None:
        for line in self.lines:
            if line.state == "waiting" and line.inject.at_s <= self.time:
                self._release(line)

    def _release(self, line: Line) -> None:
        line.state, line.at_s = "out", self.time
        self.rehearsal.record.event("inject", str(line.inject.serial), 0.0, line.inject.inject[:120], None)
        event = line.inject.event
        if event in self._on_call:
            self._on_call.discard(event)
            self.rehearsal.happen(event)

    # -- what is seen -----------------------------------------------------------------------------------------------

    def picture(self) -> Frame:
        """Everybody as they are now."""
        people = self.rehearsal.crowd.table()
        state = self.rehearsal.state[self.rehearsal.visitor_of[people.ids]]
        return Frame(self.time, people.ids.astype(np.uint32), people.xy.astype(np.float32), people.speed.astype(np.float32),
                     state)

    @property
    def density(self) -> float:
        """People per m2 where it is densest now, counted in squares of 2 m."""
        cells = np.floor(self.rehearsal.crowd.table().xy / 2.0).astype(np.int64)
        return float(np.unique(cells, axis=0, return_counts=True)[1].max() / 4.0) if len(cells) else 0.0

    def result(self) -> Result:
        """Everything that the rehearsal took down, with its measures."""
        return self.rehearsal.record.result()

    def digest(self) -> str:
        """Hash of the whole run so far: every position of every second, and every decision with what came of it."""
        whole = self._hash.copy()
        people = self.rehearsal.crowd.table()
        for column in (people.ids, people.xy, self.rehearsal.state, *self.rehearsal.times.values()):
            whole.update(np.ascontiguousarray(column).tobytes())
        for unit in self.rehearsal.units:
            whole.update(unit.at.tobytes())
        whole.update(json.dumps([decision.to_dict() for decision in self.decisions], sort_keys=True, ensure_ascii=False).encode())
        whole.update(json.dumps([(line.inject.serial, line.state, line.at_s) for line in self.lines]).encode())
        return whole.hexdigest()

    def _take_frame(self, frame: Frame) -> None:
        self._hash.update(np.float64(frame.time_s).tobytes())
        for column in (frame.ids, frame.xy, frame.speed, frame.state):
            self._hash.update(np.ascontiguousarray(column).tobytes())
        if self._on_frame is not None:
            self._on_frame(frame)

    def _off_duty(self) -> None:
        """Reserves are off duty until their level is declared."""
        waiting = {post for posts in self.plan.reserves.values() for post in posts}
        for unit in self.rehearsal.units:
            if unit.post.id in waiting:
                unit.post = unit.post.model_copy(update={"from_s": float("inf")})
