"""The ground that a crowd walks on: exact walls, gates that open and close, and the way to every goal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import shapely
from shapely import LineString, MultiLineString, MultiPolygon, Point, Polygon, STRtree

from sim.crowd.ground.field import distances
from sim.crowd.ground.given import Given
from sim.crowd.ground.links import area_mask
from sim.crowd.ground.march import march
from sim.crowd.ground.path import path_down
from sim.crowd.ground.rasters import Rasters
from sim.crowd.ground.renew import renew
from sim.crowd.ground.seams import Seams
from sim.crowd.ground.storeys import Seam
from sim.crowd.ground.terrain import Terrain
from sim.crowd.ground.walls import SLACK, segments_of
from twin.errors import BadInput

MOST_CELLS = 60_000_000
SLOWEST = 0.02
"""Smallest factor of an area's walking speed; slower is a wall."""
OFFSET = (0.4137, 0.4271)
"""Where the raster starts outside the ground's lower left corner, in cells: walls drawn on round metres then
do not run through cell centres."""
REMEMBERED = 16
"""Changes of the ground over which distances are renewed; older ones are found anew."""


class Ground:
    """Walkable area made ready. Coordinates are local metres with any origin.

    ``cell`` is the edge of the raster that ways are found on [m]: every opening wider than one cell is
    found, so take 0.25 where doors of half a metre matter. ``walls`` are named thin walls that are closed
    from the start. ``seams`` are those of :class:`sim.crowd.ground.storeys.Storeys`, whose plane is then the walkable
    area. ``version`` counts the changes to walls and rules.
    """

    def __init__(self, walkable: Polygon | MultiPolygon, *, cell: float = 0.5,
                 walls: Mapping[str, LineString | MultiLineString] | None = None,
                 seams: Mapping[str, Seam] | None = None) -> None:
        self.walkable = _walkable(walkable)
        if not 0.05 <= cell <= 2:
            raise BadInput(f"the cell of the ground is {cell} m", mend="give one between 0.05 and 2 m")
        self.cell = float(cell)
        x0, y0, x1, y1 = self.walkable.bounds
        margin = 2 + np.array(OFFSET)
        self.origin = np.array([x0, y0]) - margin * cell
        self.nx = int(np.ceil((x1 - self.origin[0]) / cell)) + 2
        self.ny = int(np.ceil((y1 - self.origin[1]) / cell)) + 2
        if self.nx * self.ny > MOST_CELLS:
            raise BadInput(f"the ground has {self.nx} x {self.ny} cells of {cell} m",
                           mend="take a smaller part of the district, or a larger cell")
        self.reach = max(1.1, 2.2 * cell)
        self.version = 0
        self._walls: dict[str, shapely.Geometry] = {}
        self._one_way: dict[str, tuple[shapely.Geometry, float]] = {}
        self._blocked: dict[str, shapely.Geometry] = {}
        self._paces: dict[str, tuple[shapely.Geometry, float, float, float]] = {}
        self._steps: dict[str, shapely.Geometry] = {}
        self._goals: dict[str, int] = {}
        self._level: dict[int, int] = {}
        self._areas: list[shapely.Geometry] = []
        self._solved: list[int] = []
        self._given: list[Given | None] = []
        self._fields = np.empty((4, self.ny, self.nx), np.float32)
        self._edges = segments_of([self._local(self.walkable)])
        self._walk = area_mask(self._local(self.walkable), self.nx, self.ny, self.cell)
        self._rasters: Rasters | None = None
        self._linked = -1
        self._changes: list[tuple[int, int, np.ndarray | None]] = []
        self.seams = Seams((seams or {}).values(), self.origin)
        self._twin = self._twins(list((seams or {}).values()))
        for name, line in (walls or {}).items():
            self.close(name, line)

    # -- walls and rules
    # ---------------------------------------------------------------------------------------

    def close(self, name: str, line: LineString | MultiLineString) -> None:
        """Put up a thin wall: a barrier, or a gate that shuts. A wall of the same name is replaced."""
        if line.geom_type not in ("LineString", "MultiLineString", "LinearRing") or line.is_empty:
            raise BadInput(f"a wall has to be a line, not {line.geom_type}", where=name, mend="draw a line")
        self._walls[name] = line
        self.version += 1

    def open(self, name: str) -> None:
        """Take a wall away; nothing happens if there is none of the name."""
        if self._walls.pop(name, None) is not None:
            self.version += 1

    def one_way(self, name: str, area: Polygon | MultiPolygon, heading: float) -> None:
        """Forbid walking against ``heading`` [rad] inside an area."""
        self._one_way[name] = (area, float(heading))
        self.version += 1

    def two_way(self, name: str) -> bool:
        """Lift a one-way rule; gives whether there was one of the name."""
        lifted = self._one_way.pop(name, None) is not None
        self.version += lifted
        return lifted

    def block(self, name: str, area: Polygon | MultiPolygon) -> None:
        """Close an area: ways lead round it; people inside may leave it."""
        self._blocked[name] = area
        self.version += 1

    def unblock(self, name: str) -> None:
        """Open a closed area again."""
        if self._blocked.pop(name, None) is not None:
            self.version += 1

    def pace(self, name: str, area: Polygon | MultiPolygon, along: float = 1.0, against: float | None = None,
             heading: float = 0.0) -> None:
        """Give an area its own walking speed: stairs, a ramp, smoke.

        People walk at ``along`` times their free speed in the direction ``heading`` [rad] (up the stairs, say), at
        ``against`` times (the same, if not given) in the opposite one, and between the two across. Ways are then
        the quickest ones. The area is resolved to cells; where areas overlap the one named last counts. An area of
        a known name is replaced.
        """
        against = along if against is None else against
        for factor in (along, against):
            if not SLOWEST <= factor <= 1.5:
                raise BadInput(f"a walking speed of {factor} times the free speed", where=name,
                               mend=f"give a factor between {SLOWEST} and 1.5, or close the area")
        if name not in self._paces and len(self._paces) >= 255:
            raise BadInput("there are more than 255 areas with their own walking speed", where=name,
                           mend="join areas that have the same speeds")
        self._paces.pop(name, None)
        self._paces[name] = (area, float(along), float(against), float(heading))
        self.version += 1

    def unpace(self, name: str) -> None:
        """Let people walk in an area at their free speed again."""
        if self._paces.pop(name, None) is not None:
            self.version += 1

    def steps(self, name: str, area: Polygon | MultiPolygon) -> None:
        """Mark an area as steps: ways to goals without steps do not lead over it."""
        self._steps[name] = area
        self.version += 1

    # -- goals
    # -------------------------------------------------------------------------------------------------

    def goal(self, name: str, area: shapely.Geometry) -> int:
        """Register where people go: an area, a line or a point; its number is what a crowd takes.

        Lines, points and areas narrower than the raster resolves are widened by up to 0.75 cells. The
        distances are computed when they are first asked for. A goal of a known name is replaced and keeps
        its number.
        """
        wide = area
        if area.is_empty:
            raise BadInput("the goal is empty", where=name, mend="give a point, a line or an area")
        if area.geom_type == "Point":
            wide = area.buffer(max(0.5, 0.75 * self.cell))
        elif not area.geom_type.endswith("Polygon"):
            wide = area.buffer(0.75 * self.cell)
        elif area.buffer(-0.75 * self.cell).is_empty:
            wide = area.buffer(0.5 * self.cell)
        wide = wide.intersection(self.walkable)
        if wide.is_empty:
            raise BadInput("the goal lies nowhere on the walkable ground", where=name, mend="move it")
        if name in self._goals:
            number = self._goals[name]
            for one in (number, self._level.get(number, number)):
                self._areas[one], self._solved[one], self._given[one] = wide, -1, None
            self.version += 1
            return number
        self._goals[name] = self._new_goal(wide)
        return self._goals[name]

    def level(self, goal: int) -> int:
        """The number of the same goal for who can take no steps: no way to it leads over an area of steps.

        It is the goal itself on ground without steps, so that it costs nothing there.
        """
        if not self._steps or goal in self._level.values():
            return goal
        if goal not in self._level:
            self._level[goal] = self._new_goal(self._areas[goal])
        return self._level[goal]

    def common(self, goals: np.ndarray) -> np.ndarray:
        """The numbers of goals (n,) as they are registered: those of :meth:`level` are taken back, (n,) int64."""
        numbers = np.arange(len(self._areas))
        for goal, level in self._level.items():
            numbers[level] = goal
        return numbers[goals]

    @property
    def goal_count(self) -> int:
        """How many goal numbers there are, with those of :meth:`level`."""
        return len(self._areas)

    def _new_goal(self, area: shapely.Geometry) -> int:
        number = len(self._areas)
        self._areas.append(area)
        self._solved.append(-1)
        self._given.append(None)
        if number == len(self._fields):
            more = np.empty((2 * number, self.ny, self.nx), np.float32)
            more[:number] = self._fields
            self._fields = more
        return number

    @property
    def goals(self) -> dict[str, int]:
        """Numbers of the goals by name."""
        return dict(self._goals)

    def area_of(self, goal: int) -> shapely.Geometry:
        """The area that counts as having arrived at a goal, in the ground's coordinates."""
        return self._areas[goal]

    def distance(self, goal: int, xy: np.ndarray) -> np.ndarray:
        """Walking distance to a goal [m] from points (n, 2): (n,) float64, inf where it cannot be reached.

        A metre in an area with its own walking speed counts as the metres that take as long elsewhere.
        """
        terrain = self.terrain([goal])
        return distances(self._points(xy), terrain.fields[goal], terrain)

    def field(self, goal: int) -> tuple[np.ndarray, np.ndarray]:
        """Walking distance raster (ny, nx) float32 [m], inf off the way, and its lower left corner (2,)."""
        return np.maximum(self.terrain([goal]).fields[goal], 0), self.origin.copy()

    def path(self, goal: int, xy: np.ndarray, step: float = 1.0) -> np.ndarray:
        """A way from a point (2,) to a goal that crosses no wall: its bends, and a point at least every
        ``step`` metres.

        Gives (k, 2) float64; only the point itself (1, 2) if the goal cannot be reached from there. Where the way
        passes a seam between storeys, it goes on from the other copy of the stairs.
        """
        return path_down(self.terrain([goal]), goal, np.asarray(xy, float) - self.origin, step, self._twin) + self.origin

    # -- exact geometry
    # ----------------------------------------------------------------------------------------

    def inside(self, xy: np.ndarray, clearance: float = 0.0) -> np.ndarray:
        """Whether points (n, 2) lie on walkable ground, at least ``clearance`` [m] from every wall: (n,)
        bool."""
        xy = np.asarray(xy, float).reshape(-1, 2)
        shapely.prepare(self.walkable)
        inside = shapely.contains_xy(self.walkable, xy[:, 0], xy[:, 1])
        if clearance > 0:
            inside &= self.wall_distance(xy) >= clearance
        return inside

    def wall_distance(self, xy: np.ndarray) -> np.ndarray:
        """Distance from points (n, 2) to the nearest wall or edge [m]: (n,) float64."""
        tree = self._wall_tree()
        points = shapely.points(self._points(xy))
        which, distance = tree.query_nearest(points, return_distance=True, all_matches=False)
        out = np.full(len(points), np.inf)
        out[which[0]] = distance
        return out

    def nearest(self, xy: np.ndarray, clearance: float) -> np.ndarray:
        """The nearest walkable points (n, 2) that keep ``clearance`` [m] from every wall.

        Where no ground within 100 m is that wide, half the clearance is tried, then half of that, and so on.
        """
        xy = np.array(xy, float).reshape(-1, 2)
        for i in np.flatnonzero(~self.inside(xy, clearance)):
            xy[i] = self._nearest(xy[i], max(clearance, 2 * SLACK))
        return xy

    def _nearest(self, point: np.ndarray, clearance: float) -> np.ndarray:
        here = Point(point)
        lines = MultiLineString([p for w in self._walls.values() for p in shapely.get_parts(w)])
        while clearance > SLACK:
            for radius in (4.0, 20.0, 100.0):
                radius += 2 * clearance
                x, y = point
                around = (x - radius, y - radius, x + radius, y + radius)
                ground = shapely.intersection(self.walkable, shapely.box(*around))
                near = ground.buffer(-clearance * 1.001, quad_segs=16)
                if self._walls:
                    near = near.difference(shapely.clip_by_rect(lines, *around).buffer(clearance * 1.001))
                if not near.is_empty:
                    near = near.intersection(shapely.box(*(here.buffer(radius - 2 * clearance).bounds)))
                if not near.is_empty:
                    return shapely.get_coordinates(shapely.shortest_line(here, near))[1]
            clearance /= 2
        raise BadInput(f"there is no walkable ground within 100 m of ({point[0]:.1f}, {point[1]:.1f})",
                       mend="move the point")

    def _wall_tree(self) -> STRtree:
        if getattr(self, "_tree_version", -1) != self.version:
            segments = self._segments()
            self._tree = STRtree(shapely.linestrings(segments.reshape(-1, 2, 2)))
            self._tree_version = self.version
        return self._tree

    # -- rasters
    # -----------------------------------------------------------------------------------------------

    def terrain(self, goals: list[int] | np.ndarray) -> Terrain:
        """Walls and rasters as they are now, with the fields of the given goals up to date."""
        now = self._link()
        for goal in goals:
            if not 0 <= goal < len(self._areas):
                raise BadInput(f"there is no goal number {goal}",
                               mend=f"the ground has {len(self._areas)} goals")
            if self._solved[goal] != self.version:
                if not self._renew(int(goal)):
                    self.solve(int(goal), self._fields[goal])
                self._solved[goal] = self.version
        return Terrain(now.segments, now.start, now.item, now.links, now.kind, self._fields, now.cost, now.pace, now.rates,
                       *now.portals, self.cell)

    def _segments(self) -> np.ndarray:
        return np.concatenate([self._edges, segments_of(self._local(w) for w in self._walls.values())])

    def _link(self) -> Rasters:
        """The rasters of walls and rules as they are now; what has changed in them is noted."""
        if self._linked != self.version:
            before = self._rasters
            self._rasters = Rasters.of(
                self._walk, self._segments(), self.cell, self.reach, steps=self._local_all(self._steps.values()),
                one_way=[(self._local(area), heading) for area, heading in self._one_way.values()],
                blocked=self._local_all(self._blocked.values()),
                paces={name: (self._local(area), *rest) for name, (area, *rest) in self._paces.items()})
            changed = None if before is None else self._rasters.changed_from(before)
            self._changes = [*self._changes[-REMEMBERED:], (self._linked, self.version, changed)]
            self._linked = self.version
        assert self._rasters is not None
        return self._rasters

    def _twins(self, seams: list[Seam]) -> np.ndarray:
        """For each cell of a flight that both of its copies have, the cell of the other copy, else -1: (ny * nx,) int32;
        empty without seams."""
        twin = np.full(self.nx * self.ny if seams else 0, -1, np.int32)
        for seam in seams:
            row, column = np.nonzero(area_mask(self._local(seam.overlap), self.nx, self.ny, self.cell))
            right, up = (round(way / self.cell) for way in seam.shift)
            here, there = row * self.nx + column, (row + up) * self.nx + column + right
            twin[here], twin[there] = there, here
        return twin

    @property
    def walkable_cells(self) -> int:
        """Number of cells that can be walked on."""
        return int(np.count_nonzero(self._walk))

    def solve(self, goal: int, d: np.ndarray, extra: np.ndarray | None = None) -> None:
        """Distances to a goal into ``d (ny, nx) float32``: minus the depth inside its area, so that people walk on.

        ``extra (ny, nx)`` is added to what a metre counts.
        """
        now = self._link()
        cost = now.cost if extra is None else now.cost + extra
        given = self._given_at(goal).put(d, now.kind)
        march(d, given, self._links_to(goal, now), cost, now.pace, now.rates, self.cell, self._twin, now.portals)

    def _renew(self, goal: int) -> bool:
        """Bring the distances to a goal up to date if they are known for the ground as it was not long ago."""
        now, since = self._link(), self._solved[goal]
        changes = [cells for _, version, cells in self._changes if version > since]
        if len(self._twin) or since < self._changes[0][0] or any(cells is None for cells in changes):
            return False
        changed = np.unique(np.concatenate([np.empty(0, np.int64), *changes]))
        d = self._fields[goal]
        given = self._given_at(goal).put(d, now.kind)
        return renew(d, given, changed, self._links_to(goal, now), now.cost, now.pace, now.rates, self.cell, now.portals)

    def _links_to(self, goal: int, rasters: Rasters) -> np.ndarray:
        return rasters.level_links if goal in self._level.values() else rasters.links

    def _given_at(self, goal: int) -> Given:
        known = self._given[goal]
        if known is None:
            known = self._given[goal] = Given.of(self._local(self._areas[goal]), self._walk, self.cell)
        return known

    # -- coordinates
    # -------------------------------------------------------------------------------------------

    def _local(self, geometry: shapely.Geometry) -> shapely.Geometry:
        return shapely.transform(geometry, lambda c: c - self.origin)

    def _local_all(self, geometries: Iterable[shapely.Geometry]) -> list[shapely.Geometry]:
        return [self._local(one) for one in geometries]

    def _points(self, xy: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.asarray(xy, float).reshape(-1, 2) - self.origin)

    def __getstate__(self) -> dict[str, object]:
        state = self.__dict__.copy()
        state.pop("_tree", None)
        state.pop("_tree_version", None)
        return state


def _walkable(area: shapely.Geometry) -> Polygon | MultiPolygon:
    """The area as one valid polygon or several that do not overlap."""
    if not shapely.is_valid(area):
        raise BadInput(f"the walkable area is not valid ({shapely.is_valid_reason(area)})",
                       mend="repair it, for example with shapely.make_valid")
    parts = [p for p in shapely.get_parts(area) if p.geom_type == "Polygon" and p.area > 0]
    if not parts:
        raise BadInput("the walkable area is empty", mend="give at least one polygon")
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)
