"""The layout of a run at one moment, as a still shows it: fences, closed gates, search lanes, staff at their posts."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from sim import where
from sim.layout import on_the_ground
from sim.scenario import Span
from twin.places.district import District
from twin.places.solids.facets import quads
from viz.stills.camera import Camera
from viz.stills.models import Coloured, asset, placed

if TYPE_CHECKING:
    from sim.run import Run

PANEL = 2.5
"""Length of one barrier [m]."""
_NEAR = 160.0
"""Within this distance of the camera barriers show their bars; farther off they are plain panels [m]."""
_PEOPLE = {"steward": ("steward", (235, 235, 235)), "police": ("guard", (235, 235, 235)),
           "medic": ("steward", (250, 120, 110))}
"""Model and tint of each kind of staff."""
_CLOSED = (235, 92, 80)


def layout(district: District, run: Run, time: float, camera: Camera) -> list[Coloured]:
    """Everything that the run's layout puts on the ground and that holds at a time [s]."""
    ground = on_the_ground(district, run.scenario, run.layout_name)
    fences = [fence.line for fence in ground.fences if _holds(fence.span, time)]
    closed = [gate.line for gate in ground.gates if gate.open and not any(_holds(span, time) for span in gate.open)]
    checkpoints = [lanes for lanes in ground.checkpoints if _holds(lanes.spec, time)]
    between = [line for lanes in checkpoints for line in lanes.separators.geoms]
    pieces = [*_barriers(fences, camera), *_barriers(closed, camera, tint=_CLOSED), *_barriers(between, camera)]
    for lanes in checkpoints:
        pieces.append(_copies(_frame(), lanes.service, np.full(len(lanes.service), lanes.spec.heading)))
    for post in run.scenario.layouts[run.layout_name].posts:
        if _holds(post, time):
            at = shapely.get_coordinates(where.point(district, post.at, f"post {post.id}"))[0]
            model, tint = _PEOPLE.get(post.kind, _PEOPLE["steward"])
            xy = at + np.c_[(np.arange(post.staff) - (post.staff - 1) / 2) * 1.3, np.zeros(post.staff)]
            pieces.append(_copies(asset(model), xy, np.arange(post.staff) * 2.399963, tint=tint))
    return [piece for piece in pieces if len(piece.faces)]


def _holds(span: Span, time: float) -> bool:
    return span.from_s <= time and (span.until_s is None or time < span.until_s)


def _barriers(lines: list[Any], camera: Camera, *, tint: tuple[int, int, int] | None = None) -> list[Coloured]:
    """Barriers end to end along lines."""
    at, heading = panels(lines)
    near = np.linalg.norm(np.c_[at, np.zeros(len(at))] - camera.position, axis=1) < _NEAR
    return [_copies(model, at[some], heading[some], tint=tint)
            for model, some in ((asset("barrier"), near), (_panel(), ~near))]


def panels(lines: list[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middles (n, 2) and facing directions (n,) [rad] of barriers end to end along lines, overlapping a little."""
    parts = shapely.get_parts(np.array(lines, object))
    points, line = shapely.get_coordinates(parts[shapely.length(parts) > 0], return_index=True)
    same = line[1:] == line[:-1]
    start, run = points[:-1][same], (points[1:] - points[:-1])[same]
    length = np.hypot(run[:, 0], run[:, 1])
    start, run, length = start[length > 0.4], run[length > 0.4], length[length > 0.4]
    count = np.ceil(length / PANEL).astype(int)
    segment = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(segment)) - np.repeat(np.cumsum(count) - count, count)
    share = (number + 0.5) / count[segment]
    return start[segment] + share[:, None] * run[segment], np.arctan2(run[:, 1], run[:, 0])[segment] - np.pi / 2


def _copies(model: Coloured, xy: NDArray[Any], heading: NDArray[Any], *,
            tint: tuple[int, int, int] | None = None) -> Coloured:
    colours = None if tint is None else np.tile(np.array(tint, np.uint8), (len(xy), 1))
    return placed(model, xy, heading, np.ones(len(xy)), tint=colours)


@functools.cache
def _panel() -> Coloured:
    """A barrier for the distance: a plain upright sheet, seen from both sides, as high as a barrier."""
    x, y, z = 0.03, PANEL / 2, 1.08
    front = [(x, -y, 0.1), (x, y, 0.1), (x, y, z), (x, -y, z)]
    back = [(-px, -py, pz) for px, py, pz in front]
    top = [(x, -y, z), (x, y, z), (-x, y, z), (-x, -y, z)]
    sheet = quads(np.array([front, back, top]), np.zeros(3, np.int64), 0)
    normals = np.repeat(np.array([[1, 0, 0], [-1, 0, 0], [0, 0, 1]], np.float32), 4, axis=0)
    n = len(normals)
    return Coloured(sheet.positions.astype(np.float32), sheet.faces.astype(np.uint32), normals,
                    np.tile(np.array([130, 137, 141], np.uint8), (n, 1)), np.zeros(n, np.uint8))


@functools.cache
def _frame() -> Coloured:
    """A search lane without its table, which would stand in the lane beside it."""
    lane = asset("checkpoint_lane")
    kept = lane.faces[(lane.positions[lane.faces][:, :, 1] > -0.6).all(axis=1)]
    used = kept.ravel()
    return Coloured(lane.positions[used], np.arange(len(used), dtype=np.uint32).reshape(-1, 3), lane.normals[used],
                    lane.rgb[used], lane.surface[used])
