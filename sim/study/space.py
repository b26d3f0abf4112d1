"""What may be changed about a layout: lanes, places along a fence, opening times, posts. Every move gives a new layout."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import shapely

from sim import where
from sim.scenario import Barrier, Checkpoint, Gate, Layout, Post
from twin.places import District

SLIDES = (6.0, 25.0, 80.0)  # m, spreads of moves along a fence: a little, some, anywhere
WANDER = 30.0  # m, spread of a move of a post
BARRIER_STEP = 6.0  # m, spread of a move of a barrier
EARLIER_LATER = 120.0  # s, spread of a change of an opening time
ON_FENCE = 1.0  # m that something may lie off the fence that it belongs to (as in sim.layout)
SEARCHERS = "steward"
"""The kind of staff that can search people, and so be given from a post to a lane."""

Move = Callable[[District, Layout, np.random.Generator], Layout | None]
"""Changes one thing; None where the layout has nothing to change so."""


def lanes(_district: District, layout: Layout, random: np.random.Generator) -> Layout | None:
    """One to three lanes go from one checkpoint to another."""
    if len(layout.checkpoints) < 2:
        return None
    a, b = random.choice(len(layout.checkpoints), 2, replace=False)
    count = min(int(random.integers(1, 4)), layout.checkpoints[a].lanes - 1 - layout.checkpoints[a].priority_lanes)
    if count < 1:
        return None
    changed = list(layout.checkpoints)
    changed[a] = changed[a].model_copy(update={"lanes": changed[a].lanes - count})
    changed[b] = changed[b].model_copy(update={"lanes": changed[b].lanes + count})
    return layout.model_copy(update={"checkpoints": changed})


def man_lane(_district: District, layout: Layout, random: np.random.Generator) -> Layout | None:
    """One lane more at a checkpoint, with stewards who leave a post for it; at least one of them stays there."""
    if not layout.checkpoints:
        return None
    k = int(random.integers(len(layout.checkpoints)))
    spec = layout.checkpoints[k]
    needed = math.ceil(spec.staff_per_lane)
    able = [j for j, post in enumerate(layout.posts) if post.kind == SEARCHERS and post.staff - needed >= max(post.stay, 1)]
    if not able:
        return None
    j = int(random.choice(able))
    fewer = _with(layout, "posts", j, layout.posts[j].model_copy(update={"staff": layout.posts[j].staff - needed}))
    return _with(fewer, "checkpoints", k, spec.model_copy(update={"lanes": spec.lanes + 1}))


def slide_checkpoint(district: District, layout: Layout, random: np.random.Generator) -> Layout | None:
    """A checkpoint moves along its fence, and turns with it."""
    if not layout.checkpoints:
        return None
    k = int(random.integers(len(layout.checkpoints)))
    spec = layout.checkpoints[k]
    moved = _along(district, layout, spec, spec.lanes * spec.lane_width, random)
    if moved is None:
        return None
    at, turned = moved
    heading = math.remainder(spec.heading + turned, 2 * math.pi)
    return _with(layout, "checkpoints", k, spec.model_copy(update={"at": at, "heading": round(heading, 4)}))


def slide_gate(district: District, layout: Layout, random: np.random.Generator) -> Layout | None:
    """A gate moves along its fence."""
    if not layout.gates:
        return None
    k = int(random.integers(len(layout.gates)))
    moved = _along(district, layout, layout.gates[k], layout.gates[k].width, random)
    return None if moved is None else _with(layout, "gates", k, layout.gates[k].model_copy(update={"at": moved[0]}))


def opening(_district: District, layout: Layout, random: np.random.Generator) -> Layout | None:
    """A gate opens earlier or later."""
    timed = [k for k, gate in enumerate(layout.gates) if any(span.from_s > 0 for span in gate.open)]
    if not timed:
        return None
    k = int(random.choice(timed))
    shift = round(float(random.normal(0, EARLIER_LATER)) / 10) * 10
    spans = []
    for span in layout.gates[k].open:
        start = max(span.from_s + shift, 0.0) if span.from_s > 0 else 0.0
        if span.until_s is not None and start >= span.until_s:
            return None
        spans.append(span.model_copy(update={"from_s": start}))
    return _with(layout, "gates", k, layout.gates[k].model_copy(update={"open": spans}))


def move_barrier(district: District, layout: Layout, random: np.random.Generator) -> Layout | None:
    """A barrier moves, and what stands on it with it."""
    if not layout.barriers:
        return None
    k = int(random.integers(len(layout.barriers)))
    step = random.normal(0, BARRIER_STEP, 2)
    line = where.line(district, layout.barriers[k].line, layout.barriers[k].id)

    def shifted(thing: Gate | Checkpoint) -> Gate | Checkpoint:
        at = where.point(district, thing.at, thing.id)
        if at.distance(line) > ON_FENCE:
            return thing
        return thing.model_copy(update={"at": _outside(district, shapely.get_coordinates(at)[0] + step)})

    points = [_outside(district, xy + step) for xy in shapely.get_coordinates(line)]
    return _with(layout, "barriers", k, layout.barriers[k].model_copy(update={"line": points})).model_copy(
        update={"gates": [shifted(gate) for gate in layout.gates],
                "checkpoints": [shifted(spec) for spec in layout.checkpoints]})


def move_post(district: District, layout: Layout, random: np.random.Generator) -> Layout | None:
    """A post moves, a little or to within the fenced area."""
    if not layout.posts:
        return None
    k = int(random.integers(len(layout.posts)))
    here = shapely.get_coordinates(where.point(district, layout.posts[k].at, layout.posts[k].id))[0]
    zones = [where.area(district, zone.area, zone.id) for zone in layout.zones if zone.kind == "core"]
    if zones and random.random() < 0.5:
        middle = shapely.get_coordinates(zones[0].centroid)[0]
        here = here + random.uniform(0.4, 1.0) * (middle - here)
    at = _outside(district, here + random.normal(0, WANDER / 2, 2))
    return _with(layout, "posts", k, layout.posts[k].model_copy(update={"at": at}))


def shift_staff(_district: District, layout: Layout, random: np.random.Generator) -> Layout | None:
    """One of the staff goes from one post to another of the same kind; a steward may also go home.

    Medics and police are there for what may happen, not for the incidents of one scenario: a layout keeps as many.
    """
    kinds = [post.kind for post in layout.posts]
    able = [k for k, post in enumerate(layout.posts) if post.staff > max(post.stay, 1)
            and (post.kind == SEARCHERS or kinds.count(post.kind) > 1)]
    if not able:
        return None
    a = int(random.choice(able))
    changed: list[Post] = list(layout.posts)
    changed[a] = changed[a].model_copy(update={"staff": changed[a].staff - 1})
    same = [b for b, kind in enumerate(kinds) if b != a and kind == kinds[a]]
    if same and (kinds[a] != SEARCHERS or random.random() < 0.5):
        b = int(random.choice(same))
        changed[b] = changed[b].model_copy(update={"staff": changed[b].staff + 1})
    return layout.model_copy(update={"posts": changed})


MOVES: tuple[Move, ...] = (lanes, man_lane, slide_checkpoint, slide_checkpoint, slide_checkpoint, slide_gate, opening,
                           move_barrier, move_post, move_post, shift_staff)


def child(district: District, parents: Sequence[Layout], random: np.random.Generator) -> Layout:
    """A new layout from one or two others: gates or posts of the other where their zones and barriers are the same, and up to
    three moves; one at least where nothing came from the other."""
    mother = parents[int(random.integers(len(parents)))]
    father = parents[int(random.integers(len(parents)))]
    layout = mother
    if random.random() < 0.5 and father.zones == mother.zones and father.barriers == mother.barriers:
        layout = mother.model_copy(update={name: getattr(mother if random.random() < 0.5 else father, name)
                                           for name in ("gates", "posts")})
    for _ in range(int(random.integers(1 if layout == mother else 0, 4))):
        moved = MOVES[int(random.integers(len(MOVES)))](district, layout, random)
        layout = moved if moved is not None else layout
    return layout.model_copy(update={"title": ""})


def _along(district: District, layout: Layout, thing: Gate | Checkpoint, width: float,
           random: np.random.Generator) -> tuple[tuple[float, float], float] | None:
    """A new place along the fence that something is on, and by how much the fence turns between [rad]; None where it is on
    no fence, or would stand across a corner or on something else."""
    at = where.point(district, thing.at, thing.id)
    fences = [where.line(district, b.line, b.id) for b in layout.barriers if isinstance(b, Barrier)]
    fences += [where.area(district, z.area, z.id).exterior for z in layout.zones if z.fenced]
    fence = min(fences, key=lambda line: line.distance(at), default=None)
    if fence is None or fence.distance(at) > max(ON_FENCE, width / 4):
        return None
    before = fence.project(at)
    after = before + float(random.normal(0, random.choice(SLIDES)))
    after = after % fence.length if fence.is_closed else float(np.clip(after, width / 2, fence.length - width / 2))
    new = fence.interpolate(after)
    corners = shapely.points(shapely.get_coordinates(fence))
    if shapely.distance(corners, new).min() < width / 2 + 1.0:
        return None
    others = [(where.point(district, g.at, g.id), g.width) for g in layout.gates if g.id != thing.id]
    others += [(where.point(district, c.at, c.id), c.lanes * c.lane_width) for c in layout.checkpoints if c.id != thing.id]
    if any(place.distance(new) < (width + wide) / 2 + 2.0 for place, wide in others):
        return None
    turned = _direction(fence, after) - _direction(fence, before)
    return _outside(district, shapely.get_coordinates(new)[0]), turned


def _direction(line: shapely.LineString, at: float) -> float:
    """Which way a line runs at a length [rad]."""
    a, b = (shapely.get_coordinates(line.interpolate(float(np.clip(at + d, 0, line.length))))[0] for d in (-0.2, 0.2))
    return math.atan2(b[1] - a[1], b[0] - a[0])


def _outside(district: District, xy: np.ndarray) -> tuple[float, float]:
    """Local metres as coordinates of a scenario file."""
    x0, y0 = district.origin
    return round(float(xy[0]) + x0, 2), round(float(xy[1]) + y0, 2)


def _with(layout: Layout, name: str, k: int, item: object) -> Layout:
    items = list(getattr(layout, name))
    items[k] = item
    return layout.model_copy(update={name: items})
