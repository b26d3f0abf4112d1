"""What is in a still: the ground, the solids, the furniture and the people, as one mesh with colours."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.places.district import District
from twin.places.solids import Mesh, solids
from twin.places.solids.facets import caps, polygon_parts
from twin.places.solids.roofs import COURTYARD_WALL, GATE, GROUND, ROOF, WALL
from viz.stills.camera import Camera
from viz.stills.layout import layout
from viz.stills.models import Coloured, asset, colour_of, far_tree, merged, placed
from viz.stills.people import people

if TYPE_CHECKING:
    from sim.run import Run

PLAIN, TILED, FACADE, WATER, FLAT_ROOF, PAVING, BRICK = range(7)
"""Surfaces that the picture gives a texture: none, roof tiles, storeys of windows, water, tarred roof,
paving, grey brick."""
_SOLID_COLOURS = {WALL: "#bcb5aa", ROOF: "#707172", GROUND: "#a8a39b", COURTYARD_WALL: "#aaa49b", GATE: "#a8382b"}
_GROUND_COLOURS = {
    "ground": "#b9b4a8", "courtyard": "#b3aa9b", "street": "#cbc7be", "avenue": "#b5b4b1", "square": "#c6c1b6",
    "pedestrian": "#c5bfb4", "park": "#a9b594", "grass": "#b0bb9a", "pitch": "#a8b79a", "water": "#93aab4",
    "platform": "#cfcac0", "floor": "#d5d1c8", "bay": "#cdcbc6"}
_ASSETS = {"lamp": "lamp", "hydrant": "hydrant", "camera": "camera", "bollard": "bollard", "tree": "tree",
           "metro_entrance": "metro_entrance"}


@dataclass(frozen=True)
class StillScene:
    """A picture to be drawn: one mesh, the camera, and whether it is night."""

    mesh: Coloured
    camera: Camera
    dark: bool

    def save(self, path: Path) -> None:
        """Write the scene for the process that draws it."""
        m = self.mesh
        about = json.dumps({"camera": asdict(self.camera), "dark": self.dark}, default=float)
        np.savez(path, positions=m.positions, faces=m.faces, normals=m.normals, rgb=m.rgb, surface=m.surface,
                 about=np.array(about))


def still_scene(district: District, camera: Camera, *, run: Run | None, time: float | None, seed: int | None,
                dark: bool, colour: str) -> StillScene:
    """Put together everything that a still of a district shows."""
    houses = built(solids(district, overhang=0.4), windowless(district))
    pieces = [ground(district), houses, *furniture(district, camera)]
    if run is not None:
        time = run.scenario.duration_s / 2 if time is None else time
        pieces += layout(district, run, time, camera)
        pieces += [placed(asset("pedestrian"), p.xy, p.heading, p.size, tint=p.rgb)
                   for p in people(run, time, seed, colour) if len(p.xy)]
    return StillScene(merged(pieces), camera, dark)


def windowless(district: District) -> set[str]:
    """Ids of buildings that have no storeys of windows, however tall they are."""
    use = district.buildings["use"]
    return set(district.buildings["id"][use.isin(["monument", "temple", "pagoda", "tower", "chimney", "roof"])])


def built(mesh: Mesh, blind: set[str]) -> Coloured:
    """Colour the solids; every object a little differently, as built things are; no windows on ``blind`` ones."""
    palette = np.array([colour_of(_SOLID_COLOURS[k]) for k in range(5)], float)
    turn = (np.arange(len(mesh.ids)) * 0.6180339887) % 1.0
    vary = (1.0 + 0.09 * (turn - 0.5))[mesh.object_index][:, None]
    warmth = 1.0 + 0.05 * ((turn * 7) % 1.0 - 0.5)[mesh.object_index][:, None] * np.array([1.0, 0.2, -1.0])
    is_gate = (mesh.kind == GATE)[:, None]
    rgb = palette[mesh.kind] * np.where(is_gate, 1.0, vary * warmth)
    highest = np.zeros(len(mesh.ids), np.float32)
    np.maximum.at(highest, mesh.object_index, mesh.positions[:, 2])
    pitched = np.zeros(len(mesh.ids), bool)
    pitched[mesh.object_index[(mesh.kind == ROOF) & (mesh.normals[:, 2] < 0.99)]] = True
    tall = (highest > np.where(pitched, 7.5, 5.4))[mesh.object_index]
    rgb[tall & (mesh.kind == WALL)] *= [1.1, 1.1, 1.11]
    level = (mesh.kind == ROOF) & (mesh.normals[:, 2] > 0.995) & (highest[mesh.object_index] > 2.9)
    rgb[level] *= [1.3, 1.29, 1.27]
    surface = np.full(len(rgb), PLAIN, np.uint8)
    surface[(mesh.kind == WALL) | (mesh.kind == COURTYARD_WALL)] = BRICK
    surface[mesh.kind == ROOF] = TILED
    surface[level] = FLAT_ROOF
    tall &= ~np.array([i in blind for i in mesh.ids], bool)[mesh.object_index]
    surface[tall & (mesh.kind == WALL) & (np.abs(mesh.normals[:, 2]) < 0.1)] = FACADE
    return Coloured(mesh.positions, mesh.faces, mesh.normals, np.clip(rgb, 0, 255).astype(np.uint8), surface)


def ground(district: District) -> Coloured:
    """The ground, one thin layer over the other: courtyards, parks, water, squares, streets, bays."""
    west, south, east, north = district.bounds
    far = 6.0 * max(east - west, north - south, 200.0)
    plain = shapely.box(west - far, south - far, east + far, north + far)
    layers: list[tuple[str, NDArray[np.object_]]] = [("ground", np.array([plain], object))]
    layers.append(("courtyard", district.courtyards.geometry.dropna().to_numpy()))
    streets = district.streets[district.streets.geometry.notna() & (district.streets["layer"].fillna(0) >= 0)]
    width = streets["width"].to_numpy(dtype=float, na_value=np.nan)
    corridors = shapely.buffer(streets.geometry.to_numpy(), np.nan_to_num(width, nan=4.0) / 2, quad_segs=6)
    wide = np.isin(streets["kind"].to_numpy(object), ["motorway", "avenue"])
    areas = district.areas[district.areas.geometry.notna()]
    kinds = areas["kind"].fillna("ground").to_numpy(object)
    for kind in ("ground", "park", "grass", "pitch", "water"):
        layers.append((kind, areas.geometry.to_numpy()[kinds == kind]))
    for name, some in (("street", corridors[~wide]), ("avenue", corridors[wide])):
        if len(some):
            layers.append((name, np.array([shapely.union_all(some)], object)))
    for kind in ("floor", "platform", "pedestrian", "square"):
        layers.append((kind, areas.geometry.to_numpy()[kinds == kind]))
    layers.append(("bay", district.bays.geometry.dropna().to_numpy()))
    pieces = []
    for level, (kind, shapes) in enumerate(layers):
        polygons, _ = polygon_parts(shapely.force_2d(shapes))
        polygons = shapely.transform(polygons, lambda xy: xy - np.asarray(district.origin))
        lid = caps(np.asarray(polygons, object), np.full(len(polygons), 0.012 * level),
                   np.zeros(len(polygons), np.int64), 0)
        n = len(lid.positions)
        surface = {"water": WATER, "square": PAVING, "pedestrian": PAVING}.get(kind, PLAIN)
        pieces.append(Coloured(lid.positions.astype(np.float32), lid.faces.astype(np.uint32),
                               np.tile(np.array([0, 0, 1], np.float32), (n, 1)),
                               np.tile(colour_of(_GROUND_COLOURS[kind]), (n, 1)), np.full(n, surface, np.uint8)))
    return merged(pieces)


def furniture(district: District, camera: Camera) -> list[Coloured]:
    """Trees, lamps and other parts, and parked cars in kerb bays, where the camera may see them."""
    parts = district.parts[district.parts.geometry.notna()]
    parts = parts[parts.geom_type == "Point"]
    out = []
    for kind, name in _ASSETS.items():
        rows = parts[parts["kind"] == kind]
        xy = shapely.get_coordinates(rows.geometry.to_numpy()) - district.origin
        heading = rows["heading"].to_numpy(dtype=float, na_value=np.nan)
        mixed = (np.arange(len(xy)) * 0.6180339887) % 1.0
        seen = _may_be_seen(xy, camera, small=kind in ("hydrant", "bollard", "camera"))
        heading = np.where(np.isnan(heading), mixed * 2 * np.pi if kind == "tree" else 0.0, heading)
        size = 0.75 + 0.45 * mixed if kind == "tree" else np.ones(len(xy))
        if kind == "tree":
            inside = shapely.STRtree(district.courtyards.geometry.dropna().to_numpy()).query(
                rows.geometry.to_numpy(), predicate="within")[0]
            size[np.unique(inside)] *= 0.68
        near = np.hypot(*(xy - camera.position[:2]).T) < 220.0
        out.append(placed(asset(name), xy[seen & near], heading[seen & near], size[seen & near]))
        if kind == "tree":
            far = seen & ~near
            out.append(placed(far_tree(), xy[far], heading[far], size[far]))
        elif kind == "metro_entrance":
            out.append(placed(asset(name), xy[seen & ~near], heading[seen & ~near], size[seen & ~near]))
    at, heading = _parked(district)
    seen = _may_be_seen(at, camera, small=False)
    paint = np.array([colour_of(c) for c in ("#c9cccd", "#e4e4e2", "#4c5258", "#8d4740", "#5c6f80", "#d6d3cb")])
    pick = (np.arange(len(at)) * 7919) % 97 % len(paint)
    for i in range(len(paint)):
        some = seen & (pick == i)
        out.append(placed(asset("car"), at[some], heading[some], np.ones(int(some.sum())), first_part_rgb=paint[i]))
    return out


def _parked(district: District) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Parked cars along kerb and lane bays: points (n, 2) and headings (n,); four places in five are
    taken."""
    bays = district.bays[district.bays.geometry.notna()]
    lines = shapely.get_parts(bays.geometry.to_numpy())
    lines = lines[(shapely.get_type_id(lines) == 1) & (shapely.length(lines) > 6)]
    at, heading = [np.empty((0, 2))], [np.empty(0)]
    for number, line in enumerate(lines):
        places = np.arange(3.0, line.length - 2.9, 6.2)
        places = places[(np.arange(len(places)) + number) % 5 != 0]
        here = shapely.get_coordinates(shapely.line_interpolate_point(line, places))
        ahead = shapely.get_coordinates(shapely.line_interpolate_point(line, places + 0.5)) - here
        at.append(here - district.origin)
        heading.append(np.arctan2(ahead[:, 1], ahead[:, 0]))
    return np.concatenate(at), np.concatenate(heading)


def _may_be_seen(xy: NDArray[np.float64], camera: Camera, *, small: bool) -> NDArray[np.bool_]:
    """Whether points (n, 2) may show: in front of the camera, within a wide cone, small things only when
    near."""
    offset = np.c_[xy, np.zeros(len(xy))] - camera.position
    look = np.subtract(camera.target, camera.position)
    look = look / np.linalg.norm(look)
    depth = offset @ look
    aside = np.linalg.norm(offset - depth[:, None] * look, axis=1)
    reach = (90.0 if small else 900.0) / np.tan(np.radians(camera.fov_deg / 2))
    return (depth > -20) & (depth < reach) & (aside < np.maximum(depth, 0) * 2.4 * np.tan(
        np.radians(camera.fov_deg / 2)) + 30)
