"""Streets: centre lines drawn straight on a sheet, then bent, with a shared vertex in every junction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from twin.places.synthetic.names import lane_names, street_names

AVENUE_WIDTH = 84.0


@dataclass
class Street:
    """A street: centre line ``(n, 2)`` [m from the centre of the district], width between walls [m]."""

    id: str
    name: str
    kind: str
    width: float
    xy: np.ndarray
    oneway: str = "no"

    @property
    def line(self) -> shapely.LineString:
        """The centre line."""
        return shapely.LineString(self.xy)

    @property
    def corridor(self) -> shapely.Polygon:
        """The ground from wall to wall, ending flat."""
        return self.line.buffer(self.width / 2, cap_style="flat", join_style="mitre")

    def join(self, point: np.ndarray) -> None:
        """Make a point on the line one of its vertices, unless one is there."""
        if np.min(np.hypot(*(self.xy - point).T)) < 1e-6:
            return
        starts, steps = self.xy[:-1], np.diff(self.xy, axis=0)
        t = np.clip(((point - starts) * steps).sum(axis=1) / (steps**2).sum(axis=1), 0, 1)
        nearest = int(np.argmin(np.hypot(*(starts + t[:, None] * steps - point).T)))
        self.xy = np.insert(self.xy, nearest + 1, point, axis=0)


@dataclass
class Line:
    """A straight line on the sheet before it is bent."""

    ends: np.ndarray
    width: float
    kind: str


class Bend:
    """A smooth displacement of the sheet, a sum of sine waves; none on the avenue, which is straight."""

    def __init__(self, rng: np.random.Generator) -> None:
        lengths = np.concatenate([rng.uniform(500, 900, 3), rng.uniform(170, 320, 5)])
        sizes = np.concatenate([rng.uniform(5, 8, 3), rng.uniform(1.2, 2.2, 5)])
        turn = rng.uniform(0, 2 * np.pi, 8)
        self.waves = np.stack([np.cos(turn), np.sin(turn)]) * 2 * np.pi / lengths
        self.phase = rng.uniform(0, 2 * np.pi, 8)
        push = rng.uniform(0, 2 * np.pi, 8)
        self.push = np.stack([np.cos(push), np.sin(push)], axis=1) * sizes[:, None]

    def __call__(self, xy: np.ndarray) -> np.ndarray:
        """Bent coordinates of points ``(n, 2)``."""
        xy = np.asarray(xy, dtype=float)
        reach = np.where(xy[:, 1] < 0, 230.0, 120.0)
        free = 1 - np.exp(-((xy[:, 1] / reach) ** 2))
        return np.round(xy + free[:, None] * (np.sin(xy @ self.waves + self.phase) @ self.push), 3)


def _dense(
    ends: np.ndarray, step: float, shares: np.ndarray | None = None, junctions: np.ndarray | None = None
) -> np.ndarray:
    """Points along a straight line about ``step`` apart, with junctions ``(n, 2)`` at shares ``(n,)``
    among them.

    A junction is taken over as it is, to the last bit, so that it is the same vertex in all the lines it
    joins.
    """
    length = float(np.hypot(*(ends[1] - ends[0])))
    even = np.linspace(0, 1, max(2, round(length / step) + 1))
    points = ends[0] + even[:, None] * (ends[1] - ends[0])
    points[-1] = ends[1]
    if shares is None or junctions is None or not len(shares):
        return points
    far = np.min(np.abs(even[:, None] - shares[None, :]), axis=1) * length >= step / 3
    far[[0, -1]] = True
    order = np.argsort(np.concatenate([even[far], shares]), kind="stable")
    return np.concatenate([points[far], junctions])[order]


def bent_outline(corners: np.ndarray, bend: Bend) -> shapely.Polygon:
    """The ground within four corners ``(4, 2)`` of the sheet after it was bent."""
    sides = [_dense(np.array([corners[i], corners[(i + 1) % 4]]), 30.0)[:-1] for i in range(4)]
    return shapely.Polygon(bend(np.concatenate(sides)))


def bent_streets(lines: list[Line], bend: Bend, rng: np.random.Generator) -> list[Street]:
    """Bend the lines, with a shared vertex wherever one ends on another or streets cross, and name them."""
    ends = np.concatenate([*(line.ends for line in lines), _street_crossings(lines)])
    by_kind = {
        kind: [line for line in lines if line.kind == kind]
        for kind in ("avenue", "street", "service", "lane")
    }
    lane_list = lane_names(len(by_kind["lane"]) + 120, rng)
    streets, spare = [], iter(lane_list)
    named = _names_by_course(by_kind["street"], rng)
    one_way = rng.random(len(lines)) < 0.12
    for kind, same in by_kind.items():
        for number, line in enumerate(same, start=1):
            direction = line.ends[1] - line.ends[0]
            share = (ends - line.ends[0]) @ direction / (direction @ direction)
            off = np.hypot(*(line.ends[0] + share[:, None] * direction - ends).T)
            on = np.flatnonzero((off < 1e-6) & (share > 1e-6) & (share < 1 - 1e-6))
            on = on[np.unique(np.round(share[on], 9), return_index=True)[1]]
            name = {
                "avenue": "西长宁街",
                "street": named[number - 1] if kind == "street" else "",
                "service": f"宁安路{number}号支路",
            }.get(kind) or next(spare)
            prefix = "lane" if kind == "lane" else kind
            xy = bend(_dense(line.ends, 30.0 if kind == "lane" else 40.0, share[on], ends[on]))
            oneway = "forward" if kind == "lane" and one_way[number] else "no"
            streets.append(Street(f"{prefix}-{number:03d}", name, kind, round(line.width, 1), xy, oneway))
    return streets + _crossings(streets)


def _crossings(streets: list[Street]) -> list[Street]:
    """Crossings over the avenue beside its junctions with streets, from footway to footway."""
    pieces = [street for street in streets if street.kind == "avenue"]
    made: list[Street] = []
    reach = AVENUE_WIDTH / 2 - 3.0
    for piece in pieces[1:]:
        x = float(piece.xy[0, 0]) + 16.0
        if x < float(piece.xy[-1, 0]) - 30.0:
            middle = np.array([x, 0.0])
            piece.join(middle)
            made.append(
                Street(
                    f"crossing-{len(made) + 1:03d}",
                    "西长宁街人行横道",
                    "crossing",
                    8.0,
                    middle + np.array([[0.0, -reach], [0.0, 0.0], [0.0, reach]]),
                )
            )
    return made


def _street_crossings(lines: list[Line]) -> np.ndarray:
    """Where the streets that run north and those that run east on the sheet cross, ``(n, 2)``."""
    northward = [line.ends for line in lines if line.kind != "lane" and line.ends[0, 0] == line.ends[1, 0]]
    eastward = [line.ends for line in lines if line.kind != "lane" and line.ends[0, 1] == line.ends[1, 1]]
    return np.array(
        [
            (n[0, 0], e[0, 1])
            for n in northward
            for e in eastward
            if n[0, 1] <= e[0, 1] <= n[1, 1] and e[0, 0] <= n[0, 0] <= e[1, 0]
        ]
    )


def _names_by_course(lines: list[Line], rng: np.random.Generator) -> list[str]:
    """Pieces of one course (the same line on the sheet) have one name."""
    courses = [
        ("x", round(float(line.ends[0, 0]), 3))
        if line.ends[0, 0] == line.ends[1, 0]
        else ("y", round(float(line.ends[0, 1]), 3))
        for line in lines
    ]
    different = sorted(set(courses))
    names = dict(zip(different, street_names(len(different), rng), strict=True))
    return [names[course] for course in courses]
