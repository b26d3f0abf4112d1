"""What each order does to the rehearsal that runs: gates and streets shut, streams turn, units go, zones are cleared.

Every act takes the drill and the order, changes the rehearsal between two of its steps, and gives one sentence on what
was done; what cannot be done raises :class:`BadInput` and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import shapely

from sim import where
from sim.checkpoint import Checkpoint
from sim.draw import stream
from sim.drill.ambulance import Ambulance
from sim.drill.order import Order
from sim.event import AT_VENUE, EXPECTED, GONE, LEAVING, QUEUEING, SERVED, WALKING_IN, Rehearsal
from sim.site import street_area
from sim.staff import Unit
from twin.errors import BadInput

if TYPE_CHECKING:
    from sim.drill.drill import Drill

HEARD = 0.9
"""Share of people in an area who hear an announcement and heed it."""
REACTION = 25.0, 15.0
"""Mean and standard deviation of the time that they take to set off, lognormal [s]."""
PUT_OFF = 120.0
"""Who is asked to wait leaves so much later [s]."""
_FULL_NAME = {"gate": "gate:{}", "barrier": "barrier:{}", "closure": "closure:{}"}


def carry_out(drill: Drill, order: Order) -> str:
    """Do what an order says; gives a sentence on what was done."""
    return _ACTS[order.verb](drill, order)


def _open_or_close(drill: Drill, order: Order) -> str:
    model, shut = drill.rehearsal, order.verb == "close"
    if order.kind == "entry":
        return _hold(model, order.name, shut)
    if order.kind == "checkpoint":
        checkpoint = _checkpoint(model, order.name)
        if checkpoint.stopped == shut:
            raise _already(order)
        checkpoint.stopped = shut
        model.record.event("checkpoint", order.name, float(not shut), order.verb, checkpoint.place.lanes.service.mean(0))
        return f"the checkpoint is {'shut' if shut else 'open'}"
    name = _closable(drill, order, shut)
    if (name in model.site.in_force) == shut:
        raise _already(order)
    model.alter(name, shut)
    return f"{order.what} is {'shut' if shut else 'open'}"


def _closable(drill: Drill, order: Order, shut: bool) -> str:
    """The full name of what is to be shut or opened; a street becomes a closure when it is first closed."""
    site = drill.rehearsal.site
    if order.kind == "street":
        name = f"closure:street:{order.name}"
        if name not in site.closable and shut:
            shape = street_area(drill.district, order.name, "the street").intersection(site.walkable)
            if shape.is_empty:
                raise BadInput(f"street {order.name} is not in the part of the district that the drill uses",
                               mend="choose another")
            site.closable[name] = ("closure", shape, 0.0)
        if name not in site.closable:
            raise _already(order)
        return name
    name = _FULL_NAME[order.kind].format(order.name)
    if name not in site.closable:
        raise BadInput(f"{order.what} cannot be opened or shut: it stands in no barrier", mend="choose another")
    return name


def _hold(model: Rehearsal, entry: str, shut: bool) -> str:
    if (entry in model.held) == shut:
        raise BadInput(f"entry {entry} is {'held' if shut else 'open'} already", mend="nothing was changed")
    (model.held.add if shut else model.held.discard)(entry)
    at = next(place.spots.mean(0) for place in model.site.entries if place.name == entry)
    model.record.event("held" if shut else "let in", entry, 0.0, "", at)
    return f"nobody comes in by {entry}" if shut else f"people come in by {entry} again"


def _already(order: Order) -> BadInput:
    return BadInput(f"{order.what} is {'open' if order.verb == 'open' else 'shut'} already", mend="nothing was changed")


def _checkpoint(model: Rehearsal, name: str) -> Checkpoint:
    return next(checkpoint for checkpoint in model.checkpoints if checkpoint.spec.id == name)


def _lanes(drill: Drill, order: Order) -> str:
    checkpoint = _checkpoint(drill.rehearsal, order.name)
    wanted, working = int(order.to), sum(lane.up for lane in checkpoint.lanes)
    if wanted > len(checkpoint.lanes):
        raise BadInput(f"checkpoint {order.name} has {len(checkpoint.lanes)} lanes, not {wanted}",
                       mend="open as many as there are")
    if wanted == working:
        raise BadInput(f"{working} lanes of {order.name} work already", mend="nothing was changed")
    if wanted > working:
        checkpoint.lanes_up(wanted - working)
    else:
        checkpoint.lanes_down(working - wanted)
    drill.rehearsal.record.event("lanes", order.name, float(wanted), "", checkpoint.place.lanes.service.mean(0))
    return f"{wanted} of {len(checkpoint.lanes)} lanes work"


def _turn(drill: Drill, order: Order) -> str:
    """Stewards on the spot lead a stream: everybody of it who is still to pass goes where they are told."""
    model = drill.rehearsal
    number = list(model.plan.demand).index(order.name)
    who = np.flatnonzero(model.visitors.demand == number)
    kind, _, name = order.to.partition(":")
    if kind == "entry":
        moved = _leave_by(model, who, name)
        return f"{moved} people leave by {name}"
    k = next(k for k, checkpoint in enumerate(model.checkpoints) if checkpoint.spec.id == name)
    model.directed[number] = k
    coming = who[(model.state[who] == WALKING_IN) & ~model.passed[who]]
    model.checkpoint[coming] = k
    if len(coming):
        model.send(coming)
        model.ways.check(coming)
    return f"{len(coming)} people on their way turn to {name}, and all who follow"


def _leave_by(model: Rehearsal, who: np.ndarray, entry: str) -> int:
    """Let visitors leave by one entry and no other; gives how many are still here or on their way."""
    who = who[~np.isin(model.state[who], (GONE,))]
    number = [place.name for place in model.site.entries].index(entry)
    exits = model.ways.exits
    exits.knows[who] = False
    exits.knows[who, number] = True
    exits.chooses[who] = False
    model.visitors.leave_by[who] = number
    leaving = who[model.state[who] == LEAVING]
    if len(leaving):
        model.send(leaving)
        model.ways.check(leaving)
    return len(who)


def _announce(drill: Drill, order: Order) -> str:
    model = drill.rehearsal
    who = _inside(drill, order)
    draws = stream(drill.seed, f"order/{drill.time:.1f}/{order}")
    heed = who[draws.random(len(who)) < HEARD]
    if order.to == "leave":
        _set_off(model, heed, draws)
    elif order.to == "wait":
        staying = heed[model.state[heed] != LEAVING]
        model.visitors.leave[staying] = np.maximum(model.visitors.leave[staying], model.time) + PUT_OFF
    else:
        _leave_by(model, heed, order.to.partition(":")[2])
    model.record.event("announced", order.name, float(len(heed)), order.to, _middle(_area(drill, order)))
    return f"{len(heed)} of {len(who)} people heed it"


def _set_off(model: Rehearsal, who: np.ndarray, draws: np.random.Generator) -> None:
    mean, sd = REACTION
    variance = np.log1p((sd / mean) ** 2)
    after = draws.lognormal(np.log(mean) - variance / 2, np.sqrt(variance), len(who))
    model.visitors.leave[who] = np.minimum(model.visitors.leave[who], model.time + after)


def _clear(drill: Drill, order: Order) -> str:
    """Everybody in the area leaves, without exception; who is on the way to it does not come."""
    model, area = drill.rehearsal, _area(drill, order)
    who = _inside(drill, order)
    venues = [k for k, venue in enumerate(model.site.venues) if area.contains(venue.area.representative_point())]
    bound = np.isin(model.visitors.venue, venues)
    coming = np.flatnonzero(bound & np.isin(model.state, (WALKING_IN, QUEUEING, SERVED)))
    _set_off(model, np.union1d(who, coming), stream(drill.seed, f"order/{drill.time:.1f}/{order}"))
    turned_away = np.flatnonzero(bound & (model.state == EXPECTED))
    model.state[turned_away] = GONE
    model.record.event("cleared out", order.name, float(len(who)), f"{len(turned_away)} do not come", _middle(area))
    return f"{len(who)} people are told to leave; {len(coming)} turn round, {len(turned_away)} do not come"


def _inside(drill: Drill, order: Order) -> np.ndarray:
    """Visitors inside the area of an order."""
    model, area = drill.rehearsal, _area(drill, order)
    who = np.flatnonzero(np.isin(model.state, (WALKING_IN, QUEUEING, SERVED, AT_VENUE, LEAVING)))
    if not len(who):
        return who
    at = model.crowd.at(model.crowd_id[who])
    return who[shapely.contains_xy(area, at[:, 0], at[:, 1])]


def _area(drill: Drill, order: Order) -> shapely.Geometry:
    model = drill.rehearsal
    if order.kind == "venue":
        area = next(venue.area for venue in model.site.venues if venue.name == order.name)
        return area.buffer(1.0)
    zone = next(zone for zone in model.layout.zones if zone.id == order.name)
    return where.area(drill.district, zone.area, f"zone {zone.id}")


def _middle(area: shapely.Geometry) -> np.ndarray:
    point = area.representative_point()
    return np.array([point.x, point.y])


def _send(drill: Drill, order: Order) -> str:
    model = drill.rehearsal
    kind, _, name = order.to.partition(":")
    call = next((call for call in model.calls if kind == "incident" and call.incident.id == name), None)
    if kind == "incident" and (call is None or call.complete):
        raise BadInput(f"incident {name} is {'over' if call else 'not known yet'}", mend="choose another")
    at = call.at if call is not None else _place(drill, order.to)
    unit = _unit(drill, order, at)
    if call is not None and unit.kind == call.incident.staff_kind:
        way = float(model.site.ground.distance(call.goal, unit.at[None])[0])
        if not np.isfinite(way):
            raise BadInput(f"{unit.call_sign} finds no way to {name}", mend="open a way first, or send another")
        call.dispatch(unit, way)
        return f"{unit.call_sign} goes to {name}, {way:.0f} m"
    base = f"{order.to}/{unit.call_sign}"
    goal = model.post_goal(base, at)
    if not np.isfinite(model.site.ground.distance(goal, unit.at[None])[0]):
        raise BadInput(f"{unit.call_sign} finds no way to {order.to}", mend="open a way first, or send another")
    unit.take_post(base, at)
    if call is not None:
        return f"{unit.call_sign} goes and keeps people off; it takes {call.incident.staff_kind} to help"
    return f"{unit.call_sign} takes post at {order.to}"


def _unit(drill: Drill, order: Order, at: np.ndarray) -> Unit:
    """The unit that an order means: the one of a call-sign, or the nearest free one of a kind."""
    units = drill.rehearsal.units
    if order.kind == "unit":
        found = next((unit for unit in units if unit.call_sign == order.name), None)
        if found is None:
            raise BadInput(f"{order.name} is not here", mend="choose a unit that is")
        if not found.free:
            raise BadInput(f"{order.name} is not free ({found.state})", mend="send another")
        return found
    free = [unit for unit in units if unit.free and unit.kind == order.name]
    if not free:
        raise BadInput(f"no {order.name} is free", mend="wait, raise the level or call an ambulance")
    return min(free, key=lambda unit: float(np.hypot(*(unit.at - at))))


def _place(drill: Drill, name: str) -> np.ndarray:
    """A point (2,) that a unit can stand at: a gate, a post, an entry, a checkpoint, a zone or a venue."""
    model = drill.rehearsal
    kind, _, one = name.partition(":")
    if kind == "post":
        return model.site.posts[[post.id for post in model.layout.posts].index(one)]
    if kind == "entry":
        return np.asarray(next(place.spots[len(place.spots) // 2] for place in model.site.entries if place.name == one))
    if kind in ("gate", "barrier", "closure") and f"{kind}:{one}" in model.site.closable:
        point = _middle(model.site.closable[f"{kind}:{one}"][1])
    elif kind == "checkpoint":
        point = _checkpoint(model, one).place.lanes.service.mean(0)
    elif kind in ("zone", "venue"):
        point = _middle(_area(drill, Order("clear", name)))
    else:
        raise BadInput(f"a unit cannot be sent to {name}", mend="name an incident, a post, a gate, an entry or a zone")
    return np.asarray(model.site.ground.nearest(point[None], 0.4)[0])


def _ambulance(drill: Drill, order: Order) -> str:
    model = drill.rehearsal
    call = next((call for call in model.calls if call.incident.id == order.name), None)
    if call is None or call.complete:
        raise BadInput(f"incident {order.name} is {'over' if call else 'not known yet'}", mend="choose another")
    entry = order.to.partition(":")[2]
    at = next(place.spots[len(place.spots) // 2] for place in model.site.entries if place.name == entry)
    drill.ambulances.append(Ambulance(model, call, entry, at, len(drill.ambulances) + 1, drill.plan.ambulance_s))
    return f"an ambulance will be at {entry} in {drill.plan.ambulance_s:.0f} s"


def _raise(drill: Drill, order: Order) -> str:
    """Declare a graver level; the reserves of it and of those between come on duty."""
    level = int(order.name)
    if level >= drill.level:
        raise BadInput(f"level {drill.level} holds already", mend="a graver level has a smaller number")
    called = {post for k, posts in drill.plan.reserves.items() if level <= k < drill.level for post in posts}
    drill.level = level
    come = 0
    for unit in drill.rehearsal.units:
        if unit.post.id in called:
            unit.post = unit.post.model_copy(update={"from_s": 0.0, "until_s": None})
            come += 1
    drill.rehearsal.record.event("level", str(level), float(come), "", None)
    return f"level {level}: {come} of the reserve come on duty"


_ACTS: dict[str, Callable[[Drill, Order], str]] = {
    "open": _open_or_close, "close": _open_or_close, "turn": _turn, "lanes": _lanes, "announce": _announce,
    "ambulance": _ambulance, "send": _send, "raise": _raise, "clear": _clear}
