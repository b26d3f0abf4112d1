"""The map of the courtyard sheet: one SVG drawing, in millimetres on paper, made from the district's
geometry."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
import shapely.affinity
import shapely.ops
from numpy.typing import NDArray

from twin.places.district import District
from twin.places.sheet.words import Words
from twin.places.walkable import street_widths

WIDTH_MM, HEIGHT_MM = 182.0, 100.0
MARGIN_M = 16.0
LEAST_M = 46.0
"""The map shows at least this much ground from south to north."""
PAPER, GRASS, WATER, LANE, LANE_EDGE = "#efebe4", "#d9dfc9", "#c9d8df", "#fdfcfa", "#cfc8bd"
YARD, WALL, PLOT_EDGE, INK = "#f8eed6", "#7d3a2b", "#a9a095", "#2b2926"
ROOF, ROOF_SHADE, ROOF_EDGE = "#a19b94", "#857f78", "#6d675f"
ROOF_OTHER, ROOF_OTHER_SHADE = "#d0cac2", "#c2bbb2"
STATE_COLOUR = {"open": "#0f6b47", "unknown": "#5d5d5d", "locked": "#a85508", "blocked": "#a01818"}
"""Dark enough for small print on white; the shape of the mark says the same without colour."""
PART_MARKS = ("tree", "lamp", "camera", "hydrant")
"""Kinds of parts that the map shows, in the order in which they are drawn."""
HYDRANT, LAMP, CAMERA, TREE = "#1b5e9b", "#e0b13a", "#4a3f6b", "#b9c6a0"


@dataclass(frozen=True)
class Paper:
    """The sheet of paper under the map: the window in the district [m] and the scale [mm/m]."""

    window: shapely.Polygon
    scale: float

    def mm(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coordinates (n, 2) in the district to (n, 2) on paper, y down."""
        west, _, _, north = self.window.bounds
        return np.column_stack([(xy[:, 0] - west) * self.scale, (north - xy[:, 1]) * self.scale])

    def path(self, shape: shapely.Geometry) -> str:
        """SVG path data of a geometry, cut to the window."""
        shape = shapely.intersection(shape, self.window)
        parts = []
        for piece in shapely.get_parts(shape):
            lines = [piece.exterior, *piece.interiors] if piece.geom_type == "Polygon" else [piece]
            for line in lines:
                if line.geom_type not in ("LineString", "LinearRing"):
                    continue
                points = self.mm(shapely.get_coordinates(line))
                closed = piece.geom_type == "Polygon"
                text = " L".join(f"{x:.2f} {y:.2f}" for x, y in (points[:-1] if closed else points))
                parts.append(f"M{text}{'Z' if closed else ''}")
        return "".join(parts)


def courtyard_map(district: District, courtyard: shapely.Geometry, own: Iterable[str],
                  numbers: Mapping[str, int], words: Words) -> str:
    """Return the map as an SVG element.

    ``own`` are the ids of the courtyard's buildings; ``numbers`` gives the entrances to mark their numbers,
    by id.
    """
    paper = _paper(courtyard)
    near = {name: frame[frame.geometry.notna() & frame.intersects(paper.window)]
            for name, frame in district.tables.items()}
    drawing = [_shape(paper, paper.window, fill=PAPER), *_ground(paper, near, courtyard),
               *_buildings(paper, near["buildings"], set(own)),
               _shape(paper, courtyard, stroke=WALL, width=0.7),
               *_walls(paper, near["parts"]), *_lane_names(paper, near["streets"], courtyard),
               *_parts(paper, near["parts"]), *_entrances(paper, district.entrances, numbers, courtyard),
               *_north_and_scale(paper, words)]
    title = escape(words("map"))
    return (f'<svg viewBox="0 0 {WIDTH_MM:g} {HEIGHT_MM:g}" xmlns="http://www.w3.org/2000/svg" role="img" '
            f'aria-label="{title}" class="map">{"".join(drawing)}</svg>')


def _paper(courtyard: shapely.Geometry) -> Paper:
    west, south, east, north = courtyard.bounds
    high = max(north - south + 2 * MARGIN_M, (east - west + 2 * MARGIN_M) * HEIGHT_MM / WIDTH_MM, LEAST_M)
    wide = high * WIDTH_MM / HEIGHT_MM
    x, y = (west + east) / 2, (south + north) / 2
    window = shapely.box(x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
    return Paper(window, WIDTH_MM / wide)


def _shape(paper: Paper, shape: shapely.Geometry, *, fill: str = "none", stroke: str = "none",
           width: float = 0.2, more: str = "") -> str:
    data = paper.path(shape)
    if not data:
        return ""
    return (f'<path d="{data}" fill="{fill}" fill-rule="evenodd" stroke="{stroke}" stroke-width="{width}" '
            f'stroke-linejoin="round" {more}/>')


def _ground(paper: Paper, near: dict[str, gpd.GeoDataFrame], courtyard: shapely.Geometry) -> Iterator[str]:
    for kinds, colour in ((("park", "grass", "pitch"), GRASS), (("water",), WATER),
                          (("square", "pedestrian", "platform"), LANE)):
        area = near["areas"][near["areas"]["kind"].isin(kinds)]
        yield _shape(paper, shapely.union_all(shapely.make_valid(area.geometry.to_numpy())), fill=colour)
    streets = near["streets"]
    strips = shapely.union_all(shapely.buffer(streets.geometry.to_numpy(), street_widths(streets) / 2))
    yield _shape(paper, strips, fill=LANE, stroke=LANE_EDGE, width=0.25)
    for plot in near["courtyards"].geometry:
        yield _shape(paper, plot, fill=PAPER, stroke=PLOT_EDGE, width=0.25)
    yield _shape(paper, courtyard, fill=YARD)


def _buildings(paper: Paper, buildings: gpd.GeoDataFrame, own: set[str]) -> Iterator[str]:
    for row in buildings.itertuples():
        mine = row.id in own
        roof, shade = (ROOF, ROOF_SHADE) if mine else (ROOF_OTHER, ROOF_OTHER_SHADE)
        stroke, width = (ROOF_EDGE, 0.3) if mine else (PLOT_EDGE, 0.2)
        yield _shape(paper, row.geometry, fill=roof, stroke=stroke, width=width)
        ridge = ridge_line(row.geometry, row.roof_heading) if row.roof in ("gabled", "hipped") else None
        if ridge is None:
            continue
        yield _shape(paper, _shaded_side(row.geometry, ridge), fill=shade)
        for line in _roof_lines(row.geometry, ridge, row.roof == "hipped"):
            yield _shape(paper, line, stroke=stroke, width=width)
        yield _shape(paper, row.geometry, stroke=stroke, width=width)


def ridge_line(footprint: shapely.Geometry, heading: float) -> shapely.LineString | None:
    """Return the ridge of a pitched roof: along the middle of the footprint, in the ridge's direction [rad].

    Without a heading (NaN) the ridge runs along the longer side of the smallest rectangle around the
    footprint.
    """
    if math.isnan(heading):
        box = shapely.get_coordinates(shapely.minimum_rotated_rectangle(footprint))
        if len(box) < 5:
            return None
        sides = np.diff(box[:3], axis=0)
        along = sides[np.argmax(np.hypot(*sides.T))]
        heading = math.atan2(along[1], along[0])
    turned = shapely.affinity.rotate(footprint, -heading, origin=(0, 0), use_radians=True)
    west, south, east, north = turned.bounds
    line = shapely.LineString([(west, (south + north) / 2), (east, (south + north) / 2)])
    return shapely.affinity.rotate(line, heading, origin=(0, 0), use_radians=True)


def _shaded_side(footprint: shapely.Geometry, ridge: shapely.LineString) -> shapely.Geometry:
    """The half of the roof that looks away from a light in the north-west."""
    ends = shapely.get_coordinates(ridge)
    along = ends[1] - ends[0]
    across = np.array([-along[1], along[0]]) / np.hypot(*along)
    away = across if across @ np.array([1.0, -1.0]) > 0 else -across
    far = away * np.hypot(*along) * 4
    stretch = along * 0.01
    start, end = ends[0] - stretch, ends[1] + stretch
    half = shapely.Polygon([start, end, end + far, start + far])
    return shapely.intersection(shapely.make_valid(footprint), half)


def _roof_lines(footprint: shapely.Geometry, ridge: shapely.LineString,
                hipped: bool) -> Iterator[shapely.Geometry]:
    if not hipped:
        yield shapely.intersection(ridge, footprint)
        return
    start, end = shapely.get_coordinates(ridge)
    along = (end - start) / np.hypot(*(end - start))
    half = footprint.area / ridge.length / 2
    across = np.array([-along[1], along[0]]) * half
    short = min(half, ridge.length / 2)
    first, last = start + along * short, end - along * short
    yield shapely.LineString([first, last]) if ridge.length > 2 * short else shapely.LineString()
    for apex, eave in ((first, start), (last, end)):
        for side in (1, -1):
            yield shapely.intersection(shapely.LineString([apex, eave + side * across]), footprint)


def _walls(paper: Paper, parts: gpd.GeoDataFrame) -> Iterator[str]:
    lines = parts[parts.geometry.geom_type.isin(["LineString", "MultiLineString"])]
    for row in lines[lines["kind"].isin(["wall", "barrier"])].itertuples():
        yield _shape(paper, row.geometry, stroke=WALL, width=0.45)


def _lane_names(paper: Paper, streets: gpd.GeoDataFrame, courtyard: shapely.Geometry) -> Iterator[str]:
    """Each name once, along the longest straight stretch of its street that is on the map and out of the
    plot."""
    inner = shapely.buffer(paper.window, -9 / paper.scale)
    lengths: dict[str, tuple[float, str]] = {}
    for row in streets[streets["name"].notna()].itertuples():
        piece = shapely.difference(shapely.intersection(row.geometry, inner), courtyard)
        points = [shapely.get_coordinates(part) for part in shapely.get_parts(shapely.simplify(piece, 1.0))
                  if part.geom_type == "LineString"]
        for a, b in ((p[i], p[i + 1]) for p in points for i in range(len(p) - 1)):
            length = float(np.hypot(*(b - a)))
            if length > max(lengths.get(row.name, (0.0, ""))[0], 6.0):
                lengths[row.name] = (length, _along(paper, row.name, a, b))
    for _, text in lengths.values():
        yield text


def _along(paper: Paper, name: str, a: NDArray[np.float64], b: NDArray[np.float64]) -> str:
    (x, y), = paper.mm(((a + b) / 2)[None, :])
    turn = -math.degrees(math.atan2(b[1] - a[1], b[0] - a[0]))
    turn = turn - 180 if turn > 90 else turn + 180 if turn <= -90 else turn
    return _text(x, y, name, 3.2, more=f'transform="rotate({turn:.1f} {x:.2f} {y:.2f})"', colour="#5b544b")


def _text(x: float, y: float, text: str, size: float, *, colour: str = INK, more: str = "",
          anchor: str = "middle", weight: int = 500) -> str:
    return (f'<text x="{x:.2f}" y="{y:.2f}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
            f'stroke="#fff" stroke-width="0.7" paint-order="stroke" stroke-linejoin="round" '
            f'text-anchor="{anchor}" dominant-baseline="central" {more}>{escape(text)}</text>')


def part_mark(kind: str, x: float, y: float, heading: float = math.nan) -> str:
    """Return the mark of a part on paper, for the map and its legend; empty for kinds that are not drawn."""
    if kind == "hydrant":
        return (f'<circle cx="{x:.2f}" cy="{y:.2f}" r="1.9" fill="{HYDRANT}" stroke="#fff" '
                f'stroke-width="0.4"/>'
                f'<text x="{x:.2f}" y="{y:.2f}" font-size="2.5" font-weight="700" fill="#fff" '
                'text-anchor="middle" dominant-baseline="central">H</text>')
    if kind == "lamp":
        return f'<circle cx="{x:.2f}" cy="{y:.2f}" r="0.8" fill="{LAMP}" stroke="{INK}" stroke-width="0.2"/>'
    if kind == "tree":
        return (f'<circle cx="{x:.2f}" cy="{y:.2f}" r="2.0" fill="{TREE}" fill-opacity="0.75" '
                'stroke="#8d9c74" stroke-width="0.2"/>')
    if kind == "camera":
        turn = 0.0 if math.isnan(heading) else -math.degrees(heading)
        return (f'<path d="M-0.6 0 L2.2 1.5 L2.2 -1.5Z" fill="{CAMERA}" stroke="#fff" stroke-width="0.3" '
                f'transform="translate({x:.2f} {y:.2f}) rotate({turn:.1f})"/>')
    return ""


def _parts(paper: Paper, parts: gpd.GeoDataFrame) -> Iterator[str]:
    points = parts[parts.geometry.geom_type == "Point"]
    for kind in PART_MARKS:
        for row in points[points["kind"] == kind].itertuples():
            (x, y), = paper.mm(shapely.get_coordinates(row.geometry))
            yield part_mark(kind, x, y, row.heading)


def _entrances(paper: Paper, entrances: gpd.GeoDataFrame, numbers: Mapping[str, int],
               courtyard: shapely.Geometry) -> Iterator[str]:
    """An arrow inwards at every numbered entrance, its number beside it, outside."""
    rows: Any = entrances[entrances["id"].isin(numbers) & entrances.within(paper.window)]
    for row in rows.itertuples():
        (x, y), = paper.mm(shapely.get_coordinates(row.geometry))
        heading = _outward(row.geometry, row.heading, courtyard)
        dx, dy = math.cos(heading), -math.sin(heading)
        x_mark = min(max(x + 7.5 * dx, 3.5), WIDTH_MM - 3.5)
        y_mark = min(max(y + 7.5 * dy, 3.5), HEIGHT_MM - 3.5)
        state = row.state if row.state in STATE_COLOUR else "unknown"
        colour = STATE_COLOUR[state]
        yield (f'<path d="M{x + 5 * dx:.2f} {y + 5 * dy:.2f} L{x - 0.6 * dx:.2f} {y - 0.6 * dy:.2f}" '
               f'stroke="{colour}" stroke-width="1.1"/><path d="M{x - 2.2 * dx:.2f} {y - 2.2 * dy:.2f} '
               f'l{2.6 * dx - 1.5 * dy:.2f} {2.6 * dy + 1.5 * dx:.2f} l{3 * dy:.2f} {-3 * dx:.2f}Z" '
               f'fill="{colour}"/>')
        yield entrance_mark(x_mark, y_mark, str(numbers[row.id]), state)


def entrance_mark(x: float, y: float, number: str, state: str) -> str:
    """Return the mark of an entrance: filled if open, ringed if locked, dashed if unknown, crossed if
    blocked."""
    colour = STATE_COLOUR[state]
    fill, ink = (colour, "#fff") if state == "open" else ("#fff", colour)
    dash = 'stroke-dasharray="1 0.7"' if state == "unknown" else ""
    cross = (f'<path d="M{x - 1.9:.2f} {y + 1.9:.2f}L{x + 1.9:.2f} {y - 1.9:.2f}" stroke="{colour}" '
             'stroke-width="0.5"/>') if state == "blocked" else ""
    return (f'<circle cx="{x:.2f}" cy="{y:.2f}" r="2.7" fill="{fill}" stroke="{colour}" '
            f'stroke-width="0.7" {dash}/>'
            f'<text x="{x:.2f}" y="{y:.2f}" font-size="3.4" font-weight="700" fill="{ink}" '
            f'text-anchor="middle" dominant-baseline="central">{escape(number)}</text>{cross}')


def _outward(point: shapely.Point, heading: float, courtyard: shapely.Geometry) -> float:
    if not math.isnan(heading):
        return float(heading)
    inner = shapely.get_coordinates(courtyard.centroid)[0]
    return math.atan2(point.y - inner[1], point.x - inner[0])


def _north_and_scale(paper: Paper, words: Words) -> Iterator[str]:
    x, y = WIDTH_MM - 8, 11.0
    yield (f'<circle cx="{x}" cy="{y}" r="5.6" fill="#fff" fill-opacity="0.9"/>'
           f'<path d="M{x} {y - 3.4} l2.2 6.4 l-2.2 -1.5 l-2.2 1.5Z" fill="{INK}"/>')
    yield _text(x, y - 7.4, words("north"), 3.4, weight=700)
    metres = next((m for m in (5, 10, 20, 50, 100, 200) if m * paper.scale >= 22), 500)
    length = metres * paper.scale
    x, y = 6.0, HEIGHT_MM - 6.0
    yield (f'<rect x="{x - 3}" y="{y - 6}" width="{length + 14:.2f}" height="9" rx="1" fill="#fff" '
           'fill-opacity="0.9"/>')
    for k, fill in ((0, INK), (1, "#fff")):
        yield (f'<rect x="{x + k * length / 2:.2f}" y="{y - 1}" width="{length / 2:.2f}" height="1.4" '
               f'fill="{fill}" stroke="{INK}" stroke-width="0.25"/>')
    yield _text(x, y - 3.3, "0", 2.8)
    yield _text(x + length, y - 3.3, f"{metres} m", 2.8)
