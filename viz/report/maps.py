"""Maps of the report: the ground once as SVG, and on it a layout, or how dense the crowd was. North is up."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from sim import where
from sim.crowd.measures import FRUIN_WALKWAY
from sim.layout import on_the_ground
from sim.run import Run
from twin.places import District

MARGIN = 35.0
"""Ground shown around everything that a scenario names [m]."""
LEVELS = ("#e8f3ea", "#bfe0c2", "#f4e08a", "#f3b35c", "#e0703f", "#a3172b")
"""Colours of Fruin's levels A to F."""


_GROUND = ((("park", "grass", "pitch"), "#dfe8d2"), (("water",), "#c6dbe6"), (("square", "pedestrian"), "#f3efe6"))


@dataclass(frozen=True)
class Frame:
    """What the maps show: from ``west, south`` to ``east, north`` in local metres."""

    west: float
    south: float
    east: float
    north: float

    @property
    def width(self) -> float:
        """From west to east [m]."""
        return self.east - self.west

    @property
    def height(self) -> float:
        """From south to north [m]."""
        return self.north - self.south

    def path(self, shape: BaseGeometry) -> str:
        """Data of an SVG path; x to the right, y down from the north."""
        parts = []
        for ring in _rings(shape):
            x, y = (ring[:, 0] - self.west).tolist(), (self.north - ring[:, 1]).tolist()
            parts.append("M" + "L".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True)))
        return "".join(parts)

    def at(self, point: np.ndarray) -> tuple[float, float]:
        """Where a point (2,) lies on the map."""
        return round(float(point[0]) - self.west, 1), round(self.north - float(point[1]), 1)


def frame_of(district: District, runs: list[Run]) -> Frame:
    """A frame round everything that the layouts and the scenario of runs name."""
    shapes: list[BaseGeometry] = []
    for run in runs:
        scenario = run.scenario
        shapes += [where.area(district, v.area, name) for name, v in scenario.venues.items()]
        shapes += [where.point(district, e.at, name) for name, e in scenario.entries.items()]
        ground = on_the_ground(district, scenario, run.layout_name)
        shapes += [fence.line for fence in ground.fences] + [lanes.box for lanes in ground.checkpoints]
    west, south, east, north = shapely.GeometryCollection([s for s in shapes if not s.is_empty]).bounds
    return Frame(west - MARGIN, south - MARGIN, east + MARGIN, north + MARGIN)


def ground_symbol(district: District, frame: Frame) -> str:
    """The ground as a symbol that every map uses: streets, squares, water, green and buildings."""
    x0, y0 = district.origin
    window = shapely.box(frame.west, frame.south, frame.east, frame.north)
    layers = []
    areas = district.tables["areas"]
    for kinds, colour in _GROUND:
        layers.append((areas[areas["kind"].isin(kinds)].geometry.to_numpy(), colour))
    streets = district.streets[district.streets["on_foot"].eq(True) & district.streets.geometry.notna()]
    width = streets["width"].fillna(4.0).to_numpy(float)
    layers.insert(2, (shapely.buffer(streets.geometry.to_numpy(), width / 2), "#f3efe6"))
    layers.append((district.buildings.geometry.to_numpy(), "#b9b3a9"))
    drawn = []
    for shapes, colour in layers:
        shapes = shapes[[shape is not None for shape in shapes]]
        if not len(shapes):
            continue
        local = shapely.transform(shapes, lambda xy: xy - [x0, y0])
        near = local[shapely.intersects(local, window)]
        if len(near):
            clipped = shapely.simplify(shapely.intersection(shapely.make_valid(near), window), 0.4)
            drawn.append(f'<path d="{"".join(frame.path(shape) for shape in clipped)}" fill="{colour}" fill-rule="nonzero"/>')
    return (f'<svg width="0" height="0" style="position:absolute"><symbol id="ground" viewBox="0 0 {frame.width:.1f} '
            f'{frame.height:.1f}"><rect width="100%" height="100%" fill="#e6e1d8"/>{"".join(drawn)}</symbol></svg>')


def map_of(district: District, run: Run, frame: Frame, label: str, *, density: bool) -> str:
    """One map as SVG: the ground, the layout with its names, or the density with the layout's lines."""
    unit = max(frame.width, frame.height) / 420
    heat = _heat(run, frame) if density else ""
    drawn = _layout(district, run, frame, unit, names=not density)
    return (f'<svg class="map" role="img" aria-label="{_escaped(label)}" viewBox="0 0 {frame.width:.1f} {frame.height:.1f}">'
            f'<use href="#ground" width="{frame.width:.1f}" height="{frame.height:.1f}"/>'
            f'{heat}{drawn}{_scale(frame, unit)}</svg>')


def _layout(district: District, run: Run, frame: Frame, unit: float, *, names: bool) -> str:
    ground = on_the_ground(district, run.scenario, run.layout_name)
    parts = []
    if names:
        venues = [where.area(district, v.area, name) for name, v in run.scenario.venues.items()]
        parts += [f'<path d="{frame.path(v)}" fill="#2b6cb0" fill-opacity=".16" stroke="#2b6cb0" stroke-width="{unit:.2f}"/>'
                  for v in venues]
    for fence in ground.fences:
        parts.append(f'<path d="{frame.path(fence.line)}" fill="none" stroke="#8b1a1a" stroke-width="{1.6 * unit:.2f}"/>')
    for gate in ground.gates:
        if gate.line.is_empty:
            x, y = frame.at(shapely.get_coordinates(gate.centre)[0])
            parts.append(f'<circle cx="{x}" cy="{y}" r="{3 * unit:.2f}" fill="#1b7f4d"/>')
        else:
            parts.append(f'<path d="{frame.path(gate.line)}" fill="none" stroke="#1b7f4d" stroke-width="{3.4 * unit:.2f}"/>')
        if names:
            parts.append(_name(frame.at(shapely.get_coordinates(gate.centre)[0]), gate.id, "#1b7f4d", unit))
    for lanes in ground.checkpoints:
        parts.append(f'<path d="{frame.path(lanes.box.buffer(unit))}" fill="#1f3d7a"/>')
        if names:
            at = frame.at(shapely.get_coordinates(lanes.box.centroid)[0])
            parts.append(_name(at, f"{lanes.spec.id} ({lanes.spec.lanes})", "#1f3d7a", unit))
    if names:
        for post in run.layout.posts:
            x, y = frame.at(shapely.get_coordinates(where.point(district, post.at, post.id))[0])
            parts.append(f'<circle cx="{x}" cy="{y}" r="{2.4 * unit:.2f}" fill="#e08214" stroke="#fff" '
                         f'stroke-width="{unit / 2:.2f}"/>')
        for name, entry in run.scenario.entries.items():
            x, y = frame.at(shapely.get_coordinates(where.point(district, entry.at, name))[0])
            parts.append(f'<circle cx="{x}" cy="{y}" r="{2.8 * unit:.2f}" fill="none" stroke="#222" stroke-width="{unit:.2f}"/>')
    return "".join(parts)


def _name(at: tuple[float, float], text: str, colour: str, unit: float) -> str:
    return (f'<text x="{at[0]}" y="{at[1] - 5 * unit:.1f}" text-anchor="middle" font-size="{8 * unit:.1f}" fill="{colour}" '
            f'stroke="#fff" stroke-width="{2 * unit:.1f}" paint-order="stroke">{_escaped(text)}</text>')


def _heat(run: Run, frame: Frame) -> str:
    """Density cells of Fruin's level B and above as an embedded picture."""
    from PIL import Image
    maps = run.maps()
    density, cell = maps["density_max"], float(maps["cell"])
    level = np.searchsorted(FRUIN_WALKWAY, density)
    colours = np.array([[*bytes.fromhex(colour[1:]), 235] for colour in LEVELS], np.uint8)
    picture = colours[np.clip(level, 0, 5)]
    picture[~(density > FRUIN_WALKWAY[0])] = 0
    file = io.BytesIO()
    Image.fromarray(picture[::-1]).save(file, format="PNG", optimize=True)
    x, y = maps["origin"] - np.array(run.origin)
    rows, columns = density.shape
    left, top = frame.at(np.array([x, y + rows * cell]))
    data = base64.b64encode(file.getvalue()).decode()
    return (f'<image x="{left}" y="{top}" width="{columns * cell:g}" height="{rows * cell:g}" preserveAspectRatio="none" '
            f'style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>')


def _scale(frame: Frame, unit: float) -> str:
    """A scale bar and an arrow to the north."""
    long = next(length for length in (20, 50, 100, 200, 500) if length > frame.width / 8 or length == 500)
    x, y = 8 * unit, frame.height - 8 * unit
    return (f'<g stroke="#222" stroke-width="{unit:.2f}" fill="#222"><path d="M{x:.1f},{y:.1f}h{long}"/><path '
            f'd="M{x + long + 12 * unit:.1f},{y:.1f}l{3 * unit:.1f},{-9 * unit:.1f}l{3 * unit:.1f},{9 * unit:.1f}z"/></g>'
            f'<text x="{x:.1f}" y="{y - 3 * unit:.1f}" font-size="{8 * unit:.1f}">{long} m</text>')


def _rings(shape: BaseGeometry) -> list[np.ndarray]:
    out = []
    for part in shapely.get_parts(shape):
        if part.geom_type == "Polygon":
            out += [shapely.get_coordinates(ring) for ring in (part.exterior, *part.interiors)]
        elif part.geom_type in ("LineString", "LinearRing"):
            out.append(shapely.get_coordinates(part))
    return [ring for ring in out if len(ring)]


def _escaped(text: str) -> str:
    from markupsafe import escape
    return str(escape(text))


__all__ = ["LEVELS", "Frame", "frame_of", "ground_symbol", "map_of"]
