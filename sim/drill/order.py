"""Orders: what somebody in a drill wants done, in one short line such as ``open gate:north`` or ``lanes checkpoint:west to 6``.

The same line is typed on the command line, sent by the page, kept in the record and expected by an inject.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from twin.errors import BadInput

VERBS: dict[str, tuple[tuple[str, ...], str]] = {
    "open": (("gate", "barrier", "closure", "street", "entry", "checkpoint"), ""),
    "close": (("gate", "barrier", "closure", "street", "entry", "checkpoint"), ""),
    "turn": (("stream",), "entry or checkpoint"),
    "lanes": (("checkpoint",), "number"),
    "announce": (("venue", "zone"), "leave, wait or entry"),
    "ambulance": (("incident",), "entry"),
    "send": (("unit", "kind"), "incident, post or another place"),
    "raise": (("level",), ""),
    "clear": (("zone", "venue"), ""),
}
"""Verb -> kinds of things that it is about, and what stands after ``to``."""
OPPOSITE = {"open": "close", "close": "open"}
_LINE = re.compile(r"^\s*(\w+)\s+(\S.*?)(?:\s+to\s+(\S.*?))?\s*$")
_EXAMPLE = 'write it like "open gate:north", "lanes checkpoint:west to 6" or "send unit:medic-1 to incident:fall"'


@dataclass(frozen=True)
class Order:
    """A verb, what it is about (``kind:id``), and what it is done with or where to."""

    verb: str
    what: str
    to: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.what}" + (f" to {self.to}" if self.to else "")

    @property
    def kind(self) -> str:
        """Kind of the thing that it is about."""
        return self.what.partition(":")[0]

    @property
    def name(self) -> str:
        """Id of the thing that it is about."""
        return self.what.partition(":")[2]


def parse(line: str, where: str = "order") -> Order:
    """Read an order; raises :class:`BadInput` for what is none."""
    found = _LINE.match(line)
    if found is None or len(line) > 300:
        raise BadInput(f"{line[:60]!r} is not an order", where=where, mend=_EXAMPLE)
    order = Order(found[1].lower(), found[2], found[3] or "")
    if order.verb not in VERBS:
        raise BadInput(f"nobody knows how to {order.verb!r}", where=where, mend=f"say {', '.join(VERBS)}")
    kinds, wants = VERBS[order.verb]
    if order.kind not in kinds or not order.name:
        raise BadInput(f"{order.verb} is about {' or '.join(f'{kind}:ID' for kind in kinds)}, not {order.what!r}", where=where,
                       mend=_EXAMPLE)
    if bool(wants) != bool(order.to):
        raise BadInput(f"{order} needs what it is done with" if wants else f"{order.verb} takes nothing after `to`", where=where,
                       mend=f"add `to` and {wants}" if wants else f"write {order.verb} {order.what}")
    if order.verb == "lanes" and order.to != "*" and not order.to.isdigit():
        raise BadInput(f"{order.to!r} is no number of lanes", where=where, mend="say how many lanes shall work")
    return order


def contradicts(one: Order, other: Order) -> bool:
    """Whether two orders cannot both be carried out: opposite verbs, or two ends for one thing."""
    if one.what != other.what or one == other:
        return False
    return OPPOSITE.get(one.verb) == other.verb or (one.verb == other.verb and one.to != other.to)


@dataclass(frozen=True)
class Expected:
    """One action that an inject calls for: any of several patterns, in which ``*`` stands for anything."""

    patterns: tuple[Order, ...]

    def __str__(self) -> str:
        return " | ".join(str(pattern) for pattern in self.patterns)

    def met_by(self, order: Order) -> bool:
        """Whether an order is one of those that are looked for."""
        return any(order.verb == p.verb and fnmatchcase(order.what, p.what) and fnmatchcase(order.to, p.to or "")
                   for p in self.patterns)


def expected(text: str, where: str = "expected action") -> list[Expected]:
    """Read the expected actions of an inject: several are parted by ``;``, alternatives for one by ``|``."""
    return [Expected(tuple(parse(pattern, where) for pattern in part.split("|"))) for part in text.split(";") if part.strip()]
