"""The drill in a file (``kind: drill``): a scenario, who takes part, what is to be learnt, and the injects."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

import yaml
from pydantic import ConfigDict, Field, model_validator

from sim.drill.order import Expected, Order, expected
from sim.measures import MEASURES
from sim.scenario import Scenario
from sim.terms import Count, Finite, Model, Seconds
from sim.yaml_file import read_yaml
from twin.errors import BadInput

EVERYBODY = "all"
TRAINER = "trainer"


class Inject(Model):
    """One line of the master scenario events list: a message that the trainer gives to trainees at a time.

    Where ``event`` is an incident of the scenario, that begins when the message is given, early or late.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    serial: Annotated[int, Field(ge=1, le=9999)]
    at_s: Seconds
    event: str = ""
    inject: Annotated[str, Field(min_length=1, max_length=600)]
    inject_zh: str = ""
    method: str = "radio"
    sender: str = Field(default="exercise control", alias="from")
    to: str = EVERYBODY
    expected: str = Field(default="", description="orders that it calls for: `;` between them, `|` between alternatives")
    within_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(default=120.0, description="in time until then")
    objective: str = ""
    note: str = ""

    @property
    def actions(self) -> list[Expected]:
        """The expected actions."""
        return expected(self.expected, f"inject {self.serial}")


class Outcome(Model):
    """What the crowd has to show for an objective: a measure of the rehearsal and its bound."""

    measure: str
    most: Finite | None = None
    least: Finite | None = None

    @model_validator(mode="after")
    def _known(self) -> Outcome:
        if (self.most is None) == (self.least is None):
            raise ValueError("an outcome needs either `most` or `least`")
        if self.measure.partition(":")[0] not in MEASURES:
            raise ValueError(f"there is no measure {self.measure!r} (there are: {', '.join(MEASURES)})")
        return self

    def met(self, value: float) -> bool:
        """Whether a value is within the bound; what is not known is not."""
        return value <= self.most if self.most is not None else value >= (self.least or 0.0)


class Objective(Model):
    """What trainees shall learn or show."""

    title: str
    title_zh: str = ""
    outcomes: list[Outcome] = Field(default_factory=list)


class Role(Model):
    """A part that trainees take: ``may`` are the orders that are theirs, with ``*`` for anything."""

    title: str
    title_zh: str = ""
    may: list[str] = Field(default_factory=lambda: ["*"])

    def allows(self, order: Order) -> bool:
        """Whether an order is theirs to give."""
        return any(fnmatchcase(str(order), pattern) for pattern in self.may)


class DrillPlan(Model):
    """Everything that defines a drill."""

    kind: Literal["drill"] = "drill"
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$")
    title: str = ""
    title_zh: str = ""
    about: str = ""
    about_zh: str = ""
    scenario: Scenario
    layout: str
    seed: Count | None = None
    roles: dict[str, Role] = Field(min_length=1)
    objectives: dict[str, Objective] = Field(default_factory=dict)
    reserves: dict[Annotated[int, Field(ge=1, le=3)], list[str]] = Field(
        default_factory=dict, description="posts that come on duty when this level is declared")
    takes_s: dict[str, Seconds] = Field(
        default_factory=dict, description="time until an order is carried out, by a pattern such as `open closure:cars`")
    ambulance_s: Seconds = Field(default=90.0, description="time until an ambulance is at its entry")
    injects: list[Inject] = Field(default_factory=list)

    @model_validator(mode="after")
    def _fits(self) -> DrillPlan:
        if self.layout not in self.scenario.layouts:
            raise ValueError(f"the scenario has no layout {self.layout!r} (there are: {', '.join(self.scenario.layouts)})")
        for name in self.roles:
            if name in (EVERYBODY, TRAINER) or not name.replace("-", "").isalnum():
                raise ValueError(f"a role cannot be called {name!r}")
        posts = {post.id for post in self.scenario.layouts[self.layout].posts}
        for post in (post for level in self.reserves.values() for post in level):
            if post not in posts:
                raise ValueError(f"the reserve {post!r} is not a post of the layout {self.layout}")
        _check_injects(self, self.injects)
        return self

    @property
    def duration_s(self) -> float:
        """Length of the drill [s]."""
        return self.scenario.duration_s

    @property
    def first_seed(self) -> int:
        """The seed of the rehearsal."""
        return self.scenario.seed if self.seed is None else self.seed


def _check_injects(plan: DrillPlan, injects: Sequence[Inject]) -> None:
    serials: set[int] = set()
    for earlier, inject in zip([None, *injects], injects, strict=False):
        if inject.serial in serials:
            raise ValueError(f"two injects have the serial {inject.serial}")
        serials.add(inject.serial)
        if earlier is not None and inject.at_s < earlier.at_s:
            raise ValueError(f"inject {inject.serial} at {inject.at_s:g} s stands after inject {earlier.serial} at "
                             f"{earlier.at_s:g} s; sort them by time")
        check_inject(plan, inject)


def check_inject(plan: DrillPlan, inject: Inject) -> None:
    """Raise ValueError for an inject that does not fit its drill."""
    if inject.at_s > plan.duration_s:
        raise ValueError(f"inject {inject.serial} at {inject.at_s:g} s comes after the end at {plan.duration_s:g} s")
    if inject.to != EVERYBODY and inject.to not in plan.roles:
        raise ValueError(f"inject {inject.serial} goes to {inject.to!r}, which is no role (there are: "
                         f"{', '.join(plan.roles)}, {EVERYBODY})")
    if inject.objective and inject.objective not in plan.objectives:
        raise ValueError(f"inject {inject.serial} names the objective {inject.objective!r}, which is not there (there are: "
                         f"{', '.join(plan.objectives)})")
    try:
        for action in inject.actions:
            for order in action.patterns:
                check_order(plan, order)
    except BadInput as error:
        raise ValueError(f"inject {inject.serial}: {error.what}; {error.mend}") from None


def things(plan: DrillPlan) -> set[str]:
    """Everything of the drill that an order can be about, as ``kind:id``; streets of the district are not among them."""
    layout, scenario = plan.scenario.layouts[plan.layout], plan.scenario
    named: list[tuple[str, Iterable[Any]]] = [
        ("gate", [g.id for g in layout.gates]), ("barrier", [b.id for b in layout.barriers]),
        ("closure", [c.id for c in layout.closures]), ("checkpoint", [c.id for c in layout.checkpoints]),
        ("zone", [z.id for z in layout.zones]), ("post", [p.id for p in layout.posts]),
        ("unit", [f"{p.id}-{k + 1}" for p in layout.posts for k in range(p.staff)]),
        ("unit", [f"{AMBULANCE}{n}-{k}" for n in range(1, 10) for k in (1, 2)]),
        ("kind", {p.kind for p in layout.posts} | {"medic"}), ("entry", scenario.entries), ("venue", scenario.venues),
        ("stream", scenario.demand), ("incident", [i.id for i in scenario.incidents]), ("level", (1, 2, 3))]
    return {f"{kind}:{name}" for kind, names in named for name in names}


AMBULANCE = "AMB"


def check_order(plan: DrillPlan, order: Order) -> None:
    """Raise :class:`BadInput` for an order about something that is not in the drill; ``*`` stands for anything."""
    known = things(plan)
    for name in (order.what, order.to if ":" in order.to else ""):
        kind = name.partition(":")[0]
        if not name or kind == "street":
            continue
        if not any(fnmatchcase(thing, name) for thing in known):
            there = sorted(thing for thing in known if thing.startswith(f"{kind}:") and AMBULANCE not in thing)
            raise BadInput(f"there is no {name}", where=plan.name,
                           mend=f"choose one of {', '.join(there[:12])}" if there else f"this drill has no {kind}")
    if order.verb == "announce" and order.to not in ("leave", "wait") and not order.to.startswith("entry:"):
        raise BadInput(f"{order.to!r} cannot be announced", where=plan.name, mend="say leave, wait or entry:ID")
    wanted = {"turn": ("entry:", "checkpoint:"), "ambulance": ("entry:",)}.get(order.verb)
    if wanted and order.to != "*" and not order.to.startswith(wanted):
        raise BadInput(f"{order.verb} leads to {' or '.join(f'{kind}ID' for kind in wanted)}, not to {order.to!r}",
                       where=plan.name, mend="name one of them after `to`")


def load(path: str | os.PathLike[str]) -> DrillPlan:
    """Read a drill; raises :class:`BadInput` with the file, the line and the remedy."""
    file = read_yaml(path)
    if file.data.get("kind") != "drill":
        raise BadInput("this is not a drill", where=str(path), mend="write `kind: drill`, as in scenarios/drills")
    plan = file.into(DrillPlan)
    plan.scenario.district = file.beside(plan.scenario.district)
    return plan


def dump(plan: DrillPlan) -> str:
    """The drill as YAML, every default written out."""
    return yaml.safe_dump(plan.model_dump(mode="json", exclude_none=True, by_alias=True), sort_keys=False, allow_unicode=True)


def with_injects(plan: DrillPlan, injects: Sequence[Inject], where: str) -> DrillPlan:
    """The drill with another events list; raises :class:`BadInput` where that does not fit it."""
    try:
        _check_injects(plan, injects)
    except ValueError as error:
        raise BadInput(str(error), where=where, mend="correct the list; nothing was changed") from None
    return plan.model_copy(update={"injects": list(injects)})

